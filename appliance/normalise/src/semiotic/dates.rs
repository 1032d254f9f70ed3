//! Dates and times of day.

use super::context::{Surroundings, is_blank, is_word, optional};
use super::{CalendarDate, ClockTime, Semiotic, digits};
use crate::languages::{Conventions, DateOrder, Grammar};

/// Bytes of the longest name of a month, and of a marker of the hour, in any language.
const LONGEST_WORD: usize = 24;

/// Words before numbers with dots that are no dates.
const VERSIONS: [&str; 11] = [
    "version",
    "versión",
    "versione",
    "versão",
    "версия",
    "версии",
    "firmware",
    "release",
    "版本",
    "バージョン",
    "버전",
];

/// Recognises `24.7.2013`, `24/7/2013`, `2013-07-24`, `2013-07` and, where a dot makes an ordinal, `24.7.`.
pub(super) fn numeric<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() || place.before.ends_with(['/', '.', ',']) {
        return None;
    }
    let text = place.rest;
    let first = digits(text);
    let separator = text[first.len()..].chars().next().filter(|c| "./-·".contains(*c))?;
    let second = digits(text[first.len()..].strip_prefix(separator)?);
    let two = first.len() + separator.len_utf8() + second.len();
    let third = text[two..].strip_prefix(separator).map(digits).unwrap_or_default();
    let used = two + separator.len_utf8() + third.len();
    // "Version 1.2.10" has the shape of a date too.
    let version = VERSIONS.contains(&place.previous_word().to_lowercase().as_str());
    if first.len() > 4 || second.is_empty() || version {
        return None;
    }
    if second.len() > 2 {
        return month_of_year(place, (first, separator, second), two);
    }
    let conventions = grammar.conventions();
    let order = conventions.date_order;
    if third.is_empty() {
        return day_and_month(conventions, place, (first, separator, second), two);
    }
    // Russians write "6/3/2006г.".
    let ends = (!text[used..].starts_with(is_word) || text[used..].starts_with("г."))
        && !text[used..]
            .strip_prefix(separator)
            .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    // ISO 8601 is read in every language; short numbers go by the order of the language.
    let (year, month, day) = match (first.len(), third.len(), order) {
        (4, 1..=2, _) => (first, second, third),
        (1..=2, 2 | 4, DateOrder::DayFirst) => (third, second, first),
        (1..=2, 1..=2, DateOrder::YearFirst) => (first, second, third),
        (1..=2, 4, DateOrder::YearFirst) => (third, first, second),
        _ => return None,
    };
    // Three numbers of one digit are a version or a section.
    if !ends || separator == '.' && third.len() < 2 && first.len() < 2 {
        return None;
    }
    // Americans write the month first; where only one order gives a date it is that one.
    let date = date(year, month, day).or_else(|| date(year, day, month))?;
    Some((Semiotic::Date(date), used))
}

/// Recognises `12/2026`.
fn month_of_year<'a>(
    place: &Surroundings<'a>,
    (first, separator, second): (&str, char, &str),
    used: usize,
) -> Option<(Semiotic<'a>, usize)> {
    let month: u8 = first.parse().ok().filter(|month| (1..=12).contains(month))?;
    let year = second.parse().ok().filter(|year| (1900..2200).contains(year))?;
    // With a dot it would be a number of thousands.
    let found =
        separator == '/' && second.len() == 4 && !place.rest[used..].starts_with(|c| is_word(c) || c == '/');
    let date = CalendarDate { day: None, month, year: Some(year), short_year: false, in_words: false };
    found.then_some((Semiotic::Date(date), used))
}

fn date(year: &str, month: &str, day: &str) -> Option<CalendarDate> {
    let month: u8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
    let day: u8 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let short_year = year.len() < 3;
    Some(CalendarDate { day: Some(day), month, year: Some(year.parse().ok()?), short_year, in_words: false })
}

