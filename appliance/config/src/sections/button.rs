//! `[[button]]`: push-buttons and their actions.

use std::path::{Path, PathBuf};

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

use crate::reader::Trouble;
use crate::section::Section;
use crate::sections::common::{Known, MannerSettings, PRIORITY_DEFAULT, SpokenText, read_voice};
use crate::sections::voice::read_language;
use crate::suggest::nearest;
use crate::values::{Text, choice, choices, kind, words};

/// One push-button; at least one of its three gestures has an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonSettings {
    /// The kernel's name of the key, such as `KEY_PROG1` or `BTN_1`.
    pub key: String,
    /// Name of the input device; `None`: any that has the key.
    pub device: Option<String>,
    /// Action of a short press.
    pub press: Option<ButtonAction>,
    /// Action of two presses in quick succession.
    pub double_press: Option<ButtonAction>,
    /// Action of a press that is held.
    pub long_press: Option<ButtonAction>,
    /// Duration from which a press is a long one, in milliseconds.
    pub long_press_ms: u32,
    /// Longest time between two presses that make a double one, in milliseconds. A short press waits for it only if
    /// `double_press` is there.
    pub double_press_ms: u32,
}

/// Action of a gesture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonAction {
    /// Says a text: `{ say = "Dinner is ready" }`.
    Say {
        /// The text.
        text: SpokenText,
        /// Language of the text; `None`: that of the voice.
        language: Option<String>,
        /// Name of a voice in `[voices]`; `None`: `[voice]`.
        voice: Option<String>,
        /// Manner of speaking.
        manner: MannerSettings,
        /// Priority of the announcement.
        priority: Priority,
    },
    /// Plays a chime: `{ wav = "bell.wav" }`.
    Wav {
        /// File in `player.chimes_dir`, with or without that path.
        file: PathBuf,
        /// Priority of the announcement.
        priority: Priority,
    },
    /// Changes the volume by a step: `{ volume = +5 }`.
    Volume {
        /// -100 to 100, never 0.
        step_percent: i8,
    },
    /// Mutes or unmutes the output, while playback continues: `{ mute = "toggle" }`.
    Mute(Mute),
    /// Stops the current announcement.
    Stop,
    /// Stops the current announcement and drops the queue.
    StopAll,
    /// Repeats the last announcement.
    Repeat,
    /// Pauses playback; the next such press resumes it.
    Pause,
}

/// Change of the mute state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mute {
    /// Changes to the other state.
    Toggle,
    /// Mutes.
    On,
    /// Unmutes.
    Off,
}

impl ButtonSettings {
    /// A button that does nothing yet, with every other key at its default.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            device: None,
            press: None,
            double_press: None,
            long_press: None,
            // Longer than any hurried or hesitant press, which takes a few tenths of a second.
            long_press_ms: 600,
            // A short press is delayed by this where there is a double one.
            double_press_ms: 300,
        }
    }
}

words!(Mute { "toggle" => Toggle, "on" => On, "off" => Off });

/// Action that is written as a single word.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Stop,
    StopAll,
    Repeat,
    Pause,
}

words!(Word { "stop" => Stop, "stop_all" => StopAll, "repeat" => Repeat, "pause" => Pause });

const KEY: Text = Text {
    takes: "a key as the kernel names it, such as \"KEY_PROG1\" or \"BTN_1\"; `evtest` shows them",
    characters_max: 32,
    allowed: |character| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_',
};
const DEVICE: Text = Text::any("the name of an input device, as `evtest` shows it", 128);
const SAY: Text = Text::any("what is to be said, 1 to 4000 characters", 4000);
/// The names of keys and buttons in `linux/input-event-codes.h`, between blanks.
const LINUX_KEYS: &str = include_str!("linux_keys.txt");
/// The keys of an action, of which it has exactly one.
const ACTIONS: [&str; 4] = ["say", "wav", "volume", "mute"];

impl ButtonSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>, known: &mut Known) -> Option<Self> {
        let key = section.required_text("key", &KEY);
        if let Some(key) = &key {
            check_key(section, key);
        }
        let default = Self::new("");
        let button = Self {
            key: key.clone().unwrap_or_default(),
            device: section.optional_text("device", None, &DEVICE),
            press: read_action(section, "press", known),
            double_press: read_action(section, "double_press", known),
            long_press: read_action(section, "long_press", known),
            long_press_ms: section.number("long_press_ms", default.long_press_ms, 200..=10_000),
            double_press_ms: section.number("double_press_ms", default.double_press_ms, 100..=2000),
        };
        if !["press", "double_press", "long_press"].iter().any(|key| section.has(key)) {
            section.error(
                "press",
                "is missing, and so is every other press",
                "add `press = \"stop\"` or another action",
            );
        }
        if button.double_press_ms >= button.long_press_ms {
            let problem = "is not longer than `double_press_ms`: nobody could tell the two presses apart";
            section.error("long_press_ms", problem, format!("write more than {}", button.double_press_ms));
        }
        key.as_ref()?;
        // The same key of two devices is two buttons; of the same device, both actions would run at each press.
        section.unique("key", &mut known.buttons, (button.key.clone(), button.device.clone()));
        Some(button)
    }
}

