//! Errors of server and client.

use std::io;
use std::path::PathBuf;

use crate::protocol::{ErrorReport, VERSION};

/// Errors of this crate. Each names the operation and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket of the server cannot be opened.
    #[error(
        "cannot open the socket {}: {source}; is an appliance running already, and may you write there?",
        path.display()
    )]
    Listen {
        /// Path of the socket.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The group that may connect does not exist.
    #[error("there is no group '{name}'; create it, or name another in [control]")]
    UnknownGroup {
        /// Name in the configuration.
        name: String,
    },
    /// The client cannot connect, or the connection broke.
    #[error(
        "cannot talk to the appliance at {}: {source}; is `crier serve` running, and is this its socket (--socket)?",
        socket.display()
    )]
    Unreachable {
        /// Path of the socket.
        socket: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The client may not connect.
    #[error(
        "you may not control the appliance at {}; be root, its own user, or in the group of `[control] group`",
        socket.display()
    )]
    Denied {
        /// Path of the socket.
        socket: PathBuf,
    },
    /// The server speaks another version of the protocol.
    #[error(
        "the appliance speaks version {theirs} of the control protocol and this program version {VERSION}; \
         use the `crier` that belongs to the appliance"
    )]
    Version {
        /// Version in the response.
        theirs: u64,
    },
    /// The response is no message of the protocol.
    #[error(
        "cannot read the response of the appliance: {problem}; use the `crier` that belongs to the appliance"
    )]
    Response {
        /// Problem with the response.
        problem: String,
    },
    /// The server could not carry out the request.
    #[error("{}", report.message)]
    Reported {
        /// Its report.
        report: ErrorReport,
    },
}
