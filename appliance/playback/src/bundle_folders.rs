//! Where the bundles of a configuration are, what they can speak, and the owner's lexicon for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crier_announce::Prosody;
use crier_bundle::read_manifest;
use crier_config::{ButtonAction, Config, ConfigError, VoiceBundle, VoiceSettings, finding_at};
use crier_lexicon::UserLexicon;
use crier_markup::Script;
use crier_speech::{SpeechError, VoiceLayout};
use crier_synthesis::Style;

use crate::lexicon_files::{LexiconProblem, read_user_lexicon};
use crate::script_part::{ScriptError, script_parts};
use crate::voice_pool::MAIN_VOICE;

/// Folders of the voice bundles of a configuration.
pub struct BundleFolders {
    embedded: Option<PathBuf>,
    /// Real path of each path in the configuration: two names of one folder are one voice.
    real: BTreeMap<PathBuf, PathBuf>,
    /// Properties of the bundles that are there, by real path.
    layouts: BTreeMap<PathBuf, VoiceLayout>,
    lexicon: UserLexicon,
    lexicon_problems: Vec<LexiconProblem>,
}

impl BundleFolders {
    /// Finds the bundles of a configuration beside the `embedded` one. Asks the file system, which takes as long as the
    /// medium takes: not in an event loop.
    #[must_use]
    pub fn find(config: &Config, embedded: Option<PathBuf>) -> Self {
        let voices = std::iter::once(&config.voice).chain(config.voices.values());
        let real = voices.filter_map(|voice| match &voice.bundle {
            VoiceBundle::Embedded => None,
            VoiceBundle::Folder(folder) => Some((folder.clone(), folder.canonicalize().ok()?)),
        });
        let real = real.collect::<BTreeMap<_, _>>();
        let folders: BTreeSet<&PathBuf> = real.values().chain(&embedded).collect();
        // What is wrong with a bundle is reported when it is loaded.
        let layout = |folder: &PathBuf| Some((folder.clone(), read_manifest(folder).ok()?.voice));
        let layouts = folders.into_iter().filter_map(layout).collect();
        let (lexicon, lexicon_problems) = read_user_lexicon(config);
        Self { embedded, real, layouts, lexicon, lexicon_problems }
    }

    /// Returns the languages of the configuration that the voice they are for does not speak, and the speakers that it
    /// does not have, each with the path of its key.
    fn style_errors(&self, config: &Config) -> Vec<(Vec<String>, SpeechError)> {
        let of_voice = |name: &Option<String>| match name.as_deref() {
            Some(name) if name != MAIN_VOICE => config.voices.get(name).unwrap_or(&config.voice),
            _ => &config.voice,
        };
        let path = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        let mut asked = vec![(path(&["voice", "language"]), &config.voice.language, &config.voice)];
        for (name, voice) in &config.voices {
            asked.push((path(&["voices", name, "language"]), &voice.language, voice));
        }
        for (index, port) in config.serial.iter().enumerate() {
            let path = path(&["serial", &index.to_string(), "language"]);
            asked.push((path, &port.language, of_voice(&port.voice)));
        }
        for (index, gesture, action) in button_actions(config) {
            if let ButtonAction::Say { language, voice, .. } = action {
                let path = path(&["button", &index.to_string(), gesture, "language"]);
                asked.push((path, language, of_voice(voice)));
            }
        }
        let error = |(path, language, voice): (Vec<String>, &Option<String>, &VoiceSettings)| {
            // A bundle that is not there has languages of its own.
            let layout = self.layouts.get(&self.of(&voice.bundle)?)?;
            Some((path, layout.language(language.as_deref()?).err()?))
        };
        let mut speakers = vec![(path(&["voice", "speaker"]), &config.voice)];
        speakers
            .extend(config.voices.iter().map(|(name, voice)| (path(&["voices", name, "speaker"]), voice)));
        let speaker_error = |(path, voice): (Vec<String>, &VoiceSettings)| {
            let layout = self.layouts.get(&self.of(&voice.bundle)?)?;
            Some((path, layout.speaker(voice.speaker.as_deref()?).err()?))
        };
        let speakers = speakers.into_iter().filter_map(speaker_error);
        speakers.chain(asked.into_iter().filter_map(error)).collect()
    }

