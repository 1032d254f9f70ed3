//! Recordings from outside, as samples that can be relied on: WAV and FLAC, decoded within limits, mixed to mono,
//! finite; resampled, measured and trimmed when asked for.
//!
//! Used for the recordings that voices are made of, and for the chimes before announcements.

mod decode;
mod error;
mod levels;
mod resample;
mod sound;

pub use decode::{CHANNELS_MAX, Limits, RATES_HZ, read};
pub use error::AudioError;
pub use levels::Levels;
pub use resample::{RESAMPLER_RATES_HZ, Resampler, scaled, scaled_down};
pub use sound::Sound;