/// Recognises two numbers as year and month or as day and month.
fn day_and_month<'a>(
    conventions: &Conventions,
    place: &Surroundings<'a>,
    (first, separator, second): (&str, char, &str),
    used: usize,
) -> Option<(Semiotic<'a>, usize)> {
    let text = place.rest;
    let number = |text: &str, most: u8| text.parse::<u8>().ok().filter(|number| (1..=most).contains(number));
    let after = &text[used..];
    if separator == '-'
        && first.len() == 4
        && second.len() == 2
        && !after.starts_with(|c| is_word(c) || c == '-')
    {
        let year = first.parse().ok().filter(|year| (1000..2200).contains(year))?;
        let month = number(second, 12)?;
        let date = CalendarDate { day: None, month, year: Some(year), short_year: false, in_words: false };
        return Some((Semiotic::Date(date), used));
    }
    let (day, month) = (number(first, 31)?, number(second, 12)?);
    // "24.12." is a date; "2.5" is a number, "02.03" a date since numbers are not padded so.
    let dot = after.starts_with('.') && !after[1..].starts_with(|c: char| c.is_ascii_digit());
    let last = after.strip_prefix('.').unwrap_or(after).trim_start().is_empty();
    let padded = first.len() == 2 && second.len() == 2 && (first.starts_with('0') || second.starts_with('0'));
    // No fraction has leading zeros: "01/02" is a day.
    let told = match separator {
        '.' => dot && !last || padded && !conventions.dot_clock,
        '/' => padded && !after.starts_with('/'),
        _ => false,
    };
    if conventions.date_order == DateOrder::DayFirst && told && !after.starts_with(is_word) {
        let date = CalendarDate { day: Some(day), month, year: None, short_year: false, in_words: false };
        return Some((Semiotic::Date(date), used + usize::from(separator == '.' && dot && !last)));
    }
    None
}

/// Returns month, 1 to 12, and length of the name or abbreviation of a month at the beginning of the text.
pub(super) fn month(grammar: &dyn Grammar, text: &str) -> Option<(u8, usize)> {
    let length = text
        .char_indices()
        .take(LONGEST_WORD)
        .take_while(|(_, c)| c.is_alphabetic())
        .map(|(at, c)| at + c.len_utf8())
        .last()?;
    let name = text[..length].to_lowercase();
    let months = grammar.conventions().months.iter();
    let index = months.clone().position(|names| names.iter().any(|known| *known == name))?;
    // Full names come first; a dot after them ends the sentence.
    let short =
        months.clone().nth(index).is_some_and(|names| names.first().is_some_and(|full| *full != name));
    let dot = short && text[length..].starts_with('.') && !text[length + 1..].trim().is_empty();
    Some((u8::try_from(index + 1).ok()?, length + usize::from(dot)))
}

/// Returns the length of one of the words and the blanks around it, or of one blank or hyphen.
pub(super) fn joint(words: &[&str], text: &str) -> usize {
    let blank = optional(text, |c| is_blank(c) || c == '-' || c == '/');
    let word = words
        .iter()
        .find(|word| text[blank..].strip_prefix(**word).is_some_and(|rest| rest.starts_with(is_blank)));
    match word {
        Some(word) if blank > 0 => blank + word.len() + optional(&text[blank + word.len()..], is_blank),
        _ => blank,
    }
}

/// Reads the year behind day and month.
fn year_behind(grammar: &dyn Grammar, text: &str) -> Option<(u16, usize)> {
    let comma = optional(text, |c| c == ',');
    let joint = comma + joint(&grammar.conventions().date_joints, &text[comma..]);
    let year = digits(&text[joint..]);
    let after = &text[joint + year.len()..];
    let goes_on = after.starts_with(|c| is_word(c) || c == ':')
        || after.strip_prefix(['.', ',']).is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    // "24. Juli 18 Uhr" has a time behind the month.
    (joint > 0 && year.len() == 4 && !goes_on).then(|| Some((year.parse().ok()?, joint + year.len())))?
}

