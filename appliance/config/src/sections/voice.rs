//! `[voice]` and `[voices.NAME]`: the voices that can speak.

use std::path::PathBuf;

use crier_announce::Normalise;
use crier_normalise::{AUTO, Language, language_name};
use serde::{Deserialize, Serialize};

use crate::reader::Trouble;
use crate::section::Section;
use crate::sections::common::MannerSettings;
use crate::suggest::nearest;
use crate::values::{Text, or_word, text, word_default, words};

/// A voice as an announcement may choose it. `[voice]` is the one that speaks when none is chosen; a key that is absent
/// in `[voices.NAME]` has the value of `[voice]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceSettings {
    /// The bundle with the model.
    pub bundle: VoiceBundle,
    /// A speaker of the bundle; `None`: the first. Never together with `file`: in `[voices.NAME]` either of the two
    /// replaces both of `[voice]`, and so does another `bundle`.
    pub speaker: Option<String>,
    /// An enrolled voice (`NAME.voice`) that speaks instead of a speaker of the bundle.
    pub file: Option<PathBuf>,
    /// The language of the text by its name in bundles; `None` (`"auto"`): the model finds it.
    pub language: Option<String>,
    /// Rewriting of numbers and the like as words, where the voice can read them as they are written.
    pub normalise: Normalise,
    /// Manner of speaking.
    pub manner: MannerSettings,
    /// The same seed and text give the same samples.
    pub seed: u64,
    /// Way in which text is fed to the model.
    pub text_mode: TextModeSetting,
    /// Latest frames of a sentence whose codes the repetition penalty counts; `None`: all, as the model was published.
    pub repetition_window_frames: Option<u32>,
    /// True if the embedded voice speaks when this one cannot.
    pub fallback: bool,
}

/// Location of a voice's model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoiceBundle {
    /// The voice inside the program (`"default"`).
    #[default]
    Embedded,
    /// A folder as made by `crier convert`.
    Folder(PathBuf),
}

/// Way in which text is fed to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextModeSetting {
    /// As the model was made for.
    #[default]
    Auto,
    /// One text token with each frame of speech.
    Streaming,
    /// The whole text before the first frame.
    Whole,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            bundle: VoiceBundle::Embedded,
            speaker: None,
            file: None,
            language: None,
            normalise: Normalise::On,
            manner: MannerSettings::default(),
            seed: 1,
            text_mode: TextModeSetting::Auto,
            repetition_window_frames: None,
            fallback: true,
        }
    }
}

words!(TextModeSetting { "auto" => Auto, "streaming" => Streaming, "whole" => Whole });

const LANGUAGE: Text = Text::any(
    "a language by name or tag, such as \"english\", \"en\" or \"en-US\"",
    crier_announce::LANGUAGE_CHARACTERS_MAX,
);
/// Windows of the repetition penalty: from a frame, 80 ms, to more than any sentence has.
const REPETITION_WINDOW: std::ops::RangeInclusive<u32> = 1..=8192;
const SPEAKER: Text = Text::any("a speaker of the bundle", crier_announce::NAME_CHARACTERS_MAX);

/// Reads the key `language`, and returns the name that bundles have for it. `word` is the one that means the same as an
/// absent key.
pub(crate) fn read_language(section: &mut Section<'_, '_>, word: Option<&'static str>) -> Option<String> {
    let takes = or_word(LANGUAGE.takes, word);
    let read = section.value("language", &takes, word_default(word), |_, value| {
        let asked = text(value, &LANGUAGE)?;
        language_name(&asked).map_err(|unknown| match nearest(&asked, Language::ALL.map(Language::name)) {
            Some(near) => Trouble::new("is no language", format!("did you mean \"{near}\"?")),
            None => Trouble::new(format!("is {unknown}"), format!("write {}", LANGUAGE.takes)),
        })
    })?;
    // Where nothing stands for "auto", it overrides the language of the voice.
    read.or_else(|| word.is_none().then(|| AUTO.to_owned()))
}

impl VoiceSettings {
    /// Reads `[voice]`, or `[voices.NAME]` when `base` is what `[voice]` says.
    pub(crate) fn read(section: &mut Section<'_, '_>, base: Option<&Self>) -> Self {
        let mut voice = base.cloned().unwrap_or_default();
        // The three name one voice together: a speaker of the inherited bundle is not in another bundle.
        if section.has("bundle") || section.has("speaker") || section.has("file") {
            (voice.speaker, voice.file) = (None, None);
        }
        let bundle = section.optional_path("bundle", Some("default"));
        if section.has("bundle") {
            voice.bundle = bundle.map_or(VoiceBundle::Embedded, VoiceBundle::Folder);
        }
        voice.speaker = section.optional_text("speaker", None, &SPEAKER).or(voice.speaker);
        voice.file = section.optional_path("file", None).or(voice.file);
        if section.has("speaker") && section.has("file") {
            section.error(
                "file",
                "stands beside `speaker`, but only one can speak",
                "leave one of the two out",
            );
        }
        let language = read_language(section, Some(AUTO));
        // "auto" is read as `None` like an absent key, but must override the inherited language.
        if section.has("language") {
            voice.language = language;
        }
        voice.normalise = section.choice("normalise", voice.normalise);
        voice.manner = MannerSettings::read(section).or(&voice.manner);
        // TOML has signed integers only.
        voice.seed = section.number("seed", voice.seed, 0..=i64::MAX.unsigned_abs());
        voice.text_mode = section.choice("text_mode", voice.text_mode);
        let window = section.optional_number("repetition_window_frames", Some("all"), REPETITION_WINDOW);
        // "all" is read as `None` like an absent key, but must override the inherited window.
        if section.has("repetition_window_frames") {
            voice.repetition_window_frames = window;
        }
        voice.fallback = section.flag("fallback", voice.fallback);
        voice
    }
}
