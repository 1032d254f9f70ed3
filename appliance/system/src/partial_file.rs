//! A file that a command writes: under a temporary name beside the final one, until it is complete.

use std::io;
use std::path::{Path, PathBuf};

/// Links that are followed to a file that is not there yet, as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// Names of a file that is written under a temporary one, so that the final one never holds half of it, not even after
/// `kill -9`. Removed on drop unless completed; nothing else ever is.
#[derive(Debug)]
pub struct PartialFile {
    temporary: PathBuf,
    path: PathBuf,
}

impl PartialFile {
    /// Returns none for what must be written in place: standard output, a device, a FIFO.
    #[must_use]
    pub fn new(path: &Path) -> Option<Self> {
        if path == Path::new("-") || std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return None;
        }
        // A symbolic link stays one: what it leads to is replaced, or made where it is not there yet.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| behind_links(path));
        let mut temporary = path.clone().into_os_string();
        temporary.push(format!(".{}.part", std::process::id()));
        Some(Self { temporary: temporary.into(), path })
    }

    /// Path to write to.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// Those of the renaming; the file under the temporary name is removed.
    pub fn complete(self) -> io::Result<()> {
        std::fs::rename(&self.temporary, &self.path)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // Absent after completion, or when it could not even be created.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// Returns the path that a dangling link leads to in the end.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = std::fs::read_link(&path) else { break };
        // A relative target is relative to the folder of the link; `join` takes an absolute one as it is.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_links_whether_they_dangle_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::os::unix::fs::symlink("sub/second", at("first")).unwrap();
        std::os::unix::fs::symlink("../target.wav", at("sub/second")).unwrap();
        for text in ["new", "newer"] {
            let partial = PartialFile::new(&at("first")).unwrap();
            std::fs::write(partial.temporary(), text).unwrap();
            partial.complete().unwrap();
            assert_eq!(std::fs::read_to_string(at("target.wav")).unwrap(), text);
            assert!(std::fs::symlink_metadata(at("first")).unwrap().is_symlink());
        }
        assert!(PartialFile::new(Path::new("/dev/null")).is_none());
    }
}
