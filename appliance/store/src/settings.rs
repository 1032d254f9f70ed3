//! Settings that an operator changes by hand (volume, mute, voice) and finds again after a restart.
//!
//! They are written by a thread of its own some time after the last change: a slider sends dozens of steps, and each
//! write is two syncs that may take seconds on an SD card, and wears it.

use std::cell::RefCell;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::error::StoreError;

/// File in the state folder.
const FILE: &str = "state.json";
/// Longest such file, in bytes: three short values, and room for those of later versions.
const FILE_BYTES_MAX: u64 = 4096;
/// Time without a change before a write: longer than between two steps of a slider or presses of a button.
const QUIET: Duration = Duration::from_secs(1);
/// Longest time from a change to its write, however long the changes go on: what a power cut can lose.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// Settings that an operator changes by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistedSettings {
    /// Loudness, 0 to 100; none if it was never changed.
    pub volume_percent: Option<u32>,
    /// True while muted.
    pub muted: bool,
    /// Name of the chosen voice; none if it was never chosen.
    pub voice: Option<String>,
}

impl PersistedSettings {
    /// Reads the settings of an earlier run; defaults if there are none, or none that can be read.
    pub fn read(state_dir: &Path) -> Self {
        let text = crier_system::read_bounded(&state_dir.join(FILE), FILE_BYTES_MAX);
        // A damaged file costs the volume, which is set again in a second; refusing to start would cost the appliance.
        text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

enum WriterRequest {
    Keep(PersistedSettings),
    /// Write at once, and answer when that is done.
    Flush(oneshot::Sender<()>),
}

/// Handle of the thread that writes settings.
pub struct SettingsWriter {
    /// Settings that were handed over last. The first ones are not written: they are what the file says, or else the
    /// configuration, which must not be overruled by its own values later.
    latest: RefCell<Option<PersistedSettings>>,
    /// Unbounded, but only changes are sent, and the thread takes them while it waits; during a write that hangs they
    /// cost some bytes each.
    requests: Sender<WriterRequest>,
}

impl SettingsWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// There are no threads left.
    pub fn start(state_dir: &Path) -> Result<Self, StoreError> {
        let (requests, incoming) = channel();
        let path = state_dir.join(FILE);
        std::thread::Builder::new()
            .name("settings".to_owned())
            .spawn(move || run(&path, &incoming))
            .map_err(|source| StoreError::Thread { name: "settings", source })?;
        Ok(Self { latest: RefCell::new(None), requests })
    }

    /// Has changed settings written after a while. Does not wait.
    pub fn keep(&self, settings: &PersistedSettings) {
        let before = self.latest.replace(Some(settings.clone()));
        if before.is_some_and(|before| before != *settings) {
            // Fails only when the thread has died, which its panic has reported.
            let _ = self.requests.send(WriterRequest::Keep(settings.clone()));
        }
    }

    /// Waits until the latest settings are written.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.requests.send(WriterRequest::Flush(done)).is_ok() {
            // Fails only when the thread has died.
            let _ = written.await;
        }
    }
}

/// Writes the latest settings when nothing has changed for a while, and when it is asked to.
fn run(path: &Path, requests: &Receiver<WriterRequest>) {
    let mut pending: Option<(PersistedSettings, Instant)> = None;
    loop {
        let request = match &pending {
            None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((_, since)) => requests.recv_timeout(QUIET.min(DELAY_MAX.saturating_sub(since.elapsed()))),
        };
        if let Ok(WriterRequest::Keep(settings)) = request {
            // The time of the first unwritten change is kept: a slider that moves for ever is still written now and
            // then.
            let since = pending.map_or_else(Instant::now, |(_, since)| since);
            pending = Some((settings, since));
            continue;
        }
        // Quiet for long enough, flushed, or the end of the program: each is a reason to write.
        if let Some((settings, _)) = pending.take() {
            write(path, &settings);
        }
        match request {
            Ok(WriterRequest::Flush(done)) => {
                // The supervisor may have stopped waiting.
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Disconnected) => return,
            _ => {}
        }
    }
}

fn write(path: &Path, settings: &PersistedSettings) {
    let Ok(bytes) = serde_json::to_vec(settings) else { return };
    if let Err(error) = crier_system::replace_file(path, &bytes) {
        tracing::warn!(%error, "volume and voice are not remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_changes_are_one_write_and_a_flush_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let writer = SettingsWriter::start(folder.path()).unwrap();
        for percent in 0..31 {
            writer.keep(&PersistedSettings { volume_percent: Some(percent), ..PersistedSettings::default() });
        }
        assert!(!folder.path().join(FILE).exists(), "nothing is written while it changes");
        writer.flush().await;
        assert_eq!(PersistedSettings::read(folder.path()).volume_percent, Some(30));
    }

    #[test]
    fn foreign_and_oversized_files_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["not JSON".to_owned(), format!("{{\"voice\":\"{}\"}}", "x".repeat(5000))] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(PersistedSettings::read(folder.path()), PersistedSettings::default());
        }
    }
}
