//! The data partition: files are made in a staging folder, synced, and renamed into their place, so that a kill, a
//! power cut or a stick that is pulled out leaves the old one or the new one.
//!
//! Each system call that changes something is a step, and a callback comes before each step: tests end the program
//! there.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use sha2::{Digest, Sha256};

use crate::error::StickError;
use crate::path::StickPath;

/// Folder of files that are not complete yet, on the data partition since a rename does not cross file systems.
const STAGING: &str = "stick/new";
/// Bytes that stay free: journal (8 MiB at most), settings and render cache must go on when a large voice has come.
const RESERVED_BYTES: u64 = 32 << 20;
/// Bytes that are copied at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Owner and permissions of a file on the data partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOwner {
    /// User and group; none for those of this process.
    pub user: Option<(u32, u32)>,
    /// Permissions.
    pub mode: u32,
}

impl FileOwner {
    /// Readable by every stage.
    pub const READABLE: Self = Self { user: None, mode: 0o644 };
    /// Readable by the supervisor only.
    pub const PRIVATE: Self = Self { user: None, mode: 0o600 };
}

/// Callback before a step, with its name; an error ends the operation there.
type BeforeStep<'a> = dyn FnMut(&'static str) -> io::Result<()> + 'a;

/// The folder that outlives reboots and updates.
pub struct DataPartition<'a> {
    root: PathBuf,
    before: Box<BeforeStep<'a>>,
}

