//! Recordings from untrusted files: WAV and FLAC, decoded within limits, mixed to mono, without samples that are not
//! numbers; their levels, their trimming, and the resampler.
//!
//! Used for recordings of speakers and for chimes; the player uses the resampler.

mod decode;
mod error;
mod levels;
mod limits;
mod patched_file;
mod resample;
mod sound;

pub use decode::read;
pub use error::AudioError;
pub use levels::Levels;
pub use limits::{CHANNELS_MAX, Limits, RATES_HZ};
pub use resample::{RESAMPLER_RATES_HZ, Resampler, scaled, scaled_down};
pub use sound::Sound;
