//! Speeds of memory and disk, measured in seconds.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use crier_system::{PROCESSORS_ROOT, ProcessorList, clusters, own_processors, pin_thread};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::report::ReportSection;

/// Bytes that each thread copies at once: far more than the caches of any processor here (an RK3588 has 3 MB), and
/// little against the memory of the smallest board.
const COPY_BYTES: usize = 64 << 20;
/// Copies of each measurement. The fastest counts, since disturbances only ever make one slower.
const COPIES: u32 = 5;
/// Length of the file that is written and read.
const FILE_BYTES: usize = 32 << 20;
/// Bytes of one write or read.
const BLOCK_BYTES: usize = 1 << 20;

/// Measures how fast memory is copied, by one CPU and by all of each cluster. Bytes that are read and bytes that are
/// written both count, as in STREAM's Copy; those that a processor reads only because it writes do not.
#[must_use]
pub fn memory_speed() -> ReportSection {
    let mut section = ReportSection::new("Memory");
    let allowed = own_processors().unwrap_or_default();
    for cluster in clusters(Path::new(PROCESSORS_ROOT), &allowed) {
        let mut counts = vec![1, cluster.processors.len()];
        counts.dedup();
        for count in counts {
            let cpus = &cluster.processors[..count.min(cluster.processors.len())];
            let what = format!("copy by CPUs {}", ProcessorList(cpus));
            let speed = copy_speed(cpus).map(|bytes_per_s| format!("{:.1} GB/s", bytes_per_s / 1e9));
            section.row(what, speed, "the threads cannot be started or pinned");
        }
    }
    section
}

/// Bytes per second of all threads together.
fn copy_speed(cpus: &[usize]) -> Option<f64> {
    let copies: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .map(|&cpu| {
                let copy = move || {
                    pin_thread(&[cpu]).ok()?;
                    // By the thread itself: a page belongs to the memory of the CPU that touches it first.
                    let (from, mut to) = (vec![1_u64; COPY_BYTES / 8], vec![0_u64; COPY_BYTES / 8]);
                    (0..COPIES).map(|_| copy_once(&from, &mut to)).min()
                };
                std::thread::Builder::new().spawn_scoped(scope, copy).ok()
            })
            .collect();
        threads.into_iter().map(|thread| thread?.join().ok()?).collect::<Option<Vec<_>>>()
    })?;
    let bytes = 2.0 * COPY_BYTES as f64;
    Some(copies.iter().map(|time| bytes / time.as_secs_f64().max(f64::MIN_POSITIVE)).sum())
}

fn copy_once(from: &[u64], to: &mut [u64]) -> Duration {
    let begin = Instant::now();
    // Opaque to the compiler, which would otherwise leave out a copy that nothing reads.
    black_box(&mut *to).copy_from_slice(black_box(from));
    begin.elapsed()
}

/// Measures how fast a file in `folder` is written to the medium and read from it. The file is removed again.
#[must_use]
pub fn disk_speed(folder: &Path) -> ReportSection {
    let mut section = ReportSection::new("Disk");
    match measure_disk(folder) {
        Ok((write, read)) => {
            let speed = |time: Duration| FILE_BYTES as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE) / 1e6;
            section.value("folder", folder.display().to_string());
            section.value("write, with fsync", format!("{:.0} MB/s", speed(write)));
            section.value("read", format!("{:.0} MB/s", speed(read)));
        }
        Err(error) => section.absent(folder.display().to_string(), error.to_string()),
    }
    section
}

fn measure_disk(folder: &Path) -> io::Result<(Duration, Duration)> {
    let path = folder.join(format!(".board-report-{}", std::process::id()));
    let measured = write_and_read(&path);
    // Also after an error: a full disk must not stay full.
    let _ = std::fs::remove_file(&path);
    measured
}

fn write_and_read(path: &Path) -> io::Result<(Duration, Duration)> {
    let mut block = vec![0_u8; BLOCK_BYTES];
    // Not zeros, which some disks do not store.
    for (at, byte) in block.iter_mut().enumerate() {
        *byte = (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0];
    }
    let begin = Instant::now();
    let mut file = File::options().write(true).create_new(true).open(path)?;
    for _ in 0..FILE_BYTES / BLOCK_BYTES {
        file.write_all(&block)?;
    }
    // Otherwise the time would be that of the page cache.
    file.sync_all()?;
    let write = begin.elapsed();
    // Out of memory, so that it is read from the medium; possible because it is not dirty.
    posix_fadvise(file.as_fd(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    let begin = Instant::now();
    let mut file = File::open(path)?;
    while file.read(&mut block)? > 0 {}
    Ok((write, begin.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Evidence;

    #[test]
    fn disk_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let section = disk_speed(folder.path());
        assert!(
            section.rows().iter().all(|(_, finding)| matches!(finding, Evidence::Value(_))),
            "{section:?}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let section = disk_speed(Path::new("/no/such/folder"));
        assert!(matches!(section.rows()[0].1, Evidence::Absent(_)));
    }

    #[test]
    fn memory_is_measured_for_one_cpu_and_for_all() {
        let section = memory_speed();
        assert!(!section.rows().is_empty());
        assert!(
            section.rows().iter().all(|(_, finding)| matches!(finding, Evidence::Value(_))),
            "{section:?}"
        );
    }
}
