//! Messages of the session, common to all stages.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Version of all messages. Supervisor and stages are one executable, so a different version means that the executable
/// was replaced while the supervisor was running.
pub const VERSION: u32 = 1;

/// Address of a request to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Number of the utterance since the start of the supervisor.
    pub utterance: u64,
    /// Frame within the utterance.
    pub frame: u32,
}

/// Message to a stage with settings `S` and requests `R`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToStage<S, R> {
    /// Starts the stage; the first message.
    Start {
        /// [`VERSION`] of the supervisor.
        version: u32,
        /// Settings of the stage.
        settings: S,
    },
    /// Heartbeat, answered by [`FromStage::Alive`].
    Probe {
        /// Number that the answer repeats.
        number: u64,
    },
    /// Request.
    Work(R),
}

/// Message from a stage with replies `R`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromStage<R> {
    /// The stage is ready; the first message.
    Started(Started),
    /// Answer to [`ToStage::Probe`].
    Alive {
        /// Number of the heartbeat.
        number: u64,
    },
    /// Reply.
    Work(R),
}

/// Properties of a stage that is ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// [`VERSION`] of the stage.
    pub version: u32,
    /// Time of loading, in milliseconds.
    pub load_ms: u64,
    /// Description for `status`, such as the device or model in use.
    pub detail: String,
}

/// Backend that computes the code predictor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictorBackend {
    /// ggml, or ONNX Runtime if ggml cannot load its file.
    #[default]
    Auto,
    /// ggml.
    Ggml,
    /// ONNX Runtime.
    Onnx,
}

/// Settings of talker, predictor and vocoder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSettings {
    /// Directory of the voice bundle.
    pub bundle: PathBuf,
    /// Number of threads.
    pub threads: usize,
    /// Positions of the talker's context.
    pub positions: usize,
    /// Voice files for which the vocoder prepares a primed state; with others an utterance begins in silence.
    #[serde(default)]
    pub voice_files: Vec<PathBuf>,
    /// Backend of the code predictor; the other engines have one each.
    #[serde(default)]
    pub predictor_backend: PredictorBackend,
}
