//! Messages between the two halves of the synthesis, and its inputs.

use crate::{CODEBOOKS, Prompt};

/// Sentence to be synthesized.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// Input of the talker.
    pub prompt: Prompt,
    /// Number of tokens of its text, which bounds its duration.
    pub tokens: usize,
}

/// Synthesis options of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentenceOptions {
    /// Seed of all random choices: the same seed and text give the same samples.
    pub seed: u64,
    /// True to always take the most probable code.
    pub greedy: bool,
    /// Maximum number of frames, obeyed exactly and without runaway guard; `None` leaves it to the guard.
    pub max_frames: Option<u32>,
    /// Frames per vocoder call after the first calls, which are shorter.
    pub chunk_frames: usize,
}

/// Output of [`crate::SentenceFrames`]: a frame, the end of the sentence, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameEvent {
    pub(super) attempt: u32,
    pub(super) frame: Option<[u16; CODEBOOKS]>,
    pub(super) end: Option<SentenceEnd>,
}

/// Reason for the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SentenceEnd {
    /// The talker chose the end-of-speech code.
    OfSpeech,
    /// The requested number of frames was reached.
    Wanted,
    /// The maximum duration of a text of this length was reached.
    Ceiling,
    /// The frames were repeating.
    Cycle,
}

/// Feedback of [`crate::SentenceSamples`] about the frames, which only their samples show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    pub(super) attempt: u32,
    pub(super) outcome: AttemptOutcome,
}

/// Outcome of an attempt, as far as its samples show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    /// Audible samples were released: the attempt is final.
    Heard,
    /// Nothing but silence so far: start again with the next seed.
    Retry,
    /// The sentence is finished.
    Done,
}
