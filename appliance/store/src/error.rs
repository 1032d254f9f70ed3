//! Errors of the store.

use crier_system::SystemError;

/// Reasons why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal cannot be opened, read or shortened.
    #[error(transparent)]
    System(#[from] SystemError),
    /// A thread cannot be started.
    #[error("cannot start the thread '{name}': {source}; are there too many processes?")]
    Thread {
        /// Name of the thread.
        name: &'static str,
        /// Error of the system.
        source: std::io::Error,
    },
}
