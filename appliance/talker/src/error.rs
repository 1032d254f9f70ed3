//! What can go wrong with the talker.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum TalkerError {
    /// The bundle has no talker.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    /// Its file is damaged, does not fit, or llama.cpp failed.
    #[error(transparent)]
    Llama(#[from] crier_llama::LlamaError),
    /// There was no row to read.
    #[error("the talker was given no rows to read")]
    NoRows,
}
