//! Errors of the operating system, each with a remedy.

use std::path::PathBuf;

use nix::errno::Errno;

/// Errors of this crate. Each names the file, device or process and a remedy; channels have their own,
/// [`ChannelError`](crate::ChannelError).
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// A file cannot be mapped.
    #[error("cannot map {} into memory: {source}; does it exist, and may you read it?", path.display())]
    Map {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// A program, argument or environment variable contains a zero byte, which `execve` cannot pass on.
    #[error("cannot start {}: its arguments or its environment contain a zero byte; remove it", program.display())]
    ZeroByte {
        /// Path of the program.
        program: PathBuf,
    },
    /// A process cannot be started.
    #[error("cannot start {}: {step}: {source}; does it exist, is it executable, and is the limit of processes high enough?", program.display())]
    Spawn {
        /// Path of the program.
        program: PathBuf,
        /// Step that failed.
        step: &'static str,
        /// Error of the system.
        source: Errno,
    },
    /// The user database cannot be read.
    #[error(
        "cannot look up the user {name}: {source}; do /etc/passwd and /etc/group exist, and are they readable?"
    )]
    User {
        /// Name of the user.
        name: String,
        /// Error of the system.
        source: Errno,
    },
    /// A signal cannot be sent to a child.
    #[error("cannot send {signal} to process {pid}: {source}; has it changed its user?")]
    Signal {
        /// Name of the signal.
        signal: &'static str,
        /// Process number.
        pid: i32,
        /// Error of the system.
        source: Errno,
    },
    /// The exit status of a child is not available.
    #[error(
        "cannot wait for process {pid}: {source}; SIGCHLD must not be ignored, and no other code may wait for it"
    )]
    Wait {
        /// Process number.
        pid: i32,
        /// Error of the system.
        source: Errno,
    },
    /// The CPUs cannot be listed or used.
    #[error(
        "cannot {operation} processors {list}: {source}; `/sys/devices/system/cpu/online` lists the existing ones"
    )]
    Processors {
        /// Operation that failed, in words.
        operation: &'static str,
        /// CPUs, as `0-3,6`.
        list: String,
        /// Error of the system.
        source: Errno,
    },
    /// A text is not a list of CPUs.
    #[error("'{part}' is not a processor or a range of them; write a list like 0-3,6")]
    ProcessorList {
        /// Invalid part, cut to a bounded length.
        part: String,
    },
    /// A file of the system cannot be read.
    #[error("cannot read {}: {source}; does it exist, and is /proc mounted?", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// The peer of a socket is unknown.
    #[error("cannot identify the peer of the socket: {source}; connect through the Unix socket")]
    Peer {
        /// Error of the system.
        source: Errno,
    },
    /// The disk is full.
    #[error("cannot write {}: the disk is full; free some space", path.display())]
    StorageFull {
        /// Path of the file.
        path: PathBuf,
    },
    /// The file system is read-only.
    #[error("cannot write {}: the file system is read-only; mount it for writing, or choose another folder", path.display())]
    StorageReadOnly {
        /// Path of the file.
        path: PathBuf,
    },
    /// Another process has locked the file.
    #[error("{} is in use by another process; is Crier running already?", path.display())]
    InUse {
        /// Path of the file.
        path: PathBuf,
    },
    /// Another operation on a durable file failed.
    #[error("cannot {operation} {}: {source}; does its folder exist, and may you write there?", path.display())]
    Store {
        /// Operation that failed, in words.
        operation: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// The service manager cannot be notified.
    #[error("cannot notify {target}: {source}; does the service manager still listen there?")]
    Notify {
        /// Socket or descriptor of the service manager.
        target: String,
        /// Error of the system.
        source: std::io::Error,
    },
    /// An operation on the watchdog failed.
    #[error("cannot {operation} the watchdog {}: {source}; does it exist, and is it free?", path.display())]
    Watchdog {
        /// Operation that failed, in words.
        operation: &'static str,
        /// Path of the device.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// A privilege for realtime operation is missing.
    #[error("this process cannot {operation}: {source}; {remedy}")]
    Realtime {
        /// Operation that failed, in words.
        operation: &'static str,
        /// Privilege or limit that is missing.
        remedy: String,
        /// Error of the system.
        source: Errno,
    },
}