fn check_key(section: &mut Section<'_, '_>, key: &str) {
    if !key.starts_with("KEY_") && !key.starts_with("BTN_") {
        section.error("key", "does not begin with KEY_ or BTN_", format!("write {}", KEY.takes));
    } else if !LINUX_KEYS.split_whitespace().any(|known| known == key) {
        // A kernel may be newer than the list.
        let remedy = match nearest(key, LINUX_KEYS.split_whitespace()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("write {}", KEY.takes),
        };
        section.warn("key", "is not a key that Linux is known to have", remedy);
    }
}

/// Refuses a sound outside `chimes`: the supervisor opens chimes by name, as it may run as root and the text of an
/// announcement must not make it open any other file.
fn check_chime(section: &mut Section<'_, '_>, file: &Path, chimes: &Path) {
    let parent = file.parent().unwrap_or(file);
    if !parent.as_os_str().is_empty() && parent != chimes || file.file_name().is_none() {
        let problem = format!("is not in `player.chimes_dir`, which is {}", chimes.display());
        section.error("wav", problem, "put the file there, and write its name");
    }
}

fn read_action(section: &mut Section<'_, '_>, key: &'static str, known: &Known) -> Option<ButtonAction> {
    let words = choices::<Word>();
    // A word or a table: none of the readers of one kind of value fits.
    let value = section.raw(key, "an action")?;
    let trouble = match value.get_ref() {
        toml::de::DeValue::String(_) => match choice(value.get_ref()) {
            Ok(Word::Stop) => return Some(ButtonAction::Stop),
            Ok(Word::StopAll) => return Some(ButtonAction::StopAll),
            Ok(Word::Repeat) => return Some(ButtonAction::Repeat),
            Ok(Word::Pause) => return Some(ButtonAction::Pause),
            Err(trouble) => trouble,
        },
        toml::de::DeValue::Table(table) => {
            return section.inline(key, table, value.span(), |section| read_action_table(section, known));
        }
        other => Trouble::new(
            format!("is {}", kind(other)),
            format!("write {words}, or a table such as {{ say = \"Dinner is ready\" }}"),
        ),
    };
    section.error(key, trouble.problem, trouble.remedy);
    None
}

/// Reads an action that is a table.
pub(crate) fn read_action_table(section: &mut Section<'_, '_>, known: &Known) -> Option<ButtonAction> {
    // All keys are read before the action is known, so that a key of another action is reported as out of place and
    // not as unknown.
    let text = section.optional_text("say", None, &SAY);
    let file = section.optional_path("wav", None);
    let step = section.optional_number("volume", None, -100..=100_i8);
    let mute = section.optional_choice("mute");
    let language = read_language(section, None);
    let voice = read_voice(section, known);
    let manner = MannerSettings::read(section);
    let priority = section.choice("priority", PRIORITY_DEFAULT);

    let present: Vec<_> = ACTIONS.into_iter().filter(|key| section.has(key)).collect();
    // The keys present decide, not the values: a `say` with a bad text is an action with one error, not a missing
    // action.
    let [action] = present[..] else {
        if present.is_empty() && section.has_unknown() {
            // The unknown key is reported already; a second error about the same table would only confuse.
            return None;
        }
        let first = present.first().copied().unwrap_or("say");
        let problem = if present.is_empty() {
            "is missing: the action is to do nothing"
        } else {
            "is not the only action here"
        };
        section.error(first, problem, "write exactly one of say, wav, volume and mute");
        return None;
    };
    let needs: [(&str, &[&str]); 6] = [
        ("language", &["say"]),
        ("voice", &["say"]),
        ("rate", &["say"]),
        ("pitch", &["say"]),
        ("instruct", &["say"]),
        ("priority", &["say", "wav"]),
    ];
    for (key, actions) in needs {
        if section.has(key) && !actions.contains(&action) {
            section.error(key, format!("says nothing beside `{action}`"), "leave it out");
        }
    }
    if step == Some(0) {
        section.error("volume", "is a step of 0, which does nothing", "write +5 for louder or -5 for softer");
    }
    if let Some(file) = &file {
        check_chime(section, file, &known.chimes_dir);
    }
    match action {
        "say" => text.map(|text| ButtonAction::Say { text: text.into(), language, voice, manner, priority }),
        "wav" => file.map(|file| ButtonAction::Wav { file, priority }),
        "volume" => step.map(|step_percent| ButtonAction::Volume { step_percent }),
        _ => mute.map(ButtonAction::Mute),
    }
}
