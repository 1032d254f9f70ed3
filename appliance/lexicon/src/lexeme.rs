//! One entry of the owner's lexicon.

use serde::{Deserialize, Serialize};

/// Longest written form, in characters: a phrase of some ten words.
pub const TEXT_CHARACTERS_MAX: usize = 100;
/// Longest respelling or transcription, in characters: twice the phrase, for abbreviations are spelled out.
pub const SAY_CHARACTERS_MAX: usize = 200;
/// Entries in all: more than an owner writes by hand, and some 5 MB of memory.
pub const LEXEMES_MAX: usize = 10_000;

/// A word or phrase and how it is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lexeme {
    /// Word or phrase as it is written.
    pub text: String,
    /// Respelling, read in its place by every voice; `None` if only voices that read sounds say it differently.
    pub say: Option<String>,
    /// Phonemes with their durations, as `timed_phonemes` returns them; they precede the respelling.
    pub sounds: Option<String>,
    /// Language of the texts it is for, by its name in bundles; `None`: of all texts.
    pub language: Option<String>,
    /// Rule for upper and lower case.
    pub matching: Matching,
}

/// Rule by which a written word is recognised. Always as a whole word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// In upper and lower case alike.
    #[default]
    Word,
    /// In exactly this case: `US` but not `us`.
    Case,
}
