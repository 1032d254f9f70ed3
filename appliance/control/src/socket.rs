//! Unix sockets of the supervisor. Permission to connect is the mode of the socket's file, which the kernel checks
//! against all groups of a client, supplementary ones included.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::stat::{Mode, umask};
use tokio::net::UnixListener;

use crate::error::ControlError;

/// Pause after a failed accept, mostly for lack of descriptors, which running requests give back soon.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Opens a socket with this mode and group. Replaces the socket file of a dead supervisor.
///
/// # Errors
/// [`ControlError::Listen`].
pub fn listen(path: &Path, mode: u32, group: Option<u32>) -> Result<UnixListener, ControlError> {
    let failed = |source| ControlError::Listen { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // A socket's file survives its process. Only a refused connection proves that no supervisor listens there.
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => return Err(failed(io::Error::from(io::ErrorKind::AddrInUse))),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)?;
        }
        // Anything else, such as a file that is no socket, is reported by `bind`.
        Err(_) => {}
    }
    // No client may connect before owner and mode are set. The umask is that of the whole process, but no other thread
    // creates files yet.
    let before = umask(Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO);
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener.map_err(failed)?;
    if group.is_some() {
        std::os::unix::fs::chown(path, None, group).map_err(failed)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(listener)
}

/// Returns the id of a group.
///
/// # Errors
/// [`ControlError::UnknownGroup`].
pub fn group_id(name: &str) -> Result<u32, ControlError> {
    // An error of the name service is reported like a missing group: the remedy is the same.
    let group = nix::unistd::Group::from_name(name).ok().flatten();
    let unknown = || ControlError::UnknownGroup { name: name.escape_debug().to_string() };
    Ok(group.ok_or_else(unknown)?.gid.as_raw())
}

/// Removes the file of a socket.
pub fn remove(path: &Path) {
    // Errors are ignored: the file may be gone, and `listen` replaces one that is left.
    let _ = std::fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn socket_of_dead_server_is_replaced_and_one_of_live_server_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/control");
        drop(listen(&path, 0o600, None).unwrap());
        assert!(path.exists(), "the file outlives its listener");
        let live = listen(&path, 0o660, None).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
        assert!(matches!(listen(&path, 0o660, None), Err(ControlError::Listen { .. })));
        drop(live);
    }

    #[test]
    fn unknown_group_is_named_in_error() {
        assert!(group_id("no-such-group").unwrap_err().to_string().contains("'no-such-group'"));
    }
}
