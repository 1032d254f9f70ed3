//! Writes bundles atomically.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::open::{FORMAT, sha256_hex};
use crate::{BundleError, FileEntry, MANIFEST_NAME, Manifest, Role, TableFormat};

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
    /// [`BundleError::Exists`] or [`BundleError::Write`].
    pub fn create(target: &Path, replace: bool) -> Result<Self, BundleError> {
        let replaceable = replace && target.join(MANIFEST_NAME).is_file();
        if target.exists() && !replaceable && !is_empty_folder(target) {
            return Err(BundleError::Exists { path: target.to_path_buf() });
        }
        let name = target.file_name().map_or_else(|| "voice".into(), |n| n.to_string_lossy().into_owned());
        // Beside the target: a rename does not cross file systems.
        let partial = target.with_file_name(format!(".{name}.partial-{}", std::process::id()));
        let wrap = |source| BundleError::Write { path: partial.clone(), source };
        // Left by a conversion with the same process id that was killed.
        if partial.exists() {
            std::fs::remove_dir_all(&partial).map_err(wrap)?;
        }
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
        // A folder cannot be renamed over one that is not empty: the old bundle moves aside first.
        if self.replace {
            let old = self.partial.with_extension("old");
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
            assert!(matches!(BundleWriter::create(&target, replace), Err(BundleError::Exists { .. })));
        }
        assert!(target.join("thesis.txt").exists());
    }
}
