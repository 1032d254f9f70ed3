//! All entries of the owner, and the places of a text where they apply.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use crate::lexeme::{LEXEMES_MAX, Lexeme, Matching};

/// Beginning of the stand-ins for sounds. No word of a language, in letters that normalisation leaves alone.
const STAND_IN: &str = "qvx";
/// Letters of a stand-in behind its beginning, which number the lexeme: 26^4 are more than [`LEXEMES_MAX`].
const STAND_IN_LETTERS: usize = 4;

/// The owner's lexicon. Cheap to clone; two of the same entries are equal.
#[derive(Debug, Clone, Default)]
pub struct UserLexicon(Option<Arc<LexemeIndex>>);

#[derive(Debug)]
struct LexemeIndex {
    lexemes: Vec<Lexeme>,
    /// Folded written form and number of each lexeme, sorted.
    folded: Vec<(Vec<char>, usize)>,
    /// Hash of all lexemes: the lexicon is part of the key of every cached text.
    digest: u64,
}

/// A place of a text where a lexeme applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// Text that is read in their place: a respelling, or the stand-in for sounds.
    pub replacement: String,
}

impl UserLexicon {
    /// Makes a lexicon of entries, of which the first of the same text takes precedence; those beyond
    /// [`LEXEMES_MAX`] are dropped.
    pub fn new(lexemes: impl IntoIterator<Item = Lexeme>) -> Self {
        let lexemes: Vec<Lexeme> = lexemes.into_iter().take(LEXEMES_MAX).collect();
        if lexemes.is_empty() {
            return Self(None);
        }
        let key = |(index, lexeme): (usize, &Lexeme)| (folded(lexeme.text.trim()).collect(), index);
        let mut folded: Vec<(Vec<char>, usize)> = lexemes.iter().enumerate().map(key).collect();
        folded.sort_unstable();
        let mut hasher = DefaultHasher::new();
        lexemes.hash(&mut hasher);
        Self(Some(Arc::new(LexemeIndex { lexemes, folded, digest: hasher.finish() })))
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lexemes().len()
    }

    /// Returns true if there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn lexemes(&self) -> &[Lexeme] {
        self.0.as_ref().map_or(&[], |index| &index.lexemes)
    }

    /// Returns the places of a text of a language, which `None` leaves open, where an entry applies: from left to
    /// right, the longest entry first, none within another. `sounds`: for a voice that reads sounds.
    #[must_use]
    pub fn occurrences(&self, text: &str, language: Option<&str>, sounds: bool) -> Vec<Occurrence> {
        let Some(index) = &self.0 else { return Vec::new() };
        let (mut found, mut at, mut before) = (Vec::new(), 0, None);
        while let Some(character) = text[at..].chars().next() {
            if begins_word(before, character)
                && let Some((end, lexeme)) = index.longest(text, at, language, sounds)
            {
                let replacement = index.replacement(lexeme, before, sounds);
                found.push(Occurrence { range: at..end, replacement });
                before = text[at..end].chars().next_back();
                at = end;
            } else {
                before = Some(character);
                at += character.len_utf8();
            }
        }
        found
    }

    /// Returns the sounds that a word stands in for; `None` if it is no stand-in.
    #[must_use]
    pub fn sounds(&self, word: &str) -> Option<&str> {
        self.stood_for(word)?.sounds.as_deref()
    }

    /// Returns a text with the written words in place of the stand-ins, for showing.
    #[must_use]
    pub fn without_stand_ins(&self, text: &str) -> String {
        let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find(STAND_IN).filter(|_| !self.is_empty()) {
            let end = at + STAND_IN.len() + STAND_IN_LETTERS;
            match rest.get(at..end).and_then(|word| self.stood_for(word)) {
                Some(lexeme) => {
                    shown.push_str(&rest[..at]);
                    shown.push_str(&lexeme.text);
                    rest = &rest[end..];
                }
                None => {
                    shown.push_str(&rest[..at + STAND_IN.len()]);
                    rest = &rest[at + STAND_IN.len()..];
                }
            }
        }
        shown.push_str(rest);
        shown
    }

    fn stood_for(&self, word: &str) -> Option<&Lexeme> {
        let letters = word.strip_prefix(STAND_IN).filter(|letters| letters.len() == STAND_IN_LETTERS)?;
        let digit = |letter: u8| letter.is_ascii_lowercase().then(|| usize::from(letter - b'a'));
        let number = letters.bytes().try_fold(0, |number, letter| Some(number * 26 + digit(letter)?))?;
        // One without sounds has no stand-in, so that the letters are those of the text.
        self.lexemes().get(number).filter(|lexeme| lexeme.sounds.is_some())
    }
}

impl PartialEq for UserLexicon {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one.lexemes == other.lexemes,
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for UserLexicon {}

impl Hash for UserLexicon {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ref().map(|index| index.digest).hash(state);
    }
}

