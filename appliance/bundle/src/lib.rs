//! The voice bundle: a folder with everything a voice needs to speak, described by `voice.toml`.
//!
//! | file | what it is |
//! |---|---|
//! | `voice.toml` | this crate's [`Manifest`]: layout, sizes, quantisation, SHA-256 of every other file |
//! | `talker.gguf` | the talker, as llama.cpp loads it (architecture `qwen3`) |
//! | `predictor.gguf` | the code predictor's layers and its 15 heads |
//! | `predictor.onnx` | the same network for ONNX Runtime |
//! | `vocoder.onnx`, `vocoder.bin` | the codec decoder with its streaming states, and its weights |
//! | `text_embedding.bin` | projected text embeddings, one row a token |
//! | `codec_embedding.bin`, `predictor_embedding.bin` | embeddings of the codes |
//! | `vocab.json`, `merges.txt` | the tokenizer |
//!
//! A bundle is written under another name and renamed when it is complete, so a folder that has a `voice.toml` is
//! whole. Tables are mapped, not read: a token costs one row.

mod error;
mod lexicon;
mod manifest;
mod open;
mod writer;

pub use error::BundleError;
pub use lexicon::Lexicon;
pub use manifest::{
    FileEntry, MANIFEST_NAME, Manifest, PredictorShape, Role, TableFormat, TalkerShape, TransformerShape,
    VocoderShape, VocoderState,
};
pub use open::Bundle;
pub use writer::BundleWriter;
