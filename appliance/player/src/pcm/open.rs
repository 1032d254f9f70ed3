//! The kinds of devices a configuration can name.

use std::path::PathBuf;

use super::{AlsaPcm, Mixer, PacedPcm, Pcm, Shape, steady_clock};
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
    },
    /// A WAV file that grows as fast as a sound card would play. An existing file is continued: a player that was
    /// restarted in the middle of a sentence goes on in the same file.
    Wav {
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
            Self::Alsa { device, mixer } => {
                let pcm = AlsaPcm::open(device, rate_hz, mixer)?;
                tracing::info!(%device, form = %pcm.describe(), "sound device open");
                Box::new(pcm)
            }
            Self::Wav { path, format } => Box::new(paced(Box::new(WavSink::append(path, rate_hz, *format)?))),
            Self::Null => Box::new(paced(Box::new(NullSink))),
        })
    }

    /// The device in one word or name, for reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Alsa { device, .. } => device.clone(),
            Self::Wav { path, .. } => path.display().to_string(),
            Self::Null => "null".to_owned(),
        }
    }
}
