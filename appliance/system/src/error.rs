//! What the system can refuse, and what to do about it.

use std::path::PathBuf;

use nix::errno::Errno;

/// Errors of this crate. Each names the file, device or process and a remedy; channels have their own,
/// [`ChannelError`](crate::ChannelError).
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// A file cannot be mapped.
    #[error("cannot map {} into memory: {source}; does it exist, and may you read it?", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program, argument or environment variable holds a zero byte, which no program can be given.
    #[error("cannot start {}: its arguments or its environment hold a zero byte; take it out", program.display())]
    ZeroByte {
        /// The program.
        program: PathBuf,
    },
    /// A process cannot be started.
    #[error("cannot start {}: {step}: {source}; is it there, executable, and within the limit of processes?", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The step that failed.
        step: &'static str,
        /// What the system said.
        source: Errno,
    },
    /// The system does not say who a user is.
    #[error("cannot look up the user {name}: {source}; are /etc/passwd and /etc/group there and readable?")]
    User {
        /// Name of the user.
        name: String,
        /// What the system said.
        source: Errno,
    },
    /// A signal cannot be sent to a child.
    #[error("cannot send {signal} to process {pid}: {source}; has it changed its user?")]
    Signal {
        /// Name of the signal.
        signal: &'static str,
        /// Process number.
        pid: i32,
        /// What the system said.
        source: Errno,
    },
    /// How a child ended cannot be told.
    #[error(
        "cannot wait for process {pid}: {source}; SIGCHLD must not be ignored, and nobody else may wait for it"
    )]
    Wait {
        /// Process number.
        pid: i32,
        /// What the system said.
        source: Errno,
    },
    /// Processors cannot be found out or bound to.
    #[error(
        "cannot {operation} processors {list}: {source}; `/sys/devices/system/cpu/online` tells which there are"
    )]
    Processors {
        /// What was tried.
        operation: &'static str,
        /// The processors, as `0-3,6`.
        list: String,
        /// What the system said.
        source: Errno,
    },
    /// A text is no list of processors.
    #[error("'{part}' is not a processor or a range of them; write a list like 0-3,6")]
    ProcessorList {
        /// The part that is wrong, cut to a bounded length.
        part: String,
    },
    /// A file of the system cannot be read.
    #[error("cannot read {}: {source}; is it there, and is /proc mounted?", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The other end of a socket is not known.
    #[error("cannot tell who is at the other end of the socket: {source}; connect through the Unix socket")]
    Peer {
        /// What the system said.
        source: Errno,
    },
    /// There is no room for a file.
    #[error("cannot write {}: the disk is full; make room on it", path.display())]
    StorageFull {
        /// The file.
        path: PathBuf,
    },
    /// The file system does not take writes.
    #[error("cannot write {}: the file system is read-only; mount it for writing, or name another folder", path.display())]
    StorageReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process works on the file.
    #[error("{} is in use by another process; is Crier running already?", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Something else went wrong with a file that must be durable.
    #[error("cannot {operation} {}: {source}; does its folder exist, and may you write there?", path.display())]
    Store {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The service manager cannot be told.
    #[error("cannot notify {target}: {source}; does the service manager still listen there?")]
    Notify {
        /// The socket or descriptor.
        target: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The watchdog does not obey.
    #[error("cannot {operation} the watchdog {}: {source}; is it there, and does nobody else use it?", path.display())]
    Watchdog {
        /// What was tried.
        operation: &'static str,
        /// The device.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A process may not be as punctual as it wants to.
    #[error("this process cannot {operation}: {source}; {remedy}")]
    Realtime {
        /// What was tried.
        operation: &'static str,
        /// The privilege or limit that is missing.
        remedy: String,
        /// What the system said.
        source: Errno,
    },
}
