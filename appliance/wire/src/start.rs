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

/// What a stage is told: `S` are its settings, `R` is the work of its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToStage<S, R> {
    /// The first message.
    Start {
        /// [`VERSION`] of the supervisor.
        version: u32,
        /// What the stage is to be.
        settings: S,
    },
    /// Are you there?
    Probe {
        /// Repeated in the answer.
        number: u64,
    },
    /// Something to do.
    Work(R),
}

/// What a stage tells: `R` is what its kind of work gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromStage<R> {
    /// The first message: it can work now.
    Started(Started),
    /// The answer to [`ToStage::Probe`].
    Alive {
        /// That of the question.
        number: u64,
    },
    /// What came of the work.
    Work(R),
}

/// A stage that can work.
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSettings {
    /// Folder of the voice bundle.
    pub bundle: PathBuf,
    /// Threads that share the work.
    pub threads: usize,
    /// Positions that the talker is made for.
    pub positions: usize,
    /// Voice files that the vocoder is to be ready for; it begins in silence with others.
    #[serde(default)]
    pub voice_files: Vec<PathBuf>,
}
