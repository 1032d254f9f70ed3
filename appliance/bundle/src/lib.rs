//! The voice bundle: a folder with all files of a voice, described by `voice.toml`.
//!
//! | file | contents |
//! |---|---|
//! | `voice.toml` | this crate's [`Manifest`]: layout, sizes, quantisation, SHA-256 of every other file |
//! | `talker.gguf` | the talker, as llama.cpp loads it (architecture `qwen3`) |
//! | `predictor.gguf` | the code predictor's layers and its 15 heads |
//! | `predictor.onnx` | the same network for ONNX Runtime |
//! | `vocoder.onnx`, `vocoder.bin` | the codec decoder with its streaming states, and its weights |
//! | `speaker_encoder.onnx` and `.bin` | encoder of the speaker's embedding (Base models) |
//! | `codec_features.onnx`, `codec_codes.onnx` and their `.bin` | encoder of recordings to codes (Base models) |
//! | `text_embedding.bin` | projected text embeddings, one row per token |
//! | `codec_embedding.bin`, `predictor_embedding.bin` | embeddings of the codes |
//! | `vocab.json`, `merges.txt` | the tokenizer |
//!
//! [`VoiceFile`]s are separate files: each is a voice enrolled from a recording, for one model.
//!
//! A bundle is written under a temporary name and renamed when it is complete, so a folder with a `voice.toml` is
//! complete. Embedding tables are memory-mapped rather than read, since a token needs one row only.

mod error;
mod lexicon;
mod manifest;
mod open;
mod voice_file;
mod writer;

pub use crier_system::hexadecimal;
pub use error::{BundleError, ManifestDefect};
pub use lexicon::Lexicon;
pub use manifest::{
    FileEntry, MANIFEST_NAME, Manifest, PredictorShape, Role, StateShape, TableFormat, TalkerShape,
    TransformerShape, VocoderShape,
};
pub use open::{Bundle, read_manifest};
pub use voice_file::{StoredReference, VoiceFile, write_whole};
pub use writer::{BundleWriter, abandon};
