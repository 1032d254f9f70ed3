//! Messages between the two halves of the synthesis, and its inputs.

use crate::{CODEBOOKS, Prompt};

/// Sentence to be synthesized.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// Input of the talker.
    pub prompt: Prompt,
    /// Number of tokens of its text.
    pub tokens: usize,
    /// Bound of its duration.
    pub ceiling: DurationCeiling,
    /// Frames whose codes the repetition penalty counts; `None` is all of the sentence, as the official package does.
    pub repetition_window: Option<u32>,
}

/// Bound of the duration of a sentence, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationCeiling {
    /// Duration that no text of so many tokens takes: a voice that gets there has missed its end.
    Guard(u32),
    /// Duration of the text itself, whose tokens are timed: behind it there is nothing to say.
    Text(u32),
}

impl DurationCeiling {
    pub(super) fn frames(self) -> u32 {
        match self {
            Self::Guard(frames) | Self::Text(frames) => frames,
        }
    }
}

/// Reason why a sentence was ended before the talker ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutReason {
    /// The requested number of frames was reached.
    #[error("the requested number of frames")]
    Wanted,
    /// It took longer than any text of its length does.
    #[error("longer than any text of its length")]
    Ceiling,
    /// Its frames were repeating.
    #[error("repeating frames")]
    Cycle,
    /// It stayed silent.
    #[error("endless silence")]
    Silence,
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
    /// All timed tokens of the text were spoken.
    OfText,
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
