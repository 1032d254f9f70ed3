//! Words to timed phonemes, for voices that have a lexicon: it gives the phonemes of a word and their durations. Such a
//! voice reads a frame of phonemes with each frame of speech (the streaming layout), so that it needs no attention to
//! find its position in the text.
//!
//! An entry of the lexicon consists of phonemes (IPA), each with its duration in units of 26.7 ms (1 if absent): `cat`
//! is `k2ˈ2æ3t2`. Punctuation marks have entries too, in which `~` prolongs the phoneme before; `-s`, `-z`, `-ᵻz`,
//! `-t`, `-d`, `-ᵻd` and `-ing` are endings.
//!
//! Other words are read by letter-to-sound rules, which are entries too: the key is `=`, a letter, and the letters
//! around it in the order of [`AROUND`] (`_` is beyond the word); the value is the letter's sound there: `=c` is `k2`,
//! `=ch` is `ʧ3`, `=gh` nothing. The longest matching key applies. A word is read from its end, since English stress is
//! determined there; in keys, vowels before the main stress are capitals, because a word has no second one.

use crate::SpeechError;

/// Units in a frame of 80 ms.
pub const UNITS_PER_FRAME: usize = 3;
/// Unit that fills up the last frame of a text.
const SILENCE: char = '#';
/// In the lexicon: the phoneme before is prolonged.
const HOLD: char = '~';
/// Maximum duration of a phoneme (0.8 s), which bounds the output of a damaged lexicon.
const UNITS_MAX: usize = 30;
/// Longest utterance that a voice with a lexicon was trained on, in frames (11.5 s).
pub const FRAMES_MAX: usize = 144;
/// Entry for the name of the letter; `a` is the word.
const LETTER_A: &str = "A";

/// In the lexicon: first character of a letter-to-sound rule.
const RULE: u8 = b'=';
/// In a rule: a place outside the word.
const BEYOND: u8 = b'_';
/// Offsets of a rule's context letters from its letter.
const AROUND: [isize; 9] = [1, 2, -1, 3, -2, 4, -3, 5, 6];
const VOWEL_LETTERS: &[u8] = b"aeiouy";
const VOWELS: &str = "æɑɐəɛɜɪiɔʊuʌᵊᵻAIOWY";
/// Minimum number of letters of each part of a compound; shorter parts match words by accident.
const PART_MIN: usize = 4;
/// Words that are suffixes as the second part, and are pronounced differently there.
const NO_SECOND_PARTS: [&str; 4] = ["ness", "less", "able", "ally"];
/// Words that do not follow an article.
const NEVER_AFTER_ARTICLE: [&str; 14] =
    ["is", "are", "was", "were", "has", "and", "or", "to", "in", "on", "at", "for", "from", "please"];
/// Places that have letters. In front of a number an article is possible ("a four letter word"), so they tell.
const LETTERED: [&str; 13] = [
    "gate", "platform", "room", "seat", "bay", "block", "terminal", "zone", "stand", "track", "door", "exit",
    "size",
];
/// Main stress, which precedes its vowel.
const STRESS: char = 'ˈ';
/// Secondary stress.
const SECOND_STRESS: char = 'ˌ';
/// Duration of a stress mark that no rule has placed, in units.
const STRESS_UNITS: usize = 2;

/// Pronunciation lexicon.
pub trait Pronunciations {
    /// Returns the timed phonemes of a lower-case word, a mark, an ending or a rule.
    fn sounds(&self, word: &str) -> Option<&str>;
}

/// Converts plain words (`crier_normalise::english`) to phonemes, one character for each unit of 26.7 ms. A word
/// that is not in the lexicon is composed of known words and endings, or read by rules; a word without vowels is
/// spelled.
#[must_use]
pub fn pronounce(text: &str, lexicon: &dyn Pronunciations) -> String {
    let mut spoken = PhonemeUnits { units: Vec::with_capacity(text.len() * 3), lexicon };
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '\'';
    let mut rest = text;
    let mut previous = "";
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_letter(c) != is_letter(first)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        if is_letter(first) {
            spoken.word(if piece == "a" && is_letter_a(previous, behind) { LETTER_A } else { piece });
            previous = piece;
        } else {
            // A mark at the end of the text needs no pause of a blank behind it.
            spoken.mark(piece, !behind.is_empty());
        }
    }
    spoken.units.into_iter().collect()
}

