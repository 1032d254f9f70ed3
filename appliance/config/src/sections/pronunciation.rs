//! `[[pronunciation]]`, in the configuration and in lexicon files: how a word is said.

use crier_lexicon::{IPA_SYMBOLS, Lexeme, Matching, SAY_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, timed_phonemes};
use crier_normalise::AUTO;

use crate::key::KeyDefault;
use crate::reader::Trouble;
use crate::section::Section;
use crate::sections::voice::read_language;
use crate::values::{Keyword, Text, text};

impl Keyword for Matching {
    const WORDS: &'static [(&'static str, Self)] = &[("word", Self::Word), ("case", Self::Case)];
}

const TEXT: Text = Text::any("a word or phrase of at most 100 characters", TEXT_CHARACTERS_MAX);
const SAY: Text = Text::any("a respelling of at most 200 characters", SAY_CHARACTERS_MAX);
const IPA: Text = Text::any("a transcription in the IPA of at most 200 characters", SAY_CHARACTERS_MAX);

/// Reads an entry; `None` if it is wrong.
pub(crate) fn read_lexeme(section: &mut Section<'_, '_>) -> Option<Lexeme> {
    let written = section.required_text("text", &TEXT);
    let say = section.optional_text("say", None, &SAY);
    let sounds = section.value("ipa", IPA.takes, KeyDefault::Absent, |_, value| {
        let ipa = text(value, &IPA)?;
        timed_phonemes(&ipa).map_err(|unknown| {
            let problem = if unknown.0.is_empty() { "has no sounds".to_owned() } else { unknown.to_string() };
            Trouble::new(problem, format!("write it with {IPA_SYMBOLS}"))
        })
    });
    let language = read_language(section, None).filter(|language| language != AUTO);
    let matching = section.choice("match", Matching::Word);
    if !section.has("say") && !section.has("ipa") {
        section.error("say", "is missing, and so is `ipa`", "add one of them, or both");
    }
    if say.is_none() && sounds.is_none() {
        return None;
    }
    // Blanks as in announcements, which are matched after cleaning.
    let written = written?.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Lexeme { text: written, say, sounds, language, matching })
}
