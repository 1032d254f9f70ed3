//! Files beside the journal with what this program cannot read: `journal.quarantine-N`.
//!
//! They hold frames of another version, as after the rollback of an A/B slot, and damaged bytes. A program that knows
//! the frames takes the announcements back at its start; what nothing can read stays until an administrator removes it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crier_announce::{JournalReader, Record};
use crier_system::{AppendFile, SystemError};

/// Number of files at most. Each start that finds something unreadable makes one, so a program that rolls back again
/// and again would fill the disk without this limit.
const FILES_MAX: usize = 8;

/// Bytes of all files at most, and of each journal that is read: more than a full queue and the ids of a day.
pub(crate) const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Extension of the files' names, before the number.
const EXTENSION: &str = "quarantine-";

/// Content of a journal or of a quarantine file.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Records in the order of the file.
    pub(crate) records: Vec<Record>,
    /// Bytes of these records.
    pub(crate) sound: Vec<u8>,
    /// Bytes to set aside: skipped ones, and all `ended` records. The latter keep the announcements among the skipped
    /// ones that have ended from being taken back.
    pub(crate) aside: Vec<u8>,
    /// Number of skipped records, without a torn tail.
    pub(crate) skipped: usize,
}

impl Contents {
    /// Reads `bytes`, which come from `path`, and logs what is skipped.
    pub(crate) fn read(path: &Path, bytes: &[u8]) -> Self {
        let (mut contents, mut reader) = (Self::default(), JournalReader::new(bytes));
        loop {
            let begin = reader.offset();
            let Some(item) = reader.next() else { break };
            let frame = bytes.get(begin..reader.offset()).unwrap_or_default();
            match item {
                Ok(record) => {
                    if matches!(record, Record::Ended { .. }) {
                        contents.aside.extend(frame);
                    }
                    contents.records.push(record);
                    contents.sound.extend(frame);
                }
                // Nothing in a torn record was ever acknowledged, so it is worth no copy.
                Err(corrupt) if corrupt.is_torn_tail() => {
                    tracing::warn!(path = %path.display(), %corrupt, "cut off the torn end of the journal");
                }
                Err(corrupt) => {
                    // The first says it all, and a foreign journal can have thousands.
                    if contents.skipped == 0 {
                        tracing::error!(path = %path.display(), %corrupt, "skipped a journal record");
                    }
                    contents.skipped += 1;
                    contents.aside.extend(frame);
                }
            }
        }
        if contents.skipped == 0 {
            contents.aside.clear();
        }
        contents
    }
}

/// The quarantine files of one journal.
#[derive(Debug)]
pub(crate) struct Quarantine {
    journal: PathBuf,
    /// Numbers of the files, oldest first.
    numbers: Vec<u64>,
}

impl Quarantine {
    /// Finds the files of `journal`.
    pub(crate) fn find(journal: &Path) -> Self {
        let prefix = format!("{}.{EXTENSION}", journal.file_name().unwrap_or_default().to_string_lossy());
        let number = |name: &OsStr| name.to_str()?.strip_prefix(&prefix)?.parse().ok();
        let folder = journal.parent().map(std::fs::read_dir);
        let entries = folder.into_iter().flatten().flatten().flatten();
        let mut numbers: Vec<u64> = entries.filter_map(|entry| number(&entry.file_name())).collect();
        numbers.sort_unstable();
        Self { journal: journal.to_owned(), numbers }
    }

    /// Paths of the files, oldest first.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.numbers.iter().map(|number| self.path(*number)).collect()
    }

    /// Stores `bytes` in a new file and returns its path. Removes the oldest files if there are too many.
    pub(crate) fn set_aside(&mut self, bytes: &[u8]) -> Result<PathBuf, SystemError> {
        // A crash before the journal was rewritten leaves a file with these bytes.
        if let Some(path) = self.paths().into_iter().find(|path| read(path).is_ok_and(|other| other == bytes))
        {
            return Ok(path);
        }
        let total = |quarantine: &Self| quarantine.paths().iter().map(|path| len_bytes(path)).sum::<u64>();
        while self.numbers.len() >= FILES_MAX
            || (!self.numbers.is_empty() && total(self) + bytes.len() as u64 > BYTES_MAX)
        {
            let number = self.numbers.remove(0);
            let oldest = self.path(number);
            tracing::error!(path = %oldest.display(), "removed the oldest quarantine file: there are too many");
            remove(&oldest);
        }
        let number = self.numbers.last().map_or(1, |last| last.saturating_add(1));
        let path = self.path(number);
        crier_system::replace_file(&path, bytes)?;
        self.numbers.push(number);
        Ok(path)
    }

    /// Reduces a file to what could not be read of it; removes it if that is nothing.
    pub(crate) fn keep(&mut self, path: &Path, unreadable: &[u8]) {
        // `set_aside` may have removed it since it was read.
        if !self.paths().iter().any(|known| known == path) {
            return;
        }
        if !unreadable.is_empty() {
            if len_bytes(path) != unreadable.len() as u64
                && let Err(error) = crier_system::replace_file(path, unreadable)
            {
                tracing::warn!(%error, "cannot shorten a quarantine file");
            }
            return;
        }
        tracing::info!(path = %path.display(), "this version knows all records of a quarantine file; removing it");
        remove(path);
        self.numbers = Self::find(&self.journal).numbers;
    }

    /// Message for the status while there are files.
    pub(crate) fn problem(&self) -> Option<String> {
        let first = self.path(*self.numbers.first()?);
        let (files, noun) = (self.numbers.len(), if self.numbers.len() == 1 { "file" } else { "files" });
        Some(format!(
            "records that this version cannot read are set aside in {} ({files} {noun}); start the version that wrote \
             them, or remove what is not needed",
            first.display()
        ))
    }

    fn path(&self, number: u64) -> PathBuf {
        let mut name = self.journal.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{EXTENSION}{number}"));
        self.journal.with_file_name(name)
    }
}

/// Reads a whole quarantine file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, SystemError> {
    // `AppendFile` refuses links and everything but regular files.
    AppendFile::open(path)?.read(BYTES_MAX)
}

fn len_bytes(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove a quarantine file");
    }
}
