//! Text to frames of speech codes, without I/O: cleaning and splitting of text, byte-level BPE, prompt rows, sampling,
//! the runaway guard and the frame loop.
//!
//! ```text
//! text -> sentences -> token ids -> prompt rows -> [ talker <-> predictor ] -> one frame of 16 codes each 80 ms
//! ```
//!
//! A [`VoiceLayout`] describes the model; [`EmbeddingTables`], [`TalkerEngine`] and [`PredictorEngine`] are the
//! interfaces to its tables and networks. The [`FrameLoop`] owns the whole state of an utterance (prompt, seed, codes
//! so far) and can be rebuilt from it at any frame, so that a network that crashed can be replaced without an audible
//! effect.

mod error;
mod frame_loop;
mod guard;
mod layout;
mod prompt;
mod pronounce;
mod sampling;
mod sentence;
mod sentences;
mod tables;
mod text;
mod tokenizer;

pub use error::SpeechError;
pub use frame_loop::{Finish, Frame, FrameLoop, FrameRequest};
pub use guard::{frame_ceiling, timed_ceiling};
pub use layout::{
    CODEBOOKS, CodecIds, GROUPS, ModelKind, SamplingDefaults, Speaker, TextIds, TextNormalisation,
    VoiceLayout,
};
pub use prompt::{Prompt, PromptOptions, PromptSpeaker, Reference, TextMode};
pub use pronounce::{FRAMES_MAX, Pronunciations, UNITS_PER_FRAME, frame_ids, phrase_break, pronounce};
pub use sampling::{Choice, Sampler};
pub use sentence::{
    CutReason, DurationCeiling, Feedback, FrameEvent, Sentence, SentenceFrames, SentenceOptions,
    SentenceSamples,
};
pub use sentences::{SENTENCE_CHARACTERS_MAX, split_sentences};
pub use tables::{EmbeddingTables, PredictorEngine, TalkerEngine, TalkerOutput};
pub use text::{TEXT_BYTES_MAX, clean};
pub use tokenizer::{AddedToken, Tokenizer};
