//! What `crier ctl` and the supervisor say to each other: one line of JSON each way over a Unix socket, and for an
//! announcement that is waited for, one more line for each thing that happens to it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crier_announce::Draft;
use crier_wire::{Answer, Command, State};
use serde::{Deserialize, Serialize};

/// Longest request, in bytes.
pub(crate) const REQUEST_BYTES_MAX: usize = crier_announce::JSON_BYTES_MAX + 1024;

/// From `crier ctl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    Status,
    Queue,
    Voices,
    Devices,
    Say {
        draft: Box<Draft>,
        /// Send its events until it has ended.
        #[serde(default)]
        wait: bool,
        /// Cancel it when the client closes the connection before its end. Only with `wait`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cancel_on_exit: bool,
    },
    Command(Command),
    /// Ends a stage and leaves it so.
    Hold {
        stage: String,
    },
    /// Starts it again.
    Release {
        stage: String,
    },
}

/// To `crier ctl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Response {
    Answer(Answer),
    Status(Box<Status>),
    Queue(Vec<QueueEntry>),
    Voices(Vec<VoiceEntry>),
    Devices(Vec<(String, String)>),
    /// Something happened to the announcement that is waited for.
    Event(crier_announce::Event),
    Error(String),
}

/// An announcement that has not ended. Its text is private and stays out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct QueueEntry {
    pub(crate) id: String,
    pub(crate) priority: String,
    pub(crate) source: String,
    pub(crate) characters: usize,
    pub(crate) spoken_now: bool,
}

/// A voice that announcements may name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VoiceEntry {
    pub(crate) name: String,
    pub(crate) bundle: PathBuf,
    /// `ready`, `loading`, `broken` or `not loaded`.
    pub(crate) condition: String,
    pub(crate) chosen: bool,
    pub(crate) detail: String,
}

/// Everything that `crier ctl status` shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) stages: Vec<StageEntry>,
    pub(crate) inputs: BTreeMap<String, InputEntry>,
    pub(crate) device_open: bool,
    pub(crate) device: String,
    pub(crate) underruns: u64,
    pub(crate) cpu_plan: String,
    pub(crate) journal_bytes: u64,
    /// Announcements by what happened to them.
    pub(crate) events: BTreeMap<String, u64>,
    pub(crate) first_audio_ms: Option<f64>,
    /// Announcements that were rendered ahead.
    pub(crate) cached: u64,
}

/// A stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StageEntry {
    pub(crate) name: String,
    pub(crate) condition: String,
    pub(crate) pid: Option<i32>,
    pub(crate) restarts: u64,
    pub(crate) detail: String,
    /// Milliseconds for a piece of its work: a talker's step, a predictor's or vocoder's frame.
    pub(crate) ms: Option<f64>,
    /// How its last life ended.
    pub(crate) last_end: Option<String>,
    /// The last lines it wrote.
    pub(crate) last_lines: Vec<String>,
    /// The last messages to it and from it, without what they carried.
    pub(crate) last_messages: Vec<String>,
}

/// An input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InputEntry {
    pub(crate) up: bool,
    pub(crate) detail: String,
    pub(crate) refused: u64,
}
