//! Files that survive a power cut: replaced as a whole, or appended to record by record. A file never holds half of
//! what was written to it once an error has been returned, as long as the device obeys.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::SystemError;

/// Permissions of files that are made here: the owner's alone, since they may hold announced text.
const FILE_MODE: u32 = 0o600;

/// Replaces the content of the file by `bytes`, or leaves the file as it was; readers never see a part of them. Returns
/// when they would survive a power cut.
///
/// # Errors
/// [`SystemError::StorageFull`], [`SystemError::StorageReadOnly`] or [`SystemError::Store`] name the file.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), SystemError> {
    let replaced = put_in_place(path, bytes, |_| Ok(())).and_then(|_| sync_folder(path));
    replaced.map_err(|error| refused("replace", path, error))
}

/// A file that grows by whole records. It is locked: a second process that opens it is refused.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
    /// Length of the sound and durable part. Bytes behind it are left over from a failed append.
    len_bytes: u64,
    /// True if the file may be longer than `len_bytes`, so that it has to be truncated before it grows.
    has_rest: bool,
}

impl AppendFile {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// [`SystemError::InUse`] when another process has it open as well; else as [`replace_file`].
    pub fn open(path: &Path) -> Result<Self, SystemError> {
        let wrap = |error| refused("open", path, error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .map_err(wrap)?;
        lock(&file).map_err(wrap)?;
        let metadata = file.metadata().map_err(wrap)?;
        if !metadata.is_file() {
            return Err(wrap(io::Error::from(Errno::EINVAL)));
        }
        if metadata.ino() != std::fs::symlink_metadata(path).map_err(wrap)?.ino() {
            // Its owner has replaced it between the two calls above, so the lock is on a file without a name.
            return Err(SystemError::InUse { path: path.to_path_buf() });
        }
        sync_folder(path).map_err(wrap)?;
        Ok(Self { path: path.to_path_buf(), file, len_bytes: metadata.len(), has_rest: false })
    }

    /// Bytes of the file, all of them sound.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Everything in the file.
    ///
    /// # Errors
    /// [`SystemError::Store`]: it is longer than `bytes_max`, or the device fails.
    pub fn read(&self, bytes_max: u64) -> Result<Vec<u8>, SystemError> {
        let wrap = |error| refused("read", &self.path, error);
        if self.len_bytes > bytes_max {
            return Err(wrap(io::Error::from(Errno::EFBIG)));
        }
        let length = usize::try_from(self.len_bytes).map_err(|_| wrap(io::Error::from(Errno::EFBIG)))?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, 0).map_err(wrap)?;
        Ok(bytes)
    }

    /// Adds the bytes behind everything that is there; returns when they would survive a power cut. After an error the
    /// file is what it was before, or will be cut to that by the next call.
    ///
    /// # Errors
    /// As [`replace_file`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), SystemError> {
        self.cut_rest()?;
        self.has_rest = true;
        let written = self.file.write_all_at(bytes, self.len_bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // If this fails too, the next call tries again before it writes.
            let _ = self.cut_rest();
            return Err(refused("append to", &self.path, error));
        }
        self.has_rest = false;
        self.len_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Cuts the file to its first `len_bytes` bytes; a longer length than it has changes nothing.
    ///
    /// # Errors
    /// As [`replace_file`].
    pub fn truncate(&mut self, len_bytes: u64) -> Result<(), SystemError> {
        if len_bytes >= self.len_bytes && !self.has_rest {
            return Ok(());
        }
        self.len_bytes = self.len_bytes.min(len_bytes);
        self.has_rest = true;
        self.cut_rest()
    }

    /// Puts `bytes` in the place of everything that is there, as [`replace_file`] does; the lock is kept.
    ///
    /// # Errors
    /// As [`replace_file`]; the file is wholly the old one or wholly the new one then, which [`Self::len_bytes`] tells.
    pub fn replace(&mut self, bytes: &[u8]) -> Result<(), SystemError> {
        let wrap = |error| refused("replace", &self.path, error);
        // From here on the new file is the one that has the name, whatever becomes of the rest.
        self.file = put_in_place(&self.path, bytes, lock).map_err(wrap)?;
        self.len_bytes = bytes.len() as u64;
        self.has_rest = false;
        sync_folder(&self.path).map_err(wrap)
    }

