//! An update of a stick: checked and installed by `crier-update`, and its verdict after the restart.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::StickError;
use crate::path::StickPath;
use crate::source::Stick;
use crate::take::{StagedUpdate, stage_update, update_fingerprint};
use crate::words::StickSentence;

use super::announcer::Announcer;
use super::places::StickPlaces;

/// Program of the image that checks and installs updates.
const INSTALLER: &str = "crier-update";
/// Its exit codes: not signed or damaged, for another board, not newer.
const NOT_SIGNED: i32 = 3;
const FOREIGN: i32 = 4;
const NOT_NEWER: i32 = 5;
/// Longest wait for silence before an update is installed, and before the restart. The journal keeps what waits.
const QUIET_TIMEOUT: Duration = Duration::from_secs(900);
/// Longest record; longer ones are damaged.
const RECORD_BYTES_MAX: u64 = 256;
/// Written by `slot-good` when the self-test has passed.
const SELF_TEST: &str = "/run/crier-self-test";

/// An update on the data partition, which passed all checks.
#[derive(Debug)]
pub(super) struct CheckedUpdate {
    staged: StagedUpdate,
    fingerprint: String,
}

/// State of the latest update that came by a stick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpdateState {
    /// It is installed, and its self-test has not ended.
    Pending,
    /// It passed its self-test.
    Good,
    /// It did not, and the slot before runs again.
    Failed,
}

/// The latest update that came by a stick.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UpdateRecord {
    state: UpdateState,
    fingerprint: String,
    /// Slot that ran when it was installed.
    slot: String,
    /// Boot in which it was installed, as the kernel names it; empty in records of older versions.
    boot: String,
}

impl UpdateRecord {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let state = match words.next()? {
            "pending" => UpdateState::Pending,
            "good" => UpdateState::Good,
            "failed" => UpdateState::Failed,
            _ => return None,
        };
        let (fingerprint, slot) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { state, fingerprint, slot, boot: words.next().unwrap_or_default().to_owned() })
    }

    fn read(data: &Path) -> Option<Self> {
        Self::parse(&crier_system::read_bounded(&record_path(data), RECORD_BYTES_MAX).ok()?)
    }

    /// True until the machine has been restarted.
    fn is_of(&self, boot: &str) -> bool {
        !boot.is_empty() && self.boot == boot
    }

    fn write(&self, data: &Path) {
        let state = match self.state {
            UpdateState::Pending => "pending",
            UpdateState::Good => "good",
            UpdateState::Failed => "failed",
        };
        let path = record_path(data);
        if let Some(folder) = path.parent() {
            // An error shows again when the file is written.
            let _ = std::fs::create_dir_all(folder);
        }
        let text = format!("{state} {} {} {}\n", self.fingerprint, self.slot, self.boot);
        if let Err(error) = crier_system::replace_file(&path, text.as_bytes()) {
            tracing::warn!(%error, "the record of the update cannot be written");
        }
    }
}

fn record_path(data: &Path) -> PathBuf {
    data.join("stick/update")
}

/// Slot that runs, as U-Boot tells the kernel; none on a machine without slots.
fn running_slot() -> Option<String> {
    let arguments = std::fs::read_to_string("/proc/cmdline").ok()?;
    arguments.split_whitespace().find_map(|word| word.strip_prefix("rauc.slot=")).map(str::to_owned)
}

/// Boot that runs, as the kernel names it.
fn running_boot() -> String {
    crier_system::boot_id().unwrap_or_else(|error| {
        tracing::warn!(%error, "an update's restart cannot be told from its boot");
        String::new()
    })
}

/// Copies and checks the update of a stick; returns none if it need not or must not be installed, with the reason
/// spoken.
pub(super) fn stage(
    stick: &Stick,
    path: &StickPath,
    places: &StickPlaces,
    announcer: &Announcer,
) -> Result<Option<CheckedUpdate>, StickError> {
    let mut data = places.data_partition();
    let fingerprint = update_fingerprint(stick, &mut data, path)?;
    match UpdateRecord::read(&places.data).filter(|record| record.fingerprint == fingerprint) {
        // The stick is still there after the restart.
        Some(UpdateRecord { state: UpdateState::Pending | UpdateState::Good, .. }) => return Ok(None),
        Some(_) => {
            // Without this the appliance would install it, fall back and install it again for ever.
            announcer.say(StickSentence::UpdateFailedBefore);
            return Ok(None);
        }
        None => {}
    }
    announcer.say(StickSentence::UpdateFound);
    let staged = stage_update(stick, &mut data, path)?;
    let refused = match installer(&staged, true) {
        Some(0) => return Ok(Some(CheckedUpdate { staged, fingerprint })),
        Some(NOT_SIGNED) => StickSentence::UpdateNotSigned,
        Some(FOREIGN) => StickSentence::UpdateForeign,
        Some(NOT_NEWER) => StickSentence::UpdateOld,
        _ => StickSentence::UpdateFailed,
    };
    announcer.say(refused);
    data.clear_staging()?;
    Ok(None)
}

