//! Event loop of a command that has stages.

use tokio::task::LocalSet;

use crate::error::CrierError;

/// Runs `work`, and the tasks that it spawns on the `LocalSet`, in this thread until it is done.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, CrierError>>) -> Result<T, CrierError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CrierError::Start { what: "start the event loop", source })?;
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, work);
    // The tasks own the stages; their connections close here, and the stages end.
    drop(tasks);
    // What blocks, such as the hash of a large file, is not waited for.
    runtime.shutdown_background();
    result
}