impl LexemeIndex {
    /// Returns the end and the number of the longest entry that applies at byte `start`.
    fn longest(
        &self,
        text: &str,
        start: usize,
        language: Option<&str>,
        sounds: bool,
    ) -> Option<(usize, usize)> {
        // All entries that begin as the text does: a range of the sorted list, which each character narrows.
        let (mut candidates, mut depth, mut best) = (self.folded.as_slice(), 0, None);
        let mut characters = text[start..].char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            for folded in folded_character(character) {
                candidates = narrowed(candidates, depth, folded);
                depth += 1;
            }
            if candidates.is_empty() {
                break;
            }
            let (end, next) =
                (start + offset + character.len_utf8(), characters.peek().map(|(_, next)| *next));
            if next.is_none_or(|next| ends_word(character, next)) {
                let complete = candidates.iter().take_while(|(key, _)| key.len() == depth);
                let suits = |number: &usize| self.applies(*number, &text[start..end], language, sounds);
                // Exact case before any case; otherwise the first.
                let number = complete.map(|(_, number)| *number).filter(suits).min_by_key(|number| {
                    (self.lexemes.get(*number).map(|lexeme| lexeme.matching) != Some(Matching::Case), *number)
                });
                best = number.map(|number| (end, number)).or(best);
            }
        }
        best
    }

    fn applies(&self, number: usize, written: &str, language: Option<&str>, sounds: bool) -> bool {
        self.lexemes.get(number).is_some_and(|lexeme| {
            let is_said = lexeme.say.is_some() || sounds && lexeme.sounds.is_some();
            let speaks = lexeme.language.is_none() || lexeme.language.as_deref() == language;
            is_said && speaks && (lexeme.matching == Matching::Word || lexeme.text.trim() == written)
        })
    }

    fn replacement(&self, number: usize, before: Option<char>, sounds: bool) -> String {
        let Some(lexeme) = self.lexemes.get(number) else { return String::new() };
        // "5dB": without a blank the number would become a part of the word.
        let mut replacement = String::from(if before.is_some_and(char::is_numeric) { " " } else { "" });
        match &lexeme.say {
            Some(say) if !sounds || lexeme.sounds.is_none() => replacement.push_str(say),
            _ => {
                replacement.push_str(STAND_IN);
                let place = |power: u32| number / 26_usize.pow(power) % 26;
                let letters = (0..STAND_IN_LETTERS as u32).rev().map(place);
                replacement.extend(letters.map(|letter| char::from(b'a' + letter as u8)));
            }
        }
        replacement
    }
}

/// Returns those of the sorted `candidates` whose character at `depth` is this one.
fn narrowed(candidates: &[(Vec<char>, usize)], depth: usize, character: char) -> &[(Vec<char>, usize)] {
    // Shorter ones come first, since none of them has a character there.
    let begin = candidates.partition_point(|(key, _)| key.get(depth).is_none_or(|&c| c < character));
    let end = candidates.partition_point(|(key, _)| key.get(depth).is_none_or(|&c| c <= character));
    candidates.get(begin..end).unwrap_or_default()
}

/// Returns a text without differences of case and of apostrophes.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(folded_character)
}

fn folded_character(character: char) -> impl Iterator<Item = char> {
    let plain = if character == '’' { '\'' } else { character };
    plain.to_lowercase()
}

/// Returns true if a word can begin with `character` behind `before`.
fn begins_word(before: Option<char>, character: char) -> bool {
    before.is_none_or(|before| {
        // Units stand right behind numbers: "5dB".
        before.is_numeric() && character.is_alphabetic() || ends_word(before, character)
    })
}

/// Returns true if the boundary of a word lies between two characters.
fn ends_word(character: char, next: char) -> bool {
    !(is_of_word(character) && is_of_word(next)) || is_unspaced(character) || is_unspaced(next)
}

fn is_of_word(character: char) -> bool {
    // Combining accents belong to the letter before them.
    character.is_alphanumeric() || matches!(character, '\u{300}'..='\u{36f}')
}

