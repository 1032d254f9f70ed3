//! Dates.

use super::numbers::{cardinal, ordinal, year};
use super::scan::{NormalisedText, Scan, digits, is_over, letters};
use super::times;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A date, in numbers or with the name of the month.
pub(super) fn date(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    // "on the 24 November" must not become "the the".
    let has_article = scan.previous_word() == "the";
    // The strictest form first: its digits would also match others.
    let (words, length) = iso(text)
        .or_else(|| numeric(text))
        .or_else(|| day_first(text, has_article))
        .or_else(|| month_first(text))?;
    spoken.say(&words);
    Some(length)
}

/// Words of a date whose day and month are known.
fn spell(day: u64, month: u64, year_number: Option<u64>) -> Option<String> {
    let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let year = year_number.map_or(String::new(), |number| format!(" {}", year(number)));
    (1..=31).contains(&day).then(|| format!("{name} {}{year}", ordinal(day)))
}

/// Digits at the beginning: their value and how many.
fn value(text: &str) -> Option<(u64, usize)> {
    let count = digits(text);
    // Four digits at most: a year is the longest number in a date.
    Some((text[..count].parse().ok().filter(|_| count <= 4)?, count))
}

/// `2026-11-24`, also with a time behind a `T`.
fn iso(text: &str) -> Option<(String, usize)> {
    let number = |range: std::ops::Range<usize>| {
        text.get(range).filter(|part| digits(part) == part.len())?.parse::<u64>().ok()
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let words =
        spell(day, month, Some(year)).filter(|_| [4, 7].iter().all(|&at| text.as_bytes()[at] == b'-'))?;
    // Machines send times in ISO 8601, such as 2026-11-24T07:30Z.
    let Some(clock) = text[10..].strip_prefix('T') else {
        return is_over(&text[10..]).then_some((words, 10));
    };
    let clock_length = clock.bytes().take_while(|b| b.is_ascii_digit() || *b == b':').count();
    let (time, length) = times::read(&clock[..clock_length])?;
    // The zone is not read out: a listener takes times as local ones.
    let zone = usize::from(clock[length..].starts_with('Z'));
    is_over(&clock[length + zone..]).then(|| (format!("{words} at {time}"), 11 + length + zone))
}

/// `24.11.2026`, `24/11/2026`, `11/24/2026`. With dots the day comes first; with strokes it is the number above
/// twelve, and where both could be the month all numbers are read as they stand: no guess.
fn numeric(text: &str) -> Option<(String, usize)> {
    let (first, a) = value(text).filter(|(_, count)| *count <= 2)?;
    let sign = text[a..].chars().next().filter(|c| matches!(c, '.' | '/' | '-'))?;
    let (second, b) = value(&text[a + 1..]).filter(|(_, count)| *count <= 2)?;
    let after = text[a + 1 + b..].strip_prefix(sign)?;
    // Two-digit years are too often something else (3/4/25), so they are read as numbers.
    let (year_number, 4) = value(after)? else { return None };
    let length = a + b + 6;
    if !is_over(&text[length..]) || !(1000..3000).contains(&year_number) {
        return None;
    }
    let words = match (first, second) {
        (day, month) if sign == '.' || day > 12 || day == month => spell(day, month, Some(year_number))?,
        (month, day) if day > 12 => spell(day, month, Some(year_number))?,
        _ => format!("{} {} {}", cardinal(first), cardinal(second), year(year_number)),
    };
    Some((words, length))
}

/// `24 November 2026`, `the 24th of November`, `24. Nov.`
fn day_first(text: &str, has_article: bool) -> Option<(String, usize)> {
    let (day, mut at) = value(text).filter(|(day, count)| *count <= 2 && (1..=31).contains(day))?;
    at += ordinal_suffix(&text[at..]).unwrap_or(0);
    // German style, "24. Nov.".
    at += usize::from(text[at..].starts_with('.'));
    at += text[at..].strip_prefix(' ').map(|_| 1)?;
    at += if text[at..].starts_with("of ") { 3 } else { 0 };
    let (month, month_length) = month_name(&text[at..])?;
    at += month_length;
    let (year_words, year_length) = year_after(&text[at..]);
    let article = if has_article { "" } else { "the " };
    let name = MONTHS[month];
    Some((format!("{article}{} of {name}{year_words}", ordinal(day)), at + year_length))
}

/// `November 24`, `Nov. 24th, 2026`, `November 2026`
fn month_first(text: &str) -> Option<(String, usize)> {
    let (month, mut at) = month_name(text)?;
    let name = MONTHS[month];
    let (year_words, year_length) = year_after(&text[at..]);
    // "November 2026" has no day: tried before it, or 20 would be taken for one.
    if year_length > 0 {
        return Some((format!("{name}{year_words}"), at + year_length));
    }
    at += text[at..].strip_prefix(' ').map(|_| 1)?;
    let (day, count) = value(&text[at..]).filter(|(day, count)| *count <= 2 && (1..=31).contains(day))?;
    at += count;
    at += ordinal_suffix(&text[at..]).unwrap_or(0);
    // "March 3:30" is no day, nor is "May 5.5".
    let after = text[at..].strip_prefix([':', '.', ',']).unwrap_or("");
    if !is_over(&text[at..]) || after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (year_words, year_length) = year_after(&text[at..]);
    Some((format!("{name} {}{year_words}", ordinal(day)), at + year_length))
}

/// `, 2026` or ` 2026`; nothing where no year follows.
fn year_after(text: &str) -> (String, usize) {
    let digits_at = text.strip_prefix(',').unwrap_or(text);
    let Some(number) = digits_at.strip_prefix(' ') else { return (String::new(), 0) };
    match value(number) {
        Some((found, 4)) if (1000..3000).contains(&found) && ends_year(&number[4..]) => {
            (format!(" {}", year(found)), text.len() - number.len() + 4)
        }
        _ => (String::new(), 0),
    }
}

/// Four digits that go on are no year: `2026:`, `2026.5`
fn ends_year(after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        None => true,
        Some('.' | ',' | ':' | '/' | '-') => !next.next().is_some_and(char::is_alphanumeric),
        Some(c) => !c.is_alphanumeric(),
    }
}

/// A month's index and the length of its name, with a full stop after an abbreviation.
fn month_name(text: &str) -> Option<(usize, usize)> {
    let length = letters(text);
    let word = &text[..length];
    // A capital is required: "may" and "march" are ordinary words.
    if length < 3 || !is_over(&text[length..]) || !word.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| {
        *name == lower
            || (length == 3 && name.starts_with(&lower))
            || (lower == "sept" && *name == "september")
    })?;
    // Behind a full name the stop ends the sentence.
    let stop = usize::from(length < MONTHS[month].len() && text[length..].starts_with('.'));
    Some((month, length + stop))
}

/// `st`, `nd`, `rd`, `th` with nothing behind them.
pub(super) fn ordinal_suffix(text: &str) -> Option<usize> {
    let suffix = text.get(..2)?.to_ascii_lowercase();
    (matches!(suffix.as_str(), "st" | "nd" | "rd" | "th") && is_over(&text[2..])).then_some(2)
}
