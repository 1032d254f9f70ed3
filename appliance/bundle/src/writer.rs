//! Writes bundles atomically.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::open::{FORMAT, sha256_hex};
use crate::{BundleError, FileEntry, MANIFEST_NAME, Manifest, Role, TableFormat};

/// Attempts to remove a folder that another thread writes into: each one removes all files that were there at its
/// start.
const ABANDON_ATTEMPTS: usize = 10;

/// A bundle under construction: a hidden folder beside its target, removed unless [`BundleWriter::finish`] succeeds.
#[derive(Debug)]
pub struct BundleWriter {
    target: PathBuf,
    partial: PathBuf,
    replace: bool,
    files: Vec<FileEntry>,
    finished: bool,
}

impl BundleWriter {
    /// Starts a bundle for the folder `target`. An existing bundle is replaced only if `replace` is set; a folder
    /// that is not a bundle is never replaced.
    ///
    /// # Errors
    /// [`BundleError::Exists`], [`BundleError::Foreign`] or [`BundleError::Write`].
    pub fn create(target: &Path, replace: bool) -> Result<Self, BundleError> {
        restore_old(target);
        let replaceable = replace && target.join(MANIFEST_NAME).is_file();
        let path = || target.to_path_buf();
        if target.exists() && !replaceable && !is_empty_folder(target) {
            // The option is no remedy for a folder that it would not replace.
            let is_bundle = target.join(MANIFEST_NAME).is_file();
            return Err(if is_bundle {
                BundleError::Exists { path: path() }
            } else {
                BundleError::Foreign { path: path() }
            });
        }
        remove_litter(target);
        let partial = partial_of(target, std::process::id());
        let wrap = |source| BundleError::Write { path: partial.clone(), source };
        std::fs::create_dir_all(&partial).map_err(wrap)?;
        Ok(Self {
            target: target.to_path_buf(),
            partial,
            replace: replaceable,
            files: Vec::new(),
            finished: false,
        })
    }

    /// Returns the path for writing a file of the bundle, before [`BundleWriter::add`] lists it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Lists a file that was written to [`BundleWriter::path`].
    ///
    /// # Errors
    /// [`BundleError::Read`] if it does not exist.
    pub fn add(&mut self, role: Role, name: &str, format: Option<TableFormat>) -> Result<(), BundleError> {
        let path = self.path(name);
        let mut bytes = 0;
        let sha256 = sha256_hex(&path, &mut |count| bytes += count)?;
        self.files.push(FileEntry { role, path: name.to_owned(), bytes, sha256, format });
        Ok(())
    }

    /// Writes the manifest, whose format and file list are filled in here, syncs all files to the disk, and renames the
    /// folder to its target.
    ///
    /// # Errors
    /// [`BundleError::Write`] names the file; no partial bundle remains.
    pub fn finish(mut self, mut manifest: Manifest) -> Result<Manifest, BundleError> {
        manifest.format = FORMAT;
        manifest.file = std::mem::take(&mut self.files);
        let path = self.path(MANIFEST_NAME);
        let wrap = |path: &Path, source| BundleError::Write { path: path.to_path_buf(), source };
        let text = toml::to_string_pretty(&manifest)
            .map_err(|source| BundleError::ManifestText { path: path.clone(), source })?;
        std::fs::write(&path, text).map_err(|e| wrap(&path, e))?;
        // All files, also those that other libraries have written without syncing.
        for entry in std::fs::read_dir(&self.partial).map_err(|e| wrap(&self.partial, e))? {
            let file = entry.map_err(|e| wrap(&self.partial, e))?.path();
            File::open(&file).and_then(|f| f.sync_all()).map_err(|e| wrap(&file, e))?;
        }
        // Not between the two renames: an interrupt would leave nothing under the name.
        let _renaming = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
        // A folder cannot be renamed over one that is not empty: the old bundle moves aside first.
        if self.replace {
            let old = old_of(&self.target);
            std::fs::rename(&self.target, &old).map_err(|e| wrap(&self.target, e))?;
            std::fs::rename(&self.partial, &self.target).map_err(|e| wrap(&self.target, e))?;
            std::fs::remove_dir_all(&old).map_err(|e| wrap(&old, e))?;
        } else {
            std::fs::rename(&self.partial, &self.target).map_err(|e| wrap(&self.target, e))?;
        }
        // From here on nothing partial is left that `drop` would have to remove.
        self.finished = true;
        // The rename itself is durable only when the parent folder is synced.
        let parent = self.target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|f| f.sync_all()).map_err(|e| wrap(parent, e))?;
        Ok(manifest)
    }
}

