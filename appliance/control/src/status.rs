//! Contents of the responses that describe the appliance. None contains announced text.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crier_wire::ApplianceState;
use serde::{Deserialize, Serialize};

/// Response to `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplianceStatus {
    /// Version of the program.
    pub version: String,
    /// Id of the appliance.
    pub id: String,
    /// Name of the appliance, from the configuration.
    pub name: String,
    /// Activity and settings.
    pub state: ApplianceState,
    /// Stages, engines first.
    pub stages: Vec<StageEntry>,
    /// Inputs by name.
    pub inputs: BTreeMap<String, InputEntry>,
    /// True if the sound device is open.
    pub device_open: bool,
    /// Parameters of the sound device, or the error that keeps it closed.
    pub device: String,
    /// Number of underruns since the start.
    pub underruns: u64,
    /// CPU assignment of the stages, in one line.
    pub cpu_plan: String,
    /// Length of the journal, in bytes.
    pub journal_bytes: u64,
    /// Number of events since the start, by kind.
    pub events: BTreeMap<String, u64>,
    /// Time to first audio of the latest announcement, in milliseconds.
    pub first_audio_ms: Option<f64>,
    /// Number of announcements that were spoken from the render cache.
    pub cached: u64,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageEntry {
    /// Name for `hold` and `release`: `player`, or `VOICE/talker`.
    pub name: String,
    /// `starting`, `running`, `waiting` (for its next start) or `held`.
    pub condition: String,
    /// Process id, if there is a process.
    pub pid: Option<i32>,
    /// Number of restarts since the start of the supervisor.
    pub restarts: u64,
    /// Description of itself, such as model and threads.
    pub detail: String,
    /// Mean time for a unit of its work, in milliseconds: a talker's step, a predictor's or vocoder's frame.
    pub ms: Option<f64>,
    /// Cause of the end of its last instance.
    pub last_end: Option<String>,
    /// Last lines of standard error of that instance.
    pub last_lines: Vec<String>,
    /// Kinds of the last messages to and from that instance.
    pub last_messages: Vec<String>,
}

/// An input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InputEntry {
    /// True if the input works.
    pub up: bool,
    /// Connection parameters, or the error and its remedy.
    pub detail: String,
    /// Number of messages since the start that are not spoken.
    pub refused: u64,
    /// The same number by reason: `queue_full`, `rate_limited`, `too_long`, `encoding`, `invalid`, `rejected`,
    /// `expired`, `cancelled`, `dropped` or `interrupted`. Appliances before this field do not send it.
    #[serde(default)]
    pub losses: BTreeMap<String, u64>,
    /// Messages that were read and wait for room in the queue.
    #[serde(default)]
    pub waiting: u64,
    /// Reason for the latest refusal, in words, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<String>,
}

/// An announcement that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Id given by the sender, or `#N`.
    pub id: String,
    /// Priority given by the sender.
    pub priority: String,
    /// Name of the source; empty if unknown.
    pub source: String,
    /// Length of the text, in characters.
    pub characters: usize,
    /// True for the announcement that is being spoken.
    pub spoken_now: bool,
}

/// A voice that announcements may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoiceEntry {
    /// Name in the configuration.
    pub name: String,
    /// Directory of its voice bundle.
    pub bundle: PathBuf,
    /// `ready`, `loading`, `broken` or `not loaded`.
    pub condition: String,
    /// True for the voice of announcements that name none.
    pub chosen: bool,
    /// Name of the model, or the error.
    pub detail: String,
}

/// A sound device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// ALSA name, as in `[player] device`.
    pub name: String,
    /// Description of the driver.
    pub description: String,
}
