//! Clocks and temperatures while the machine works: a board that gets too warm slows down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::facts::fact;
use crate::report::ReportSection;

/// Interval of the samples: cheap against any work, and shorter than a governor or a cooling device keeps a step.
const INTERVAL: Duration = Duration::from_millis(200);

/// Extremes that were seen, by name.
#[derive(Default)]
struct Extremes {
    clocks_khz: BTreeMap<String, (u64, u64)>,
    temperatures: BTreeMap<String, i64>,
    cooling: BTreeMap<String, u64>,
}

/// Watch over clocks, temperatures and cooling devices, in a thread of its own.
pub struct LoadWatch {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<Extremes>>,
}

impl LoadWatch {
    /// Begins to watch. `root` is `/` except in tests.
    #[must_use]
    pub fn start(root: &Path) -> Self {
        let (end, root) = (Arc::new(AtomicBool::new(false)), root.to_owned());
        let ended = Arc::clone(&end);
        let watch = move || {
            let mut extremes = Extremes::default();
            loop {
                // Before the flag is looked at, so that the shortest work has a sample.
                extremes.sample(&root);
                if ended.load(Ordering::Acquire) {
                    return extremes;
                }
                std::thread::sleep(INTERVAL);
            }
        };
        // Without a thread there are no extremes, and the section says so.
        Self { end, thread: std::thread::Builder::new().name("load".to_owned()).spawn(watch).ok() }
    }

    /// Ends the watch, and tells what was seen.
    #[must_use]
    pub fn end(self) -> ReportSection {
        self.end.store(true, Ordering::Release);
        let extremes = self.thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
        let mut section = ReportSection::new("Under load");
        if extremes.clocks_khz.is_empty() {
            section.absent("clocks", "the kernel does not tell them");
        }
        for (policy, (least, most)) in extremes.clocks_khz {
            section.value(format!("clock of {policy}"), format!("{} to {} MHz", least / 1000, most / 1000));
        }
        if extremes.temperatures.is_empty() {
            section.absent("temperatures", "no thermal zones");
        }
        for (zone, millidegrees) in extremes.temperatures {
            section.value(format!("highest of {zone}"), format!("{:.1} °C", millidegrees as f64 / 1000.0));
        }
        for (device, step) in extremes.cooling {
            section.value(format!("cooling {device}"), format!("up to step {step}"));
        }
        section
    }
}

impl Extremes {
    fn sample(&mut self, root: &Path) {
        for folder in entries(&root.join("sys/devices/system/cpu/cpufreq")) {
            let Some(khz) = number(&folder, "scaling_cur_freq") else { continue };
            // By its CPUs, not by the number of the policy, which means nothing to a reader.
            let cpus = fact(&folder.join("related_cpus")).unwrap_or_default();
            let (least, most) = self.clocks_khz.entry(format!("CPUs {cpus}")).or_insert((khz, khz));
            (*least, *most) = ((*least).min(khz), (*most).max(khz));
        }
        for folder in entries(&root.join("sys/class/thermal")) {
            let name = fact(&folder.join("type")).unwrap_or_default();
            if let Some(now) = fact(&folder.join("temp")).and_then(|text| text.parse().ok()) {
                let highest = self.temperatures.entry(name).or_insert(now);
                *highest = (*highest).max(now);
            } else if let Some(now) = number(&folder, "cur_state") {
                let highest = self.cooling.entry(name).or_insert(now);
                *highest = (*highest).max(now);
            }
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    fact(&folder.join(file))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Evidence;

    #[test]
    fn lowest_clock_and_highest_temperature_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let policy = root.path().join("sys/devices/system/cpu/cpufreq/policy4");
        let zone = root.path().join("sys/class/thermal/thermal_zone0");
        std::fs::create_dir_all(&policy).unwrap();
        std::fs::create_dir_all(&zone).unwrap();
        std::fs::write(policy.join("related_cpus"), "4 5\n").unwrap();
        std::fs::write(zone.join("type"), "soc\n").unwrap();
        let mut extremes = Extremes::default();
        for (khz, millidegrees) in [("2256000", "50000"), ("1200000", "86500"), ("1800000", "80000")] {
            std::fs::write(policy.join("scaling_cur_freq"), khz).unwrap();
            std::fs::write(zone.join("temp"), millidegrees).unwrap();
            extremes.sample(root.path());
        }
        assert_eq!(extremes.clocks_khz["CPUs 4 5"], (1_200_000, 2_256_000));
        assert_eq!(extremes.temperatures["soc"], 86_500);
    }

    #[test]
    fn machine_that_tells_nothing_is_reported_as_such() {
        let root = tempfile::tempdir().unwrap();
        let section = LoadWatch::start(root.path()).end();
        assert!(section.rows().iter().all(|(_, finding)| matches!(finding, Evidence::Absent(_))));
    }
}