/// Installs an update when nothing is being said, and restarts the machine.
pub(super) fn install(update: &CheckedUpdate, places: &StickPlaces, announcer: &Announcer) {
    if !announcer.wait_until_quiet(QUIET_TIMEOUT) {
        tracing::warn!("the update is installed although something is being said");
    }
    // Checked once more by the installer itself, on the copy that nobody can change any more.
    let installed = installer(&update.staged, false) == Some(0);
    if let Err(error) = places.data_partition().clear_staging() {
        tracing::warn!(%error, "the copy of the update stays");
    }
    if !installed {
        announcer.say(StickSentence::UpdateFailed);
        return;
    }
    // Not before it is installed: a power cut meanwhile leaves the old slot, which has not failed.
    if let Some(slot) = running_slot() {
        let fingerprint = update.fingerprint.clone();
        UpdateRecord { state: UpdateState::Pending, fingerprint, slot, boot: running_boot() }
            .write(&places.data);
    }
    announcer.say(StickSentence::UpdateInstalled);
    restart(announcer);
}

/// Restarts the machine if an update was installed in this boot and the service was killed before it came to that.
pub(super) fn restart_if_installed(places: &StickPlaces, announcer: &Announcer) {
    let waits = |record: UpdateRecord| record.state == UpdateState::Pending && record.is_of(&running_boot());
    if UpdateRecord::read(&places.data).is_some_and(waits) {
        restart(announcer);
    }
}

fn restart(announcer: &Announcer) {
    // So that this sentence is heard to its end; the journal would say it again after the restart.
    announcer.wait_until_quiet(QUIET_TIMEOUT);
    nix::unistd::sync();
    if let Err(error) = Command::new("reboot").stdin(Stdio::null()).status() {
        tracing::error!(%error, "the machine cannot be restarted");
    }
}

/// Says once, after the restart, whether the update works.
pub(super) fn give_verdict(places: &StickPlaces, announcer: &Announcer) {
    let Some(record) = UpdateRecord::read(&places.data) else { return };
    let (boot, slot) = (running_boot(), running_slot());
    let has_passed = Path::new(SELF_TEST).exists();
    let Some((state, sentence)) = verdict(&record, &boot, slot.as_deref(), has_passed) else { return };
    // First, since a sentence once too few is better than one at each start.
    UpdateRecord { state, ..record }.write(&places.data);
    announcer.say(sentence);
}

fn verdict(
    record: &UpdateRecord,
    boot: &str,
    slot: Option<&str>,
    has_passed: bool,
) -> Option<(UpdateState, StickSentence)> {
    // A restart takes seconds, in which the old slot still runs: that is no fall-back.
    if record.is_of(boot) {
        return None;
    }
    // U-Boot falls back by itself: the slot that ran before the update is the only sign of it.
    match (record.state, slot == Some(record.slot.as_str())) {
        (UpdateState::Pending, true) => Some((UpdateState::Failed, StickSentence::UpdateRolledBack)),
        (UpdateState::Pending, false) if has_passed => Some((UpdateState::Good, StickSentence::UpdateWorks)),
        _ => None,
    }
}

/// Runs the installer, or only its checks; returns its exit code.
fn installer(update: &StagedUpdate, only_check: bool) -> Option<i32> {
    // A program of the image, never one of the stick.
    let mut command = Command::new(INSTALLER);
    if only_check {
        command.env("DRY_RUN", "1");
    }
    match command.arg(&update.path).stdin(Stdio::null()).status() {
        Ok(status) => status.code(),
        Err(error) => {
            tracing::error!(%error, "updates cannot be installed on this machine");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: UpdateState) -> UpdateRecord {
        let [fingerprint, slot, boot] = ["abc", "A", "first"].map(str::to_owned);
        UpdateRecord { state, fingerprint, slot, boot }
    }

    #[test]
    fn update_works_once_its_self_test_has_passed_and_failed_if_the_old_slot_runs() {
        let pending = record(UpdateState::Pending);
        let works = Some((UpdateState::Good, StickSentence::UpdateWorks));
        let rolled_back = Some((UpdateState::Failed, StickSentence::UpdateRolledBack));
        assert_eq!(verdict(&pending, "second", Some("B"), false), None);
        assert_eq!(verdict(&pending, "second", Some("B"), true), works);
        assert_eq!(verdict(&pending, "second", Some("A"), true), rolled_back);
        for state in [UpdateState::Good, UpdateState::Failed] {
            assert_eq!(verdict(&record(state), "second", Some("A"), true), None);
        }
        // The kernel may not tell its boot.
        assert_eq!(verdict(&UpdateRecord { boot: String::new(), ..pending }, "", Some("B"), true), works);
    }

    #[test]
    fn old_slot_that_still_runs_before_the_restart_is_no_fall_back() {
        assert_eq!(verdict(&record(UpdateState::Pending), "first", Some("A"), true), None);
    }

    #[test]
    fn record_is_read_as_it_was_written_and_damaged_ones_are_none() {
        let folder = tempfile::tempdir().unwrap();
        for state in [UpdateState::Pending, UpdateState::Good, UpdateState::Failed] {
            record(state).write(folder.path());
            assert_eq!(UpdateRecord::read(folder.path()), Some(record(state)));
        }
        let older = UpdateRecord { boot: String::new(), ..record(UpdateState::Pending) };
        assert_eq!(UpdateRecord::parse("pending abc A"), Some(older));
        for text in ["", "pending", "pending abc", "other abc A", "\u{fffd}"] {
            assert_eq!(UpdateRecord::parse(text), None, "{text}");
        }
    }
}
