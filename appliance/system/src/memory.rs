//! Memory-mapped files, and the memory and CPU time used by this process.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::SystemError;

/// Read-only memory map of a file; pages are read when they are accessed.
#[derive(Debug)]
pub struct FileMap(memmap2::Mmap);

impl std::ops::Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Maps a whole file read-only.
///
/// # Errors
/// [`SystemError::Map`] names the file.
pub fn map_file(path: &Path) -> Result<FileMap, SystemError> {
    let wrap = |source| SystemError::Map { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(wrap)?;
    // SAFETY: the map is read-only and private to this process. A bundle's files are written once, under another
    // name, and never changed in place (a new bundle replaces the folder); a file that is truncated from outside
    // while it is mapped kills the process with SIGBUS, but cannot corrupt memory.
    #[allow(unsafe_code)]
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(wrap)?;
    Ok(FileMap(map))
}

/// Returns the CPU time that all threads of this process have used so far.
#[must_use]
pub fn process_cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map_or(Duration::ZERO, Duration::from)
}

/// Returns the CPU time that all threads of another process have used so far; zero if it has ended.
#[must_use]
pub fn cpu_time_of(pid: i32) -> Duration {
    let clock = nix::time::clock_getcpuclockid(nix::unistd::Pid::from_raw(pid));
    clock.and_then(nix::time::clock_gettime).map_or(Duration::ZERO, Duration::from)
}

/// Returns the peak resident set size of this process, in bytes; 0 if `/proc` is not mounted.
#[must_use]
pub fn peak_rss_bytes() -> u64 {
    peak_rss_of_status("/proc/self/status")
}

/// Returns the peak resident set size of another process, in bytes; 0 if it has ended.
#[must_use]
pub fn peak_rss_bytes_of(pid: i32) -> u64 {
    peak_rss_of_status(&format!("/proc/{pid}/status"))
}

fn peak_rss_of_status(path: &str) -> u64 {
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_is_its_bytes_and_a_missing_one_is_named() {
        let map = super::map_file(std::path::Path::new("Cargo.toml")).unwrap();
        assert!(map.starts_with(b"[package]"));
        let error = super::map_file(std::path::Path::new("/no/such/file")).unwrap_err().to_string();
        assert!(error.contains("/no/such/file"), "{error}");
    }

    #[test]
    fn use_is_counted() {
        let before = super::process_cpu_time();
        let touched: Vec<u64> = (0..4_000_000).collect();
        assert!(touched.iter().sum::<u64>() > 0);
        assert!(super::process_cpu_time() > before);
        assert!(super::peak_rss_bytes() > 30_000_000);
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(super::cpu_time_of(own) > before);
        assert!(super::peak_rss_bytes_of(own) > 30_000_000);
    }
}
