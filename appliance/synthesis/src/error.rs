//! Errors of this crate.

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
}
