//! Decades and years with an apostrophe: `the '90s`, `1990s`, `mid-80s`, `class of '99`.

use super::numbers::{cardinal, plural, year};
use super::scan::{Scan, digits, is_over, listed, next_word};
use super::token::Token;

/// Words before a decade of two digits.
const BEFORE: &str = "the early mid late swinging roaring my her his";
/// Words behind a decade of two digits: without them `90s` is a length of time.
const BEHIND: &str = "music hits pop rock disco kid kids fashion style movie movies film films night party classic \
    classics era child songs dance revival";

/// A decade.
pub(super) fn decade(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    let apostrophe = usize::from(text.starts_with('\''));
    let body = &text[apostrophe..];
    let count = digits(body);
    let value: u64 = body[..count].parse().ok().filter(|_| matches!(count, 2 | 4))?;
    let after = &body[count..];
    let Some(suffix) = ["s", "'s"].into_iter().find(|s| after.strip_prefix(s).is_some_and(is_over)) else {
        // "class of '99"; a quotation has more in it.
        let closed = is_over(after) && !after.starts_with(['\'', '"', '°', '%', '.', ',', '-', '′'])
            || after.is_empty();
        let short = apostrophe > 0 && count == 2 && (closed || after == "." || after.starts_with(". "));
        let named = matches!(
            scan.previous_word().as_str(),
            "of" | "summer" | "winter" | "spring" | "in" | "since" | "the"
        );
        let words = if body.starts_with('0') { format!("oh {}", cardinal(value)) } else { cardinal(value) };
        return (short && named).then(|| Token::words(words, apostrophe + count));
    };
    if !value.is_multiple_of(10) || count == 4 && !(1000..3000).contains(&value) {
        return None;
    }
    let behind = &after[suffix.len()..];
    // "mid-80s"
    let behind_dash = scan.behind().strip_suffix('-').unwrap_or(scan.behind());
    let before_start =
        behind_dash.trim_end().rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let before = behind_dash.trim_end().get(before_start..).unwrap_or_default().to_ascii_lowercase();
    let follows = before.ends_with("0s") || scan.behind().trim_end_matches(['-', '–', ' ']).ends_with("0s");
    let in_list =
        matches!(before.as_str(), "and" | "or" | "to") && scan.word_before_previous().ends_with("0s");
    let leads = ["and ", "to ", "or "].iter().any(|word| {
        behind.strip_prefix(' ').and_then(|rest| rest.strip_prefix(word)).is_some_and(|rest| {
            let rest = rest.strip_prefix('\'').unwrap_or(rest);
            digits(rest) == 2 && rest[1..].starts_with("0s")
        })
    });
    let context = listed(BEFORE, before.as_str()) || follows || in_list || leads && value >= 20;
    let genitive = suffix == "'s" && value >= 20;
    let is_decade =
        count == 4 || apostrophe > 0 || genitive || context || listed(BEHIND, next_word(behind).as_str());
    // There is no decade of zero: "00s" is read as it stands.
    if !is_decade || value == 0 {
        return None;
    }
    let words = if count == 4 { year(value) } else { cardinal(value) };
    let mut words = plural(&words);
    let mut length = apostrophe + count + suffix.len();
    // "1960s-80s"
    let dash = ["-", "–", " – ", " - "].iter().find(|dash| behind.starts_with(**dash));
    if let Some(dash) = dash
        && let Some((last, more)) = last_decade(&behind[dash.len()..])
    {
        words = format!("{words} to {last}");
        length += dash.len() + more;
    }
    Some(Token::words(words, length))
}

/// The decade that ends a range.
fn last_decade(text: &str) -> Option<(String, usize)> {
    let body = text.strip_prefix('\'').unwrap_or(text);
    let count = digits(body);
    let value: u64 =
        body[..count].parse().ok().filter(|v: &u64| matches!(count, 2 | 4) && v.is_multiple_of(10))?;
    let ends = body[count..].strip_prefix('s').is_some_and(is_over);
    let words = if count == 4 { year(value) } else { cardinal(value) };
    ends.then(|| (plural(&words), text.len() - body.len() + count + 1))
}