/// Recognises `24. Juli 2013`, `1er janvier`, `15 de março de 2024`, `6 марта`.
pub(super) fn in_words<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let day = digits(place.rest);
    if day.is_empty() || day.len() > 2 || place.inside_word() {
        return None;
    }
    let rest = &place.rest[day.len()..];
    let marks = grammar.conventions().day_marks.iter();
    let mark = marks.filter(|mark| rest.starts_with(**mark)).map(|mark| mark.len()).max().unwrap_or_default();
    let mut used = day.len() + mark;
    used += joint(&grammar.conventions().date_joints, &place.rest[used..]);
    let (month, length) = month(grammar, &place.rest[used..])?;
    used += length;
    let year = year_behind(grammar, &place.rest[used..]);
    used += year.map_or(0, |(_, length)| length);
    let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let year = year.map(|(year, _)| year);
    Some((
        Semiotic::Date(CalendarDate { day: Some(day), month, year, short_year: false, in_words: true }),
        used,
    ))
}

/// Recognises `abril 30`, `junio 11 2000`.
pub(super) fn month_first<'a>(
    grammar: &dyn Grammar,
    place: &Surroundings<'a>,
) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() || !grammar.conventions().month_before_day {
        return None;
    }
    let (month, length) = month(grammar, place.rest)?;
    let blank = optional(&place.rest[length..], is_blank);
    let day = digits(&place.rest[length + blank..]);
    let mut used = length + blank + day.len();
    let number = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let year = year_behind(grammar, &place.rest[used..]);
    used += year.map_or(0, |(_, length)| length);
    if blank == 0 || place.rest[used..].starts_with(|c| is_word(c) || c == ':') {
        return None;
    }
    let year = year.map(|(year, _)| year);
    Some((
        Semiotic::Date(CalendarDate { day: Some(number), month, year, short_year: false, in_words: true }),
        used,
    ))
}

/// Recognises the days before a date of which only the last has the month: `17/18 juin`, `17-18-19 mars`, `3.–5. Mai`.
pub(super) fn range_of_days<'a>(
    grammar: &dyn Grammar,
    place: &Surroundings<'a>,
) -> Option<(Semiotic<'a>, usize)> {
    let day = digits(place.rest);
    if day.is_empty() || day.len() > 2 {
        return None;
    }
    let mut at = day.len();
    // A date has no more days than these in practice.
    for others in 0..4 {
        at += optional(&place.rest[at..], |c| c == '.');
        let separator = optional(&place.rest[at..], |c| "/-–".contains(c));
        let next = digits(&place.rest[at + separator..]);
        if separator == 0 || next.is_empty() || next.len() > 2 {
            return None;
        }
        // The month decides, so it is looked for first.
        if in_words(grammar, &Surroundings::new(place.rest, at + separator)).is_some() {
            let number = day.parse().ok()?;
            let dot = optional(&place.rest[day.len()..], |c| c == '.');
            // "17/18" and "17-18-19" are lists, of which the signs are not said; "17-18" is a range.
            let listed = others > 0 || place.before.ends_with('-');
            let sign = optional(&place.rest[day.len() + dot..], |c| c == '/' || listed && c == '-');
            return Some((Semiotic::Ordinal(number, "/"), day.len() + dot + sign));
        }
        at += separator + next.len();
    }
    None
}

/// Recognises `(月)`, `(月〜金)` behind a date.
pub(super) fn weekdays<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let inner = place.rest.strip_prefix(['(', '（'])?;
    let end = inner.char_indices().take(8).find(|(_, c)| matches!(c, ')' | '）'))?;
    let days = &inner[..end.0];
    let known =
        |c: char| "〜~～・-".contains(c) || grammar.conventions().weekdays.iter().any(|(day, _)| *day == c);
    // Elsewhere a character in brackets is a remark.
    let behind_date = place.before.ends_with(['日', '일']);
    let found = behind_date && !days.is_empty() && days.chars().all(known);
    found.then(|| (Semiotic::Weekdays(days), place.rest.len() - inner.len() + end.0 + end.1.len_utf8()))
}

