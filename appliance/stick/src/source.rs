//! Files of a stick, opened name by name from a descriptor of its root, so that no link leads out of it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::path::StickPath;

/// Entries of a folder that are looked at; a stick for the appliance has a handful, a stick full of music thousands.
const ENTRIES_MAX: usize = 1000;
/// Links are refused, and a FIFO or device of an ext4 stick must not make `open` wait.
const SAFE: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// A mounted stick, or a folder in its place.
#[derive(Debug)]
pub struct Stick {
    root: OwnedFd,
}

/// Kind of a folder's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Its size.
        bytes: u64,
    },
    /// A folder.
    Folder,
    /// A link, device, FIFO or socket.
    Other,
}

/// Name and kind of a folder's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickEntry {
    /// Name as it is on the stick.
    pub name: String,
    /// Kind.
    pub kind: EntryKind,
}

/// Root of a stick, and the entries of those folders in it that have a meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StickListing {
    /// Entries of the root.
    pub root: Vec<StickEntry>,
    /// Entries of each folder with a meaning, by its name as it is on the stick.
    pub folders: Vec<(String, Vec<StickEntry>)>,
}

impl Stick {
    /// Opens the folder that the stick is mounted at.
    ///
    /// # Errors
    /// It cannot be opened, or is no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path, flags, Mode::empty())?;
        Ok(Self { root })
    }

    /// Lists the root, and the folders in it that `wanted` accepts.
    ///
    /// # Errors
    /// The stick cannot be read.
    pub fn list(&self, wanted: impl Fn(&str) -> bool) -> io::Result<StickListing> {
        let root = list_folder(openat(&self.root, ".", OFlag::O_DIRECTORY | SAFE, Mode::empty())?)?;
        // Only those with a meaning: a stick may have a hundred thousand photographs as well.
        let mut folders = Vec::new();
        for entry in root.iter().filter(|entry| entry.kind == EntryKind::Folder && wanted(&entry.name)) {
            folders.push((entry.name.clone(), list_folder(self.folder(&entry.name)?)?));
        }
        Ok(StickListing { root, folders })
    }

    /// Opens a regular file; returns it with its size.
    ///
    /// # Errors
    /// It is not there, is no regular file, or cannot be opened.
    pub fn file(&self, path: &StickPath) -> io::Result<(File, u64)> {
        let name = path.name.as_str();
        let opened = match &path.folder {
            Some(folder) => openat(self.folder_along(folder)?, name, SAFE, Mode::empty())?,
            None => openat(&self.root, name, SAFE, Mode::empty())?,
        };
        // Of the open file: the name may stand for another one by now.
        let about = fstat(&opened)?;
        if kind_of(&about) != SFlag::S_IFREG {
            return Err(Errno::EINVAL.into());
        }
        Ok((File::from(opened), u64::try_from(about.st_size).unwrap_or(0)))
    }

    /// Writes a file into the root, or into a folder of it that is made if it is not there, in the place of one of the
    /// same name.
    ///
    /// # Errors
    /// The stick cannot be written.
    pub fn write(&self, path: &StickPath, bytes: &[u8]) -> io::Result<()> {
        match &path.folder {
            None => write_new(&self.root, &path.name, bytes),
            Some(folder) => {
                match mkdirat(&self.root, folder.as_str(), Mode::from_bits_truncate(0o755)) {
                    // Opened below as a folder and without following links, whatever is there.
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                write_new(&self.folder(folder)?, &path.name, bytes)
            }
        }
    }

    /// Removes a file of the root if it is there.
    ///
    /// # Errors
    /// The stick cannot be written.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.root, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a folder of folders: its parts are separated by `/`.
    fn folder_along(&self, path: &str) -> io::Result<OwnedFd> {
        let mut parts = path.split('/');
        let mut folder = self.folder(parts.next().unwrap_or_default())?;
        for part in parts {
            folder = openat(&folder, part, OFlag::O_DIRECTORY | SAFE, Mode::empty())?;
        }
        Ok(folder)
    }

    fn folder(&self, name: &str) -> io::Result<OwnedFd> {
        Ok(openat(&self.root, name, OFlag::O_DIRECTORY | SAFE, Mode::empty())?)
    }
}

fn list_folder(folder: OwnedFd) -> io::Result<Vec<StickEntry>> {
    let mut folder = Dir::from_fd(folder)?;
    // Names first: the iterator borrows the folder, whose descriptor the look at each entry needs.
    let mut names = Vec::new();
    for entry in folder.iter() {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
        if names.len() == ENTRIES_MAX {
            break;
        }
    }
    let mut entries = Vec::new();
    for name in names {
        let kind = match fstatat(folder.as_fd(), name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(about) => match kind_of(&about) {
                SFlag::S_IFREG => EntryKind::File { bytes: u64::try_from(about.st_size).unwrap_or(0) },
                SFlag::S_IFDIR => EntryKind::Folder,
                _ => EntryKind::Other,
            },
            // Removed meanwhile.
            Err(Errno::ENOENT) => continue,
            Err(error) => return Err(error.into()),
        };
        // A name that is not in UTF-8 has no valid characters left, and is refused as such.
        let name = OsStr::from_bytes(name.to_bytes()).to_string_lossy().into_owned();
        entries.push(StickEntry { name, kind });
    }
    // The order of a directory is that of writing; the same stick is to be taken in the same order each time.
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn kind_of(about: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(about.st_mode & SFlag::S_IFMT.bits())
}

fn write_new(folder: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    // Removed and made anew instead of overwritten: a link of that name would lead the bytes elsewhere.
    match unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | SAFE;
    let mut file = File::from(openat(&folder, name, flags, Mode::from_bits_truncate(0o644))?);
    file.write_all(bytes)?;
    // The owner pulls the stick out as soon as the sentence is heard.
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_neither_followed_nor_written_through() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let link =
            |target: &Path, name: &str| std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        link(&outside.path().join("secret"), "crier.toml");
        link(&outside.path().join("secret"), "crier-errors.txt");
        link(outside.path(), "voices");
        let stick = Stick::open(folder.path()).unwrap();
        let listing = stick.list(|_| true).unwrap();
        assert!(listing.root.iter().all(|entry| entry.kind == EntryKind::Other), "{listing:?}");
        assert!(stick.file(&StickPath::root("crier.toml")).is_err());
        assert!(stick.file(&StickPath::new("voices", "secret")).is_err());
        assert!(stick.write(&StickPath::new("voices", "new"), b"x").is_err());
        stick.write(&StickPath::root("crier-errors.txt"), b"errors").unwrap();
        assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
        assert_eq!(std::fs::read(folder.path().join("crier-errors.txt")).unwrap(), b"errors");
    }

    #[test]
    fn fifo_is_no_file_and_opening_it_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&folder.path().join("crier.toml"), Mode::S_IRUSR).unwrap();
        let stick = Stick::open(folder.path()).unwrap();
        assert!(stick.file(&StickPath::root("crier.toml")).is_err());
    }
}
