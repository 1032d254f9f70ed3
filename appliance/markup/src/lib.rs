//! Text with pauses, and SSML, as a script: pieces that are spoken, silence, marks and sounds, one after the other.
//!
//! ```text
//! "One. [pause:1s] Two."  ->  Speak "One. " | Pause 1000 ms | Speak " Two."
//! ```
//!
//! SSML is the language of the W3C (version 1.1) as far as a voice can follow it: `speak`, `p`, `s`, `break`, `say-as`,
//! `sub`, `lang`, `voice`, `prosody`, `mark`, `audio`; `emphasis` and `phoneme` are read as their text.

#![forbid(unsafe_code)]

mod attributes;
mod error;
mod limits;
mod parse;
mod pauses;
mod say_as;
mod script;
mod ssml;

pub use error::{MarkupError, MarkupProblem};
pub use limits::{MARK_CHARACTERS_MAX, PAUSE_MS_MAX, PAUSES_MS_MAX, PIECES_MAX};
pub use script::{Script, ScriptPiece, SpokenPiece};
