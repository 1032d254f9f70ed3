//! Small files that the kernel, an administrator or another program writes, read within a bound.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reads the text of a regular file of at most `bytes_max` bytes. Never blocks on a FIFO without a writer.
///
/// # Errors
/// Those of opening and reading; [`io::ErrorKind::InvalidInput`] for anything but a regular file;
/// [`io::ErrorKind::FileTooLarge`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<String> {
    // O_NONBLOCK: opening a FIFO would otherwise wait for a writer. It has no effect on regular files.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = String::new();
    // The size in the metadata is no bound: files of /proc and /sys say 0 or 4096, and a file may grow meanwhile.
    let bytes = file.take(bytes_max.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max) {
        Ok(text)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {bytes_max} bytes")))
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn a_fifo_is_refused_at_once_instead_of_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert_eq!(read_bounded(&fifo, 100).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "secret").unwrap();
        assert_eq!(read_bounded(&file, 6).unwrap(), "secret");
        assert_eq!(read_bounded(&file, 5).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
