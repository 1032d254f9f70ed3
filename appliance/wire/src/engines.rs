//! Messages of the engines (talker, predictor, vocoder). A reply depends on its request only, so that a restarted
//! engine can replay an utterance.

use std::path::PathBuf;

use crier_speech::{CODEBOOKS, GROUPS, Sampler};
use serde::{Deserialize, Serialize};

use crate::At;

/// Request to the talker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TalkerRequest {
    /// Decodes rows (payload: `rows * hidden`) as the positions from `position` on.
    Decode {
        /// Frame that follows the rows.
        at: At,
        /// Position of the first row.
        position: usize,
        /// Number of leading rows that depend on the voice only; see `TalkerEngine::decode`.
        constant: usize,
        /// True if more rows of the same decode follow in the next packet, because all together exceed the longest one;
        /// only the last packet is answered.
        more: bool,
    },
}

/// Reply of the talker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TalkerReply {
    /// Payload: the hidden state, then the logits.
    Decoded {
        /// Address of the request.
        at: At,
    },
    /// The request failed.
    Failed(Failure),
}

/// Request to the predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PredictorRequest {
    /// Completes a frame; payload: the talker's hidden state.
    Predict {
        /// Frame to complete.
        at: At,
        /// First code of the frame.
        code0: u16,
        /// Sampler that chooses the codes.
        sampler: Sampler,
    },
}

/// Reply of the predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PredictorReply {
    /// Remaining codes of a frame.
    Predicted {
        /// Address of the request.
        at: At,
        /// Codes 1 to 15.
        codes: [u16; GROUPS],
    },
    /// The request failed.
    Failed(Failure),
}

/// Request to the vocoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VocoderRequest {
    /// Decodes frames to samples.
    Decode(Decode),
}

/// Frames to decode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    /// Address of the first frame. Frame 0 begins an utterance: the vocoder resets its state.
    pub at: At,
    /// Codes of the frames.
    pub codes: Vec<[u16; CODEBOOKS]>,
    /// With frame 0: voice file whose primed state the utterance continues. The utterance begins in silence if it is
    /// absent or not one of [`crate::EngineSettings::voice_files`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_state: Option<PathBuf>,
}

/// Reply of the vocoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VocoderReply {
    /// Payload: the samples.
    Decoded {
        /// Address of the first frame.
        at: At,
        /// True if more samples of the same frames follow in the next packet, because all together exceed the longest
        /// one.
        #[serde(default)]
        more: bool,
    },
    /// The request failed.
    Failed(Failure),
}

/// Failure of a request to an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Address of the request.
    pub at: At,
    /// Error message.
    pub reason: String,
}