/// Returns true if "a" between these texts is the letter: in spelled names ("vitamin a b c"), and where no article can
/// stand ("gate a.", "bus forty two a is late", "platform a five").
fn is_letter_a(previous: &str, behind: &str) -> bool {
    let next = behind.trim_start();
    let word = next.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
    is_single_letter(Some(previous))
        || is_single_letter(next.split(' ').next())
        || word.is_empty()
        || NEVER_AFTER_ARTICLE.contains(&word)
        || LETTERED.contains(&previous) && crier_normalise::is_number_word(word)
}

/// Returns true if a word is a spelled letter, not one of the words `a` and `i`.
fn is_single_letter(word: Option<&str>) -> bool {
    word.map(|word| word.trim_end_matches(['.', ',', '?', '!']))
        .is_some_and(|word| word.len() == 1 && !matches!(word, "a" | "i"))
}

struct PhonemeUnits<'a> {
    units: Vec<char>,
    lexicon: &'a dyn Pronunciations,
}

impl PhonemeUnits<'_> {
    /// Adds an entry; returns false if there is none.
    fn entry(&mut self, entry: &str) -> bool {
        self.lexicon.sounds(entry).map(|sounds| self.say(sounds)).is_some()
    }

    fn say(&mut self, sounds: &str) {
        let mut rest = sounds.chars().peekable();
        while let Some(sound) = rest.next() {
            let mut units = 0;
            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                // Bounded in each step: a damaged lexicon can have any number of digits.
                units = (units * 10 + digit as usize).min(UNITS_MAX);
                rest.next();
            }
            // Nothing to prolong at the start of a text: then the mark is dropped.
            let held = if sound == HOLD { self.units.last().copied() } else { Some(sound) };
            self.units.extend(held.into_iter().flat_map(|held| std::iter::repeat_n(held, units.max(1))));
        }
    }

    fn mark(&mut self, piece: &str, more_follows: bool) {
        let mark = piece.chars().find(|c| !c.is_whitespace());
        let known = mark.is_some_and(|mark| self.entry(mark.encode_utf8(&mut [0; 4])));
        // An unknown mark separates at least the words around it.
        if more_follows || !known {
            self.entry(" ");
        }
    }

    fn word(&mut self, word: &str) {
        // From the most to the least reliable: an entry, a known stem, two known words, rules.
        if self.entry(word) || self.inflected(word) || self.compound(word) || self.by_rules(word) {
            return;
        }
        let mut first = true;
        for letter in word.chars().filter(char::is_ascii_lowercase) {
            // A word gap between letters, or their names would run together.
            if !std::mem::take(&mut first) {
                self.entry(" ");
            }
            let mut own = [0; 4];
            let name: &str = letter.encode_utf8(&mut own);
            self.entry(if name == "a" { LETTER_A } else { name });
        }
    }

    /// Adds a known word with a regular ending; returns false if `word` is none.
    fn inflected(&mut self, word: &str) -> bool {
        let stem_of = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() > 1);
        let known = |stem: &&str| self.lexicon.sounds(stem).is_some();
        // `hopping`, `hoping`, `waiting`: as written, with the silent `e`, with the doubled letter once.
        let verb = |ending: &str| -> Option<String> {
            let stem = stem_of(ending)?;
            let bytes = stem.as_bytes();
            let doubled = bytes.len() > 2 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2];
            let once = &stem[..stem.len() - usize::from(doubled)];
            let with_e = format!("{stem}e");
            [stem, &with_e, once].into_iter().find(known).map(str::to_owned)
        };
        // The first ending that leaves a known stem: of "boxes" not "boxe", but "box".
        let plural =
            ["'s", "s'", "s", "es", "'"].into_iter().find_map(|ending| stem_of(ending).filter(known));
        let (stem, endings): (String, [&str; 3]) = if let Some(stem) = plural {
            (stem.to_owned(), ["-s", "-z", "-ᵻz"])
        } else if let Some(stem) =
            stem_of("ies").map(|stem| format!("{stem}y")).filter(|stem| known(&stem.as_str()))
        {
            (stem, ["-s", "-z", "-ᵻz"])
        } else if let Some(stem) = verb("ed") {
            (stem, ["-t", "-d", "-ᵻd"])
        } else if let Some(stem) = verb("ing") {
            (stem, ["-ing"; 3])
        } else {
            return false;
        };
        self.entry(&stem);
        // The variant of the ending depends on the last phoneme: a vowel is inserted between similar ones ("buses",
        // "waited"), and the ending is voiceless after a voiceless phoneme.
        let last = self.units.last().copied().unwrap_or(SILENCE);
        let own = if endings[0] == "-s" { "szʃʒʧʤ" } else { "td" };
        self.entry(endings[if own.contains(last) { 2 } else { usize::from(!"ptkfθsʃʧ".contains(last)) }])
    }

    /// Adds a compound of two known words, the first as long as possible; returns false if `word` is none.
    fn compound(&mut self, word: &str) -> bool {
        let halves = (PART_MIN..(word.len() + 1).saturating_sub(PART_MIN))
            // The first part as long as possible: short ones match by accident.
            .rev()
            .filter_map(|at| Some((word.get(..at)?, word.get(at..)?)))
            .find(|(first, second)| {
                self.lexicon.sounds(first).is_some()
                    && !NO_SECOND_PARTS.contains(second)
                    && self.lexicon.sounds(second).is_some()
            });
        halves.is_some_and(|(first, second)| self.entry(first) && self.entry(second))
    }

    /// Adds a word by letter-to-sound rules; returns false if it has no vowels or the lexicon no rules for it.
    fn by_rules(&mut self, word: &str) -> bool {
        let letters = word.as_bytes();
        let lexicon = self.lexicon;
        let has_vowel = letters.iter().any(|letter| VOWEL_LETTERS.contains(letter));
        if letters.len() < 2 || !has_vowel {
            return false;
        }
        let (mut made, mut is_stressed) = (vec![""; letters.len()], false);
        // From the end, where English stress is determined; each letter's rule then knows whether the main
        // stress follows.
        for at in (0..letters.len()).rev() {
            // A lexicon without rules, or a character that has none: the word is spelled instead.
            let Some(sounds) = rules(letters, at, is_stressed, lexicon).next() else { return false };
            is_stressed |= sounds.contains(STRESS);
            made[at] = sounds;
        }
        // Without a stressed letter, the first one takes the stress that can have it by any rule.
        if !is_stressed {
            let with_stress = |at| {
                let sounds = rules(letters, at, false, lexicon).find(|sounds| sounds.contains(STRESS));
                sounds.map(|sounds| (at, sounds))
            };
            if let Some((at, sounds)) = (0..letters.len()).find_map(with_stress) {
                made[at] = sounds;
            }
        }
        let start = self.units.len();
        made.into_iter().for_each(|sounds| self.say(sounds));
        self.stress(start)
    }

    /// Gives the phonemes since `start` exactly one main stress: the first one, or else the first secondary one, or
    /// else one before the first vowel. Removes them and returns false if they have no vowel.
    fn stress(&mut self, start: usize) -> bool {
        let word = &mut self.units[start..];
        let Some(vowel) = word.iter().position(|&sound| VOWELS.contains(sound)) else {
            // Without a vowel it cannot be spoken as a word.
            self.units.truncate(start);
            return false;
        };
        let strongest = if word.contains(&STRESS) { STRESS } else { SECOND_STRESS };
        if let Some(first) = word.iter().position(|&sound| sound == strongest) {
            let is_other = |sound: &char| *sound != strongest;
            let end = word[first..].iter().position(is_other).map_or(word.len(), |length| first + length);
            // Also raises a secondary stress, if it is the strongest there is.
            word[first..end].fill(STRESS);
            word[end..].iter_mut().filter(|sound| **sound == STRESS).for_each(|sound| *sound = SECOND_STRESS);
        } else {
            let at = start + vowel;
            self.units.splice(at..at, [STRESS; STRESS_UNITS]);
        }
        true
    }
}

