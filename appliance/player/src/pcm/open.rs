//! The kinds of devices a configuration can name.

use std::path::PathBuf;

use super::{AlsaPcm, CapturePcm, Mixer, PacedPcm, Pcm, Shape, Timing, steady_clock};
use crate::{NullSink, PlayerError, Sink, WavFormat, WavSink};

/// Where the appliance is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A sound card.
    Alsa {
        /// ALSA name of the device.
        device: String,
        /// What sets its volume.
        mixer: Mixer,
        /// How much it holds.
        timing: Timing,
    },
    /// A WAV file that grows as fast as a sound card would play. An existing file is continued: a player that was
    /// restarted in the middle of a sentence goes on in the same file.
    Wav {
        /// The file.
        path: PathBuf,
        /// How samples stand in it.
        format: WavFormat,
    },
    /// A WAV file that takes sound as fast as it comes, bit for bit as it was sent, without gaps; an existing file is
    /// continued. For rendering ahead, and for comparing what was said.
    Capture {
        /// The file.
        path: PathBuf,
        /// How samples stand in it.
        format: WavFormat,
    },
    /// Nowhere, as fast as a sound card would play.
    Null,
}

impl Output {
    /// Opens the device at `rate_hz`, or the nearest rate it does.
    ///
    /// # Errors
    /// The device or file cannot be opened; the error names it and what to do.
    pub fn open(&self, rate_hz: u32) -> Result<Box<dyn Pcm>, PlayerError> {
        let paced = |sink: Box<dyn Sink>| PacedPcm::new(Shape::usual(rate_hz), sink, steady_clock());
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

    /// The device in one word or name, for reports.
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
    fn a_device_that_cannot_be_opened_is_named() {
        let path = "/no/such/folder/out.wav";
        for output in [
            Output::Wav { path: path.into(), format: WavFormat::S16 },
            Output::Capture { path: path.into(), format: WavFormat::S16 },
        ] {
            let error = output.open(24_000).err().unwrap().to_string();
            assert!(error.contains(path) && output.name() == path, "{error}");
        }
        assert_eq!(Output::Null.open(24_000).unwrap().shape().rate_hz, 24_000);
    }
}
