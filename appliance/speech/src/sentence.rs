//! One sentence on its way from prompt to samples: two state machines without I/O, each the truth about its half.
//!
//! ```text
//! talker, predictor <-> SentenceFrames -- Made --> SentenceSamples <-> vocoder
//!                                      <- Judged --
//! ```
//!
//! They may run in two threads, two tasks or one loop: what comes out depends on the sentence and the options only,
//! never on who was faster. A network that died is replaced, told what it has to know again
//! ([`SentenceFrames::talker_lost`], [`SentenceSamples::vocoder_lost`]), and nobody hears it: no sample is lost and
//! none is repeated, to the last bit.

mod frames;
mod samples;

pub use frames::SentenceFrames;
pub use samples::SentenceSamples;

use crate::{CODEBOOKS, Prompt};

/// A sentence, ready to be spoken.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// What the talker reads.
    pub prompt: Prompt,
    /// Tokens of its text: it may not take much longer than a text of that length can.
    pub tokens: usize,
}

/// How a sentence is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentenceOptions {
    /// The same seed and text give the same samples.
    pub seed: u64,
    /// Always the likeliest code.
    pub greedy: bool,
    /// Frames, obeyed exactly and without a runaway guard; `None` leaves it to the guard.
    pub max_frames: Option<u32>,
    /// Frames in a vocoder call once speech is under way; the first calls are shorter.
    pub chunk_frames: usize,
}

/// What was made: a frame, the end of the sentence, or both at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    attempt: u32,
    frame: Option<[u16; CODEBOOKS]>,
    end: Option<End>,
}

/// Why there are no more frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The talker said so.
    OfSpeech,
    /// So many frames were wanted.
    Wanted,
    /// No text of this length takes longer.
    Ceiling,
    /// The same frames came again and again.
    Cycle,
}

/// What those who hear the samples say about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    attempt: u32,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Something was heard: from now on there is no way back.
    Heard,
    /// Nothing but silence: begin again with the next seed.
    Retry,
    /// The sentence has ended.
    Done,
}

#[cfg(test)]
mod tests;
