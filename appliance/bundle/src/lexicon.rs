//! Pronunciation lexicon: a memory-mapped table with binary search.

use crier_speech::Pronunciations;
use crier_system::FileMap;

/// A lexicon: one line `word TAB sounds` per word, sorted by bytes. A damaged file finds fewer words, but is safe to
/// search.
#[derive(Debug)]
pub struct Lexicon {
    map: FileMap,
}

impl Lexicon {
    pub(crate) fn new(map: FileMap) -> Self {
        Self { map }
    }
}

impl Pronunciations for Lexicon {
    fn sounds(&self, word: &str) -> Option<&str> {
        find(&self.map, word.as_bytes())
    }
}

fn find<'a>(table: &'a [u8], word: &[u8]) -> Option<&'a str> {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        // Line that contains the middle. `low` and `high` are always at line boundaries.
        let middle = low + (high - low) / 2;
        // Lines have different lengths: the search halves bytes and moves to the boundary of a line.
        let start = table[low..middle].iter().rposition(|&b| b == b'\n').map_or(low, |at| low + at + 1);
        let end = table[middle..high].iter().position(|&b| b == b'\n').map_or(high, |at| middle + at);
        let line = &table[start..end];
        let tab = line.iter().position(|&b| b == b'\t').unwrap_or(line.len());
        match line[..tab].cmp(word) {
            std::cmp::Ordering::Equal => return std::str::from_utf8(line.get(tab + 1..)?).ok(),
            // Beyond the line feed; at the end of the file there may be none.
            std::cmp::Ordering::Less => low = (end + 1).min(high),
            std::cmp::Ordering::Greater => high = start,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use crier_speech::{Tokenizer, frame_ids, pronounce};
    use proptest::prelude::*;

    use super::*;
    use crate::Bundle;

    static DEFAULT_VOICE: LazyLock<(Lexicon, Tokenizer)> = LazyLock::new(|| {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../voices/default"));
        let bundle = Bundle::open(folder).unwrap();
        (bundle.lexicon().unwrap().unwrap(), bundle.tokenizer().unwrap())
    });

    #[test]
    fn exactly_the_listed_words_are_found() {
        let words = ["a", "ab", "abc", "b", "it", "it's", "zoo"];
        let table: String = words.iter().map(|word| format!("{word}\t<{word}>\n")).collect();
        for word in words {
            assert_eq!(find(table.as_bytes(), word.as_bytes()), Some(format!("<{word}>").as_str()));
        }
        for word in ["", "aa", "abcd", "c", "its", "zzz", "~"] {
            assert_eq!(find(table.as_bytes(), word.as_bytes()), None, "{word}");
        }
        assert_eq!(find(b"", b"a"), None);
    }

    #[test]
    fn damaged_tables_are_searched_without_a_panic() {
        for table in [&b"\n\n\n"[..], b"a", b"a\t", b"\t\t\n\xFF\t\xFF", b"a\t\xFF\n"] {
            let _ = find(table, b"a");
            let _ = find(table, b"\xFF");
        }
    }

    #[test]
    fn the_default_voice_pronounces_known_words_and_unknown_names() {
        let say = |text| {
            let mut sounds: Vec<char> = pronounce(text, &DEFAULT_VOICE.0).chars().collect();
            sounds.dedup();
            sounds.into_iter().collect::<String>()
        };
        assert_eq!(say("cat"), "kˈæt");
        assert_eq!(say("kovacic's zigbee"), "kOvˈæsɪks zˈɪɡbˌi");
        assert_eq!(say("rockchip"), "ɹˈɑkʧˈɪp");
        assert_eq!(say("xkcd"), "ˈɛks kˈA sˈi dˈi");
    }

    proptest! {
        #[test]
        fn the_default_voice_pronounces_any_word(word in "[a-z']{1,40}") {
            let (lexicon, tokenizer) = &*DEFAULT_VOICE;
            let units = pronounce(&word, lexicon);
            prop_assert!(units.chars().count() <= 32 * word.len(), "{word}: {units}");
            prop_assert!(frame_ids(&units, |frame| tokenizer.entry(frame)).is_ok(), "{word}: {units}");
        }
    }
}
