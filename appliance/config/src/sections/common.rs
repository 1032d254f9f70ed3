//! Values and checks that several sections share.

use std::fmt;
use std::path::PathBuf;

use crier_announce::{Draft, INSTRUCT_CHARACTERS_MAX, Normalise, PitchShift, Priority, Prosody, SpeechRate};
use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::suggest::nearest;
use crate::values::{Keyword, Text};

impl Keyword for Priority {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("important", Self::Important),
        ("message", Self::Message),
        ("text", Self::Text),
        ("notification", Self::Notification),
        ("progress", Self::Progress),
    ];
}

impl Keyword for Normalise {
    const WORDS: &'static [(&'static str, Self)] = &[("on", Self::On), ("off", Self::Off)];
}

/// A text that is to be spoken. It is private: `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpokenText(String);

impl SpokenText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SpokenText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SpokenText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{} bytes>", self.0.len())
    }
}

/// Manner of speaking of a voice or an input; what is absent is that of the voice, or of the model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MannerSettings {
    /// Speed.
    pub rate: Option<SpeechRate>,
    /// Shift of the pitch.
    pub pitch: Option<PitchShift>,
    /// Description in words, for voices that take instructions.
    pub instruct: Option<String>,
}

impl MannerSettings {
    /// Reads the keys `rate`, `pitch` and `instruct`.
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let rates = SpeechRate::MIN.factor()..=SpeechRate::MAX.factor();
        let pitches = PitchShift::MIN.semitones()..=PitchShift::MAX.semitones();
        Self {
            rate: section.optional_decimal("rate", rates).map(SpeechRate::from_factor),
            pitch: section.optional_decimal("pitch", pitches).map(PitchShift::from_semitones),
            instruct: section.optional_text("instruct", None, &INSTRUCT),
        }
    }

    /// Returns the manner with what it leaves out taken from `base`.
    #[must_use]
    pub fn or(self, base: &Self) -> Self {
        Self {
            rate: self.rate.or(base.rate),
            pitch: self.pitch.or(base.pitch),
            instruct: self.instruct.or_else(|| base.instruct.clone()),
        }
    }

    /// Returns rate and pitch, with those of the model for what is absent.
    #[must_use]
    pub fn prosody(&self) -> Prosody {
        Prosody {
            rate: self.rate.unwrap_or_default(),
            pitch: self.pitch.unwrap_or_default(),
            ..Prosody::default()
        }
    }

    /// Gives an announcement what its sender left out.
    pub fn complete(&self, draft: &mut Draft) {
        let Self { rate, pitch, instruct } = self;
        draft.rate = draft.rate.or(*rate);
        draft.pitch = draft.pitch.or(*pitch);
        draft.instruct = draft.instruct.take().or_else(|| instruct.clone());
    }
}

const INSTRUCT: Text =
    Text::any("the manner of speaking in words, such as \"calm and clear\"", INSTRUCT_CHARACTERS_MAX);

/// Priority of announcements that name none.
pub(crate) const PRIORITY_DEFAULT: Priority = Priority::Message;

const VOICE: Text = Text::any("the NAME of a [voices.NAME]", 32);

pub(crate) const GROUP: Text = Text {
    takes: "the name of a group of this machine",
    // The limit of `groupadd`.
    characters_max: 32,
    allowed: |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'),
};

/// Names that the sections read so far use or define.
#[derive(Default)]
pub(crate) struct Known {
    /// Names of the voices that may be chosen.
    pub(crate) voices: Vec<String>,
    /// Devices, FIFOs and sockets in use.
    pub(crate) paths: Vec<PathBuf>,
    /// Folder of the chimes, the only sounds that a button may play.
    pub(crate) chimes_dir: PathBuf,
    /// Keys in use, with their device.
    pub(crate) buttons: Vec<(String, Option<String>)>,
}

/// Reads the key `voice`, a name of `[voices]`.
pub(crate) fn read_voice(section: &mut Section<'_, '_>, known: &Known) -> Option<String> {
    let voice = section.optional_text("voice", Some("default"), &VOICE)?;
    if !known.voices.contains(&voice) {
        // A slip is more likely than a section that was forgotten.
        let remedy = match nearest(&voice, known.voices.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("add [voices.{voice}], or write \"default\" for [voice]"),
        };
        section.error("voice", "names a voice that this file does not have", remedy);
    }
    Some(voice)
}

/// Reads the key `group`.
pub(crate) fn read_group(section: &mut Section<'_, '_>) -> Option<String> {
    section.optional_text("group", None, &GROUP)
}
