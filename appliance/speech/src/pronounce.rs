//! From words to timed sounds, for voices that have a lexicon: it says how a word sounds and for how long each sound is
//! held. Such a voice reads a frame of sounds with each frame of speech (the streaming layout), so that nothing in it has
//! to find out where in the text it is.
//!
//! A lexicon's entry is sounds (IPA) with the units of 26.7 ms each lasts, 1 where no number stands: `cat` is
//! `k2ˈ2æ3t2`. Marks have entries too, in which `~` holds whatever was before; and `-s`, `-z`, `-ᵻz`, `-t`, `-d`, `-ᵻd`
//! and `-ing` are endings.

use crate::SpeechError;

/// Sounds in a frame of 80 ms.
pub const UNITS_PER_FRAME: usize = 3;
/// A sound that fills the last frame of a text.
const SILENCE: char = '#';
/// In the lexicon: the sound before is held.
const HOLD: char = '~';
/// No sound lasts longer.
const UNITS_MAX: usize = 30;
/// The longest stretch a voice with a lexicon was trained to say in one breath, in frames (11.5 s).
pub const FRAMES_MAX: usize = 144;
/// The entry for the name of the letter; `a` is the word.
const LETTER_A: &str = "A";

/// Knows how words sound.
pub trait Pronunciations {
    /// The timed sounds of a lower-case word, a mark or an ending.
    fn sounds(&self, word: &str) -> Option<&str>;
}

/// Plain words ([`crate::normalise::english`]) as sounds, one character for each unit of 26.7 ms. A word that the lexicon
/// does not know is put together from an ending or another word that it does know, or spelled.
#[must_use]
pub fn pronounce(text: &str, lexicon: &dyn Pronunciations) -> String {
    let mut spoken = Spoken { units: Vec::with_capacity(text.len() * 3), lexicon };
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '\'';
    let mut rest = text;
    let mut behind_letter = false;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_letter(c) != is_letter(first)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        if is_letter(first) {
            let among_letters = behind_letter || is_single_letter(behind.trim_start().split(' ').next());
            spoken.word(if piece == "a" && among_letters { LETTER_A } else { piece });
            behind_letter = is_single_letter(Some(piece));
        } else {
            spoken.mark(piece, !behind.is_empty());
        }
    }
    spoken.units.into_iter().collect()
}

/// Whether a word is a letter that is spelled, not one of the words `a` and `i`.
fn is_single_letter(word: Option<&str>) -> bool {
    word.map(|word| word.trim_end_matches(['.', ',', '?', '!']))
        .is_some_and(|word| word.len() == 1 && !matches!(word, "a" | "i"))
}

struct Spoken<'a> {
    units: Vec<char>,
    lexicon: &'a dyn Pronunciations,
}

impl Spoken<'_> {
    /// Adds an entry if there is one.
    fn entry(&mut self, entry: &str) -> bool {
        let Some(sounds) = self.lexicon.sounds(entry) else { return false };
        let mut rest = sounds.chars().peekable();
        while let Some(sound) = rest.next() {
            let mut units = 0;
            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                units = (units * 10 + digit as usize).min(UNITS_MAX);
                rest.next();
            }
            let held = if sound == HOLD { self.units.last().copied() } else { Some(sound) };
            self.units.extend(held.into_iter().flat_map(|held| std::iter::repeat_n(held, units.max(1))));
        }
        true
    }

    fn mark(&mut self, piece: &str, more_follows: bool) {
        let mark = piece.chars().find(|c| !c.is_whitespace());
        let known = mark.is_some_and(|mark| self.entry(mark.encode_utf8(&mut [0; 4])));
        if more_follows || !known {
            self.entry(" ");
        }
    }

    fn word(&mut self, word: &str) {
        if self.entry(word) || self.inflected(word) || self.compound(word) {
            return;
        }
        let mut first = true;
        for letter in word.chars().filter(char::is_ascii_lowercase) {
            if !std::mem::take(&mut first) {
                self.entry(" ");
            }
            let mut own = [0; 4];
            let name: &str = letter.encode_utf8(&mut own);
            self.entry(if name == "a" { LETTER_A } else { name });
        }
    }

    /// A known word with one of the regular endings.
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
        let last = self.units.last().copied().unwrap_or(SILENCE);
        let own = if endings[0] == "-s" { "szʃʒʧʤ" } else { "td" };
        self.entry(endings[if own.contains(last) { 2 } else { usize::from(!"ptkfθsʃʧ".contains(last)) }])
    }

    /// Two known words written as one, the first as long as can be.
    fn compound(&mut self, word: &str) -> bool {
        let halves = (3..word.len().saturating_sub(2))
            .rev()
            .filter_map(|at| Some((word.get(..at)?, word.get(at..)?)))
            .find(|(first, second)| {
                self.lexicon.sounds(first).is_some() && self.lexicon.sounds(second).is_some()
            });
        halves.is_some_and(|(first, second)| self.entry(first) && self.entry(second))
    }
}

