//! Non-blocking files in the event loop: ports, FIFOs, input devices.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// Registers `file`, which has to be non-blocking, with the runtime.
///
/// # Errors
/// Error of `epoll_ctl(2)`.
#[allow(deprecated)]
pub(crate) fn watch(file: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // Deprecated for types that may give a wrong descriptor or close it early. An `OwnedFd` does neither, and the
    // replacement would need `unsafe`.
    AsyncFd::new(file)
}

/// Reads available bytes, and waits if there are none. 0 is the end of the file: a FIFO without a writer, or a hung up
/// terminal.
///
/// # Errors
/// Error of `read(2)`.
pub(crate) async fn read(file: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut ready = file.readable().await?;
        match ready.try_io(|file| Ok(rustix::io::read(file.get_ref(), &mut *buffer)?)) {
            // A signal, such as SIGCHLD or one for a debugger; nothing was transferred.
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(read) => return read,
            // `try_io` has cleared the readiness: another reader was first, or the kernel woke too many.
            Err(_would_block) => {}
        }
    }
}

/// Writes as many bytes as fit, and waits if none do.
///
/// # Errors
/// Error of `write(2)`.
pub(crate) async fn write(file: &AsyncFd<OwnedFd>, bytes: &[u8]) -> io::Result<usize> {
    loop {
        let mut ready = file.writable().await?;
        match ready.try_io(|file| Ok(rustix::io::write(file.get_ref(), bytes)?)) {
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(written) => return written,
            Err(_would_block) => {}
        }
    }
}
