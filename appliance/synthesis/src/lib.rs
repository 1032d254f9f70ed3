//! Text to samples: everything between an announcement's text and the sound that the player gets.
//!
//! ```text
//! text -- TextFrontend --> TokenizedText -- render, with the three engines of a Voice --> AudioEvent
//! ```
//!
//! A [`Voice`] is a text front end in this process and three engines (talker, predictor, vocoder) in processes of their
//! own, which `crier-supervisor` keeps alive. [`render`] is the only driver: the appliance, `crier say`, `crier bench`
//! and `crier tune` all speak through it.
//!
//! [`TextFrontend`] reads a text the way one voice does: normalisation, sentences, tokens, and the speaker's identity.
//! Texts that were rendered before they are needed wait in a [`RenderCache`]; [`read_chime`] decodes the sounds that
//! precede an announcement.

#![forbid(unsafe_code)]

mod cache;
mod chime;
mod engine;
mod error;
mod measure;
mod reading;
mod render;
mod shape;
mod speaker;
mod text;
mod voice;

pub use cache::{CacheKey, RenderCache, RenderedAudio};
pub use chime::{ChimeError, read_chime};
pub use engine::{BusyClock, EngineError, LatencyStats};
pub use error::{EngineEnded, SynthesisError};
pub use measure::{EngineCost, FrameCosts, any_identity, measure_frames, measure_vocoder};
pub use render::{AudioEvent, CHUNK_FRAMES, RenderError, RenderFault, render, render_with};
pub use shape::RenderManner;
pub use speaker::{SpeakerIdentity, VOICE_FILE_EXTENSION, is_voice_file};
pub use text::{Style, TextFrontend, TokenizedText};
pub use voice::{EngineSpecs, Voice, VoiceSlot, VoiceSpec, VoiceState};
