//! The hardware watchdog: a timer that resets the machine unless it is petted in time. It keeps running when this
//! process dies, also in an orderly way: a machine that no longer speaks is to start again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::SystemError;

/// Byte that restarts the timer. Any but `V` does, which would let the kernel stop it when the device is closed.
const PET: &[u8] = b"\0";

/// Ioctls of `linux/watchdog.h`.
mod request {
    nix::ioctl_readwrite!(set_timeout, b'W', 6, libc::c_int);
    nix::ioctl_read!(get_timeout, b'W', 7, libc::c_int);
}

/// Running watchdog. Dropping it, like the end of the process, leaves the timer running: the machine is reset unless
/// the next process pets it in time.
#[derive(Debug)]
pub struct Watchdog {
    path: PathBuf,
    file: File,
    timeout_s: Option<u32>,
}

impl Watchdog {
    /// Opens the device, which starts the timer, and requests a timeout. A device whose timeout is fixed keeps it. A
    /// FIFO or a file, which have none, are accepted for tests.
    ///
    /// # Errors
    /// [`SystemError::Watchdog`]: there is no such device, or another process has opened it.
    pub fn open(path: &Path, timeout_s: u32) -> Result<Self, SystemError> {
        let wrap = |source| SystemError::Watchdog { operation: "open", path: path.to_path_buf(), source };
        let mut options = OpenOptions::new();
        // O_NONBLOCK: a device or FIFO that does not take a byte must not block the supervisor.
        let file = options.write(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(wrap)?;
        let timeout_s = set_timeout(&file, timeout_s).map_err(wrap)?;
        Ok(Self { path: path.to_path_buf(), file, timeout_s })
    }

    /// Returns the effective timeout of the device, in seconds; `None` if it is unknown.
    #[must_use]
    pub fn timeout_s(&self) -> Option<u32> {
        self.timeout_s
    }

    /// Restarts the timer. Never waits.
    ///
    /// # Errors
    /// [`SystemError::Watchdog`]: the write failed; the machine is about to be reset.
    pub fn pet(&mut self) -> Result<(), SystemError> {
        let wrote = self.file.write_all(PET);
        wrote.map_err(|source| SystemError::Watchdog { operation: "pet", path: self.path.clone(), source })
    }
}

/// Sets the timeout, or else reads it.
fn set_timeout(file: &File, timeout_s: u32) -> io::Result<Option<u32>> {
    let mut seconds = libc::c_int::try_from(timeout_s).map_err(|_| io::Error::from(Errno::EINVAL))?;
    // SAFETY: both requests write one `int`, which `seconds` is.
    #[allow(unsafe_code)]
    let told = unsafe {
        request::set_timeout(file.as_raw_fd(), &raw mut seconds)
            .or_else(|_| request::get_timeout(file.as_raw_fd(), &raw mut seconds))
    };
    Ok(told.ok().and_then(|_| u32::try_from(seconds).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn timer_is_petted_and_keeps_running_when_the_process_ends() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content = || std::fs::read(file.path()).unwrap();
        let mut watchdog = Watchdog::open(file.path(), 15).unwrap();
        assert_eq!(watchdog.timeout_s(), None, "a file has no time-out");
        assert_eq!(content(), b"", "opening writes nothing");
        watchdog.pet().unwrap();
        watchdog.pet().unwrap();
        drop(watchdog);
        assert_eq!(content(), b"\0\0", "the timer goes on when the process ends");
    }

    #[test]
    fn a_device_that_stops_taking_is_told_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchdog");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = Watchdog::open(&path, 15).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "nobody reads it: {error}");
        let mut options = OpenOptions::new();
        let mut device = options.read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let mut watchdog = Watchdog::open(&path, 15).unwrap();
        watchdog.pet().unwrap();
        let mut pets = [1; 8];
        assert_eq!(device.read(&mut pets).unwrap(), 1);
        assert_eq!(pets[0], 0);
        assert!((0..1_000_000).any(|_| watchdog.pet().is_err()), "the FIFO is never full");
    }

    #[test]
    fn a_missing_device_is_named() {
        let error = Watchdog::open(Path::new("/dev/no-watchdog"), 15).unwrap_err().to_string();
        assert!(error.contains("/dev/no-watchdog"), "{error}");
        assert!(!Path::new("/dev/no-watchdog").exists(), "it must not be made");
    }
}
