//! What buttons do.

use crier_announce::{Draft, Priority};
use crier_wire::Command;
use serde::{Deserialize, Serialize};

/// All buttons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonsSettings {
    /// Each of them.
    pub buttons: Vec<ButtonSettings>,
}

/// One push-button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonSettings {
    /// The kernel's name of its key, such as `KEY_PROG1` or `BTN_1`.
    pub key: String,
    /// Name of the input device; `None`: any that has the key.
    #[serde(default)]
    pub device: Option<String>,
    /// What a press does.
    #[serde(default)]
    pub press: Option<ButtonAction>,
    /// What two presses in quick succession do.
    #[serde(default)]
    pub double_press: Option<ButtonAction>,
    /// What a press that is held does.
    #[serde(default)]
    pub long_press: Option<ButtonAction>,
    /// How long a press is a long one, in milliseconds.
    #[serde(default = "long_press_ms")]
    pub long_press_ms: u32,
    /// How quick the succession is, in milliseconds; a single press waits for it only if `double_press` is there.
    #[serde(default = "double_press_ms")]
    pub double_press_ms: u32,
}

fn long_press_ms() -> u32 {
    600
}

fn double_press_ms() -> u32 {
    300
}

impl ButtonSettings {
    /// A button that does nothing yet.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            device: None,
            press: None,
            double_press: None,
            long_press: None,
            long_press_ms: long_press_ms(),
            double_press_ms: double_press_ms(),
        }
    }
}

/// What a press does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ButtonAction {
    /// Says a text.
    Say {
        /// The text.
        text: String,
        /// Its language; `None`: that of the voice.
        #[serde(default)]
        language: Option<String>,
        /// Who says it; `None`: the configured voice.
        #[serde(default)]
        voice: Option<String>,
        /// How urgent it is.
        #[serde(default)]
        priority: Priority,
    },
    /// Plays a sound.
    Wav {
        /// Its name among the chimes.
        chime: String,
        /// How urgent it is.
        #[serde(default)]
        priority: Priority,
    },
    /// Louder or softer.
    Volume {
        /// -100 to 100.
        step_percent: i32,
    },
    /// Silence without a stop; `None` changes it.
    Mute(Option<bool>),
    /// Ends what is being spoken.
    Stop,
    /// Ends what is being spoken and all that waits.
    StopAll,
    /// Says the last announcement once more.
    Repeat,
    /// Pauses what is being spoken; the next such press resumes it.
    Pause,
}

/// Without the text, which is private.
impl std::fmt::Debug for ButtonAction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.request() {
            ButtonRequest::Announcement(draft) => draft.fmt(formatter),
            ButtonRequest::Command(command) => command.fmt(formatter),
        }
    }
}

/// What an action asks of the supervisor.
#[derive(Debug)]
pub(crate) enum ButtonRequest {
    Announcement(Box<Draft>),
    Command(Command),
}

impl ButtonAction {
    pub(crate) fn request(&self) -> ButtonRequest {
        ButtonRequest::Command(match self {
            Self::Say { text, language, voice, priority } => {
                let (language, voice) = (language.clone(), voice.clone());
                let draft = Draft { language, voice, priority: *priority, ..Draft::plain(text) };
                return ButtonRequest::Announcement(Box::new(draft));
            }
            Self::Wav { chime, priority } => {
                let draft = Draft { chime: Some(chime.clone()), priority: *priority, ..Draft::default() };
                return ButtonRequest::Announcement(Box::new(draft));
            }
            Self::Volume { step_percent } => Command::VolumeStep { percent: *step_percent },
            Self::Mute(on) => Command::Mute { on: *on },
            Self::Stop => Command::Stop,
            Self::StopAll => Command::StopAll,
            Self::Repeat => Command::RepeatLast,
            Self::Pause => Command::PauseToggle,
        })
    }
}
