//! From an announcement to what is heard.
//!
//! ```text
//! Announcement -- SpeechService --> Playback -- PlayerClient --> player stage
//!                   |  VoicePool      |  Joiner, Pacer
//!                   v                 v
//!                 crier-synthesis   one stream of samples
//! ```
//!
//! [`SpeechService`] chooses the voice from a [`VoicePool`], goes on with another one where the first fails, and speaks
//! one announcement at a time. `Playback` joins chime and sentences to one stream, which begins as soon as the rest
//! will be there in time. [`PlayerClient`] keeps the samples that were not played yet, so that a player stage that
//! died is replaced and goes on at the same sample.

#![forbid(unsafe_code)]

mod bundle_folders;
mod device_list;
mod lexicon_files;
mod playback;
mod player_client;
mod sink_thread;
mod speech_service;
mod statistics;
mod voice_pool;

pub use bundle_folders::BundleFolders;
pub use device_list::DeviceListError;
pub use lexicon_files::{LexiconProblem, read_user_lexicon};
pub use playback::{EVENTS_AHEAD_MAX, PlaybackError, PlaybackOptions};
pub use player_client::{DeviceState, PlayerClient};
pub use sink_thread::{SinkThread, SinkThreadError};
pub use speech_service::{
    ChimeFailure, SpeakError, SpeechOptions, SpeechService, SpokenReport, VoiceFailure, sentence_options,
};
pub use statistics::SpeechStatistics;
pub use voice_pool::{MAIN_VOICE, Readiness, UnknownVoice, VoiceOptions, VoicePool, VoiceProfile};
