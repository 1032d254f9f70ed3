//! What can be wrong with a recording.

use std::path::PathBuf;

/// Errors of this crate; each names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; does it exist, and may you read it?", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no recording that can be decoded, or is damaged.
    #[error("{} is no WAV or FLAC recording, or is damaged: {reason}; save it again as 16-bit WAV", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The recording is longer than is wanted.
    #[error("{} is longer than {seconds_max} s: cut it to the best part", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The longest that is taken, in seconds.
        seconds_max: u32,
    },
    /// There is no sound in it.
    #[error("{} holds no samples: record it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A sample is no number.
    #[error("{} holds {value} at sample {at}, which is no sound: save it again as 16-bit WAV", path.display())]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// Which sample.
        at: usize,
        /// What it holds.
        value: f32,
    },
    /// Nobody records like this.
    #[error(
        "{} has {channels} channels at {rate_hz} Hz; 1 to {} channels at {} to {} Hz are taken: convert it to 16-bit WAV",
        path.display(), crate::CHANNELS_MAX, crate::RATES_HZ.start(), crate::RATES_HZ.end()
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// Its channels.
        channels: usize,
        /// Its sample rate in hertz.
        rate_hz: u32,
    },
    /// The sample rate cannot be converted.
    #[error(
        "cannot convert {from_hz} Hz to {to_hz} Hz: both must be {} to {} Hz",
        crate::RESAMPLER_RATES_HZ.start(), crate::RESAMPLER_RATES_HZ.end()
    )]
    Resample {
        /// The rate it has.
        from_hz: u32,
        /// The rate that was wanted.
        to_hz: u32,
    },
}