/// Recognises `11:45`, `11:45:30`, `14h30`, and with a word for the hour `11.45 Uhr`, `3 h`, `5:02 p.m.`.
pub(super) fn clock<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() || place.before.ends_with([':', '.', ',']) {
        return None;
    }
    let text = place.rest;
    let hour = digits(text);
    if hour.is_empty() || hour.len() > 2 {
        return None;
    }
    let conventions = grammar.conventions();
    let rest = &text[hour.len()..];
    let separator = rest.chars().next()?;
    let hour_letter = conventions.hour_letter && matches!(separator, 'h' | 'H');
    // A dot alone is no sign of time: "14.30" needs its word.
    let minute = if ":.：".contains(separator) || hour_letter {
        two_digits(&rest[separator.len_utf8()..], 60)
    } else {
        None
    };
    let mut used = hour.len() + if minute.is_some() { separator.len_utf8() + 2 } else { 0 };
    let mut second = None;
    if minute.is_some()
        && let Some(seconds) = text[used..].strip_prefix(separator).and_then(|text| two_digits(text, 60))
    {
        second = Some(seconds);
        used += separator.len_utf8() + 2;
    }
    let marker = marker(&conventions.hour_markers, &text[used..]);
    let half = half_of_day(&text[used + marker..]);
    // "3 h" is a duration, "3.00 h" a time.
    let duration = minute.is_none() && matches!(text[used..used + marker].trim(), "h" | "H" | "ч");
    let marked = marker > 0 && !duration || half.is_some();
    // In some countries a dot is enough, unless a unit or currency makes it a decimal.
    let dotted = || {
        let amount =
            super::measures::money(grammar, place).or_else(|| super::measures::measure(grammar, place));
        conventions.dot_clock && hour.len() == 2 && amount.is_none()
    };
    let told = if minute.is_some() { separator != '.' || marked || dotted() } else { marked };
    used += marker + half.map_or(0, |(_, length)| length);
    let hour: u8 = hour.parse().ok().filter(|hour| *hour <= 24)?;
    // "10:20:30:40" is an address of hardware or the like.
    let ends = !text[used..].starts_with(is_word)
        && !text[used..].strip_prefix(':').is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    if !told || !ends {
        return None;
    }
    let time = ClockTime { hour, minute, second, afternoon: half.map(|(afternoon, _)| afternoon) };
    Some((Semiotic::Time(time), used))
}

fn two_digits(text: &str, below: u8) -> Option<u8> {
    let found = digits(text);
    (found.len() == 2).then(|| found.parse().ok().filter(|value| *value < below))?
}

/// Returns the length of a word for the hour, with the blank before it.
fn marker(markers: &[&str], text: &str) -> usize {
    let blank = optional(text, is_blank);
    let found = markers.iter().filter(|marker| {
        let after = text[blank..].strip_prefix(**marker);
        after.is_some_and(|after| !after.starts_with(is_word))
    });
    found.map(|marker| blank + marker.len()).max().unwrap_or_default()
}

/// Reads `am`, `p.m.` and the like; true is after noon.
fn half_of_day(text: &str) -> Option<(bool, usize)> {
    const WRITTEN: [(&str, bool); 8] = [
        ("a.m.", false),
        ("p.m.", true),
        ("a. m.", false),
        ("p. m.", true),
        ("a.m", false),
        ("p.m", true),
        ("am", false),
        ("pm", true),
    ];
    let blank = optional(text, is_blank);
    WRITTEN.iter().find_map(|(written, afternoon)| {
        let found = text[blank..].get(..written.len()).filter(|found| found.eq_ignore_ascii_case(written))?;
        let after = &text[blank + found.len()..];
        (!after.starts_with(is_word)).then_some((*afternoon, blank + found.len()))
    })
}
