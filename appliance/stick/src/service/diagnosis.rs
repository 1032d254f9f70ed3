//! Status and logs for a stick, for somebody who helps from afar. None contains announced text.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::source::StickListing;
use crier_control::ControlRequest;

use super::announcer::Announcer;

/// Bytes of a log, from its end: some hours of a busy appliance, and four logs fit on any stick.
const LOG_BYTES_MAX: u64 = 1 << 20;
/// Logs of the image: of the appliance, and of init and its services.
const LOGS: [&str; 4] =
    ["/run/crier-log/log.old", "/run/crier-log/log", "/var/log/messages.0", "/var/log/messages"];
/// This program, whatever it is called.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// Diagnoses that a stick may have.
const NUMBER_MAX: u32 = 999;

/// Name of the folder for a further diagnosis. The clock of a board may be wrong, so that they are numbered.
pub(super) fn folder_name(listing: &StickListing) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    let name = |number: u32| format!("crier-diagnose-{host}-{number}");
    let is_free = |name: &String| !listing.root.iter().any(|entry| entry.name.eq_ignore_ascii_case(name));
    (1..NUMBER_MAX).map(name).find(is_free).unwrap_or_else(|| name(NUMBER_MAX))
}

/// Collects the files of a diagnosis: names and contents.
pub(super) fn collect(announcer: &Announcer, data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("version.txt".to_owned(), version().into_bytes())];
    for (name, request) in [
        ("status.json", ControlRequest::Status {}),
        ("queue.json", ControlRequest::Queue {}),
        ("history.json", ControlRequest::History {}),
        ("voices.json", ControlRequest::Voices {}),
        ("devices.json", ControlRequest::Devices {}),
    ] {
        files.push((name.to_owned(), format!("{:#}\n", announcer.describe(&request)).into_bytes()));
    }
    for (name, command) in [
        ("kernel.txt", &["dmesg"][..]),
        ("slots.txt", &["fw_printenv"]),
        ("disks.txt", &["df", "-k"]),
        ("processes.txt", &["ps"]),
    ] {
        files.push((name.to_owned(), output(command)));
    }
    // The measurements of speech are left out, which take minutes of all processors.
    let data = data.to_string_lossy();
    let report = [THIS_PROGRAM, "board-report", "--quick", "--serial", "/dev/null", "--state-dir", &data];
    files.push(("board-report.md".to_owned(), output(&report)));
    for path in LOGS.map(PathBuf::from) {
        if let Some(text) = tail(&path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((format!("{name}.txt"), without_texts(&text).into_bytes()));
        }
    }
    files
}

fn version() -> String {
    let release = std::fs::read_to_string("/etc/crier-release").unwrap_or_default();
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    format!("crier {}\n{release}uptime {uptime}", env!("CARGO_PKG_VERSION"))
}

/// Output of a program, or the reason why there is none.
fn output(command: &[&str]) -> Vec<u8> {
    let (program, arguments) = command.split_first().unwrap_or((&"", &[]));
    match Command::new(program).args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => {
            let mut bytes = [output.stdout, output.stderr].concat();
            bytes.drain(..bytes.len().saturating_sub(LOG_BYTES_MAX as usize));
            bytes
        }
        // Some images lack some of them, which is worth knowing, too.
        Err(error) => format!("{program}: {error}\n").into_bytes(),
    }
}

/// The end of a file; none if it cannot be read.
fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    // The latest lines count: the owner plugs the stick in when something has just gone wrong.
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_MAX))).ok()?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines without those of the levels that hold announced texts.
fn without_texts(log: &str) -> String {
    let is_shown = |line: &&str| !line.contains("level=debug") && !line.contains("level=trace");
    log.lines().filter(is_shown).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use crate::source::{EntryKind, StickEntry};

    use super::*;

    #[test]
    fn lines_of_levels_that_hold_texts_are_left_out() {
        let log =
            "level=info msg=ready\nlevel=debug msg=\"text\"\nlevel=trace msg=\"text\"\nlevel=warn msg=hot\n";
        assert_eq!(without_texts(log), "level=info msg=ready\nlevel=warn msg=hot\n");
    }

    #[test]
    fn further_diagnosis_has_a_folder_of_its_own() {
        let first = folder_name(&StickListing::default());
        let root = vec![StickEntry { name: first.to_uppercase(), kind: EntryKind::Folder }];
        let second = folder_name(&StickListing { root, folders: Vec::new() });
        assert!(first.ends_with("-1") && second.ends_with("-2"), "{first}, {second}");
    }
}
