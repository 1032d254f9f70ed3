//! How every stage begins.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Version of all messages. Supervisor and stages are one executable, so another version means that the file was
/// replaced while it ran.
pub const VERSION: u32 = 1;

/// The address of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Counts what is spoken, from the start of the supervisor.
    pub utterance: u64,
    /// Frame inside it.
    pub frame: u32,
}

/// The first message to a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start<S> {
    /// [`VERSION`] of the supervisor.
    pub version: u32,
    /// What the stage is to be.
    pub settings: S,
}

/// The first message of a stage: it can work now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// [`VERSION`] of the stage.
    pub version: u32,
    /// Milliseconds it needed to load what it needs.
    pub load_ms: u64,
    /// What it is and with what it works, for `status`.
    pub detail: String,
}

/// Settings of talker, predictor and vocoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSettings {
    /// Folder of the voice bundle.
    pub bundle: PathBuf,
    /// Threads that share the work.
    pub threads: usize,
    /// Positions that the talker is made for.
    pub positions: usize,
}
