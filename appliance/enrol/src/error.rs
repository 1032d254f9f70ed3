//! What can go wrong while a voice is made of a recording.

use std::path::PathBuf;

use crier_bundle::BundleError;
use crier_onnx::OnnxError;
use crier_speech::SpeechError;

/// Errors of this crate; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The model has voices of its own.
    #[error("{} takes no voice from a recording: convert a Base checkpoint for that", bundle.display())]
    NotABase {
        /// The bundle.
        bundle: PathBuf,
    },
    /// The bundle was made without encoders.
    #[error(
        "{} can speak with enrolled voices but not enrol any: convert its checkpoint without --without-enrolment",
        bundle.display()
    )]
    NoEncoders {
        /// The bundle.
        bundle: PathBuf,
    },
    /// The bundle has no usable encoder.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// ONNX Runtime is missing, or a model cannot be loaded.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// What is said in the recording is no text.
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
        /// Its bits.
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
        /// How much of it.
        percent: f32,
    },
    /// The recording is too short.
    #[error(
        "the recording is too short: {seconds:.1} s without the silence around it, at least {:.0} are needed",
        crate::SECONDS_MIN
    )]
    TooShort {
        /// How long it is.
        seconds: f32,
    },
    /// The recording is too long.
    #[error(
        "the recording is too long: {seconds:.0} s, at most {} are taken: cut it to the best part",
        crate::SECONDS_MAX
    )]
    TooLong {
        /// How long it is.
        seconds: f32,
    },
    /// A model is something else.
    #[error("{} is not an encoder of this version: {reason}; convert the checkpoint again", path.display())]
    Contract {
        /// The model.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// ONNX Runtime failed while running.
    #[error("{} failed: {reason}; verify the voice, and see whether memory is short", path.display())]
    Run {
        /// The model.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },
}

impl EnrolError {
    /// Whether what is missing is ONNX Runtime itself, not something of the voice.
    #[must_use]
    pub fn is_runtime_missing(&self) -> bool {
        matches!(self, Self::Onnx(OnnxError::LibraryMissing { .. } | OnnxError::Library { .. }))
    }
}
