//! The voice bundle: a folder with everything a voice needs to speak, described by `voice.toml`.
//!
//! | file | what it is |
//! |---|---|
//! | `voice.toml` | this crate's [`Manifest`]: layout, sizes, quantisation, SHA-256 of every other file |
//! | `talker.gguf` | the talker, as llama.cpp loads it (architecture `qwen3`) |
//! | `predictor.gguf` | the code predictor's layers and its 15 heads |
//! | `predictor.onnx` | the same network for ONNX Runtime |
//! | `vocoder.onnx`, `vocoder.bin` | the codec decoder with its streaming states, and its weights |
//! | `speaker_encoder.onnx`, `codec_features.onnx`, `codec_codes.onnx` and their `.bin` | in Base models: what makes a voice of a recording |
//! | `text_embedding.bin` | projected text embeddings, one row a token |
//! | `codec_embedding.bin`, `predictor_embedding.bin` | embeddings of the codes |
//! | `vocab.json`, `merges.txt` | the tokenizer |
//!
//! Beside bundles there are [`VoiceFile`]s: voices that were made of a recording, each for one model.
//!
//! A bundle is written under another name and renamed when it is complete, so a folder that has a `voice.toml` is
//! whole. Tables are mapped, not read: a token costs one row.

mod error;
mod lexicon;
mod manifest;
mod open;
mod voice_file;
mod writer;

pub use error::BundleError;
pub use lexicon::Lexicon;
pub use manifest::{
    FileEntry, MANIFEST_NAME, Manifest, PredictorShape, Role, TableFormat, TalkerShape, TransformerShape,
    VocoderShape, VocoderState,
};
pub use open::{Bundle, hexadecimal};
pub use voice_file::{StoredReference, VoiceFile, write_whole};
pub use writer::BundleWriter;
