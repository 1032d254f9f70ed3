//! Errors of the control protocol's server and client.

use std::io;
use std::path::PathBuf;

use crate::protocol::{ErrorReport, VERSION};

/// Error of the server or the client, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket of the server cannot be opened.
    #[error(
        "cannot open the socket {}: {source}; stop an appliance that runs already, and check the permissions of the \
         directory",
        path.display()
    )]
    Listen {
        /// Path of the socket.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The group of `[control] group` does not exist.
    #[error("cannot open the control socket: no group '{name}'; create it, or name another in [control]")]
    UnknownGroup {
        /// Name in the configuration.
        name: String,
    },
    /// The client cannot connect, or the connection broke.
    #[error(
        "cannot reach the appliance at {}: {source}; start `crier serve`, or name its socket with --socket",
        socket.display()
    )]
    Unreachable {
        /// Path of the socket.
        socket: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The client has no permission to connect.
    #[error(
        "no permission to control the appliance at {}; run as root, as its user, or in the group of `[control] group`",
        socket.display()
    )]
    Denied {
        /// Path of the socket.
        socket: PathBuf,
    },
    /// The server uses another version of the protocol.
    #[error(
        "the appliance uses version {theirs} of the control protocol, this program version {VERSION}; \
         use the `crier` of the appliance"
    )]
    Version {
        /// Version in the response.
        theirs: u64,
    },
    /// The response is not a message of the protocol.
    #[error("cannot parse the response of the appliance: {problem}; use the `crier` of the appliance")]
    Response {
        /// Problem with the response.
        problem: String,
    },
    /// The server reported an error.
    #[error("{}", report.message)]
    Reported {
        /// Report of the server.
        report: ErrorReport,
    },
}