/// Returns the results of all rules that match a letter of a word, the longest key first. `is_stressed`: the main
/// stress follows.
fn rules<'a>(
    letters: &[u8],
    at: usize,
    is_stressed: bool,
    lexicon: &'a dyn Pronunciations,
) -> impl Iterator<Item = &'a str> {
    let mut key = [RULE; AROUND.len() + 2];
    let is_before_stress = is_stressed && VOWEL_LETTERS.contains(&letters[at]);
    // Vowels before the main stress are reduced in English: they have rules of their own.
    key[1] = if is_before_stress { letters[at].to_ascii_uppercase() } else { letters[at] };
    for (place, offset) in key[2..].iter_mut().zip(AROUND) {
        *place = at.checked_add_signed(offset).and_then(|at| letters.get(at)).copied().unwrap_or(BEYOND);
    }
    (2..=key.len()).rev().filter_map(move |length| lexicon.sounds(std::str::from_utf8(&key[..length]).ok()?))
}

/// Converts phonemes to ids, one for each frame. The vocabulary has an entry for each triple of units that occurred in
/// training; another triple is replaced by the nearest known one.
///
/// # Errors
/// [`SpeechError::Tokenizer`] if the vocabulary does not know a phoneme at all.
pub fn frame_ids(units: &str, entry: impl Fn(&str) -> Option<u32>) -> Result<Vec<u32>, SpeechError> {
    let units: Vec<char> = units.chars().collect();
    let frame = |part: &[char]| {
        let at = |index: usize| part.get(index).copied().unwrap_or(SILENCE);
        let (a, b, c) = (at(0), at(1), at(2));
        // The outer units are kept where possible, since they border on the neighbouring frames.
        let near = [
            [a, b, c],
            [a, a, c],
            [a, c, c],
            [a, b, b],
            [b, b, c],
            [a, a, b],
            [b, c, c],
            [a; 3],
            [c; 3],
            [b; 3],
        ];
        let found = near.iter().find_map(|sounds| entry(&sounds.iter().collect::<String>()));
        found.ok_or_else(|| {
            SpeechError::Tokenizer(format!("vocab.json has no frame for the phonemes '{a}{b}{c}'"))
        })
    };
    units.chunks(UNITS_PER_FRAME).map(frame).collect()
}

