//! From the clean text to the sentences that are read: the owner's pronunciations, then normalisation.

use std::borrow::Cow;
use std::ops::Range;

use crier_bundle::Lexicon;
use crier_lexicon::{Occurrence, UserLexicon};
use crier_normalise::{Language, verbalise};
use crier_speech::{Pronunciations, SENTENCE_CHARACTERS_MAX, SpeechError, split_sentences};

/// Longest text, in characters, that is spoken as one utterance, as the official implementation does with text of any
/// length. Longer text is split into sentences, so that memory and time to first audio do not grow with it.
const WHOLE_TEXT_CHARACTERS_MAX: usize = 240;
/// Longest sentence, in bytes, that is put together again because an entry of the owner's lexicon reaches over its
/// parts. A lexicon that has every full stop must not make one sentence of a whole book.
const JOINED_BYTES_MAX: usize = 2 * SENTENCE_CHARACTERS_MAX;

/// Way from written text to the text that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As it is written.
    Raw,
    /// Numbers and the like in words of a language, everything else as it is written.
    Words(Language),
    /// Nothing but lower-case English words.
    English,
}

impl Spelling {
    /// Rewrites a sentence, or its beginning.
    pub(crate) fn rewrite(self, sentence: &str) -> String {
        match self {
            Self::Raw => sentence.to_owned(),
            Self::Words(language) => verbalise(sentence, language),
            Self::English => crier_normalise::english(sentence).text,
        }
    }
}

/// Way in which one text is read: its spelling, and the places where the owner's lexicon applies.
pub(crate) struct Reading {
    pub(crate) spelling: Spelling,
    lexicon: UserLexicon,
    occurrences: Vec<Occurrence>,
}

/// A sentence after normalisation.
pub(crate) struct SpelledSentence {
    pub(crate) text: String,
    /// Bytes of the sentence in the clean text.
    pub(crate) source: Range<usize>,
}

impl Reading {
    /// Returns the reading of a clean text, the name of whose language is given if it is known.
    pub(crate) fn new(text: &str, spelling: Spelling, lexicon: UserLexicon, language: Option<&str>) -> Self {
        // Voices that read sounds are the ones that need plain English words.
        let occurrences = lexicon.occurrences(text, language, spelling == Spelling::English);
        Self { spelling, lexicon, occurrences }
    }

    /// Returns the reading of a text without the owner's lexicon.
    pub(crate) fn plain(spelling: Spelling) -> Self {
        Self { spelling, lexicon: UserLexicon::default(), occurrences: Vec::new() }
    }

    /// Rewrites a part of the clean text that lies in one sentence.
    pub(crate) fn rewrite(&self, text: &str, part: Range<usize>) -> String {
        self.spelling.rewrite(&self.respelled(text, part))
    }