    fn cut_rest(&mut self) -> Result<(), SystemError> {
        if self.has_rest {
            let cut = self.file.set_len(self.len_bytes).and_then(|()| self.file.sync_data());
            cut.map_err(|error| refused("cut", &self.path, error))?;
            self.has_rest = false;
        }
        Ok(())
    }
}

/// Writes a file beside `path`, hands it to `prepare`, and renames it over `path`.
fn put_in_place(path: &Path, bytes: &[u8], prepare: fn(&File) -> io::Result<()>) -> io::Result<File> {
    let new_path = beside(path)?;
    // One left behind by a power cut is in the way, or worse, a link to somewhere else.
    match std::fs::remove_file(&new_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(&new_path)?;
    let placed = prepare(&file)
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&new_path, path));
    if let Err(error) = placed {
        let _ = std::fs::remove_file(&new_path);
        return Err(error);
    }
    Ok(file)
}

/// The hidden name of the new file, in the same folder so that a rename is enough.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(Errno::EISDIR))?;
    let mut new_name = OsString::from(".");
    new_name.push(name);
    new_name.push(".new");
    Ok(path.with_file_name(new_name))
}

/// Makes the name of a file as durable as its content.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => io::Error::from(Errno::EBUSY),
        std::fs::TryLockError::Error(error) => error,
    })
}

/// The error by name, where there is something that can be done about it.
fn refused(operation: &'static str, path: &Path, source: io::Error) -> SystemError {
    let path = path.to_path_buf();
    match source.raw_os_error().map(Errno::from_raw) {
        // A limit on the size of files is a full disk as well, as far as one can tell from here.
        Some(Errno::ENOSPC | Errno::EDQUOT) => SystemError::StorageFull { path },
        Some(Errno::EFBIG) if operation != "read" => SystemError::StorageFull { path },
        Some(Errno::EROFS) => SystemError::StorageReadOnly { path },
        Some(Errno::EBUSY) => SystemError::InUse { path },
        _ => SystemError::Store { operation, path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.toml");
        for content in [&b"first"[..], b"second, longer", b""] {
            replace_file(&path, content).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_waits_where_the_new_file_goes_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join(".state.new")).unwrap();
        replace_file(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&victim).unwrap(), b"untouched");
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn what_cannot_be_replaced_is_named_and_stays() {
        let error = replace_file(Path::new("/no/such/folder/state"), b"x").unwrap_err().to_string();
        assert!(error.contains("/no/such/folder/state"), "{error}");
        assert!(replace_file(Path::new("/"), b"x").is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        std::fs::create_dir(&path).unwrap();
        assert!(replace_file(&path, b"x").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the new file is taken away again");
    }

    #[test]
    fn records_are_appended_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut file = AppendFile::open(&path).unwrap();
        assert_eq!(file.len_bytes(), 0);
        file.append(b"one").unwrap();
        file.append(b"two").unwrap();
        drop(file);
        let mut file = AppendFile::open(&path).unwrap();
        assert_eq!(file.read(6).unwrap(), b"onetwo");
        assert!(file.read(5).is_err(), "longer than the reader takes");
        file.truncate(4).unwrap();
        file.truncate(100).unwrap();
        file.append(b"!").unwrap();
        assert_eq!(file.read(100).unwrap(), b"onet!");
        assert_eq!(std::fs::read(&path).unwrap(), b"onet!");
    }

    #[test]
    fn a_replaced_journal_goes_on_and_stays_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut file = AppendFile::open(&path).unwrap();
        file.append(b"a long history").unwrap();
        for _ in 0..2 {
            file.replace(b"short").unwrap();
            file.append(b"er").unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"shorter");
            let error = AppendFile::open(&path).unwrap_err();
            assert!(matches!(error, SystemError::InUse { .. }), "{error}");
        }
        drop(file);
        assert_eq!(AppendFile::open(&path).unwrap().read(100).unwrap(), b"shorter");
    }

    #[test]
    fn only_a_regular_file_is_a_journal() {
        assert!(AppendFile::open(Path::new("/dev/null")).is_err());
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        assert!(AppendFile::open(&folder.path().join("link")).is_err());
        assert!(AppendFile::open(folder.path()).is_err());
    }
}
