//! A copy of the log in a file of bounded size, for those who can read neither the console nor a journal.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file, after which the next one begins. With the one before, which is kept, some thousand lines: hours of
/// a busy appliance; in the image the files are in memory.
const FILE_BYTES_MAX: usize = 512 * 1024;

/// Standard error, and a file beside it.
pub(crate) struct CopiedLog {
    path: PathBuf,
    file: Option<File>,
    bytes: usize,
}

impl CopiedLog {
    pub(crate) fn new(path: &Path) -> Self {
        // The full size, so that the first line makes the first file, and keeps that of the run before.
        Self { path: path.to_owned(), file: None, bytes: FILE_BYTES_MAX }
    }

    fn copy(&mut self, line: &[u8]) -> io::Result<()> {
        if self.bytes >= FILE_BYTES_MAX {
            self.bytes = 0;
            let mut old = self.path.clone().into_os_string();
            old.push(".old");
            // At the first line of all there is no file to keep.
            let _ = std::fs::rename(&self.path, old);
            self.file = Some(File::create(&self.path)?);
        }
        self.bytes += line.len();
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(line))
    }
}

impl Write for CopiedLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // First, since standard error may be a console that is slow or gone. A copy that fails has nowhere to be told.
        let _ = self.copy(line);
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_hold_the_latest_lines_and_never_grow_beyond_their_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = CopiedLog::new(&path);
        for number in 0..30_000 {
            log.copy(format!("level=info msg=\"line {number}\" {}\n", "x".repeat(40)).as_bytes()).unwrap();
        }
        let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(size("log.old") < FILE_BYTES_MAX as u64 + 200 && size("log") < FILE_BYTES_MAX as u64 + 200);
        assert!(std::fs::read_to_string(&path).unwrap().contains("line 29999"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        CopiedLog::new(&path).copy(b"another run\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"another run\n");
        assert!(std::fs::read_to_string(folder.path().join("log.old")).unwrap().contains("line 29999"));
    }
}
