//! `[player]`: the audio output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crier_announce::TARGET_LUFS;

use crate::section::Section;
use crate::values::{Text, words};

/// Audio output: device, volume and buffering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerSettings {
    /// Destination of the samples.
    pub output: OutputSetting,
    /// Volume at the start, 0 to 100.
    pub volume_percent: u8,
    /// Volume control.
    pub mixer: MixerSetting,
    /// Speech that the device holds ahead, in milliseconds; at least two periods.
    pub buffer_ms: u32,
    /// Speech that is handed to the device at once, in milliseconds.
    pub period_ms: u32,
    /// Length of the crossfade at joins and of the fade at a stop, in milliseconds.
    pub crossfade_ms: u32,
    /// Condition for the start of playback of an announcement.
    pub start: Start,
    /// Silence before each announcement, in milliseconds, for amplifiers that wake slowly.
    pub lead_silence_ms: u32,
    /// Loudness of speakers and chimes: alike, or each as it is.
    pub loudness: LoudnessMode,
    /// Loudness that they are brought to, in LUFS.
    pub target_loudness_lufs: i8,
    /// Folder of the chimes that announcements name: `NAME.wav`.
    pub chimes_dir: PathBuf,
}

/// Destination of samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputSetting {
    /// A sound device.
    Alsa {
        /// Name of an ALSA PCM, as `aplay -L` lists them.
        device: String,
    },
    /// A WAV file that grows at the pace of a sound device.
    Wav {
        /// The file; what it holds is continued.
        file: PathBuf,
    },
    /// A WAV file that takes speech as fast as it is made, without gaps.
    Capture {
        /// The file; what it holds is continued.
        file: PathBuf,
    },
    /// Nowhere, at the pace of a sound device.
    Null,
}

/// Condition for the start of playback of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// As soon as what is still to be made will be there in time.
    #[default]
    Auto,
    /// When all of it is made: for machines that are slower than speech and must never pause in a sentence.
    Whole,
}

words!(Start { "auto" => Auto, "whole" => Whole });

/// Loudness of speakers and chimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoudnessMode {
    /// All alike.
    #[default]
    Equal,
    /// Each as it is.
    Off,
}

words!(LoudnessMode { "equal" => Equal, "off" => Off });

/// Volume control.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MixerSetting {
    /// The card's playback element if it has one, else the program.
    #[default]
    Auto,
    /// The program; the card's mixer is left alone.
    None,
    /// This element of the card's mixer, as `amixer scontrols` lists them.
    Element(String),
}

impl Default for PlayerSettings {
    fn default() -> Self {
        Self {
            output: OutputSetting::Alsa { device: "default".to_owned() },
            volume_percent: 80,
            mixer: MixerSetting::Auto,
            // Longer than the pauses of a busy machine, and short enough that a stop is heard at once.
            buffer_ms: 200,
            // Forty wake-ups in a second; each costs time on a small core.
            period_ms: 25,
            // Long enough that a join does not click, too short to be heard itself.
            crossfade_ms: 10,
            start: Start::Auto,
            lead_silence_ms: 0,
            loudness: LoudnessMode::Equal,
            // The level of EBU R 128 for broadcasting: speech at it needs no limiter.
            target_loudness_lufs: -23,
            chimes_dir: "/usr/share/crier/chimes".into(),
        }
    }
}

/// The words of `output`.
#[derive(Clone, Copy, PartialEq)]
enum OutputKind {
    Alsa,
    Wav,
    Capture,
    Null,
}

words!(OutputKind { "alsa" => Alsa, "wav" => Wav, "capture" => Capture, "null" => Null });

const DEVICE: Text = Text::any("the name of an ALSA device", 128);
const ELEMENT: Text = Text::any("the name of a mixer element", 64);

impl PlayerSettings {
    /// Returns the loudness that speakers and chimes are brought to, in LUFS; `None` leaves each as it is.
    #[must_use]
    pub fn target_lufs(&self) -> Option<i8> {
        (self.loudness == LoudnessMode::Equal).then_some(self.target_loudness_lufs)
    }

    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let output = Self::read_output(section);
        let mixer = section.optional_text("mixer", Some("auto"), &ELEMENT);
        let player = Self {
            output,
            volume_percent: section.number("volume_percent", default.volume_percent, 0..=100),
            mixer: match mixer.as_deref() {
                None => MixerSetting::Auto,
                Some("none") => MixerSetting::None,
                Some(element) => MixerSetting::Element(element.to_owned()),
            },
            buffer_ms: section.number("buffer_ms", default.buffer_ms, 10..=1000),
            period_ms: section.number("period_ms", default.period_ms, 2..=500),
            crossfade_ms: section.number("crossfade_ms", default.crossfade_ms, 0..=100),
            start: section.choice("start", default.start),
            lead_silence_ms: section.number("lead_silence_ms", default.lead_silence_ms, 0..=5000),
            loudness: section.choice("loudness", default.loudness),
            target_loudness_lufs: section.number(
                "target_loudness_lufs",
                default.target_loudness_lufs,
                TARGET_LUFS,
            ),
            chimes_dir: section.path("chimes_dir", "/usr/share/crier/chimes"),
        };
        player.check(section);
        player
    }

    fn read_output(section: &mut Section<'_, '_>) -> OutputSetting {
        let kind = section.choice("output", OutputKind::Alsa);
        // Read for every kind of output: a key that says nothing is a warning, not an unknown key.
        let device = section.text("device", "default", &DEVICE);
        let file = section.optional_path("wav_file", None);
        let is_file = matches!(kind, OutputKind::Wav | OutputKind::Capture);
        for (key, fits, wanted) in
            [("device", kind == OutputKind::Alsa, OutputKind::Alsa), ("wav_file", is_file, OutputKind::Wav)]
        {
            if section.has(key) && !fits {
                let problem = format!("says nothing while `output` is \"{kind}\"");
                section.warn(key, problem, format!("leave it out, or write output = \"{wanted}\""));
            }
        }
        match (kind, file) {
            (OutputKind::Alsa, _) => OutputSetting::Alsa { device },
            (OutputKind::Wav, Some(file)) => OutputSetting::Wav { file },
            (OutputKind::Capture, Some(file)) => OutputSetting::Capture { file },
            (OutputKind::Wav | OutputKind::Capture, None) => {
                // A `wav_file` that is there and wrong was reported already.
                if !section.has("wav_file") {
                    section.error(
                        "output",
                        format!("is \"{kind}\", but there is no `wav_file`"),
                        "add `wav_file = \"PATH\"`",
                    );
                }
                OutputSetting::Null
            }
            (OutputKind::Null, _) => OutputSetting::Null,
        }
    }

    fn check(&self, section: &mut Section<'_, '_>) {
        let two_periods = 2 * self.period_ms;
        if self.buffer_ms < two_periods {
            // The error stands at the key that the file has; at a default there is nothing to mend.
            let (key, remedy) = if section.has("buffer_ms") {
                ("buffer_ms", format!("write at least {two_periods}"))
            } else {
                ("period_ms", format!("write at most {}", self.buffer_ms / 2))
            };
            let problem = format!("leaves a buffer of {} ms, less than two periods", self.buffer_ms);
            section.error(key, problem, remedy);
        } else if self.buffer_ms < 50 {
            section.warn(
                "buffer_ms",
                "is short: a busy machine will be heard to stutter",
                "write 100 or more",
            );
        }
        if self.volume_percent == 0 {
            section.warn("volume_percent", "is 0: nothing will be heard", "write 1 to 100");
        }
    }
}
