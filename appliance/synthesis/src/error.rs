//! Errors of this crate.

use std::sync::Arc;

/// Reasons why a text cannot be turned into samples with a voice.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    /// The bundle, or a voice file, cannot be used.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    /// The text, the speaker or the language does not suit the voice.
    #[error(transparent)]
    Speech(#[from] crier_speech::SpeechError),
    /// The vocoder cannot continue the recording of a voice file.
    #[error(transparent)]
    Vocoder(#[from] crier_vocoder::VocoderError),
    /// The voice could not be loaded when it was tried.
    #[error("{0}")]
    Voice(Arc<SynthesisError>),
    /// An engine of the voice is held.
    #[error("the {stage} is held; `crier ctl release` starts it again")]
    Held {
        /// Name of the stage.
        stage: String,
    },
    /// The task or thread that did the work was ended, as when the program ends.
    #[error("the voice was unloaded")]
    Abandoned,
}
