//! Errors of enrolment.

use std::path::PathBuf;

use crier_bundle::BundleError;
use crier_onnx::OnnxError;
use crier_speech::SpeechError;

use crate::limits::{SECONDS_MAX, SECONDS_MIN};

/// Error of this crate; each names a remedy.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The model has built-in voices only.
    #[error("{} takes no voice from a recording: convert a Base checkpoint for that", bundle.display())]
    NotABase {
        /// Path of the bundle.
        bundle: PathBuf,
    },
    /// The bundle was made without encoders.
    #[error(
        "{} can speak with enrolled voices but not enrol any: convert its checkpoint without --without-enrolment",
        bundle.display()
    )]
    NoEncoders {
        /// Path of the bundle.
        bundle: PathBuf,
    },
    /// The bundle has no usable encoder.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// ONNX Runtime is missing, or a model cannot be loaded.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The transcript is not usable as text.
    #[error(transparent)]
    Text(#[from] SpeechError),
    /// The sample rate cannot be changed.
    #[error(transparent)]
    Audio(#[from] crier_audio::AudioError),
    /// The recording has too few bits.
    #[error(
        "the recording has only {bits} bits a sample, its hiss would become part of the voice: record with 16 bits"
    )]
    TooCoarse {
        /// Bits of a sample.
        bits: u32,
    },
    /// The recording is silent.
    #[error("the recording is silent: check the microphone, and record again")]
    Silent,
    /// The recording is clipped.
    #[error(
        "the recording is clipped ({percent:.1} % of it is at the end of the scale): record at a lower level"
    )]
    Clipped {
        /// Clipped share of the samples, in percent.
        percent: f32,
    },
    /// The recording is too short.
    #[error(
        "the recording is too short: {seconds:.1} s without the silence around it, at least {:.0} are needed",
        SECONDS_MIN
    )]
    TooShort {
        /// Duration of the recording, in seconds.
        seconds: f32,
    },
    /// The recording is too long.
    #[error(
        "the recording is too long: {seconds:.0} s, at most {} are taken: cut it to the best part",
        SECONDS_MAX
    )]
    TooLong {
        /// Duration of the recording, in seconds.
        seconds: f32,
    },
    /// A model is not the expected one.
    #[error("{} is not an encoder of this version: {reason}; convert the checkpoint again", path.display())]
    Contract {
        /// Path of the model.
        path: PathBuf,
        /// Difference from the expected model.
        reason: String,
    },
    /// ONNX Runtime failed while running.
    #[error("{} failed: {reason}; verify the voice, and see whether memory is short", path.display())]
    Run {
        /// Path of the model.
        path: PathBuf,
        /// Error of ONNX Runtime.
        reason: String,
    },
}

impl EnrolError {
    /// Returns true if ONNX Runtime itself is missing, not a part of the voice.
    #[must_use]
    pub fn is_runtime_missing(&self) -> bool {
        matches!(self, Self::Onnx(OnnxError::LibraryMissing { .. } | OnnxError::Library { .. }))
    }
}
