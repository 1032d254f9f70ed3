//! `[voice]` and `[voices.NAME]`: who speaks, and how.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A voice as an announcement may choose it. `[voice]` is the one that speaks when none is chosen; a key that is absent
/// in `[voices.NAME]` has the value of `[voice]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// The bundle with the model.
    pub bundle: VoiceBundle,
    /// A speaker of the bundle; `None`: the first. Never together with `file`: in `[voices.NAME]` either of the two
    /// replaces both of `[voice]`, and so does another `bundle`.
    pub speaker: Option<String>,
    /// An enrolled voice (`NAME.voice`) that speaks instead of a speaker of the bundle.
    pub file: Option<PathBuf>,
    /// The language of the text; `None` (`"auto"`): the model finds it.
    pub language: Option<String>,
    /// The same seed and text give the same samples.
    pub seed: u64,
    /// How text is given to the model.
    pub text_mode: TextMode,
    /// Whether the embedded voice speaks when this one cannot.
    pub fallback: bool,
}

/// Where the model of a voice is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoiceBundle {
    /// The voice inside the program (`"default"`).
    #[default]
    Embedded,
    /// A folder as made by `crier convert`.
    Folder(PathBuf),
}

/// How text is given to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextMode {
    /// As the model was made for.
    #[default]
    Auto,
    /// One text token with each frame of speech.
    Streaming,
    /// The whole text before the first frame.
    Whole,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            bundle: VoiceBundle::Embedded,
            speaker: None,
            file: None,
            language: None,
            seed: 1,
            text_mode: TextMode::Auto,
            fallback: true,
        }
    }
}
