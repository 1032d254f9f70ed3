//! Synthesis of one sentence, from prompt to samples: two state machines without I/O, one for each half.
//!
//! ```text
//! talker, predictor <-> SentenceFrames -- Made --> SentenceSamples <-> vocoder
//!                                      <- Judged --
//! ```
//!
//! They may run in two threads, two tasks or one loop: the samples depend on the sentence and the options only, never
//! on timing. A network that crashed is replaced and its state rebuilt ([`SentenceFrames::talker_lost`],
//! [`SentenceSamples::vocoder_lost`]) without an audible effect: no sample is lost or repeated, and all are
//! bit-identical.

mod frames;
mod samples;

pub use frames::SentenceFrames;
pub use samples::SentenceSamples;

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

/// Output of [`SentenceFrames`]: a frame, the end of the sentence, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    attempt: u32,
    frame: Option<[u16; CODEBOOKS]>,
    end: Option<End>,
}

/// Reason for the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The talker chose the end-of-speech code.
    OfSpeech,
    /// The requested number of frames was reached.
    Wanted,
    /// The maximum duration of a text of this length was reached.
    Ceiling,
    /// The frames were repeating.
    Cycle,
}

/// Feedback of [`SentenceSamples`] about the frames, which only their samples show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    attempt: u32,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Audible samples were released: the attempt is final.
    Heard,
    /// Nothing but silence so far: start again with the next seed.
    Retry,
    /// The sentence is finished.
    Done,
}

#[cfg(test)]
mod tests;
