//! Notifications to the init system: systemd's `sd_notify` protocol and s6's readiness descriptor.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use crate::{SystemError, monotonic_ms};

/// Notification to the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The service is ready; also ends [`Notice::Reloading`].
    Ready,
    /// Resets the service manager's watchdog; see [`watchdog_interval`].
    Watchdog,
    /// The configuration is being reloaded; [`Notice::Ready`] must follow.
    Reloading,
    /// The service is stopping on request.
    Stopping,
}

/// Connection to the service manager. Without a service manager it ignores every notice. Never waits.
#[derive(Debug)]
pub struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// Returns a notifier for the socket in `NOTIFY_SOCKET`, if the variable is set.
    ///
    /// # Errors
    /// As [`Notifier::to`].
    pub fn from_environment() -> Result<Self, SystemError> {
        std::env::var_os("NOTIFY_SOCKET").map_or(Ok(Self(None)), |address| Self::to(&address))
    }

    /// Returns a notifier for the socket with this path, or with this abstract name if it begins with `@`.
    ///
    /// # Errors
    /// [`SystemError::Notify`]: it is not a path or name of a Unix socket.
    pub fn to(address: &OsStr) -> Result<Self, SystemError> {
        let parsed = match address.as_bytes() {
            [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(Path::new(address)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a path nor an abstract name")),
        };
        let opened = parsed.and_then(|parsed| {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            Ok(Self(Some((socket, parsed))))
        });
        opened.map_err(|source| SystemError::Notify { target: address.display().to_string(), source })
    }

    /// Sends a notice to the service manager.
    ///
    /// # Errors
    /// [`SystemError::Notify`]: it does not listen, or its queue is full.
    pub fn send(&self, notice: Notice) -> Result<(), SystemError> {
        let Some((socket, address)) = &self.0 else { return Ok(()) };
        let sent = socket.send_to_addr(message(notice).as_bytes(), address);
        sent.map(drop).map_err(|source| SystemError::Notify { target: "NOTIFY_SOCKET".into(), source })
    }
}

/// Returns the time after which the service manager kills this process unless it gets a [`Notice::Watchdog`]; one
/// should be sent at least twice as often. `None` if the service manager has no watchdog for this process.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    let variable = |name| std::env::var(name).ok();
    interval(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref(), std::process::id())
}

fn interval(microseconds: Option<&str>, for_pid: Option<&str>, own_pid: u32) -> Option<Duration> {
    // The variables may have been inherited: then they are meant for the process that started this one.
    let is_ours = for_pid.is_none_or(|pid| pid.parse() == Ok(own_pid));
    let microseconds = microseconds?.parse().ok().filter(|&number: &u64| number > 0)?;
    is_ours.then_some(Duration::from_micros(microseconds))
}

fn message(notice: Notice) -> String {
    match notice {
        Notice::Ready => "READY=1".into(),
        Notice::Watchdog => "WATCHDOG=1".into(),
        Notice::Stopping => "STOPPING=1".into(),
        Notice::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_ms().saturating_mul(1000)),
    }
}

/// Descriptor on which s6 waits for readiness; its number is in the service's `notification-fd`.
#[derive(Debug)]
pub struct ReadinessFd(File);

impl ReadinessFd {
    /// Takes over the inherited descriptor. To be called once, before other descriptors are opened or closed.
    ///
    /// # Errors
    /// [`SystemError::Notify`]: the number is not open, or is a standard stream.
    pub fn from_inherited(fd: RawFd) -> Result<Self, SystemError> {
        // SAFETY: the number may be anything so far; F_SETFD on a closed descriptor only fails.
        #[allow(unsafe_code)]
        let is_open =
            fd > libc::STDERR_FILENO && unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } == 0;
        if !is_open {
            let source = io::Error::from(nix::errno::Errno::EBADF);
            return Err(SystemError::Notify { target: format!("descriptor {fd}"), source });
        }
        // SAFETY: it is open, and by the contract above nothing else in this process owns the number.
        #[allow(unsafe_code)]
        let file = unsafe { File::from_raw_fd(fd) };
        Ok(Self(file))
    }

    /// Signals readiness and closes the descriptor.
    ///
    /// # Errors
    /// [`SystemError::Notify`]: the other end is closed.
    pub fn ready(mut self) -> Result<(), SystemError> {
        let told = self.0.write_all(b"\n");
        told.map_err(|source| SystemError::Notify { target: "the readiness descriptor".into(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::IntoRawFd;

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn notices_arrive_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("crier-test-{}", std::process::id());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let by_path = UnixDatagram::bind(&path).unwrap();
        for (socket, address) in [(by_path, path.display().to_string()), (by_name, format!("@{name}"))] {
            let notifier = Notifier::to(OsStr::new(&address)).unwrap();
            for (notice, message) in [
                (Notice::Ready, "READY=1"),
                (Notice::Watchdog, "WATCHDOG=1"),
                (Notice::Stopping, "STOPPING=1"),
            ] {
                notifier.send(notice).unwrap();
                assert_eq!(received(&socket), message);
            }
            notifier.send(Notice::Reloading).unwrap();
            let message = received(&socket);
            let microseconds = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
            assert!(microseconds.parse::<u64>().unwrap() > 0);
        }
    }

    #[test]
    fn without_a_listener_there_is_an_error_and_without_a_manager_none() {
        for wrong in ["", "@", "relative", "vsock:2:1234"] {
            assert!(Notifier::to(OsStr::new(wrong)).is_err(), "{wrong:?}");
        }
        assert!(Notifier::to(OsStr::new("/no/such/socket")).unwrap().send(Notice::Ready).is_err());
        Notifier(None).send(Notice::Ready).unwrap();
    }

    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str()).unwrap();
        let error = (0..100_000).find_map(|_| notifier.send(Notice::Watchdog).err());
        assert!(matches!(error, Some(SystemError::Notify { .. })), "{error:?}");
    }

    #[test]
    fn the_interval_counts_only_for_the_process_it_is_meant_for() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(interval(Some("1000000"), None, 5), second);
        assert_eq!(interval(Some("1000000"), Some("5"), 5), second);
        assert_eq!(interval(Some("1000000"), Some("6"), 5), None);
        for wrong in ["", "0", "-1", "soon", "99999999999999999999999"] {
            assert_eq!(interval(Some(wrong), None, 5), None, "{wrong:?}");
        }
        assert_eq!(interval(None, None, 5), None);
    }

    #[test]
    fn s6_gets_one_line_feed_and_the_end() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let fd = std::os::fd::OwnedFd::from(writer).into_raw_fd();
        ReadinessFd::from_inherited(fd).unwrap().ready().unwrap();
        let mut told = String::new();
        reader.read_to_string(&mut told).unwrap();
        assert_eq!(told, "\n");
        for wrong in [-1, 0, 2, 1_000_000] {
            let error = ReadinessFd::from_inherited(wrong).unwrap_err().to_string();
            assert!(error.contains(&wrong.to_string()), "{error}");
        }
    }
}
