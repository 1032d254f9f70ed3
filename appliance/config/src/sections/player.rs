//! `[player]`: where speech is heard.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where speech is heard, how loud, and how far ahead it is buffered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Where the samples go.
    pub output: Output,
    /// Volume at the start, 0 to 100.
    pub volume_percent: u8,
    /// What sets the volume.
    pub mixer: Mixer,
    /// Speech that the device holds ahead, in milliseconds; at least two periods.
    pub buffer_ms: u32,
    /// Speech that is handed to the device at once, in milliseconds.
    pub period_ms: u32,
    /// Length of the crossfade at joins and of the fade at a stop, in milliseconds.
    pub crossfade_ms: u32,
    /// Silence before each announcement, in milliseconds, for amplifiers that wake slowly.
    pub lead_silence_ms: u32,
    /// Folder of the chimes that announcements name: `NAME.wav`.
    pub chimes_dir: PathBuf,
}

/// Where samples go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// A sound device.
    Alsa {
        /// Name of an ALSA PCM, as `aplay -L` lists them.
        device: String,
    },
    /// A WAV file.
    Wav {
        /// The file; what it held before is lost.
        file: PathBuf,
    },
    /// Nowhere, at the pace of a sound device.
    Null,
}

/// What sets the volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mixer {
    /// The card's playback element if it has one, else the program.
    #[default]
    Auto,
    /// The program; the card's mixer is left alone.
    None,
    /// This element of the card's mixer, as `amixer scontrols` lists them.
    Element(String),
}

impl Default for Player {
    fn default() -> Self {
        Self {
            output: Output::Alsa { device: "default".to_owned() },
            volume_percent: 80,
            mixer: Mixer::Auto,
            buffer_ms: 200,
            period_ms: 25,
            crossfade_ms: 10,
            lead_silence_ms: 0,
            chimes_dir: "/usr/share/crier/chimes".into(),
        }
    }
}
