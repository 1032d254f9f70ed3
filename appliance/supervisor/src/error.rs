//! Errors of process supervision.

use crier_system::{ChannelError, SystemError};
use crier_wire::WireError;

use crate::PacketError;

/// Failure to start, or to talk to, an instance of a stage. The text becomes the reason in its crash report.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The process could not be started.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The channel could not be made.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The channel failed.
    #[error(transparent)]
    Packets(#[from] PacketError),
    /// A message does not fit into a packet, or is not one.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The stage is another version of the program.
    #[error(
        "speaks version {found} of the protocol, not {expected}: the program was replaced while it ran; restart it"
    )]
    Version {
        /// Version of the stage.
        found: u32,
        /// Version of the supervisor.
        expected: u32,
    },
    /// The first message of the stage was not the announcement that it is ready.
    #[error("sent something else before it was ready")]
    NotReady,
    /// The event loop cannot watch the process.
    #[error("cannot watch a process: {source}; does the system run short of memory or files?")]
    Watch {
        /// Error of the system.
        source: std::io::Error,
    },
    /// The thread that starts processes has died.
    #[error("the thread that starts processes has died; restart the program")]
    Spawner,
    /// [`crate::CpuPlan`]: the configuration names CPUs that this program may not use.
    #[error(
        "[cpu] names processors {wanted}, this program may use {available}; correct the list or leave it out"
    )]
    UnknownCpus {
        /// CPUs of the configuration, such as `4-7`.
        wanted: String,
        /// CPUs that there are.
        available: String,
    },
}
