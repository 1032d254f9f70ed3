//! Facts that the kernel and alsa-lib tell, read and never changed. `root` is `/` except in tests.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crier_system::{ProcessorList, read_bounded};

use crate::report::ReportSection;

/// Longest file of sysfs or procfs that is read, in bytes.
const FACT_BYTES_MAX: u64 = 64 * 1024;
/// Entries of a folder that are looked at; no machine has more of anything below.
const ENTRIES_MAX: usize = 64;
/// Longest record of the kernel's log, in bytes (`CONSOLE_EXT_LOG_MAX`).
const KERNEL_RECORD_BYTES_MAX: usize = 8192;
/// Records of the kernel's log that are searched.
const KERNEL_RECORDS_MAX: usize = 20_000;

/// Model, kernel, memory, CPUs with their clocks, temperatures and their trips.
#[must_use]
pub fn processors(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("Processor");
    let model = fact(&root.join("proc/device-tree/model"))
        .or_else(|| fact(&root.join("sys/class/dmi/id/product_name")));
    section.row("model", model, "no device tree");
    section.row("kernel", fact(&root.join("proc/sys/kernel/osrelease")), "no /proc");
    let memory = read(&root.join("proc/meminfo")).and_then(|text| {
        let kib: u64 = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .ok()?;
        Some(format!("{:.1} GiB", kib as f64 / 1024.0 / 1024.0))
    });
    section.row("memory", memory, "no /proc/meminfo");
    // Not the clusters of `crier tune`, which ignore small differences: a report shows them.
    // CPUs of one kind are one row; their description is the key.
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for cpu in 0..ENTRIES_MAX {
        let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}"));
        if folder.is_dir() {
            kinds.entry(processor(&folder)).or_default().push(cpu);
        }
    }
    for (kind, cpus) in kinds {
        section.value(format!("CPUs {}", ProcessorList(&cpus)), kind);
    }
    let zones = folders(&root.join("sys/class/thermal"), "thermal_zone");
    if zones.is_empty() {
        section.absent("temperatures", "no thermal zones");
    }
    for zone in zones {
        section.row(name_of("temperature", &zone, "type"), temperature(&zone), "the sensor does not answer");
    }
    for device in folders(&root.join("sys/class/thermal"), "cooling_device") {
        let state = |file| fact(&device.join(file)).unwrap_or_default();
        section.value(
            name_of("cooling", &device, "type"),
            format!("step {} of {}", state("cur_state"), state("max_state")),
        );
    }
    section
}

fn processor(folder: &Path) -> String {
    let capacity = fact(&folder.join("cpu_capacity")).map(|capacity| format!("capacity {capacity}"));
    let mhz = |file: &str| {
        let khz: u64 = fact(&folder.join("cpufreq").join(file))?.parse().ok()?;
        Some(khz / 1000)
    };
    let clock = mhz("cpuinfo_min_freq").zip(mhz("cpuinfo_max_freq")).map(|(least, most)| {
        let now = mhz("scaling_cur_freq").map(|now| format!(", now {now}")).unwrap_or_default();
        format!("{least} to {most} MHz{now}")
    });
    let governor = fact(&folder.join("cpufreq/scaling_governor")).map(|name| format!("governor {name}"));
    // Tells an A76 from an A55 where a device tree is wrong or missing.
    let midr = fact(&folder.join("regs/identification/midr_el1")).map(|midr| format!("MIDR {midr}"));
    let known: Vec<String> = [capacity, clock, governor, midr].into_iter().flatten().collect();
    if known.is_empty() { "neither capacity nor clock is known".to_owned() } else { known.join("; ") }
}

fn temperature(zone: &Path) -> Option<String> {
    let celsius = |file: &str| Some(fact(&zone.join(file))?.parse::<i64>().ok()? as f64 / 1000.0);
    let mut text = format!("{:.1} °C", celsius("temp")?);
    for trip in 0..ENTRIES_MAX {
        let Some(at) = celsius(&format!("trip_point_{trip}_temp")) else { break };
        let kind = fact(&zone.join(format!("trip_point_{trip}_type"))).unwrap_or_default();
        text.push_str(&format!("; {kind} at {at:.0} °C"));
    }
    Some(text)
}

