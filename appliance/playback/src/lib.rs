//! From an announcement to what is heard.
//!
//! ```text
//! Announcement -- SpeechService --> Playback -- PlayerClient --> player stage
//!                   |  VoicePool      |  Assembly, Pacer
//!                   v                 v
//!                 crier-synthesis   one stream of samples
//! ```
//!
//! [`SpeechService`] chooses the voice from a [`VoicePool`], goes on with another one where the first fails, and speaks
//! one announcement at a time. A text is first divided into its parts (`script_parts`): speech, pauses, marks and
//! sounds. `Playback` puts them together to one stream, which begins as soon as the rest will be there in time.
//! [`PlayerClient`] keeps the samples that were not played yet, so that a player stage that died is replaced and goes
//! on at the same sample.

#![forbid(unsafe_code)]

mod assembly;
mod bundle_folders;
mod device_list;
mod lexicon_files;
mod marks;
mod playback;
mod player_client;
mod script_part;
mod sink_thread;
mod sound_output;
mod speech_service;
mod statistics;
mod voice_pool;

pub use assembly::Assembly;
pub use bundle_folders::BundleFolders;
pub use device_list::DeviceListError;
pub use lexicon_files::{LexiconProblem, read_user_lexicon};
pub use playback::{EVENTS_AHEAD_MAX, PlaybackError, PlaybackOptions};
pub use player_client::{DeviceState, PlayerClient};
pub use script_part::{ScriptError, ScriptPart, SpokenPart, script_parts};
pub use sink_thread::SinkThreadError;
pub use sound_output::{OutputTarget, SoundOutput, SoundOutputError};
pub use speech_service::{
    ChimeFailure, SpeakError, SpeechOptions, SpeechService, SpokenReport, VoiceFailure, sentence_options,
};
pub use statistics::SpeechStatistics;
pub use voice_pool::{MAIN_VOICE, Readiness, UnknownVoice, VoiceOptions, VoicePool, VoiceProfile};
