//! Users that a process can run as.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, geteuid, getgrouplist};

use crate::SystemError;

/// User of this machine with all its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User name.
    pub name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    pub(crate) groups: Vec<Gid>,
}

impl User {
    /// Looks up a user by name; `None` if there is none.
    ///
    /// # Errors
    /// [`SystemError::User`]: the user or group database cannot be read.
    pub fn find(name: &str) -> Result<Option<Self>, SystemError> {
        let failed = |source| SystemError::User { name: name.to_owned(), source };
        let Some(found) = nix::unistd::User::from_name(name).map_err(failed)? else { return Ok(None) };
        let text = CString::new(name).map_err(|_| failed(nix::Error::EINVAL))?;
        let groups = getgrouplist(&text, found.gid).map_err(failed)?;
        Ok(Some(Self { name: name.to_owned(), uid: found.uid, gid: found.gid, groups }))
    }

    /// Returns the id of the user's primary group.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.gid.as_raw()
    }

    /// Returns true if this process runs as this user.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.uid == geteuid()
    }
}

/// Returns true if this process runs as root, so that it may start processes as other users.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}
