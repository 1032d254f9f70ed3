//! Abbreviations, signs, Roman numerals and addresses.

use super::context::{Surroundings, is_blank, is_ideographic, is_word, optional};
use super::{Semiotic, measures};
use crate::languages::Grammar;
use crate::roman;

/// Bytes of the longest address that is read as one (longer ones are read word by word).
const LONGEST_ADDRESS: usize = 128;
/// Last labels of names that are addresses without `www.` before them.
const DOMAINS: [&str; 34] = [
    "com", "org", "net", "edu", "gov", "info", "io", "eu", "de", "at", "ch", "fr", "es", "it", "pt", "br",
    "mx", "ru", "рф", "cn", "jp", "kr", "uk", "us", "tv", "app", "dev", "sm", "me", "nl", "be", "lu", "int",
    "local",
];

/// Recognises addresses of the web and of electronic mail, and names of accounts.
pub(super) fn address<'a>(_: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() || place.before.ends_with(['@', '.', '/', '-', '_']) {
        return None;
    }
    let of_address =
        |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&+=%|^".contains(c) || matches!(c, 'а'..='я');
    let length = place.rest.char_indices().take(LONGEST_ADDRESS).take_while(|(_, c)| of_address(*c));
    let end = length.map(|(at, c)| at + c.len_utf8()).last()?;
    // The last mark ends the sentence.
    let found = place.rest[..end].trim_end_matches(['.', '!', '?', ':', '-']);
    let host = found.split_once("://").map_or(found, |(_, host)| host);
    let domain = host.split(['/', ':', '?']).next().unwrap_or_default();
    let mail = found.split_once('@').is_some_and(|(user, host)| {
        let handle = user.is_empty() && host.starts_with(|c: char| c.is_ascii_alphabetic());
        handle || !user.is_empty() && host.contains('.') && !host.starts_with('.')
    });
    let label = domain.rsplit('.').next().unwrap_or_default();
    let labels: Vec<&str> = domain.split('.').collect();
    // "e.V.de" and "1.de" are no names of hosts.
    let named = labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && DOMAINS.contains(&label)
        && labels.first().is_some_and(|first| first.len() > 1 && first.chars().any(char::is_alphabetic));
    let web = host.len() < found.len() && !host.is_empty() || found.starts_with("www.") || named;
    (mail || web).then_some((Semiotic::Address(found), found.len()))
}

/// Recognises abbreviations of the language.
pub(super) fn abbreviation<'a>(
    grammar: &dyn Grammar,
    place: &Surroundings<'a>,
) -> Option<(Semiotic<'a>, usize)> {
    // A digit may stand before: "2006г."
    if place.before.ends_with(|c: char| c.is_alphabetic() && is_word(c)) {
        return None;
    }
    let found = grammar.conventions().abbreviations.iter().filter_map(|(written, spoken)| {
        Some((written, spoken, measures::abbreviation(place.rest, written)?))
    });
    let (written, spoken, length) = found.max_by_key(|(_, _, length)| *length)?;
    Some((Semiotic::Word(grammar.abbreviated(written, spoken, place)), length))
}

/// Recognises the letter that stands for a multiplication sign: `2 x 3`.
pub(super) fn times<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let behind = place.rest.strip_prefix('x')?;
    let number = |c: char| c.is_ascii_digit();
    let before = place.before.trim_end_matches(is_blank);
    let between = before.ends_with(number) && behind.trim_start_matches(is_blank).starts_with(number);
    // "0x12" is a number to base sixteen.
    let hexadecimal = before.strip_suffix('0').is_some_and(|before| !before.ends_with(number));
    let (_, spoken) = grammar.conventions().signs.iter().find(|(sign, _)| *sign == '×')?;
    (between && !hexadecimal).then_some((Semiotic::Word(spoken), 1))
}

/// Recognises signs that have a name beside a number: `+5`, `§ 5`, `2 × 3`, `5–10`.
pub(super) fn sign<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let c = place.rest.chars().next()?;
    let after = &place.rest[c.len_utf8()..];
    let (before, blank) = (place.before.chars().next_back(), optional(after, is_blank));
    let number_before = place
        .before
        .trim_end_matches(is_blank)
        .trim_end_matches('.')
        .ends_with(|c: char| c.is_ascii_digit() || "%°€$".contains(c));
    let number_behind = after[blank..].starts_with(|c: char| c.is_ascii_digit() || "-−€$£".contains(c));
    if "-–—~〜～‐‑".contains(c) {
        let close = before.is_some_and(|c| c.is_alphanumeric() || ")%°.".contains(c)) && blank == 0;
        let spaced = before.is_some_and(is_blank) && blank > 0;
        let ideographic =
            "~〜～".contains(c) && before.is_some_and(|c| is_ideographic(c) || c == ')') && !after.is_empty();
        let range = number_behind && number_before && (close || spaced) || ideographic;
        return range.then_some((Semiotic::Word(grammar.conventions().to), c.len_utf8()));
    }
    // The stroke of "2026/27" is not said.
    let digits_before = place.before.bytes().rev().take(5).take_while(u8::is_ascii_digit).count();
    let season = digits_before == 4 || place.before.ends_with("24") && after.starts_with('7');
    if c == '/' && season && after.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((Semiotic::Word(""), 1));
    }
    // Between words a hyphen or a slash is read as it is written.
    let (_, spoken) = grammar.conventions().signs.iter().find(|(sign, _)| *sign == c)?;
    let beside = match c {
        '&' | '§' | '№' | '°' | '²' | '³' => true,
        '/' | ':' => number_before && number_behind && blank == 0,
        '+' | '=' | '×' | '÷' | '<' | '>' => number_before || number_behind,
        '#' | '±' | '≈' | '~' | '≤' | '≥' | '√' => number_behind,
        '@' => before.is_some_and(is_word) || after.starts_with(is_word),
        _ => true,
    };
    beside.then_some((Semiotic::Word(spoken), c.len_utf8()))
}

/// Recognises Roman numerals beside words that have them: a century, a king, a chapter.
pub(super) fn roman<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() {
        return None;
    }
    let length = place
        .rest
        .bytes()
        .take(roman::LETTERS_MAX + 1)
        .take_while(|byte| b"IVXLCDMivxlcdm".contains(byte))
        .count();
    let written = &place.rest[..length];
    // "CD", "DM" and "MIX" are words; the years of books are longer.
    if length < 4 && written.contains(['C', 'D', 'L', 'M', 'c', 'd', 'l', 'm']) {
        return None;
    }
    let upper = written.to_ascii_uppercase();
    // All capitals or all small: "Mix" is a word.
    if upper != written && upper.to_ascii_lowercase() != written {
        return None;
    }
    let value = roman::value(&upper)?;
    let used = grammar.roman_length(&place.behind(length), written)?;
    Some((Semiotic::Roman(value.into()), length + used))
}