/// The ids of sounds, frame by frame: the vocabulary has an entry for each three sounds that were heard in training. Three
/// that were not are read as the nearest that were.
///
/// # Errors
/// [`SpeechError::Tokenizer`] when the vocabulary does not know a sound at all.
pub fn frame_ids(units: &str, entry: impl Fn(&str) -> Option<u32>) -> Result<Vec<u32>, SpeechError> {
    let units: Vec<char> = units.chars().collect();
    let frame = |part: &[char]| {
        let at = |index: usize| part.get(index).copied().unwrap_or(SILENCE);
        let (a, b, c) = (at(0), at(1), at(2));
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
            SpeechError::Tokenizer(format!("vocab.json has no frame for the sounds '{a}{b}{c}'"))
        })
    };
    units.chunks(UNITS_PER_FRAME).map(frame).collect()
}

/// Where a text that takes too long for one breath is best cut: the comma nearest to its middle, or else the blank.
#[must_use]
pub fn breath(text: &str) -> Option<usize> {
    let nearest = |mark: &str| {
        let places = text.match_indices(mark).map(|(at, _)| at + mark.len());
        places.filter(|&at| at < text.len()).min_by_key(|at| at.abs_diff(text.len() / 2))
    };
    nearest(", ").filter(|at| (text.len() / 5..text.len() * 4 / 5).contains(at)).or_else(|| nearest(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Some;

    impl Pronunciations for Some {
        fn sounds(&self, word: &str) -> Option<&str> {
            Option::Some(match word {
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
                _ => return None,
            })
        }
    }

    fn say(text: &str) -> String {
        pronounce(text, &Some)
    }

    #[test]
    fn sounds_last_as_the_lexicon_says_and_marks_hold_what_was_before() {
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
    }

    #[test]
    fn what_is_not_known_is_spelled_and_a_is_a_letter_among_letters() {
        assert_eq!(say("xab"), "ɛks  ˈAAA  bi");
        assert_eq!(say("a cat"), "ɐ  kkˈˈææætt");
        assert_eq!(say("a b."), "ˈAAA  biiii.");
        assert_eq!(say("x a."), "ɛks  ˈAAAAAA.");
    }

    #[test]
    fn frames_that_were_never_heard_are_read_as_near_ones() {
        let known = ["abc", "aac", "ccc", "b##"];
        let entry = |frame: &str| known.iter().position(|k| *k == frame).map(|at| at as u32);
        assert_eq!(frame_ids("abcabcb", entry).unwrap(), [0, 0, 3]);
        assert_eq!(frame_ids("axcxxc", entry).unwrap(), [1, 2]);
        assert!(frame_ids("zzz", entry).unwrap_err().to_string().contains("zzz"));
        assert_eq!(frame_ids("", entry).unwrap(), [] as [u32; 0]);
    }

    #[test]
    fn long_texts_breathe_at_a_comma_near_the_middle() {
        let cut = |text: &str| breath(text).map(|at| text.split_at(at).0.to_owned());
        assert_eq!(cut("one two, three four five, six").unwrap(), "one two, ");
        assert_eq!(cut("a, b c d e f g h i j").unwrap(), "a, b c d ");
        assert_eq!(cut("single"), None);
    }
}
