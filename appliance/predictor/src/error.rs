//! Errors of the code predictor.

use std::path::PathBuf;

/// Errors of this crate, each with a remedy.
#[derive(Debug, thiserror::Error)]
pub enum PredictorError {
    /// The bundle has no predictor.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    /// Its file is damaged or does not fit, or ggml failed.
    #[error(transparent)]
    Llama(#[from] crier_llama::LlamaError),
    /// ONNX Runtime is missing, or cannot load the model.
    #[error(transparent)]
    Onnx(#[from] crier_onnx::OnnxError),
    /// The model does not have the expected inputs.
    #[error("{} is not a code predictor of this version: {reason}; convert the checkpoint again", path.display())]
    Contract {
        /// Path of the model.
        path: PathBuf,
        /// Description of the mismatch.
        reason: String,
    },
    /// ONNX Runtime failed while running.
    #[error(
        "the code predictor failed at codebook {codebook}: {reason}; run `crier voice verify`, and \
         check free memory"
    )]
    Run {
        /// Codebook being predicted, 1 to 15.
        codebook: usize,
        /// Message of ONNX Runtime.
        reason: String,
    },
    /// The hidden state does not have the width given by the voice.
    #[error(
        "the talker's state has {found} numbers, the code predictor expects {expected}: the two \
         belong to different voices"
    )]
    Width {
        /// Width of the hidden state.
        found: usize,
        /// Width expected.
        expected: usize,
    },
    /// No logit is finite.
    #[error(
        "the code predictor computed no finite logit for codebook {codebook}; its files may be \
         damaged: run `crier voice verify`"
    )]
    NotANumber {
        /// Codebook, 1 to 15.
        codebook: usize,
    },
}