/// Watchdogs, lights, keys, clock, fans, disks and network sockets.
#[must_use]
pub fn hardware(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("Hardware");
    let class = |name: &str| root.join("sys/class").join(name);
    list(&mut section, "watchdog", &folders(&class("watchdog"), "watchdog"), |folder| {
        let timeout = fact(&folder.join("timeout")).map(|s| format!("timeout {s} s"));
        let reset = fact(&folder.join("bootstatus")).map(|status| format!("boot status {status}"));
        joined([fact(&folder.join("identity")), timeout, fact(&folder.join("state")), reset])
    });
    list(&mut section, "light", &folders(&class("leds"), ""), |folder| {
        // The chosen one stands in brackets among all that the kernel has.
        let triggers = read(&folder.join("trigger")).unwrap_or_default();
        let chosen = triggers.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
        joined([Some(file_name(folder)), chosen.map(|trigger| format!("trigger {trigger}"))])
    });
    list(&mut section, "input device", &folders(&class("input"), "event"), |folder| {
        let codes =
            read(&folder.join("device/capabilities/key")).map(|bits| key_codes(&bits)).unwrap_or_default();
        joined([fact(&folder.join("device/name")), Some(codes)])
    });
    list(&mut section, "clock", &folders(&class("rtc"), "rtc"), |folder| {
        let now = fact(&folder.join("date")).zip(fact(&folder.join("time")));
        joined([fact(&folder.join("name")), now.map(|(date, time)| format!("{date} {time}"))])
    });
    list(&mut section, "fan or sensor", &folders(&class("hwmon"), "hwmon"), |folder| {
        // Many sensors have neither: their temperatures are among the thermal zones.
        let rpm = fact(&folder.join("fan1_input")).map(|rpm| format!("{rpm} rpm"));
        let duty = fact(&folder.join("pwm1")).map(|duty| format!("PWM {duty} of 255"));
        joined([fact(&folder.join("name")), rpm, duty])
    });
    // Loop devices and RAM disks have no device behind them.
    let disks =
        folders(&root.join("sys/block"), "").into_iter().filter(|folder| folder.join("device").exists());
    list(&mut section, "disk", &disks.collect::<Vec<_>>(), |folder| {
        let sectors: Option<u64> = fact(&folder.join("size")).and_then(|size| size.parse().ok());
        let size = sectors.map(|sectors| format!("{:.1} GB", sectors as f64 * 512.0 / 1e9));
        let model = fact(&folder.join("device/model")).or_else(|| fact(&folder.join("device/name")));
        joined([Some(file_name(folder)), model, size])
    });
    list(&mut section, "network", &folders(&class("net"), ""), |folder| {
        let speed = fact(&folder.join("speed")).map(|speed| format!("{speed} Mbit/s"));
        joined([Some(file_name(folder)), fact(&folder.join("operstate")), speed])
    });
    section
}

