//! The two renderings of English, plain words and text for large voices, say the same.

use std::path::Path;

use crier_normalise::{Language, english, verbalise};
use proptest::prelude::*;

/// The letters of the plain words, without blanks: "AM" is "a m" there.
fn letters(text: &str) -> String {
    english(text).text.chars().filter(char::is_ascii_lowercase).collect()
}

#[test]
fn plain_words_of_a_text_are_those_of_its_rendering_for_large_voices() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/english.tsv");
    for line in std::fs::read_to_string(table).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        // The scheme of an address is said by large voices only; a sign at the start is no list sign behind a word.
        if !columns[1].contains("://") && !columns[1].starts_with('/') {
            assert_eq!(letters(columns[1]), letters(columns[2]), "{line}");
        }
    }
}

#[test]
fn case_and_punctuation_stay_as_they_are_written() {
    for (written, spoken) in [
        ("It is 5 °C in Room 12A.", "It is five degrees Celsius in Room twelve A."),
        ("“Well”, said Zoë — he’s 5!", "“Well”, said Zoë — he’s five!"),
        ("Ends at 5 p.m.", "Ends at five PM."),
        ("Привет, 你好 😀", "Привет, 你好 😀"),
    ] {
        assert_eq!(verbalise(written, Language::English), spoken);
    }
}

proptest! {
    #[test]
    fn no_digit_is_left_in_the_rendering_for_large_voices(
        text in "[0-9a-zA-Z .,:;/%°€$£#@+()'–½²µΩ&<>\\[\\]-]{0,120}",
    ) {
        let spoken = verbalise(&text, Language::English);
        prop_assert!(!spoken.contains(|c: char| c.is_ascii_digit()), "{spoken:?}");
    }

    #[test]
    fn any_text_can_be_rendered(text in "\\PC{0,200}") {
        let _ = verbalise(&text, Language::English);
    }
}

#[test]
fn hostile_text_takes_linear_time() {
    for unit in
        ["<", "&", "[", "<a ", "[a](", "1-", "1 000 ", "12A-", "²", "Ⅳ", "a.b.", "&#1;", "1,00,", "00:"]
    {
        let text = unit.repeat(100_000 / unit.len());
        let begin = std::time::Instant::now();
        let _ = verbalise(&text, Language::English);
        assert!(begin.elapsed().as_secs_f32() < 5.0, "{unit:?} takes {:?}", begin.elapsed());
    }
}
