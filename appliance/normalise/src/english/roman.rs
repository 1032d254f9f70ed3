//! Roman numerals, which only their context tells from letters and words.

use super::numbers::{cardinal, ordinal};
use super::scan::{Scan, is_over, letters, listed};
use super::token::Token;
use crate::roman;

/// Words before a numeral that counts.
const COUNTED: &str = "war act chapter part section volume book scene phase stage title article appendix table \
    figure mark grade episode season round unit schedule bowl level type class tier group \
    category annex lesson zone division apollo psalm canto number fantasy";
/// Names of rulers, whose numerals are ordinals.
const RULERS: &str = "henry louis elizabeth charles george william edward richard james john paul pius benedict \
    francis gregory leo alexander nicholas catherine frederick philip napoleon peter ivan victor \
    mary margaret harald carl gustav christian albert leopold ferdinand otto alfonso ramses \
    innocent clement urban juan felipe henri wilhelm";
/// Numerals behind any name: the single letters are more often initials, and `XL` a size.
const AFTER_NAMES: &str = "II III IV VI VII VIII IX XI XII XIII XIV XVI";

/// `World War I`, `Chapter IV`, `Henry VIII`
pub(super) fn numeral(scan: &Scan<'_>) -> Option<Token> {
    if scan.before() != Some(' ') {
        return None;
    }
    let text = scan.rest();
    let length = letters(text);
    let numeral = &text[..length];
    if length == 0 || length > roman::LETTERS_MAX || !is_over(&text[length..]) {
        return None;
    }
    // "I'm", "V-shaped", "part I/O"
    if text[length..].starts_with(['\'', '-', '/', '&']) {
        return None;
    }
    let number = roman::value(numeral)?;
    let name = scan.previous_as_written();
    let lower = name.to_ascii_lowercase();
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) || name == numeral {
        return None;
    }
    if listed(COUNTED, lower.as_str()) {
        // "Part I" and "In Part I agree": a small verb behind "I" makes it a pronoun.
        return Some(Token::words(cardinal(number), length));
    }
    // One letter may be an initial: "Charles V" is a king, "Charles I am" is not.
    let single = length == 1 && (scan.shouted || numeral == "I" && next_is_small(&text[length..]));
    if listed(RULERS, lower.as_str()) && !single {
        // The article is said although it is not written.
        return Some(Token::words(format!("the {}", ordinal(number)), length));
    }
    // Other names, such as those of ships, count.
    listed(AFTER_NAMES, numeral).then(|| Token::words(cardinal(number), length))
}

fn next_is_small(text: &str) -> bool {
    text.trim_start().starts_with(|c: char| c.is_ascii_lowercase())
}
