//! CPUs: enumeration, clusters of equal speed, and affinity.

use std::fmt;
use std::path::Path;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::SystemError;
use crate::files::read_bounded;

/// Directory of the CPU descriptions.
pub const PROCESSORS_ROOT: &str = "/sys/devices/system/cpu";

/// Ratio of speeds from which on CPUs belong to one cluster. The fast CPUs of one chip are often clocked a few percent
/// apart ("favoured cores"), which no assignment should depend on; big and little cores differ by far more.
const SAME_SPEED_PERCENT: u64 = 90;

/// Longest CPU description that is read, in bytes: a page, as long as any file of sysfs.
const DESCRIPTION_BYTES_MAX: u64 = 4096;

/// CPUs of about the same speed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// CPU numbers, ascending.
    pub processors: Vec<usize>,
    /// Speed of the fastest of them: `cpu_capacity`, or else the highest clock in kHz; 0 if neither is known.
    pub speed: u64,
}

/// Returns the clusters of those `allowed` CPUs that are online, from the fastest to the slowest. `root` is
/// [`PROCESSORS_ROOT`] except in tests. Without a complete and valid description there is one cluster.
#[must_use]
pub fn clusters(root: &Path, allowed: &[usize]) -> Vec<Cluster> {
    let mut usable: Vec<usize> = allowed.iter().copied().filter(|&number| is_online(root, number)).collect();
    if usable.is_empty() {
        // This process runs on some CPU, so the description must be wrong.
        usable = allowed.to_vec();
    }
    usable.sort_unstable();
    usable.dedup();
    if usable.is_empty() {
        return Vec::new();
    }
    // The capacity accounts for the microarchitecture as well as the clock. x86 kernels report the same capacity for
    // all CPUs if they know no better, so the clock comes next.
    ["cpu_capacity", "cpufreq/cpuinfo_max_freq"]
        .iter()
        .filter_map(|file| by_speed(root, &usable, file))
        .find(|found| found.len() > 1)
        .unwrap_or_else(|| vec![Cluster { processors: usable, speed: 0 }])
}

/// Returns the CPUs that the calling thread may run on.
///
/// # Errors
/// [`SystemError::Processors`]: the affinity cannot be read.
pub fn own_processors() -> Result<Vec<usize>, SystemError> {
    let set = sched_getaffinity(Pid::from_raw(0)).map_err(|source| SystemError::Processors {
        operation: "find",
        list: "all".into(),
        source,
    })?;
    Ok((0..CpuSet::count()).filter(|&number| set.is_set(number).unwrap_or(false)).collect())
}

/// Binds the calling thread, and every thread that it starts from now on, to these CPUs.
///
/// # Errors
/// [`SystemError::Processors`] names them: none was given, or none of them is online and allowed.
pub fn pin_thread(processors: &[usize]) -> Result<(), SystemError> {
    let set = cpu_set(processors)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(|source| refused("use", processors, source))
}

/// Converts CPU numbers to the kernel's bit set.
pub(crate) fn cpu_set(processors: &[usize]) -> Result<CpuSet, SystemError> {
    if processors.is_empty() {
        return Err(refused("use", processors, Errno::EINVAL));
    }
    let mut set = CpuSet::new();
    for &number in processors {
        set.set(number).map_err(|source| refused("use", processors, source))?;
    }
    Ok(set)
}

fn refused(operation: &'static str, processors: &[usize], source: Errno) -> SystemError {
    SystemError::Processors { operation, list: ProcessorList(processors).to_string(), source }
}

/// CPU list in the kernel's notation: `0-3,6`.
#[derive(Debug, Clone, Copy)]
pub struct ProcessorList<'a>(pub &'a [usize]);