    /// Returns a part of the clean text with the respellings and stand-ins of the owner's lexicon.
    fn respelled<'t>(&self, text: &'t str, part: Range<usize>) -> Cow<'t, str> {
        let first = self.occurrences.partition_point(|occurrence| occurrence.range.start < part.start);
        let within = |occurrence: &&Occurrence| occurrence.range.end <= part.end;
        let mut occurrences = self.occurrences[first..].iter().take_while(within).peekable();
        if occurrences.peek().is_none() {
            return Cow::Borrowed(&text[part]);
        }
        let (mut respelled, mut end) = (String::with_capacity(part.len() * 2), part.start);
        for occurrence in occurrences {
            respelled.push_str(&text[end..occurrence.range.start]);
            respelled.push_str(&occurrence.replacement);
            end = occurrence.range.end;
        }
        respelled.push_str(&text[end..part.end]);
        Cow::Owned(respelled)
    }

    /// Returns true if a byte of the clean text lies within a phrase of the owner's lexicon.
    pub(crate) fn is_within_phrase(&self, at: usize) -> bool {
        let next = self.occurrences.partition_point(|occurrence| occurrence.range.end <= at);
        self.occurrences.get(next).is_some_and(|occurrence| occurrence.range.start < at)
    }

    /// Returns the sounds of words: those of the owner, or else those of the voice.
    pub(crate) fn pronunciations<'a>(&'a self, voice: &'a Lexicon) -> impl Pronunciations + 'a {
        OwnSounds { own: &self.lexicon, voice }
    }

    /// Returns spoken text as it is shown to people.
    pub(crate) fn shown(&self, spoken: &str) -> String {
        self.lexicon.without_stand_ins(spoken)
    }

    /// Returns the normalised sentences, and the characters that cannot be read.
    pub(crate) fn spell(&self, text: &str) -> Result<(Vec<SpelledSentence>, String), SpeechError> {
        if self.spelling != Spelling::English {
            let whole = self.rewrite_all(text);
            let is_short = whole.chars().count() <= WHOLE_TEXT_CHARACTERS_MAX;
            let spelled =
                |source: Range<usize>| SpelledSentence { text: self.rewrite(text, source.clone()), source };
            let spelled = if is_short {
                vec![SpelledSentence { text: whole, source: 0..text.len() }]
            } else {
                self.sentences(text).into_iter().map(spelled).collect()
            };
            return Ok((spelled, String::new()));
        }
        let (mut spelled, mut skipped) = (Vec::new(), String::new());
        for source in self.sentences(text) {
            let english = crier_normalise::english(&self.respelled(text, source.clone()));
            skipped.extend(english.skipped);
            // A sentence of nothing but foreign characters or ornaments is skipped, not an error of the whole text.
            if !english.text.is_empty() {
                spelled.push(SpelledSentence { text: english.text, source });
            }
        }
        if spelled.is_empty() {
            // Without the text, which is private: this goes to logs and events.
            let detail = "this voice reads English only, and the text has nothing of it".to_owned();
            return Err(SpeechError::NothingToSay { detail });
        }
        Ok((spelled, skipped))
    }

    /// Rewrites a text sentence by sentence, and keeps what lies between them.
    fn rewrite_all(&self, text: &str) -> String {
        let (mut whole, mut end) = (String::with_capacity(text.len()), 0);
        // A text that is too long for one unit is not wanted whole: further sentences would be rewritten twice for
        // nothing.
        let sentences = self.sentences(text).into_iter();
        for sentence in sentences.take_while(|sentence| sentence.end <= SENTENCE_CHARACTERS_MAX * 4) {
            whole.push_str(&text[end..sentence.start]);
            whole.push_str(&self.rewrite(text, sentence.clone()));
            end = sentence.end;
        }
        whole.push_str(&text[end..]);
        whole
    }

    /// Returns the bytes of each sentence of a clean text.
    fn sentences(&self, text: &str) -> Vec<Range<usize>> {
        let mut joined: Vec<Range<usize>> = Vec::new();
        for sentence in sentence_ranges(text) {
            match joined.last_mut() {
                Some(last)
                    if sentence.end - last.start <= JOINED_BYTES_MAX
                        && self.is_one_phrase(text, last.end..sentence.start) =>
                {
                    last.end = sentence.end;
                }
                _ => joined.push(sentence),
            }
        }
        joined
    }

    /// Returns true if the gap between two sentences lies in a phrase of the owner's lexicon, or the mark before it ends
    /// one: the full stop of "approx." ends no sentence.
    fn is_one_phrase(&self, text: &str, gap: Range<usize>) -> bool {
        let next = self.occurrences.partition_point(|occurrence| occurrence.range.end < gap.start);
        let Some(occurrence) = self.occurrences.get(next) else { return false };
        let ends_with_mark = occurrence.range.end == gap.start && text[..gap.start].ends_with('.');
        let is_line = !text[gap.clone()].contains('\n');
        is_line && (ends_with_mark || occurrence.range.start < gap.start && gap.end <= occurrence.range.end)
    }
}

/// Lexicon of a voice below the owner's.
struct OwnSounds<'a> {
    own: &'a UserLexicon,
    voice: &'a Lexicon,
}

impl Pronunciations for OwnSounds<'_> {
    fn sounds(&self, word: &str) -> Option<&str> {
        self.own.sounds(word).or_else(|| self.voice.sounds(word))
    }
}

