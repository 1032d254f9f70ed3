//! Any text in any language: no digit is left, nothing panics, plain text stays as it is.

use crier_normalise::{Language, verbalise};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Languages that are verbalised here; English has its own tests.
fn languages() -> impl Iterator<Item = Language> {
    Language::ALL.into_iter().filter(|language| *language != Language::English)
}

/// Pieces of written text, of which the shapes are made.
const PIECES: [&str; 58] = [
    "0", "1", "2", "3", "9", "12", "2026", "1000", "00", "½", "٣", "５", ".", ",", ":", "/", "-", "–", "−",
    "+", "(", ")", " ", "\u{a0}", "\u{202f}", "€", "$", "¥", "%", "°C", "°", "km", "/h", "m²", "h", "Uhr",
    "mai", "5 мая", "г.", "年", "月", "日", "点", "시", "번째", "万", "(月)", "XIV", "@", "www.", "a", "é",
    "中", "한", "º", "er", "-го", "#",
];

proptest! {
    #[test]
    fn no_digit_is_left_of_any_text(text in "\\PC{0,40}") {
        for language in languages() {
            let said = verbalise(&text, language);
            prop_assert!(!said.contains(|c: char| c.is_ascii_digit()), "{language}: {text:?} -> {said:?}");
        }
    }

    #[test]
    fn no_digit_is_left_of_any_row_of_pieces(pieces in vec(select(&PIECES[..]), 0..12)) {
        let text = pieces.concat();
        for language in languages() {
            let said = verbalise(&text, language);
            prop_assert!(!said.contains(|c: char| c.is_ascii_digit()), "{language}: {text:?} -> {said:?}");
        }
    }

    #[test]
    fn words_without_signs_stay_as_they_are(text in "[a-zäöüéñßа-я中国日本語한국어 ,!?]{0,40}") {
        for language in languages() {
            // Names of months before numbers and abbreviations without dots are in no such text.
            prop_assert_eq!(verbalise(&text, language), text.clone());
        }
    }
}

#[test]
fn a_long_text_takes_time_in_proportion() {
    for piece in ["1", "1.", "1-", "a1", "1 ", "10:", "(1", "+1", "a@", "x.", "I", "1/", "°", "-", "１"] {
        for language in languages() {
            let text = piece.repeat(10_000);
            let start = std::time::Instant::now();
            let said = verbalise(&text, language);
            // Milliseconds in practice; quadratic time would be minutes.
            assert!(start.elapsed().as_secs() < 10, "{language}: {piece:?} took {:?}", start.elapsed());
            assert!(!said.contains(|c: char| c.is_ascii_digit()));
        }
    }
}
