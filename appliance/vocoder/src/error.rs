//! What can go wrong in the vocoder.

use std::path::PathBuf;

use crier_bundle::BundleError;
use crier_onnx::OnnxError;

/// Errors of this crate; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum VocoderError {
    /// The bundle has no usable vocoder.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// ONNX Runtime is missing, or the model cannot be loaded.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The model is something else.
    #[error("{} is not a vocoder of this version: {reason}; convert the checkpoint again", path.display())]
    Contract {
        /// The model.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A code is outside the codebooks.
    #[error(
        "frame {frame} has code {code} in codebook {codebook}, which has {size}: predictor and vocoder are of different voices"
    )]
    CodeOutOfRange {
        /// Frame of the call.
        frame: usize,
        /// Codebook, 0 to 15.
        codebook: usize,
        /// The code.
        code: u16,
        /// Entries of a codebook.
        size: usize,
    },
    /// A saved state belongs to another voice.
    #[error(
        "the saved vocoder state has {found} numbers, this voice's has {expected}: it was saved with another voice"
    )]
    ForeignState {
        /// Numbers in it.
        found: usize,
        /// Numbers there should be.
        expected: usize,
    },
    /// ONNX Runtime failed while running.
    #[error(
        "the vocoder failed on {frames} frames: {reason}; verify the voice, and see whether memory is short"
    )]
    Run {
        /// Frames of the call.
        frames: usize,
        /// What ONNX Runtime said.
        reason: String,
    },
}

impl VocoderError {
    /// Whether what is missing is ONNX Runtime itself, not something of the voice.
    #[must_use]
    pub fn is_runtime_missing(&self) -> bool {
        matches!(self, Self::Onnx(OnnxError::LibraryMissing { .. } | OnnxError::Library { .. }))
    }
}
