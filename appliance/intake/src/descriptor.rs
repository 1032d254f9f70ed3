//! Files that are waited for: ports, FIFOs, input devices.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// `file` as the runtime waits for it; it has to be non-blocking.
///
/// # Errors
/// What the system says.
#[allow(deprecated)]
pub(crate) fn watch(file: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // Deprecated for types that may give a wrong descriptor or close it early. An `OwnedFd` does neither, and the
    // replacement would need `unsafe`.
    AsyncFd::new(file)
}

/// Reads what there is, and waits while there is nothing; 0 means that nobody is at the other end.
///
/// # Errors
/// What the system says.
pub(crate) async fn read(file: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut ready = file.readable().await?;
        match ready.try_io(|file| Ok(rustix::io::read(file.get_ref(), &mut *buffer)?)) {
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(read) => return read,
            Err(_would_block) => {}
        }
    }
}

/// Writes what fits, and waits while nothing does.
///
/// # Errors
/// What the system says.
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