    /// Returns an error for each language that the bundle of its voice does not speak, each speaker that it lacks, and
    /// each text that cannot be spoken, with the line of the key in `text`, which is the file `file_name` that the
    /// configuration was read from.
    #[must_use]
    pub fn config_errors(&self, config: &Config, file_name: &str, text: &str) -> Vec<ConfigError> {
        let place = |key: &[String], problem: String, remedy: String| {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            ConfigError::At(finding_at(file_name, text, &key, problem, remedy))
        };
        let of_style = |(key, error): (Vec<String>, SpeechError)| {
            let (problem, remedy) = match &error {
                SpeechError::UnknownLanguage { name, known } => (
                    format!("is \"{name}\", which the voice does not speak"),
                    format!("write one of {known} or auto"),
                ),
                SpeechError::UnknownSpeaker { name, known } => {
                    (format!("is \"{name}\", whom the voice does not have"), format!("write one of {known}"))
                }
                other => (other.to_string(), "remove the key".to_owned()),
            };
            place(&key, problem, remedy)
        };
        let of_text = |(key, error): (Vec<String>, ScriptError)| {
            place(
                &key,
                format!("cannot be spoken: {error}"),
                "docs/MARKUP.md tells what is understood".to_owned(),
            )
        };
        let styles = self.style_errors(config).into_iter().map(of_style);
        styles.chain(text_errors(config).into_iter().map(of_text)).collect()
    }

    /// Returns the owner's lexicon.
    #[must_use]
    pub fn lexicon(&self) -> &UserLexicon {
        &self.lexicon
    }

    /// Returns what is wrong with the files of the owner's lexicon.
    #[must_use]
    pub fn lexicon_problems(&self) -> &[LexiconProblem] {
        &self.lexicon_problems
    }

    /// Logs the languages that are refused, the speakers instead of whom another one speaks, and the lexicon files that
    /// are wrong. Not a reason to refuse the configuration: every other announcement is spoken, and the bundle may be
    /// replaced.
    pub fn warn_of_styles(&self, config: &Config) {
        for problem in &self.lexicon_problems {
            tracing::warn!(%problem, "entries of the lexicon have no effect");
        }
        for (path, error) in self.style_errors(config) {
            tracing::warn!(key = path.join("."), %error, "the voice cannot speak as it is configured");
        }
        for (path, error) in text_errors(config) {
            tracing::warn!(key = path.join("."), %error, "a text of the configuration cannot be spoken");
        }
    }

    /// Returns the folder of a bundle; `None` for the embedded one if there is none.
    #[must_use]
    pub fn of(&self, bundle: &VoiceBundle) -> Option<PathBuf> {
        match bundle {
            VoiceBundle::Embedded => self.embedded.clone(),
            // A folder that is not there yet, such as one of a stick, may be there when the voice is loaded.
            VoiceBundle::Folder(folder) => Some(self.real.get(folder).unwrap_or(folder).clone()),
        }
    }

    /// Folder of the embedded voice.
    #[must_use]
    pub fn embedded(&self) -> Option<&PathBuf> {
        self.embedded.as_ref()
    }

    /// Returns what is known of the bundles, by folder.
    #[must_use]
    pub fn into_layouts(self) -> BTreeMap<PathBuf, VoiceLayout> {
        self.layouts
    }
}

/// Returns the actions of all buttons, each with the index of its button and the key of its gesture.
fn button_actions(config: &Config) -> impl Iterator<Item = (usize, &'static str, &ButtonAction)> {
    config.button.iter().enumerate().flat_map(|(index, button)| {
        let gestures = [
            ("press", &button.press),
            ("double_press", &button.double_press),
            ("long_press", &button.long_press),
        ];
        gestures.into_iter().filter_map(move |(gesture, action)| Some((index, gesture, action.as_ref()?)))
    })
}

/// Returns the texts of the configuration that no voice could speak, such as those with broken markup, each with the
/// path of its key.
fn text_errors(config: &Config) -> Vec<(Vec<String>, ScriptError)> {
    let owned = |path: &[&str]| path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
    let ready = config.supervisor.ready_announcement.iter();
    let ready = ready.map(|text| (owned(&["supervisor", "ready_announcement"]), text));
    let buttons = button_actions(config).filter_map(|(index, gesture, action)| match action {
        ButtonAction::Say { text, .. } => {
            Some((owned(&["button", &index.to_string(), gesture, "say"]), text))
        }
        _ => None,
    });
    let error = |text: &str| match Script::parse(text, None, None) {
        // A sender's text is then read as plain text; the author of this one can mend it.
        Ok(Script { read_as_plain: Some(error), .. }) => Some(error.into()),
        _ => script_parts(text, None, &Style::default(), Prosody::default()).err(),
    };
    ready.chain(buttons).filter_map(|(path, text)| Some((path, error(text.as_str())?))).collect()
}
