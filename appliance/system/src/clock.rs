//! Clocks that cannot be set, and the boot id that makes their times comparable.

use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::SystemError;
use crate::files::read_bounded;

/// File with the boot id.
const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// Longest boot id, in bytes; Linux writes 36 and a line feed.
const BOOT_ID_BYTES_MAX: u64 = 64;

/// Returns the time since the machine was started, including suspension, in milliseconds. Neither setting the clock nor
/// an empty battery of the real-time clock changes it.
#[must_use]
pub fn uptime_ms() -> u64 {
    milliseconds(ClockId::CLOCK_BOOTTIME)
}

/// Returns the time that has passed while the machine was not suspended, in milliseconds; for deadlines and intervals.
#[must_use]
pub fn monotonic_ms() -> u64 {
    milliseconds(ClockId::CLOCK_MONOTONIC)
}

/// Returns the id of this boot. Values of [`uptime_ms`] can be compared only within one boot.
///
/// # Errors
/// [`SystemError::Read`]: `/proc` is not mounted.
pub fn boot_id() -> Result<String, SystemError> {
    read_boot_id(Path::new(BOOT_ID_PATH))
}

fn read_boot_id(path: &Path) -> Result<String, SystemError> {
    let refused = |source| SystemError::Read { path: path.to_path_buf(), source };
    let id = read_bounded(path, BOOT_ID_BYTES_MAX).map_err(refused)?.trim().to_owned();
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return Ok(id);
    }
    Err(refused(std::io::Error::new(std::io::ErrorKind::InvalidData, "not a boot id")))
}

fn milliseconds(clock: ClockId) -> u64 {
    // Every kernel has both clocks, so the call cannot fail.
    let time = clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_forward() {
        let before = (uptime_ms(), monotonic_ms());
        std::thread::sleep(Duration::from_millis(20));
        let after = (uptime_ms(), monotonic_ms());
        assert!(before.0 > 0 && after.0 >= before.0 + 20 && after.1 >= before.1 + 20, "{before:?} {after:?}");
    }

    #[test]
    fn the_boot_has_one_name_and_a_wrong_one_is_refused() {
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
        assert_eq!(boot_id().unwrap().len(), 36);
        let file = tempfile::NamedTempFile::new().unwrap();
        for wrong in ["", "\n", "not hexadecimal", &"0".repeat(65)] {
            std::fs::write(file.path(), wrong).unwrap();
            let error = read_boot_id(file.path()).unwrap_err().to_string();
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
        assert!(read_boot_id(Path::new("/dev/zero")).is_err());
    }
}