impl<'a> DataPartition<'a> {
    /// The data partition that is mounted at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self::with_steps(root, |_| Ok(()))
    }

    /// As [`Self::new`], with a callback before each step.
    #[must_use]
    pub fn with_steps(root: &Path, before: impl FnMut(&'static str) -> io::Result<()> + 'a) -> Self {
        Self { root: root.to_owned(), before: Box::new(before) }
    }

    /// Path of a file, by its name below the root.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Removes what an interrupted run has left behind.
    ///
    /// # Errors
    /// The data partition cannot be written.
    pub fn clear_staging(&mut self) -> Result<(), StickError> {
        let staging = self.path(STAGING);
        self.step("remove", &staging)?;
        match std::fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&staging, error)),
            _ => Ok(()),
        }
    }

    /// Refuses what would fill the partition.
    pub(crate) fn has_space(&self, path: &StickPath, bytes: u64) -> Result<(), StickError> {
        let about =
            nix::sys::statvfs::statvfs(&self.root).map_err(|error| failed(&self.root, error.into()))?;
        let free = about.blocks_available() * about.fragment_size();
        // Of what root may use as well: the supervisor writes as root, and its journal comes first.
        let available = free.saturating_sub(RESERVED_BYTES);
        if bytes > available {
            return Err(StickError::NoSpace { path: path.clone(), bytes, available });
        }
        Ok(())
    }

    /// Makes a folder in the staging folder; returns its path.
    pub(crate) fn stage_folder(&mut self, name: &str) -> Result<PathBuf, StickError> {
        let path = self.path(STAGING).join(name);
        self.make_folder(&path)?;
        Ok(path)
    }

    /// Writes a file into the staging folder; returns its path when it would survive a power cut.
    pub(crate) fn stage_bytes(
        &mut self,
        name: &str,
        bytes: &[u8],
        owner: FileOwner,
    ) -> Result<PathBuf, StickError> {
        let (path, mut file) = self.create(name, owner)?;
        self.step("write", &path)?;
        file.write_all(bytes).map_err(|error| failed(&path, error))?;
        self.step("sync", &path)?;
        file.sync_all().map_err(|error| failed(&path, error))?;
        Ok(path)
    }

    /// Copies a file of the stick, of `bytes` bytes, into the staging folder; returns its path when it would survive a
    /// power cut.
    pub(crate) fn stage_file(
        &mut self,
        name: &str,
        from: &StickPath,
        source: &mut File,
        bytes: u64,
    ) -> Result<PathBuf, StickError> {
        // Readable from the start: nothing in a voice or an update is secret.
        let (path, mut file) = self.create(name, FileOwner::READABLE)?;
        let mut block = vec![0; BLOCK_BYTES];
        let mut rest = bytes;
        while rest > 0 {
            let wanted = usize::try_from(rest).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            let gone = |source| StickError::Read { path: from.clone(), source };
            (self.before)("read").map_err(gone)?;
            let count = source.read(&mut block[..wanted]).map_err(gone)?;
            // Shorter than it said: a damaged file system, or a stick that is written meanwhile.
            if count == 0 {
                return Err(gone(ErrorKind::UnexpectedEof.into()));
            }
            self.step("write", &path)?;
            file.write_all(&block[..count]).map_err(|error| failed(&path, error))?;
            rest -= count as u64;
        }
        // Before the rename: ext4 may otherwise write the name first, and a power cut leaves an empty file under it.
        self.step("sync", &path)?;
        file.sync_all().map_err(|error| failed(&path, error))?;
        Ok(path)
    }

    /// Puts a staged file in the place of another, or in an empty place; returns when it would survive a power cut.
    pub(crate) fn commit_file(&mut self, staged: &Path, place: &Path) -> Result<(), StickError> {
        self.make_parent(place)?;
        self.step("rename", place)?;
        std::fs::rename(staged, place).map_err(|error| failed(place, error))?;
        self.sync_parent(place)
    }

    /// As [`Self::commit_file`], for a folder.
    pub(crate) fn commit_folder(&mut self, staged: &Path, place: &Path) -> Result<(), StickError> {
        // Its own entries before its name.
        self.sync_folder(staged)?;
        self.make_parent(place)?;
        self.step("rename", place)?;
        match std::fs::rename(staged, place) {
            // A folder with files cannot be replaced by a rename, but two folders can change places in one step.
            Err(error)
                if matches!(
                    Errno::from_raw(error.raw_os_error().unwrap_or(0)),
                    Errno::ENOTEMPTY | Errno::EEXIST
                ) =>
            {
                self.step("exchange", place)?;
                renameat2(AT_FDCWD, staged, AT_FDCWD, place, RenameFlags::RENAME_EXCHANGE)
                    .map_err(|error| failed(place, error.into()))?;
            }
            renamed => renamed.map_err(|error| failed(place, error))?,
        }
        // Before the old folder goes: a power cut must not undo the exchange when only its remains are left.
        self.sync_parent(place)?;
        self.step("remove", staged)?;
        match std::fs::remove_dir_all(staged) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(staged, error)),
            _ => Ok(()),
        }
    }

    /// Makes a copy of a file take the place of another. Does nothing if there is no such file.
    pub(crate) fn keep_copy(&mut self, of: &Path, name: &str, place: &Path) -> Result<(), StickError> {
        let bytes = match std::fs::read(of) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(of, error)),
        };
        // A copy and no rename: the configuration must not be missing for a moment.
        let staged = self.stage_bytes(name, &bytes, FileOwner::PRIVATE)?;
        self.commit_file(&staged, place)
    }

    /// Reads a file of the stick of at most `limit` bytes.
    pub(crate) fn read(
        &mut self,
        from: &StickPath,
        source: &mut File,
        limit: u64,
    ) -> Result<Vec<u8>, StickError> {
        let gone = |source| StickError::Read { path: from.clone(), source };
        (self.before)("read").map_err(gone)?;
        let mut bytes = Vec::new();
        // One byte more tells a longer file from one of exactly that length.
        source.take(limit + 1).read_to_end(&mut bytes).map_err(gone)?;
        if bytes.len() as u64 > limit {
            return Err(StickError::TooLarge { path: from.clone(), bytes: bytes.len() as u64, limit });
        }
        Ok(bytes)
    }

    fn create(&mut self, name: &str, owner: FileOwner) -> Result<(PathBuf, File), StickError> {
        let path = self.path(STAGING).join(name);
        self.make_parent(&path)?;
        self.step("create", &path)?;
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| failed(&path, error))?;
        self.step("chmod", &path)?;
        // Before the content comes: a private key is never readable by others, not even while it is staged.
        file.set_permissions(std::fs::Permissions::from_mode(owner.mode))
            .map_err(|error| failed(&path, error))?;
        if let Some((user, group)) = owner.user {
            chown(&path, Some(user), Some(group)).map_err(|error| failed(&path, error))?;
        }
        Ok((path, file))
    }

    fn make_folder(&mut self, path: &Path) -> Result<(), StickError> {
        self.step("mkdir", path)?;
        std::fs::create_dir_all(path).map_err(|error| failed(path, error))
    }

    fn make_parent(&mut self, path: &Path) -> Result<(), StickError> {
        match path.parent() {
            // Its own name has to survive a power cut as well, or the file in it does not.
            Some(parent) if !parent.is_dir() => {
                self.make_folder(parent)?;
                self.sync_parent(parent)
            }
            _ => Ok(()),
        }
    }

    fn sync_parent(&mut self, path: &Path) -> Result<(), StickError> {
        self.sync_folder(path.parent().unwrap_or(Path::new(".")))
    }

    fn sync_folder(&mut self, folder: &Path) -> Result<(), StickError> {
        self.step("sync", folder)?;
        File::open(folder).and_then(|file| file.sync_all()).map_err(|error| failed(folder, error))
    }

    fn step(&mut self, name: &'static str, path: &Path) -> Result<(), StickError> {
        (self.before)(name).map_err(|error| failed(path, error))
    }
}

fn failed(path: &Path, source: io::Error) -> StickError {
    StickError::Write { path: path.to_owned(), source }
}

/// SHA-256 of some pieces, in hexadecimal.
pub(crate) fn hash(pieces: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece);
    }
    crier_system::hexadecimal(&hash.finalize())
}
