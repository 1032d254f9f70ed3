//! Errors of the vocoder.

use std::path::PathBuf;

use crier_bundle::BundleError;
use crier_onnx::OnnxError;

/// Errors of this crate, each with a remedy.
#[derive(Debug, thiserror::Error)]
pub enum VocoderError {
    /// The bundle has no usable vocoder.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// ONNX Runtime is missing, or the model cannot be loaded.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The model does not have the expected inputs, outputs or metadata.
    #[error("{} is not a vocoder of this version: {reason}; convert the checkpoint again", path.display())]
    Contract {
        /// Path of the model.
        path: PathBuf,
        /// Description of the mismatch.
        reason: String,
    },
    /// A code is outside its codebook.
    #[error(
        "frame {frame} has code {code} in codebook {codebook}, which has {size} entries: predictor \
         and vocoder belong to different voices"
    )]
    CodeOutOfRange {
        /// Index of the frame within the call.
        frame: usize,
        /// Codebook, 0 to 15.
        codebook: usize,
        /// Offending code.
        code: u16,
        /// Number of entries of a codebook.
        size: usize,
    },
    /// A saved state was made with another voice.
    #[error(
        "the saved vocoder state has {found} numbers, this voice's has {expected}: it was saved \
         with another voice"
    )]
    ForeignState {
        /// Size of the state in numbers.
        found: usize,
        /// Size expected.
        expected: usize,
    },
    /// ONNX Runtime failed while running.
    #[error(
        "the vocoder failed on {frames} frames: {reason}; run `crier voice verify`, and check free memory"
    )]
    Run {
        /// Number of frames of the call.
        frames: usize,
        /// Message of ONNX Runtime.
        reason: String,
    },
}

impl VocoderError {
    /// Returns true if the cause is ONNX Runtime itself rather than the voice.
    #[must_use]
    pub fn is_runtime_missing(&self) -> bool {
        matches!(self, Self::Onnx(OnnxError::LibraryMissing { .. } | OnnxError::Library { .. }))
    }
}
