//! `[[button]]`: what a press does.

use std::path::PathBuf;

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

/// One push-button; at least one of its three presses does something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// The kernel's name of the key, such as `KEY_PROG1` or `BTN_1`.
    pub key: String,
    /// Name of the input device; `None`: any that has the key.
    pub device: Option<String>,
    /// What a press does.
    pub press: Option<Action>,
    /// What two presses in quick succession do.
    pub double_press: Option<Action>,
    /// What a press that is held does.
    pub long_press: Option<Action>,
    /// How long a press is a long one, in milliseconds.
    pub long_press_ms: u32,
    /// How quick the succession is, in milliseconds; a single press waits for it only if `double_press` is there.
    pub double_press_ms: u32,
}

/// What a press does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Says a text: `{ say = "Dinner is ready" }`.
    Say {
        /// The text.
        text: String,
        /// Its language; `None`: that of the voice.
        language: Option<String>,
        /// Who says it, a name of `[voices]`; `None`: `[voice]`.
        voice: Option<String>,
        /// How urgent it is.
        priority: Priority,
    },
    /// Plays a WAV file: `{ wav = "/usr/share/sounds/bell.wav" }`.
    Wav {
        /// The file.
        file: PathBuf,
        /// How urgent it is.
        priority: Priority,
    },
    /// Louder or softer by so many percent: `{ volume = +5 }`.
    Volume {
        /// -100 to 100, never 0.
        step_percent: i8,
    },
    /// Silence without a stop: `{ mute = "toggle" }`.
    Mute(Mute),
    /// Ends what is being spoken.
    Stop,
    /// Ends what is being spoken and all that waits.
    StopAll,
    /// Says the last announcement once more.
    Repeat,
    /// Pauses what is being spoken; the next such press resumes it.
    Pause,
}

/// What becomes of the mute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mute {
    /// The other state.
    Toggle,
    /// Silent.
    On,
    /// Audible.
    Off,
}

impl Button {
    /// A button that does nothing yet, with every other key at its default.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            device: None,
            press: None,
            double_press: None,
            long_press: None,
            long_press_ms: 600,
            double_press_ms: 300,
        }
    }
}