/// Held while a finished bundle gets its name.
static RENAMING: Mutex<()> = Mutex::new(());

/// Removes what this process has begun to write for the folder `target`, before it ends at a signal.
pub fn abandon(target: &Path) {
    let _renaming = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
    let partial = partial_of(target, std::process::id());
    // Another thread may still be writing into it; without the folder it cannot go on.
    for _ in 0..ABANDON_ATTEMPTS {
        match std::fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
}

fn name_of(target: &Path) -> String {
    target.file_name().map_or_else(|| "voice".into(), |name| name.to_string_lossy().into_owned())
}

/// Folder of a bundle under construction: beside the target, since a rename does not cross file systems.
fn partial_of(target: &Path, process: u32) -> PathBuf {
    target.with_file_name(format!(".{}.partial-{process}", name_of(target)))
}

/// Folder of a bundle that is being replaced.
fn old_of(target: &Path) -> PathBuf {
    target.with_file_name(format!(".{}.old", name_of(target)))
}

/// Gives a bundle its name back that a conversion had moved aside when it was killed, or removes it if the new one
/// has it.
fn restore_old(target: &Path) {
    let old = old_of(target);
    if old.join(MANIFEST_NAME).is_file() {
        // Best effort, as in the removal of litter: what cannot be moved is reported when the target is written.
        let _ = if target.exists() { std::fs::remove_dir_all(&old) } else { std::fs::rename(&old, target) };
    }
}

/// Removes what conversions for the same target have left that were killed.
fn remove_litter(target: &Path) {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!(".{}.partial-", name_of(target));
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok());
        // Of a process that runs it may still be needed; its own number can only be that of an earlier process.
        let is_litter = process.is_some_and(|process| {
            process == std::process::id() || !Path::new("/proc").join(process.to_string()).exists()
        });
        if is_litter {
            // A leftover hidden folder costs space and nothing else.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for BundleWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: a leftover hidden folder has no effect.
            let _ = std::fs::remove_dir_all(&self.partial);
        }
    }
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_bundle_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("voice");
        let writer = BundleWriter::create(&target, false).unwrap();
        std::fs::write(writer.path("talker.gguf"), b"x").unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_a_bundle_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("voice");
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("thesis.txt"), b"years of work").unwrap();
        for replace in [false, true] {
            let error = BundleWriter::create(&target, replace).unwrap_err();
            assert!(matches!(error, BundleError::Foreign { .. }), "{error}");
            assert!(error.to_string().contains("no bundle"), "{error}");
        }
        assert!(target.join("thesis.txt").exists());
    }

    #[test]
    fn litter_of_killed_conversions_is_removed_and_a_bundle_that_was_moved_aside_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("voice");
        // No process has this number: it is above the limit of Linux.
        for name in [".voice.partial-4194999", ".voice.partial-1", ".other.partial-4194999", ".voice.old"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join(".voice.old").join(MANIFEST_NAME), "old").unwrap();
        assert!(matches!(BundleWriter::create(&target, false), Err(BundleError::Exists { .. })));
        assert_eq!(std::fs::read(target.join(MANIFEST_NAME)).unwrap(), b"old");
        let writer = BundleWriter::create(&target, true).unwrap();
        abandon(&target);
        drop(writer);
        let mut left: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".other.partial-4194999", ".voice.partial-1", "voice"]);
    }
}
