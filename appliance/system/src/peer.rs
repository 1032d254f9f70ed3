//! Identity of the process at the other end of a Unix socket, as the kernel knows it.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::SystemError;

/// Identity of the peer at the time of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Process id, for logs only, since the process may have ended. 0 if it is in another PID namespace.
    pub pid: i32,
}

/// Returns the process that connected to (or created) the other end of this Unix socket. It cannot be forged.
///
/// # Errors
/// [`SystemError::Peer`]: this is not a connected Unix socket.
pub fn peer(socket: &impl AsFd) -> Result<Peer, SystemError> {
    let found =
        getsockopt(&socket.as_fd(), PeerCredentials).map_err(|source| SystemError::Peer { source })?;
    if found.uid() == u32::MAX {
        // The kernel's answer for a socket that is not connected, or one of another family.
        return Err(SystemError::Peer { source: Errno::ENOTCONN });
    }
    Ok(Peer { uid: found.uid(), gid: found.gid(), pid: found.pid() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    #[test]
    fn the_other_end_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let (server, _) = listener.accept().unwrap();
        let us = Peer {
            uid: nix::unistd::getuid().as_raw(),
            gid: nix::unistd::getgid().as_raw(),
            pid: i32::try_from(std::process::id()).unwrap(),
        };
        assert_eq!(peer(&server).unwrap(), us);
    }

    #[test]
    fn what_has_no_other_end_is_refused() {
        assert!(peer(&std::fs::File::open("/dev/null").unwrap()).is_err());
        assert!(peer(&UnixDatagram::unbound().unwrap()).is_err());
        assert!(peer(&std::net::TcpListener::bind("127.0.0.1:0").unwrap()).is_err());
    }
}
