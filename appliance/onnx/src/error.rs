//! What can go wrong with ONNX Runtime.

use std::path::PathBuf;

/// Errors of this crate; each says what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OnnxError {
    /// The library is nowhere.
    #[error(
        "ONNX Runtime is missing (looked for {}): `make onnxruntime` fetches it, or set ORT_DYLIB_PATH to a \
         libonnxruntime.so of version 1.24 or later",
        looked_for.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    LibraryMissing {
        /// Where it was looked for.
        looked_for: Vec<PathBuf>,
    },
    /// The library cannot be used.
    #[error("ONNX Runtime at {} cannot be used: {reason}; `make onnxruntime` fetches one that can", path.display())]
    Library {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A model cannot be loaded.
    #[error("the model {} cannot be loaded: {reason}; copy the voice again, or convert the checkpoint again", path.display())]
    Model {
        /// The model.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },
}