/// Returns the bytes of each sentence of a clean text.
fn sentence_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    split_sentences(text).into_iter().map(move |sentence| {
        // Only blanks and line ends lie between sentences.
        let start = text.len() - text[end..].trim_start().len();
        end = start + sentence.len();
        start..end
    })
}

#[cfg(test)]
mod tests {
    use crier_lexicon::{Lexeme, Matching};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentences_know_their_bytes_in_the_text() {
        let text = "One. Two?\nThree — déjà vu!  \"Four.\" Five";
        let sentences: Vec<&str> = sentence_ranges(text).map(|range| &text[range]).collect();
        assert_eq!(sentences, split_sentences(text));
    }

    /// As a voice without a lexicon does it, whose bundle is too large for this test.
    fn spelled(text: &str, spelling: Spelling) -> Vec<(String, &str)> {
        let (spelled, _) = Reading::plain(spelling).spell(text).unwrap();
        spelled.into_iter().map(|sentence| (sentence.text, &text[sentence.source])).collect()
    }

    #[test]
    fn numbers_are_words_where_the_language_is_known() {
        let text = "Am Gleis 3.  Bitte warten!";
        assert_eq!(spelled(text, Spelling::Raw), [(text.to_owned(), text)]);
        let words = spelled(text, Spelling::Words(Language::German));
        let expected = verbalise("Am Gleis 3.", Language::German) + "  Bitte warten!";
        assert_eq!(words, [(expected, text)], "blanks between sentences are kept");
        let long = "Zug 5 fährt um 12:45 Uhr. ".repeat(20);
        let words = spelled(long.trim(), Spelling::Words(Language::German));
        assert_eq!(words.len(), 20);
        let sentence = "Zug 5 fährt um 12:45 Uhr.";
        assert_eq!(words[19], (verbalise(sentence, Language::German), sentence));
    }

    fn lexicon() -> UserLexicon {
        let lexeme = |text: &str, say: &str| Lexeme {
            text: text.to_owned(),
            say: Some(say.to_owned()),
            sounds: None,
            language: None,
            matching: Matching::Word,
        };
        UserLexicon::new([
            lexeme("dB", "decibels"),
            lexeme("approx.", "approximately"),
            lexeme("Yahoo! Inc", "yahoo incorporated"),
            lexeme("Hbf", "Hauptbahnhof"),
            lexeme("Gdańsk", "Danzig"),
        ])
    }

    /// Sentences as they are read.
    fn respelled(text: &str, spelling: Spelling) -> Vec<String> {
        let reading = Reading::new(text, spelling, lexicon(), None);
        reading.spell(text).unwrap().0.into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn respellings_come_before_normalisation_and_reach_over_sentence_ends() {
        let english = |text| respelled(text, Spelling::English);
        assert_eq!(english("It is 5 dB. Good."), ["it is five decibels.", "good."]);
        assert_eq!(english("It is approx. 5 m. Go on."), ["it is approximately five meters.", "go on."]);
        assert_eq!(english("Ask Yahoo! Inc. today."), ["ask yahoo incorporated, today."]);
        assert_eq!(english("It is approx.\nNo."), ["it is approximately.", "no."]);
        let german = respelled("Gleis 3, Zürich Hbf, 5dB.", Spelling::Words(Language::German));
        assert_eq!(german, ["Gleis drei, Zürich Hauptbahnhof, fünf decibels."]);
        assert_eq!(respelled("Zürich Hbf, 5 dB", Spelling::Raw), ["Zürich Hauptbahnhof, 5 decibels"]);
    }

    proptest! {
        #[test]
        fn respelled_sentences_cover_the_text_in_order(
            words in proptest::collection::vec("approx\\.|Yahoo! Inc|5dB|Hbf|one|Two\\.|a\n|你好。", 1..40),
        ) {
            let text = words.join(" ");
            let text = text.trim();
            let reading = Reading::new(text, Spelling::Raw, lexicon(), None);
            let mut end = 0;
            for sentence in reading.sentences(text) {
                prop_assert!(text[end..sentence.start].trim().is_empty());
                for at in [sentence.start, sentence.end] {
                    prop_assert!(!reading.is_within_phrase(at) || sentence.len() > SENTENCE_CHARACTERS_MAX);
                }
                end = sentence.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