/// Returns the numbers of the keys in a bit map of the kernel, which prints its words from the highest.
fn key_codes(bits: &str) -> String {
    let words: Vec<u64> =
        bits.split_whitespace().filter_map(|word| u64::from_str_radix(word, 16).ok()).collect();
    let mut codes = Vec::new();
    for (index, word) in words.iter().rev().enumerate() {
        codes.extend((0..64).filter(|bit| word >> bit & 1 == 1).map(|bit| index * 64 + bit));
    }
    match codes.len() {
        0 => "no keys".to_owned(),
        1..=16 => format!("key codes {}", codes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
        count => format!("{count} keys"),
    }
}

/// Sound cards by their ids, and the controls of their mixers.
#[must_use]
pub fn sound(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("Sound");
    let cards = read(&root.join("proc/asound/cards")).unwrap_or_default();
    // " 0 [realtekrt5616co]: simple-card - realtek,rt5616-codec", and a second line with a longer name.
    let mut found = false;
    for line in cards.lines() {
        let Some((id, name)) = line.split_once('[').and_then(|(_, rest)| rest.split_once("]:")) else {
            continue;
        };
        found = true;
        section.value(format!("card {}", id.trim()), name.trim());
        let controls = crier_player::mixer_controls(&format!("hw:{}", id.trim()));
        let controls = (!controls.is_empty()).then(|| controls.join("; "));
        section.row(format!("mixer of {}", id.trim()), controls, "it has no controls, or cannot be opened");
    }
    if !found {
        section.absent("cards", "the kernel knows no sound card");
    }
    section
}

/// Times of the start, by the kernel's own clock, which begins after U-Boot.
#[must_use]
pub fn boot(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("Start");
    match kernel_log(&root.join("dev/kmsg")) {
        Ok(records) => {
            for (what, text) in [("init is started", "Run "), ("root is mounted", "VFS: Mounted root")] {
                let at = records.iter().find(|(_, message)| message.starts_with(text)).map(|(us, _)| *us);
                section.row(
                    what,
                    at.map(|us| format!("{:.2} s", us as f64 / 1e6)),
                    "not in the kernel's log any more",
                );
            }
        }
        Err(error) => section.absent("kernel", format!("its log cannot be read: {error}; run this as root")),
    }
    let started = supervisor_start_s(root);
    section.row("crier serve is started", started.map(|s| format!("{s:.2} s")), "it does not run");
    // Last, so that a reader sees how long after the start all of this was read.
    let up = fact(&root.join("proc/uptime"));
    let up = up.and_then(|text| text.split(' ').next().map(|seconds| format!("{seconds} s")));
    section.row("this report", up, "no /proc/uptime");
    section
}

/// Reads the records that the kernel still has: microseconds since its start, and the message.
fn kernel_log(path: &Path) -> std::io::Result<Vec<(u64, String)>> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let (mut records, mut buffer) = (Vec::new(), vec![0; KERNEL_RECORD_BYTES_MAX]);
    while records.len() < KERNEL_RECORDS_MAX {
        match file.read(&mut buffer) {
            Ok(0) => break,
            // "6,339,5140900,-;message": priority, number, microseconds, flags.
            Ok(length) => {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let Some((head, message)) = text.split_once(';') else { continue };
                let Some(us) = head.split(',').nth(2).and_then(|us| us.parse().ok()) else { continue };
                records.push((us, message.lines().next().unwrap_or_default().to_owned()));
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            // EPIPE: records were overwritten while they were read; the next read goes on behind them.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// Returns the start of the first `crier serve`, in seconds since the kernel's.
fn supervisor_start_s(root: &Path) -> Option<f64> {
    // Hundredths of a second on every architecture (`USER_HZ`).
    const TICKS_PER_S: f64 = 100.0;
    // By the command line, not the name: stages are processes of the same program.
    let entries = std::fs::read_dir(root.join("proc")).ok()?.flatten();
    let starts = entries.filter_map(|entry| {
        let words = read(&entry.path().join("cmdline"))?;
        let mut words = words.split('\0');
        let is_crier = words.next()?.ends_with("crier") && words.next()? == "serve";
        // The name in parentheses may have blanks; the start is the 20th field behind it.
        let stat = is_crier.then(|| read(&entry.path().join("stat")))??;
        stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse::<f64>().ok()
    });
    starts.min_by(f64::total_cmp).map(|ticks| ticks / TICKS_PER_S)
}

fn list(section: &mut ReportSection, what: &str, folders: &[PathBuf], describe: impl Fn(&Path) -> String) {
    if folders.is_empty() {
        section.absent(what, "none");
    }
    for folder in folders {
        section.value(what, describe(folder));
    }
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn name_of(kind: &str, folder: &Path, file: &str) -> String {
    format!("{kind} {}", fact(&folder.join(file)).unwrap_or_else(|| file_name(folder)))
}

fn file_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the sub-folders (links included) whose names begin with `prefix`, in order.
fn folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let named = |path: &PathBuf| file_name(path).starts_with(prefix);
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(named).take(ENTRIES_MAX).collect();
    // By length first, so that `thermal_zone10` comes behind `thermal_zone9`.
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    found
}

/// Returns the one line of a small file; `None` if it is missing or empty.
pub(crate) fn fact(path: &Path) -> Option<String> {
    let text = read(path)?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

fn read(path: &Path) -> Option<String> {
    read_bounded(path, FACT_BYTES_MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{BoardReport, Evidence};

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    fn value<'a>(section: &'a ReportSection, what: &str) -> &'a str {
        match section.rows().iter().find(|(name, _)| name == what) {
            Some((_, Evidence::Value(value))) => value,
            other => panic!("{what}: {other:?} in {section:#?}"),
        }
    }

    #[test]
    fn clusters_clocks_and_trips_of_a_board_are_told() {
        let mut files = vec![
            ("proc/device-tree/model".to_owned(), "FriendlyElec CM3588\0".to_owned()),
            ("proc/meminfo".to_owned(), "MemTotal:       32768000 kB\n".to_owned()),
            ("sys/class/thermal/thermal_zone0/type".to_owned(), "package-thermal\n".to_owned()),
            ("sys/class/thermal/thermal_zone0/temp".to_owned(), "46230\n".to_owned()),
            ("sys/class/thermal/thermal_zone0/trip_point_0_temp".to_owned(), "85000\n".to_owned()),
            ("sys/class/thermal/thermal_zone0/trip_point_0_type".to_owned(), "passive\n".to_owned()),
        ];
        for (cpu, capacity, khz) in [(0, "414", "1800000"), (1, "414", "1800000"), (4, "1024", "2256000")] {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}");
            files.push((format!("{folder}/cpu_capacity"), capacity.to_owned()));
            files.push((format!("{folder}/cpufreq/cpuinfo_min_freq"), "408000".to_owned()));
            files.push((format!("{folder}/cpufreq/cpuinfo_max_freq"), khz.to_owned()));
            files.push((format!("{folder}/cpufreq/scaling_governor"), "performance".to_owned()));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let root = machine(&files);
        let section = processors(root.path());
        assert_eq!(value(&section, "model"), "FriendlyElec CM3588");
        assert_eq!(value(&section, "CPUs 0-1"), "capacity 414; 408 to 1800 MHz; governor performance");
        assert_eq!(value(&section, "CPUs 4"), "capacity 1024; 408 to 2256 MHz; governor performance");
        assert_eq!(value(&section, "temperature package-thermal"), "46.2 °C; passive at 85 °C");
    }

    #[test]
    fn watchdog_light_keys_and_disk_are_told() {
        let root = machine(&[
            ("sys/class/watchdog/watchdog0/identity", "Synopsys DesignWare Watchdog\n"),
            ("sys/class/watchdog/watchdog0/timeout", "44\n"),
            ("sys/class/leds/green/trigger", "none [timer] heartbeat\n"),
            ("sys/class/input/event0/device/name", "header-buttons\n"),
            ("sys/class/input/event0/device/capabilities/key", "f 0 0\n"),
            ("sys/block/mmcblk0/size", "62333952\n"),
            ("sys/block/mmcblk0/device/name", "A3A552\n"),
            ("sys/block/loop0/size", "0\n"),
        ]);
        let section = hardware(root.path());
        assert_eq!(value(&section, "watchdog"), "Synopsys DesignWare Watchdog; timeout 44 s");
        assert_eq!(value(&section, "light"), "green; trigger timer");
        assert_eq!(value(&section, "input device"), "header-buttons; key codes 128, 129, 130, 131");
        assert_eq!(value(&section, "disk"), "mmcblk0; A3A552; 31.9 GB");
    }

    #[test]
    fn kernel_log_and_supervisor_give_the_times_of_the_start() {
        let stat = format!("71 (crier) S {} 512 0", "0 ".repeat(18).trim());
        let root = machine(&[
            // One record a read; of a file, the first.
            ("dev/kmsg", "6,339,5140900,-;Run /sbin/init as init process\n"),
            ("proc/71/cmdline", "/usr/bin/crier\0serve\0--config\0"),
            ("proc/71/stat", &stat),
            ("proc/uptime", "81.52 300.1\n"),
        ]);
        let section = boot(root.path());
        assert_eq!(value(&section, "init is started"), "5.14 s");
        assert_eq!(value(&section, "crier serve is started"), "5.12 s");
        assert_eq!(value(&section, "this report"), "81.52 s");
    }

    #[test]
    fn machine_without_anything_has_a_report_that_says_so() {
        let root = tempfile::tempdir().unwrap();
        let sections =
            vec![processors(root.path()), hardware(root.path()), sound(root.path()), boot(root.path())];
        let report = BoardReport { sections }.to_string();
        for absent in ["no thermal zones", "watchdog | *absent", "knows no sound card", "it does not run"] {
            assert!(report.contains(absent), "{absent}: {report}");
        }
    }
}
