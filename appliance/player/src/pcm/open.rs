//! Kinds of devices that a configuration can name.

use std::path::PathBuf;

use super::alsa::AlsaPcm;
use super::capture::CapturePcm;
use super::device::{Pcm, StreamConfig, Timing};
use super::mixer::Mixer;
use super::paced::{PacedPcm, steady_clock};
use crate::error::PlayerError;
use crate::sink::{NullSink, Sink};
use crate::wav_sink::{WavFormat, WavSink};

/// Output of the appliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Sound card.
    Alsa {
        /// ALSA name of the device.
        device: String,
        /// Control of its volume.
        mixer: Mixer,
        /// Its buffer and period.
        timing: Timing,
    },
    /// WAV file that grows as fast as a sound card would play. An existing file is continued: a player that was
    /// restarted in the middle of a sentence resumes in the same file.
    Wav {
        /// Path of the file.
        path: PathBuf,
        /// Format of its samples.
        format: WavFormat,
    },
    /// WAV file that takes sound as fast as it arrives, bit for bit as it was sent, without gaps; an existing file is
    /// continued. For tests and recordings.
    Capture {
        /// Path of the file.
        path: PathBuf,
        /// Format of its samples.
        format: WavFormat,
    },
    /// No output, as fast as a sound card would play.
    Null,
}

impl Output {
    /// Opens the device at `rate_hz`, or the nearest rate that it supports.
    ///
    /// # Errors
    /// The device or file cannot be opened; the error names it and a remedy.
    pub fn open(&self, rate_hz: u32) -> Result<Box<dyn Pcm>, PlayerError> {
        let paced = |sink: Box<dyn Sink>| {
            PacedPcm::new(StreamConfig::with_default_buffer(rate_hz), sink, steady_clock())
        };
        Ok(match self {
            Self::Alsa { device, mixer, timing } => {
                let pcm = AlsaPcm::open(device, rate_hz, mixer, *timing)?;
                tracing::info!(%device, form = %pcm.describe(), "sound device open");
                Box::new(pcm)
            }
            Self::Wav { path, format } => Box::new(paced(Box::new(WavSink::append(path, rate_hz, *format)?))),
            Self::Capture { path, format } => {
                Box::new(CapturePcm::new(rate_hz, Box::new(WavSink::append(path, rate_hz, *format)?)))
            }
            Self::Null => Box::new(paced(Box::new(NullSink))),
        })
    }

    /// Name of the device or file, for reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Alsa { device, .. } => device.clone(),
            Self::Wav { path, .. } | Self::Capture { path, .. } => path.display().to_string(),
            Self::Null => "null".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, WavFormat};

    #[test]
    fn device_that_cannot_be_opened_is_named() {
        let path = "/no/such/folder/out.wav";
        for output in [
            Output::Wav { path: path.into(), format: WavFormat::S16 },
            Output::Capture { path: path.into(), format: WavFormat::S16 },
        ] {
            let error = output.open(24_000).err().unwrap().to_string();
            assert!(error.contains(path) && output.name() == path, "{error}");
        }
        assert_eq!(Output::Null.open(24_000).unwrap().config().rate_hz, 24_000);
    }
}
