//! Facts about the board: temperature and identity.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::files::read_bounded;

/// Directory of the temperature sensors.
pub const THERMAL_ROOT: &str = "/sys/class/thermal";

/// Maximum number of sensors read; an RK3588 has seven.
const SENSORS_MAX: usize = 64;

/// Longest file read, in bytes; all of them hold one short line.
const FACT_BYTES_MAX: u64 = 256;

/// Plausible temperatures in millidegrees Celsius; drivers report others for a sensor that is switched off or broken.
const PLAUSIBLE_MILLICELSIUS: std::ops::RangeInclusive<i32> = -60_000..=200_000;

/// Returns the highest temperature of all sensors, in degrees Celsius; `None` if no sensor works. `root` is
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

/// Returns an id of this machine of 12 hexadecimal digits, the same after every start: a hash of the board's serial
/// number, or else of the installation's machine id. Neither can be derived from it. `None` if the machine has neither;
/// the caller then generates one with [`random_id`] and stores it. `root` is `/` except in tests.
#[must_use]
pub fn machine_id(root: &Path) -> Option<String> {
    // Strings of a device tree end with a zero byte. A serial number of zeros means that none was programmed, and
    // "uninitialized" is what machine-id(5) contains during the first boot.
    ["proc/device-tree/serial-number", "etc/machine-id"].iter().find_map(|file| {
        let text = read_bounded(&root.join(file), FACT_BYTES_MAX).ok()?;
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
        let meaningful = !text.is_empty() && text != "uninitialized" && text.bytes().any(|byte| byte != b'0');
        // The machine id is confidential: only a keyed hash of it may leave the machine; see machine-id(5).
        meaningful.then(|| hexadecimal(&Sha256::digest([b"crier ", text.as_bytes()].concat())[..6]))
    })
}

/// Returns a random id of the same form as [`machine_id`]; `None` if the system has no random bytes.
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
