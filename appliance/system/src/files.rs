//! Small files that the kernel or another program writes: never trusted to end.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The text of a file of at most `bytes_max` bytes. Never waits on a FIFO that nobody writes to.
pub(crate) fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let mut text = String::new();
    let bytes = file.take(bytes_max.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max) {
        Ok(text)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {bytes_max} bytes")))
    }
}
