//! Synthesis of one sentence, from prompt to samples: two state machines without I/O, one for each half.
//!
//! ```text
//! talker, predictor <-> SentenceFrames -- FrameEvent --> SentenceSamples <-> vocoder
//!                                      <- Feedback ----
//! ```
//!
//! They may run in two threads, two tasks or one loop: the samples depend on the sentence and the options only, never
//! on timing. A network that crashed is replaced and its state rebuilt ([`SentenceFrames::talker_lost`],
//! [`SentenceSamples::vocoder_lost`]) without an audible effect: no sample is lost or repeated, and all are
//! bit-identical.

mod frames;
mod messages;
mod samples;

pub use frames::SentenceFrames;
pub use messages::{CutReason, DurationCeiling, Feedback, FrameEvent, Sentence, SentenceOptions};
pub use samples::SentenceSamples;

#[cfg(test)]
mod tests;