/// Returns the best phrase break of a text that is too long: after the comma nearest to its middle, or else the blank.
#[must_use]
pub fn phrase_break(text: &str) -> Option<usize> {
    let nearest = |mark: &str| {
        let places = text.match_indices(mark).map(|(at, _)| at + mark.len());
        places.filter(|&at| at < text.len()).min_by_key(|at| at.abs_diff(text.len() / 2))
    };
    // A comma near one end would leave the other part nearly as long as before.
    nearest(", ").filter(|at| (text.len() / 5..text.len() * 4 / 5).contains(at)).or_else(|| nearest(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Few;

    impl Pronunciations for Few {
        fn sounds(&self, word: &str) -> Option<&str> {
            Some(match word {
                "the" => "ðə",
                "cat" => "k2ˈ2æ3t2",
                "dog" => "dˈɑ2ɡ",
                "hope" => "hˈO2p",
                "wait" => "wˈAt",
                "door" => "dɔɹ",
                "bell" => "bɛl",
                "a" => "ɐ",
                "A" => "ˈA3",
                "b" => "bi",
                "x" => "ɛks",
                "y" => "wI",
                "ness" | "able" => "nɛs",
                " " => " 2",
                "," => "~2,",
                "." => "~3.",
                "-s" => "s2",
                "-z" => "z2",
                "-ᵻz" => "ᵻz",
                "-t" => "t",
                "-d" => "d",
                "-ᵻd" => "ᵻd",
                "-ing" => "ɪŋ",
                // Rules: "nilo" and the like.
                "=n" | "=N" => "n2",
                "=l" => "l",
                "=i" => "ɪ2",
                "=I" | "=in" => "I2",
                "=Iz" => "ˈɪ",
                "=il" => "ˈ2i2",
                "=o" | "=O" => "ə",
                "=ol_" => "ə",
                "=ol" => "ˈɔ",
                "=o_" => "O3",
                "=on_l" => "ˈ2ɑ",
                "=t" => "t",
                "=b" => "b",
                "=z" => "z",
                "=tz" | "='" | "=y" => "",
                "=e" | "=E" => "ˌɛ",
                _ => return None,
            })
        }
    }

    fn say(text: &str) -> String {
        pronounce(text, &Few)
    }

    #[test]
    fn letter_a_has_its_name_and_the_article_has_not() {
        let is_letter = |text: &str| say(text).contains("ˈAAA");
        for text in
            ["bell a.", "bell a is the door.", "bell a, the door.", "gate a five", "a b x", "cat a or b"]
        {
            assert!(is_letter(text), "{text}: {}", say(text));
        }
        for text in ["a cat", "the door, a bell.", "wait a dog", "a four door cat"] {
            assert!(!is_letter(text), "{text}: {}", say(text));
        }
    }

    #[test]
    fn durations_follow_the_lexicon_and_marks_prolong_phonemes() {
        assert_eq!(say("the cat."), "ðə  kkˈˈææættttt.");
        assert_eq!(say("cat, dog."), "kkˈˈææætttt,  dˈɑɑɡɡɡɡ.");
        assert_eq!(say(""), "");
        assert_eq!(say("..."), ".");
        assert_eq!(say("cat — the"), "kkˈˈææætt  ðə");
    }

    #[test]
    fn endings_and_compounds_of_known_words() {
        assert_eq!(say("cats"), "kkˈˈææættss");
        assert_eq!(say("dog's"), "dˈɑɑɡzz");
        assert_eq!(say("dogs'"), "dˈɑɑɡzz");
        assert_eq!(say("hoped hoping"), "hˈOOpt  hˈOOpɪŋ");
        assert_eq!(say("waited"), "wˈAtᵻd");
        assert_eq!(say("doorbell"), "dɔɹbɛl");
        // `dog` is too short for a part, and `ness` is none: read by rules if there are any, or else spelled.
        assert_ne!(say("dogbell"), "dˈɑɑɡbɛl");
        assert_ne!(say("doorness"), "dɔɹnɛs");
    }

    #[test]
    fn words_without_vowels_are_spelled() {
        assert_eq!(say("xab"), "ɛks  ˈAAA  bi");
        assert_eq!(say("a cat"), "ɐ  kkˈˈææætt");
        assert_eq!(say("a b."), "ˈAAA  biiii.");
        assert_eq!(say("x a."), "ɛks  ˈAAAAAA.");
    }

    #[test]
    fn unknown_words_are_read_by_the_longest_matching_rules() {
        assert_eq!(say("nilo."), "nnˈˈiilOOOOOO.");
        assert_eq!(say("nilo nil"), "nnˈˈiilOOO  nnˈˈiil");
        // What stands before the main stress is read as such.
        assert_eq!(say("nilon"), "nnIIlˈˈɑnn");
        // No rule puts a stress: where a shorter one does, or else on a secondary one, or else on the first vowel.
        assert_eq!(say("nol"), "nnˈɔl");
        assert_eq!(say("tzi"), "zˈˈɪɪ");
        assert_eq!(say("oti"), "ˈˈətɪɪ");
        assert_eq!(say("tetez"), "tˈɛtˌɛz");
        // Two stresses.
        assert_eq!(say("izil"), "ˈɪzˌˌiil");
        // No vowel at all, or none that is said: spelled.
        assert_eq!(say("xb"), "ɛks  bi");
        assert_eq!(say("bb"), "bi  bi");
        assert_eq!(say("by"), "bi  wI");
    }

    proptest! {
        #[test]
        fn any_word_gets_known_phonemes_and_one_main_stress(word in "[nilotze']{2,40}") {
            let said = say(&word);
            prop_assert!(said.chars().all(|sound| "ˈˌnlɪIiəOɑɔtzɛ ".contains(sound)), "{word}: {said}");
            prop_assert!(said.chars().count() <= 6 * word.len());
            let mut before = ' ';
            let begins = |&sound: &char| std::mem::replace(&mut before, sound) != sound && sound == STRESS;
            let stresses = said.chars().filter(begins).count();
            // What is spelled has blanks here.
            prop_assert!(stresses == 1 || said.contains(' ') || said.is_empty(), "{word}: {said}");
        }

        #[test]
        fn any_text_is_pronounced_without_a_panic(text in ".{0,60}") {
            let _ = say(&text);
        }
    }

    #[test]
    fn unknown_frames_are_replaced_by_near_ones() {
        let known = ["abc", "aac", "ccc", "b##"];
        let entry = |frame: &str| known.iter().position(|k| *k == frame).map(|at| at as u32);
        assert_eq!(frame_ids("abcabcb", entry).unwrap(), [0, 0, 3]);
        assert_eq!(frame_ids("axcxxc", entry).unwrap(), [1, 2]);
        assert!(frame_ids("zzz", entry).unwrap_err().to_string().contains("zzz"));
        assert_eq!(frame_ids("", entry).unwrap(), [] as [u32; 0]);
    }

    #[test]
    fn long_texts_break_at_a_comma_near_the_middle() {
        let cut = |text: &str| phrase_break(text).map(|at| text.split_at(at).0.to_owned());
        assert_eq!(cut("one two, three four five, six").unwrap(), "one two, ");
        assert_eq!(cut("a, b c d e f g h i j").unwrap(), "a, b c d ");
        assert_eq!(cut("single"), None);
    }
}
