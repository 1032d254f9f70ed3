//! Errors of reading and converting recordings.

use std::path::PathBuf;

use crate::limits::{CHANNELS_MAX, RATES_HZ};
use crate::resample::RESAMPLER_RATES_HZ;

/// Error of this crate; each names the file and a remedy.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; does it exist, and may you read it?", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// The file cannot be decoded, or is damaged.
    #[error("{} is no WAV or FLAC recording, or is damaged: {reason}; save it again as 16-bit WAV", path.display())]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// Description of the damage.
        reason: String,
    },
    /// The recording is too long.
    #[error("{} is longer than {seconds_max} s: cut it to the best part", path.display())]
    TooLong {
        /// Path of the file.
        path: PathBuf,
        /// Longest accepted duration, in seconds.
        seconds_max: u32,
    },
    /// The file holds no samples.
    #[error("{} holds no samples: record it again", path.display())]
    Empty {
        /// Path of the file.
        path: PathBuf,
    },
    /// A sample is not a number.
    #[error("{} holds {value} at sample {at}, which is no sound: save it again as 16-bit WAV", path.display())]
    NotANumber {
        /// Path of the file.
        path: PathBuf,
        /// Position of the sample.
        at: usize,
        /// Value of the sample.
        value: f32,
    },
    /// Number of channels or sample rate are outside the limits.
    #[error(
        "{} has {channels} channels at {rate_hz} Hz; 1 to {} channels at {} to {} Hz are taken: \
         convert it to 16-bit WAV",
        path.display(), CHANNELS_MAX, RATES_HZ.start(), RATES_HZ.end()
    )]
    Form {
        /// Path of the file.
        path: PathBuf,
        /// Number of its channels.
        channels: usize,
        /// Its sample rate in hertz.
        rate_hz: u32,
    },
    /// The sample rate cannot be converted.
    #[error(
        "cannot convert {from_hz} Hz to {to_hz} Hz: both must be {} to {} Hz",
        RESAMPLER_RATES_HZ.start(), RESAMPLER_RATES_HZ.end()
    )]
    Resample {
        /// Its rate.
        from_hz: u32,
        /// Requested rate.
        to_hz: u32,
    },
}