impl fmt::Display for ProcessorList<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("none");
        }
        let runs = self.0.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        for (at, run) in runs.enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match run {
                [first, .., last] => write!(formatter, "{comma}{first}-{last}")?,
                [only] => write!(formatter, "{comma}{only}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

/// Parses a list like `0-3,6`; the result is ascending and without duplicates.
///
/// # Errors
/// [`SystemError::ProcessorList`] quotes the invalid part.
pub fn parse_processor_list(text: &str) -> Result<Vec<usize>, SystemError> {
    let mut processors = Vec::new();
    for part in text.trim().split(',') {
        let wrong = || SystemError::ProcessorList { part: part.trim().chars().take(40).collect() };
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |digits: &str| digits.trim().parse::<usize>().ok().filter(|&n| n < CpuSet::count());
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => processors.extend(first..=last),
            _ => return Err(wrong()),
        }
        // A text of many overlapping ranges must not grow the list without bound.
        if processors.len() > 16 * CpuSet::count() {
            return Err(wrong());
        }
    }
    processors.sort_unstable();
    processors.dedup();
    Ok(processors)
}

fn is_online(root: &Path, number: usize) -> bool {
    // CPU 0 often has no file of its own, since it cannot be switched off; a missing description counts as online.
    let listed = read(&root.join("online")).and_then(|text| parse_processor_list(&text).ok());
    let switched_off = read(&root.join(format!("cpu{number}/online"))).is_some_and(|text| text.trim() == "0");
    !switched_off && listed.is_none_or(|online| online.contains(&number))
}

/// Groups CPUs by the number in one file of each; `None` unless every CPU has a valid one.
fn by_speed(root: &Path, processors: &[usize], file: &str) -> Option<Vec<Cluster>> {
    let mut speeds = Vec::with_capacity(processors.len());
    for &number in processors {
        let speed = read(&root.join(format!("cpu{number}/{file}")))?.trim().parse::<u32>().ok()?;
        speeds.push((u64::from(speed), number));
    }
    if speeds.iter().any(|&(speed, _)| speed == 0) {
        return None;
    }
    speeds.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut clusters: Vec<Cluster> = Vec::new();
    for (speed, number) in speeds {
        match clusters.last_mut() {
            Some(last) if speed * 100 >= last.speed * SAME_SPEED_PERCENT => last.processors.push(number),
            _ => clusters.push(Cluster { processors: vec![number], speed }),
        }
    }
    for cluster in &mut clusters {
        cluster.processors.sort_unstable();
    }
    Some(clusters)
}

fn read(path: &Path) -> Option<String> {
    read_bounded(path, DESCRIPTION_BYTES_MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A description as Linux lays it out: (processor, capacity, highest clock in kHz), absent where `None`.
    fn tree(processors: &[(usize, Option<&str>, Option<&str>)], online: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (number, capacity, clock_khz) in processors {
            let folder = root.path().join(format!("cpu{number}"));
            std::fs::create_dir_all(folder.join("cpufreq")).unwrap();
            for (file, content) in [("cpu_capacity", capacity), ("cpufreq/cpuinfo_max_freq", clock_khz)] {
                if let Some(content) = content {
                    std::fs::write(folder.join(file), format!("{content}\n")).unwrap();
                }
            }
        }
        if let Some(online) = online {
            std::fs::write(root.path().join("online"), format!("{online}\n")).unwrap();
        }
        root
    }

    fn found(root: &tempfile::TempDir, allowed: impl IntoIterator<Item = usize>) -> Vec<(u64, String)> {
        let allowed: Vec<usize> = allowed.into_iter().collect();
        let clusters = clusters(root.path(), &allowed);
        clusters.iter().map(|c| (c.speed, ProcessorList(&c.processors).to_string())).collect()
    }

    fn rk3588() -> tempfile::TempDir {
        let mut processors = Vec::new();
        for number in 0..4 {
            processors.push((number, Some("414"), Some("1800000")));
        }
        // The two pairs of fast processors are clocked by their own regulators, after what each chip can do.
        for (number, clock) in [(4, "2256000"), (5, "2256000"), (6, "2304000"), (7, "2304000")] {
            processors.push((number, Some("1024"), Some(clock)));
        }
        tree(&processors, Some("0-7"))
    }

    #[test]
    fn rk3588_has_a_fast_and_a_slow_cluster() {
        assert_eq!(found(&rk3588(), 0..8), [(1024, "4-7".into()), (414, "0-3".into())]);
    }

    #[test]
    fn only_allowed_and_online_processors_count() {
        assert_eq!(found(&rk3588(), [0, 1, 6, 7]), [(1024, "6-7".into()), (414, "0-1".into())]);
        let root = rk3588();
        std::fs::write(root.path().join("online"), "0-2,4,6-7\n").unwrap();
        std::fs::write(root.path().join("cpu6/online"), "0\n").unwrap();
        assert_eq!(found(&root, 0..8), [(1024, "4,7".into()), (414, "0-2".into())]);
        assert_eq!(found(&root, []), []);
    }

    #[test]
    fn a_laptop_is_told_apart_by_its_clocks_even_when_all_capacities_are_the_same() {
        for capacity in [None, Some("1024")] {
            let mut processors = Vec::new();
            for number in 0..4 {
                processors.push((number, capacity, Some("5000000")));
            }
            for number in 4..8 {
                // Favoured cores of the same kind are a little faster.
                processors.push((number, capacity, Some("5200000")));
            }
            for number in 8..16 {
                processors.push((number, capacity, Some("3800000")));
            }
            let root = tree(&processors, Some("0-15"));
            assert_eq!(found(&root, 0..16), [(5_200_000, "0-7".into()), (3_800_000, "8-15".into())]);
        }
    }

    #[test]
    fn a_virtual_machine_has_one_cluster() {
        let bare: Vec<_> = (0..4).map(|number| (number, None, None)).collect();
        assert_eq!(found(&tree(&bare, Some("0-3")), 0..4), [(0, "0-3".into())]);
        let equal: Vec<_> = (0..2).map(|number| (number, Some("1024"), None)).collect();
        assert_eq!(found(&tree(&equal, None), 0..2), [(0, "0-1".into())]);
        let nothing = tempfile::tempdir().unwrap();
        assert_eq!(found(&nothing, 0..2), [(0, "0-1".into())]);
    }

    #[test]
    fn junk_counts_as_nothing() {
        for junk in ["", "fast", "-1", "0", "99999999999999999999", "1024\n1024", "\u{0}"] {
            let root = tree(&[(0, Some("414"), None), (1, Some(junk), None)], Some("0-1"));
            assert_eq!(found(&root, 0..2), [(0, "0-1".into())], "{junk:?}");
        }
        let root = rk3588();
        for online in ["", "7-0", "everything", "8-9"] {
            std::fs::write(root.path().join("online"), online).unwrap();
            assert_eq!(found(&root, 0..8).len(), 2, "{online:?}");
        }
        // As capacity is unsound here, the clocks decide.
        std::fs::write(root.path().join("cpu3/cpu_capacity"), "?").unwrap();
        assert_eq!(found(&root, 0..8), [(2_304_000, "4-7".into()), (1_800_000, "0-3".into())]);
        // A file without end is not read to its end.
        std::fs::remove_file(root.path().join("cpu3/cpu_capacity")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", root.path().join("cpu3/cpu_capacity")).unwrap();
        assert_eq!(found(&root, 0..8).len(), 2);
    }

    #[test]
    fn a_thread_is_bound_with_all_that_it_starts() {
        let all = own_processors().unwrap();
        let last = *all.last().unwrap();
        let seen = std::thread::spawn(move || {
            pin_thread(&[last]).unwrap();
            std::thread::spawn(own_processors).join().unwrap().unwrap()
        });
        assert_eq!(seen.join().unwrap(), [last]);
        assert_eq!(own_processors().unwrap(), all, "other threads stay free");
    }

    #[test]
    fn processors_that_are_not_there_are_named() {
        let error = pin_thread(&[1000, 1001]).unwrap_err().to_string();
        assert!(error.contains("1000-1001"), "{error}");
        assert!(pin_thread(&[]).is_err());
        assert!(pin_thread(&[1_000_000]).is_err());
    }

    #[test]
    fn lists_are_read_and_wrong_parts_quoted() {
        assert_eq!(parse_processor_list(" 6, 0-3 ,2\n").unwrap(), [0, 1, 2, 3, 6]);
        for wrong in ["", "a", "3-1", "1-", "-1", "0,,1", "0-99999999", "1-2-3"] {
            assert!(parse_processor_list(wrong).is_err(), "{wrong:?}");
        }
        let error = parse_processor_list("0-3,big").unwrap_err().to_string();
        assert!(error.contains("'big'"), "{error}");
    }

    proptest! {
        #[test]
        fn a_written_list_reads_back(mut processors in prop::collection::btree_set(0_usize..1024, 1..40)) {
            let sorted: Vec<usize> = std::mem::take(&mut processors).into_iter().collect();
            prop_assert_eq!(parse_processor_list(&ProcessorList(&sorted).to_string()).unwrap(), sorted);
        }

        #[test]
        fn any_text_is_read_or_refused_within_bounds(text in ".{0,200}") {
            if let Ok(list) = parse_processor_list(&text) {
                prop_assert!(list.len() <= CpuSet::count());
            }
        }
    }
}
