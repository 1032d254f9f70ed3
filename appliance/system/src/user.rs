//! Whom a process may run as.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, geteuid, getgrouplist};

use crate::SystemError;

/// A user of this machine, with all groups the system has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name, for people.
    pub name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    pub(crate) groups: Vec<Gid>,
}

impl User {
    /// The user of this name; `None`: there is none.
    ///
    /// # Errors
    /// [`SystemError::User`]: the system's list of users or groups cannot be read.
    pub fn find(name: &str) -> Result<Option<Self>, SystemError> {
        let failed = |source| SystemError::User { name: name.to_owned(), source };
        let Some(found) = nix::unistd::User::from_name(name).map_err(failed)? else { return Ok(None) };
        let text = CString::new(name).map_err(|_| failed(nix::Error::EINVAL))?;
        let groups = getgrouplist(&text, found.gid).map_err(failed)?;
        Ok(Some(Self { name: name.to_owned(), uid: found.uid, gid: found.gid, groups }))
    }

    /// Number of its own group.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.gid.as_raw()
    }

    /// Whether this process runs as this user.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.uid == geteuid()
    }
}

/// Whether this process may start others as another user.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}
