//! What can go wrong with the code predictor.

use std::path::PathBuf;

/// Errors of this crate; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PredictorError {
    /// The bundle has no predictor.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    /// Its file is damaged, does not fit, or ggml failed.
    #[error(transparent)]
    Llama(#[from] crier_llama::LlamaError),
    /// ONNX Runtime is missing, or cannot load the model.
    #[error(transparent)]
    Onnx(#[from] crier_onnx::OnnxError),
    /// The model is something else.
    #[error("{} is not a code predictor of this version: {reason}; convert the checkpoint again", path.display())]
    Contract {
        /// The model.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// ONNX Runtime failed while running.
    #[error(
        "the code predictor failed at codebook {codebook}: {reason}; verify the voice, and see whether memory is short"
    )]
    Run {
        /// Codebook that was to be predicted, 1 to 15.
        codebook: usize,
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The hidden state has another width than the voice says.
    #[error(
        "the talker's state has {found} numbers, the code predictor expects {expected}: they are of different voices"
    )]
    Width {
        /// Numbers in it.
        found: usize,
        /// Numbers there should be.
        expected: usize,
    },
    /// No logit is a number.
    #[error(
        "the code predictor gave no usable number for codebook {codebook}; verify the voice, its files may be damaged"
    )]
    NotANumber {
        /// Codebook, 1 to 15.
        codebook: usize,
    },
}
