//! Errors of a conversion.

use std::path::PathBuf;

/// Errors of a conversion; each names file and tensor, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; is the checkpoint's download complete?", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; is there space?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file cannot be mapped.
    #[error(transparent)]
    Map(#[from] crier_system::SystemError),
    /// A file is damaged.
    #[error("{} is damaged: {reason}; download it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Description of the defect, on one line.
        reason: String,
    },
    /// The checkpoint is of a kind that is not known.
    #[error("{} is no Qwen3-TTS-12Hz checkpoint: {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Description of the difference.
        reason: String,
    },
    /// A tensor is missing.
    #[error("{} has no tensor '{tensor}': is this a whole Qwen3-TTS-12Hz checkpoint?", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape.
    #[error("{}: tensor '{tensor}' has the shape {found:?}, config.json wants {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor holds something that is no weight.
    #[error("{}: tensor '{tensor}' {reason}; download it again", path.display())]
    TensorValues {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Description of the defect.
        reason: String,
    },
    /// Rows do not fit the wanted type.
    #[error("tensor '{tensor}': {source}; choose f16 or f32")]
    Quantise {
        /// The tensor.
        tensor: String,
        /// Description of the defect.
        source: crier_llama::LlamaError,
    },
    /// The bundle cannot be written.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
}
