//! Text to samples: everything between an announcement's text and the sound that the player gets.
//!
//! ```text
//! text -- TextFrontend --> TokenizedText -- render, with the three engines of a Voice --> AudioEvent
//! ```
//!
//! [`TextFrontend`] reads a text the way one voice does: normalisation, sentences, tokens, and the speaker's identity.
//! Texts that were rendered before they are needed wait in a [`RenderCache`]; [`read_chime`] decodes the sounds that
//! precede an announcement.

#![forbid(unsafe_code)]

mod cache;
mod chime;
mod error;
mod speaker;
mod text;

pub use cache::{CacheKey, RenderCache, RenderedAudio};
pub use chime::{ChimeError, read_chime};
pub use error::SynthesisError;
pub use speaker::{SpeakerIdentity, VOICE_FILE_EXTENSION, is_voice_file};
pub use text::{Style, TextFrontend, TokenizedText};
