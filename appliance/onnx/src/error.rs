//! Errors of ONNX Runtime.

use std::path::PathBuf;

/// Errors of this crate, each with a remedy.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OnnxError {
    /// The library was not found.
    #[error(
        "ONNX Runtime is missing (looked for {}): `make onnxruntime` fetches it, or set ORT_DYLIB_PATH to a \
         libonnxruntime.so of version 1.24 or later",
        looked_for.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    LibraryMissing {
        /// Paths that were tried.
        looked_for: Vec<PathBuf>,
    },
    /// The library cannot be loaded, or is unsuitable.
    #[error(
        "cannot use ONNX Runtime at {}: {reason}; `make onnxruntime` fetches a suitable one",
        path.display()
    )]
    Library {
        /// Path of the library.
        path: PathBuf,
        /// Description of the problem.
        reason: String,
    },
    /// A model cannot be loaded.
    #[error(
        "cannot load the model {}: {reason}; copy the voice again, or convert the checkpoint again",
        path.display()
    )]
    Model {
        /// Path of the model.
        path: PathBuf,
        /// Message of ONNX Runtime.
        reason: String,
    },
}
