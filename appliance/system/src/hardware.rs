//! What the board tells about itself: how warm it is, and which one it is.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::files::read_bounded;

/// Where Linux describes its temperature sensors.
pub const THERMAL_ROOT: &str = "/sys/class/thermal";

/// Number of sensors that are read at most.
const SENSORS_MAX: usize = 64;

/// The longest file about the hardware that is read, in bytes.
const FACT_BYTES_MAX: u64 = 256;

/// Temperatures outside of this are a sensor's fault and count as none, in millidegrees Celsius.
const PLAUSIBLE_MILLICELSIUS: std::ops::RangeInclusive<i32> = -60_000..=200_000;

/// The highest temperature of all sensors, in degrees Celsius; `None` when there is no sensor that works. `root` is
/// [`THERMAL_ROOT`] except in tests.
#[must_use]
pub fn temperature_celsius(root: &Path) -> Option<f64> {
    let zones = std::fs::read_dir(root).ok()?.flatten();
    let zones = zones.filter(|zone| zone.file_name().as_encoded_bytes().starts_with(b"thermal_zone"));
    let highest = zones
        .take(SENSORS_MAX)
        .filter_map(|zone| read_bounded(&zone.path().join("temp"), FACT_BYTES_MAX).ok()?.trim().parse().ok())
        .filter(|temperature| PLAUSIBLE_MILLICELSIUS.contains(temperature))
        .max()?;
    Some(f64::from(highest) / 1000.0)
}

/// A name for this machine of 12 hexadecimal digits, the same after every start: made from the board's serial number,
/// or else from the installation's machine id. Neither can be told from the name. `None` when the machine has
/// neither; then the caller makes one up with [`random_id`] and keeps it. `root` is `/` except in tests.
#[must_use]
pub fn machine_id(root: &Path) -> Option<String> {
    // A device tree's texts end with a zero byte.
    ["proc/device-tree/serial-number", "etc/machine-id"].iter().find_map(|file| {
        let text = read_bounded(&root.join(file), FACT_BYTES_MAX).ok()?;
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
        let meaningful = !text.is_empty() && text != "uninitialized" && text.bytes().any(|byte| byte != b'0');
        // Machine ids must not leave the machine as they are; see machine-id(5).
        meaningful.then(|| hexadecimal(&Sha256::digest([b"crier ", text.as_bytes()].concat())[..6]))
    })
}

/// A random name of the same form as [`machine_id`]'s; `None` when the system gives no random bytes.
#[must_use]
pub fn random_id() -> Option<String> {
    let mut bytes = [0_u8; 6];
    // SAFETY: the kernel writes at most the length of `bytes` into it.
    #[allow(unsafe_code)]
    let given = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    (usize::try_from(given) == Ok(bytes.len())).then(|| hexadecimal(&bytes))
}

/// Returns `bytes` as lower-case hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warmest_sensor_counts_and_faulty_ones_do_not() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(temperature_celsius(root.path()), None);
        let sensors = [
            ("thermal_zone0", "46230\n"),
            ("thermal_zone1", "61000\n"),
            ("thermal_zone2", "-274000\n"),
            ("thermal_zone3", "255000\n"),
            ("thermal_zone4", "warm"),
            ("thermal_zone5", ""),
            ("cooling_device0", "90000\n"),
        ];
        for (name, content) in sensors {
            std::fs::create_dir(root.path().join(name)).unwrap();
            std::fs::write(root.path().join(name).join("temp"), content).unwrap();
        }
        assert_eq!(temperature_celsius(root.path()), Some(61.0));
        assert_eq!(temperature_celsius(Path::new("/no/such/folder")), None);
    }

    #[test]
    fn a_machine_is_named_after_its_serial_number_or_else_its_installation() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(machine_id(root.path()), None);
        std::fs::create_dir_all(root.path().join("proc/device-tree")).unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        for nothing in ["", "\n", "uninitialized\n", "0000000000000000\n"] {
            std::fs::write(root.path().join("etc/machine-id"), nothing).unwrap();
            assert_eq!(machine_id(root.path()), None, "{nothing:?}");
        }
        std::fs::write(root.path().join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
        let installation = machine_id(root.path()).unwrap();
        assert!(!"0123456789abcdef0123456789abcdef".contains(&installation));
        std::fs::write(root.path().join("proc/device-tree/serial-number"), "a1b2c3d4e5f60718\0").unwrap();
        let board = machine_id(root.path()).unwrap();
        assert_ne!(board, installation);
        assert_eq!(machine_id(root.path()), Some(board.clone()), "always the same");
        assert!(board.len() == 12 && board.bytes().all(|byte| byte.is_ascii_hexdigit()), "{board}");
    }

    #[test]
    fn random_names_differ() {
        assert_eq!(random_id().unwrap().len(), 12);
        assert_ne!(random_id(), random_id());
    }
}
