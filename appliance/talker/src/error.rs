//! Errors of the talker.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum TalkerError {
    /// The bundle has no talker.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    /// Its file is damaged or does not fit, or llama.cpp failed.
    #[error(transparent)]
    Llama(#[from] crier_llama::LlamaError),
    /// The first decode of an utterance had no rows.
    #[error("cannot decode: the talker received no rows; start the utterance again")]
    NoRows,
}