/// Returns true for letters of scripts that have no blanks between words, and of Korean, whose particles follow a word
/// without one.
fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{318f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lexeme(text: &str, say: &str) -> Lexeme {
        Lexeme {
            text: text.to_owned(),
            say: Some(say.to_owned()),
            sounds: None,
            language: None,
            matching: Matching::Word,
        }
    }

    fn with_sounds(text: &str, sounds: &str) -> Lexeme {
        Lexeme { say: None, sounds: Some(sounds.to_owned()), ..lexeme(text, "") }
    }

    /// A text as it is read, to voices that read letters or sounds.
    fn read(lexicon: &UserLexicon, text: &str, language: Option<&str>, sounds: bool) -> String {
        let (mut read, mut end) = (String::new(), 0);
        for occurrence in lexicon.occurrences(text, language, sounds) {
            read.push_str(&text[end..occurrence.range.start]);
            read.push_str(&occurrence.replacement);
            end = occurrence.range.end;
        }
        read + &text[end..]
    }

    fn few() -> UserLexicon {
        UserLexicon::new([
            lexeme("CM3588", "C M thirty-five eighty-eight"),
            lexeme("dB", "decibels"),
            lexeme("Route", "root"),
            lexeme("Route 66", "root sixty-six"),
            lexeme("root", "never"),
            Lexeme { matching: Matching::Case, ..lexeme("US", "United States") },
            Lexeme { language: Some("german".to_owned()), ..lexeme("Hbf", "Hauptbahnhof") },
            lexeme("О'Коннор", "О Коннор"),
            lexeme("长沙", "常沙"),
            lexeme("서울", "서우울"),
            lexeme("café", "kaffay"),
        ])
    }

    #[test]
    fn whole_words_are_replaced_in_any_case_and_the_longest_entry_first() {
        for (text, said) in [
            ("The CM3588 is hot.", "The C M thirty-five eighty-eight is hot."),
            ("cm3588's fan", "C M thirty-five eighty-eight's fan"),
            ("CM3588X and XCM3588 and CM35", "CM3588X and XCM3588 and CM35"),
            ("(CM3588)-CM3588", "(C M thirty-five eighty-eight)-C M thirty-five eighty-eight"),
            ("5 dB, 5dB", "5 decibels, 5 decibels"),
            ("Route 66 or route 6", "root sixty-six or root 6"),
            ("Route 666", "root 666"),
            ("The US and us", "The United States and us"),
            ("о’коннор", "О Коннор"),
            ("О'КОННОР", "О Коннор"),
            ("我在长沙站。", "我在常沙站。"),
            ("서울에서", "서우울에서"),
            ("CAFÉ cafés", "kaffay cafés"),
            ("Zürich Hbf", "Zürich Hbf"),
        ] {
            assert_eq!(read(&few(), text, None, false), said, "{text}");
        }
        assert_eq!(read(&few(), "Zürich Hbf", Some("german"), false), "Zürich Hauptbahnhof");
        assert_eq!(read(&few(), "Zürich Hbf", Some("english"), false), "Zürich Hbf");
    }

    #[test]
    fn sounds_stand_for_a_word_until_it_is_pronounced() {
        let mut both = with_sounds("Gdańsk", "ɡ2ə2");
        both.say = Some("Danzig".to_owned());
        let lexicon = UserLexicon::new([lexeme("a", "b"), both, with_sounds("Qi", "ʧ2i3")]);
        assert_eq!(read(&lexicon, "Gdańsk's Qi", None, false), "Danzig's Qi");
        let stand_ins = read(&lexicon, "Gdańsk's Qi", None, true);
        assert_eq!(stand_ins, "qvxaaab's qvxaaac");
        assert_eq!(lexicon.sounds("qvxaaab"), Some("ɡ2ə2"));
        assert_eq!(lexicon.without_stand_ins(&stand_ins), "Gdańsk's Qi");
        for other in ["qvxaaaa", "qvxaaad", "qvxzzzz", "qvxaa", "qvxaaabs", "qvx????", ""] {
            assert_eq!(lexicon.sounds(other), None, "{other}");
            assert_eq!(
                lexicon.without_stand_ins(&format!("{other}.")),
                match other {
                    "qvxaaabs" => "Gdańsks.".to_owned(),
                    other => format!("{other}."),
                }
            );
        }
    }

    #[test]
    fn entries_of_the_same_text_are_told_apart_by_case_language_and_order() {
        let case = |text, say| Lexeme { matching: Matching::Case, ..lexeme(text, say) };
        let lexicon = UserLexicon::new([lexeme("us", "first"), lexeme("US", "second"), case("US", "case")]);
        assert_eq!(read(&lexicon, "US us Us", None, false), "case first first");
        assert_ne!(lexicon, UserLexicon::new([lexeme("us", "first")]));
        assert_eq!(UserLexicon::new([]), UserLexicon::default());
        assert!(
            UserLexicon::new((0..LEXEMES_MAX + 5).map(|n| lexeme(&n.to_string(), "x"))).len() == LEXEMES_MAX
        );
    }

    proptest! {
        #[test]
        fn occurrences_are_in_order_and_begin_and_end_at_characters(
            texts in proptest::collection::vec("[aAbé'’ ß你İ0-9.]{1,5}", 1..12),
            text in "[aAbé'’ ß你İ0-9.\n]{0,60}",
            sounds: bool,
        ) {
            let lexicon = UserLexicon::new(texts.iter().map(|text| lexeme(text, "x")));
            let mut end = 0;
            for occurrence in lexicon.occurrences(&text, None, sounds) {
                prop_assert!(occurrence.range.start >= end && !occurrence.range.is_empty());
                prop_assert!(text.get(occurrence.range.clone()).is_some());
                let written: String = folded(&text[occurrence.range.clone()]).collect();
                prop_assert!(texts.iter().any(|text| folded(text.trim()).eq(written.chars())));
                end = occurrence.range.end;
            }
        }
    }
}
