//! Talker, predictor and vocoder: pure functions of what they are told.

use std::path::PathBuf;

use crier_speech::{CODEBOOKS, GROUPS, Sampler};
use serde::{Deserialize, Serialize};

use crate::At;

/// To the talker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TalkerRequest {
    /// Reads rows (payload: `rows * hidden`) as the positions from `position` on.
    Decode {
        /// The frame that is to follow.
        at: At,
        /// Position of the first row.
        position: usize,
        /// Leading rows that depend on the voice only; see `TalkerEngine::decode`.
        constant: usize,
        /// More rows of the same decode follow in the next packet; no answer is given before the last.
        more: bool,
    },
}

/// From the talker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TalkerReply {
    /// Payload: the hidden state, then the logits.
    Decoded {
        /// What was asked for.
        at: At,
    },
    /// It could not be done.
    Failed(Failure),
}

/// To the predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PredictorRequest {
    /// Completes a frame; payload: the talker's hidden state.
    Predict {
        /// The frame.
        at: At,
        /// Its first code.
        code0: u16,
        /// How codes are chosen.
        sampler: Sampler,
    },
}

/// From the predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PredictorReply {
    /// The other codes of a frame.
    Predicted {
        /// The frame.
        at: At,
        /// Codes 1 to 15.
        codes: [u16; GROUPS],
    },
    /// It could not be done.
    Failed(Failure),
}

/// To the vocoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VocoderRequest {
    /// Turns frames into samples.
    Decode(Decode),
}

/// Frames to be turned into samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    /// The first of the frames; frame 0 begins an utterance, so everything before is forgotten.
    pub at: At,
    /// The frames.
    pub codes: Vec<[u16; CODEBOOKS]>,
    /// With frame 0: the voice file whose recording the utterance continues; in silence if absent, or not one of
    /// [`crate::EngineSettings::voice_files`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beginning: Option<PathBuf>,
}

/// From the vocoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VocoderReply {
    /// Payload: the samples.
    Decoded {
        /// The first of the frames.
        at: At,
    },
    /// It could not be done.
    Failed(Failure),
}

/// Why a piece of work could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which.
    pub at: At,
    /// Why, for people.
    pub reason: String,
}
