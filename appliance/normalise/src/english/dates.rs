//! Dates, months and weekdays.

use super::numbers::{cardinal, one_by_one, ordinal, ordinal_suffix, year};
use super::scan::{Scan, digits, is_number_over, is_over, letters, listed, next_word};
use super::times;
use super::token::Token;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [(&str, &[&str]); 7] = [
    ("Monday", &["Mon"]),
    ("Tuesday", &["Tue", "Tues"]),
    ("Wednesday", &["Wed", "Weds"]),
    ("Thursday", &["Thu", "Thur", "Thurs"]),
    ("Friday", &["Fri"]),
    ("Saturday", &["Sat"]),
    ("Sunday", &["Sun"]),
];
/// Words before a short name of a month that stands alone: "in Jan".
const BEFORE_MONTHS: &str = "in since until till by from to of early late mid this last next through";

/// A date, in numbers or with the name of the month.
pub(super) fn date(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    // "on the 24 November" must not become "the the".
    let has_article = scan.previous_word() == "the";
    // The strictest form first: its digits would also match others.
    let read = |text: &str, has_article: bool| {
        iso(text)
            .or_else(|| numeric(text))
            .or_else(|| day_range(text, has_article))
            .or_else(|| day_first(text, has_article))
            .or_else(|| month_first(scan, text))
    };
    let short = || quarter(text, has_article).or_else(|| month_and_year(text));
    let (words, length) = read(text, has_article).or_else(short)?;
    // "5 May – 8 May"
    let dash = [" - ", " – ", "–"].into_iter().find(|dash| text[length..].starts_with(dash));
    if let Some(dash) = dash
        && let Some((last, more)) = read(&text[length + dash.len()..], false)
    {
        return Some(Token::words(format!("{words} to {last}"), length + dash.len() + more));
    }
    Some(Token::words(words, length))
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

/// `2026-11-24`, `2026/11/24`, `2026.11.24`, also with a time behind it.
fn iso(text: &str) -> Option<(String, usize)> {
    let (year_number, 4) = value(text)? else { return None };
    let sign = text[4..].chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let (month, a) = value(&text[5..]).filter(|(_, count)| (1..=2).contains(count))?;
    let after = text[5 + a..].strip_prefix(sign)?;
    let (day, b) = value(after).filter(|(_, count)| (1..=2).contains(count))?;
    let length = 6 + a + b;
    let words = spell(day, month, Some(year_number)).filter(|_| (1000..3000).contains(&year_number))?;
    let behind = &text[length..];
    // Machines send times in ISO 8601, such as 2026-11-24T07:30Z; others have a blank.
    let clock = behind.strip_prefix('T').or_else(|| behind.strip_prefix(' '));
    if let Some((time, time_length)) = clock.and_then(|clock| {
        // The zone is not part of the number.
        let end = clock.find(|c: char| !(c.is_ascii_digit() || ":.,".contains(c))).unwrap_or(clock.len());
        let clock = clock[..end].trim_end_matches([':', '.', ',']);
        times::read(clock).filter(|(_, length)| *length == clock.len() && *length > 2)
    }) {
        // The zone is not read out: a listener takes times as local ones.
        let at = length + 1 + time_length;
        let at = at + times::iso_zone(&text[at..]);
        if is_over(&text[at..]) {
            let between = if behind.starts_with('T') { " at" } else { "" };
            return Some((format!("{words}{between} {time}"), at));
        }
    }
    (is_over(behind) && is_number_over(behind)).then_some((words, length))
}

/// `24.11.2026`, `24/11/2026`, `11/24/2026`, `11/24/26`. With dots the day comes first; with strokes it is the number
/// above twelve, and where both could be the month all numbers are read as they stand: no guess.
fn numeric(text: &str) -> Option<(String, usize)> {
    let (first, a) = value(text).filter(|(_, count)| *count <= 2)?;
    let sign = text[a..].chars().next().filter(|c| matches!(c, '.' | '/' | '-'))?;
    let (second, b) = value(&text[a + 1..]).filter(|(_, count)| *count <= 2)?;
    let after = text[a + 1 + b..].strip_prefix(sign)?;
    let (year_number, year_digits) = value(after)?;
    let length = a + b + 2 + year_digits;
    let certain = first != second && (first > 12) != (second > 12) && first.min(second) > 0;
    let mut short_year = String::new();
    let year_number = match year_digits {
        4 => Some(year_number),
        // Two-digit years are too often something else (3/4/25), so they count only where the day shows the date.
        2 if sign == '/' && certain && a == 2 => {
            let words = if year_number < 10 { one_by_one(&after[..2]) } else { cardinal(year_number) };
            short_year = format!(" {words}");
            None
        }
        _ => return None,
    };
    if !is_number_over(&text[length..]) || year_number.is_some_and(|year| !(1000..3000).contains(&year)) {
        return None;
    }
    let words = match (first, second) {
        // With dashes the day is said first, as it is written.
        (day, month) if sign == '-' && (13..=31).contains(&day) => {
            let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
            format!("the {} of {name} {}", ordinal(day), year(year_number?))
        }
        (day, month) if sign == '.' || day > 12 || day == month => spell(day, month, year_number)?,
        (month, day) if day > 12 => spell(day, month, year_number)?,
        _ => format!("{} {} {}", cardinal(first), cardinal(second), year(year_number?)),
    };
    let words = words + &short_year;
    Some((words, length))
}

/// A day of a month: its value and its length with `st`, `nd`, `rd`, `th` or the stop of German style, "24. Nov.".
fn day(text: &str) -> Option<(u64, usize)> {
    let (day, at) = value(text).filter(|(day, count)| *count <= 2 && (1..=31).contains(day))?;
    Some((day, at + ordinal_suffix(&text[at..]).unwrap_or(0)))
}

/// `3-5 May`, `3 – 5 May`
fn day_range(text: &str, has_article: bool) -> Option<(String, usize)> {
    let (from, at) = day(text)?;
    let dashes = [" - ", " – ", "-", "–", " to ", " and "];
    let dash = dashes.into_iter().find(|dash| text[at..].starts_with(dash))?;
    let start = at + dash.len();
    day(&text[start..]).filter(|(to, _)| *to > from)?;
    let (words, length) = day_first(&text[start..], true)?;
    let article = if has_article { "" } else { "the " };
    let between = if dash == " and " { "and" } else { "to" };
    Some((format!("{article}{} {between} the {words}", ordinal(from)), start + length))
}

/// `24 November 2026`, `the 24th of November`, `24. Nov.`, `24-Nov-2026`, `24 nov 2026`
fn day_first(text: &str, has_article: bool) -> Option<(String, usize)> {
    let (day_number, mut at) = day(text)?;
    let suffixed = text[..at].ends_with(|c: char| c.is_ascii_alphabetic());
    at += usize::from(text[at..].starts_with('.'));
    let joint = text[at..].chars().next().filter(|c| matches!(c, ' ' | '-' | '/' | '.'))?;
    at += 1;
    let of = text[at..].starts_with("of ");
    at += if of { 3 } else { 0 };
    let month = Month::read(&text[at..])?;
    at += month.length;
    let name = MONTHS[month.index];
    if joint != ' ' {
        // "12-Jan-2026", "12/Jan/2026"
        let year_text = text[at..].strip_prefix(joint);
        let (year_number, count) = match year_text.and_then(value) {
            Some((number, 4)) => (Some(number), 5),
            Some((number, 2)) => (Some(number + 2000), 3),
            _ => (None, 0),
        };
        // "3.May" is a typing error, "12.Jan.2026" a date.
        let fits = is_number_over(&text[at + count..]) && (joint == '-' || year_number.is_some());
        let words = spell(day_number, month.index as u64 + 1, year_number).filter(|_| fits)?;
        return Some((words, at + count));
    }
    let (year_words, year_length) = year_after(&text[at..]);
    // "you may 5 may": in small letters the name of a month is sure only with more of a date around it.
    let sure = month.capital || of || suffixed || year_length > 0 || !month.is_word;
    let article = if has_article { "" } else { "the " };
    sure.then(|| (format!("{article}{} of {name}{year_words}", ordinal(day_number)), at + year_length))
}

/// `November 24`, `Nov. 24th, 2026`, `November 2026`, `Nov-24-2026`, `november 24 2026`
fn month_first(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let month = Month::read(text)?;
    let mut at = month.length;
    let name = MONTHS[month.index];
    let (year_words, year_length) = year_after(&text[at..]);
    // "November 2026" has no day: tried before it, or 20 would be taken for one.
    if year_length > 0 && (month.capital || !month.is_word) {
        return Some((format!("{name}{year_words}"), at + year_length));
    }
    let joint = text[at..].chars().next().filter(|c| matches!(c, ' ' | '-'))?;
    at += 1;
    let (day_number, count) =
        value(&text[at..]).filter(|(day, count)| *count <= 2 && (1..=31).contains(day))?;
    at += count;
    let suffix = ordinal_suffix(&text[at..]).unwrap_or(0);
    at += suffix;
    if joint == '-' {
        let (year_number, count) = match text[at..].strip_prefix('-').and_then(value) {
            Some((number, 4)) => (Some(number), 5),
            _ => (None, 0),
        };
        let words = spell(day_number, month.index as u64 + 1, year_number)?;
        return is_number_over(&text[at + count..]).then_some((words, at + count));
    }
    let after = &text[at..];
    // "March 3:30" is no day, nor is "May 5.5".
    let goes_on = after.starts_with([':', '.', ',']) && digits(&after[1..]) > 0;
    if !is_over(after) || goes_on || after.starts_with(['%', '°', '/']) {
        return None;
    }
    let (year_words, year_length) = year_after(after);
    // "you may 5 times"
    let behind = next_word(&text[at + year_length..]);
    let follows_pronoun =
        matches!(scan.previous_word().as_str(), "you" | "we" | "they" | "it" | "this" | "that");
    let sure = month.capital || suffix > 0 || year_length > 0;
    if !sure && (month.is_word || follows_pronoun || behind.ends_with('s')) {
        return None;
    }
    let mut words = format!("{name} {}", ordinal(day_number));
    // "May 3-5"
    let dash = ["-", "–", " - ", " – "].into_iter().find(|dash| after.starts_with(dash));
    if year_length == 0
        && let Some(dash) = dash
        && let Some((to, more)) = day(&after[dash.len()..]).filter(|(to, _)| *to > day_number)
        && is_number_over(&after[dash.len() + more..])
    {
        at += dash.len() + more;
        let (year_words, year_length) = year_after(&text[at..]);
        words = format!("{words} to {}{year_words}", ordinal(to));
        return Some((words, at + year_length));
    }
    Some((format!("{words}{year_words}"), at + year_length))
}

/// `2Q22`, `3Q2026`
fn quarter(text: &str, has_article: bool) -> Option<(String, usize)> {
    let number: u64 = text.get(..1)?.parse().ok().filter(|q| (1..=4).contains(q))?;
    let after = text[1..].strip_prefix('Q')?;
    let (year_number, count) = value(after)?;
    let article = if has_article { "" } else { "the " };
    let words = match count {
        2 => cardinal(year_number),
        4 => year(year_number),
        _ => return None,
    };
    is_number_over(&after[count..])
        .then(|| (format!("{article}{} quarter of {words}", ordinal(number)), 2 + count))
}

/// `01/2026`
fn month_and_year(text: &str) -> Option<(String, usize)> {
    let (month, count) = value(text).filter(|(month, count)| (1..=12).contains(month) && *count == 2)?;
    let (year_number, 4) = value(text[count..].strip_prefix('/')?)? else { return None };
    let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let fits = (1900..2100).contains(&year_number) && is_number_over(&text[count + 5..]);
    fits.then(|| (format!("{name} {}", year(year_number)), count + 5))
}

/// `, 2026` or ` 2026`; nothing where no year follows.
fn year_after(text: &str) -> (String, usize) {
    let digits_at = text.strip_prefix(',').unwrap_or(text);
    let number = digits_at.strip_prefix(' ').or_else(|| (digits_at.len() < text.len()).then_some(digits_at));
    let Some(number) = number else { return (String::new(), 0) };
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

/// A name of a month.
struct Month {
    index: usize,
    /// Its length, with a full stop after an abbreviation.
    length: usize,
    capital: bool,
    /// In small letters it is an ordinary word.
    is_word: bool,
}

impl Month {
    fn read(text: &str) -> Option<Self> {
        let length = letters(text);
        let lower = text[..length].to_ascii_lowercase();
        if length < 3 || !is_over(&text[length..]) {
            return None;
        }
        let index = MONTHS.iter().position(|name| {
            name.eq_ignore_ascii_case(&lower)
                || (length == 3 && name.to_ascii_lowercase().starts_with(&lower))
                || (lower == "sept" && *name == "September")
        })?;
        let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
        // Behind a full name the stop ends the sentence.
        let stop = usize::from(length < MONTHS[index].len() && text[length..].starts_with('.'));
        let is_word =
            stop == 0 && matches!(lower.as_str(), "may" | "march" | "mar" | "jan" | "dec" | "august");
        Some(Self { index, length: length + stop, capital, is_word })
    }
}

/// `Nov` alone, where a word before it or a range shows the month.
pub(super) fn month(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() {
        return None;
    }
    let first =
        Month::read(text).filter(|month| month.capital && letters(text) < MONTHS[month.index].len())?;
    let dash = ["-", "–", " - ", " – ", "/"].into_iter().find(|dash| text[first.length..].starts_with(dash));
    if let Some(dash) = dash
        && let Some(last) = Month::read(&text[first.length + dash.len()..]).filter(|last| last.capital)
    {
        let words = format!("{} to {}", MONTHS[first.index], MONTHS[last.index]);
        return Some(Token::words(words, first.length + dash.len() + last.length));
    }
    let known = matches!(&text[..letters(text)], "Feb" | "Apr" | "Aug" | "Sept" | "Sep" | "Oct" | "Nov");
    // "Jan", "Mar" and "Dec" may be names or words: they need a word before them.
    let alone = known || listed(BEFORE_MONTHS, scan.previous_word().as_str());
    let mut token = Token::words(MONTHS[first.index], first.length);
    token.stop = text[..first.length].ends_with('.') && scan.ends_after(first.length);
    alone.then_some(token)
}

/// A short name of a weekday: its name and its length, with a stop.
fn weekday_name(text: &str) -> Option<(&'static str, usize)> {
    let length = letters(text);
    let written = &text[..length];
    let found = WEEKDAYS.iter().find(|(_, short)| {
        short.iter().any(|short| *short == written || short.to_ascii_uppercase() == written)
    });
    let (name, _) = found.filter(|_| is_over(&text[length..]) && !text[length..].starts_with('\''))?;
    Some((name, length + usize::from(text[length..].starts_with('.'))))
}

/// `Mon`, `Mon–Fri`, `Sat, Sun`, `Sun 5 May`
pub(super) fn weekday(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() {
        return None;
    }
    let (first, length) = weekday_name(text)?;
    let after = &text[length..];
    let dash = ["-", "–", " - ", " – "].into_iter().find(|dash| after.starts_with(dash));
    if let Some(dash) = dash
        && let Some((last, more)) = weekday_name(&after[dash.len()..])
    {
        return Some(Token::words(format!("{first} to {last}"), length + dash.len() + more));
    }
    // "Sat", "Sun" and "Wed" are words, unless a date or another weekday is beside them.
    let next = after.trim_start_matches([',', ' ', '/', '&', ':']);
    let beside = next.starts_with(|c: char| c.is_ascii_digit())
        || weekday_name(next).is_some()
        || Month::read(next).is_some_and(|month| month.capital);
    let behind = scan.behind().trim_end_matches([',', ' ', '/', '&']);
    let start = behind.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
    let listed = WEEKDAYS.iter().any(|(name, short)| {
        let last = behind.get(start..).unwrap_or_default();
        short.contains(&last) || *name == last
    });
    let word = matches!(first, "Wednesday" | "Saturday" | "Sunday") || scan.shouted;
    // "Mon Dieu"
    let foreign = first == "Monday" && after.trim_start().starts_with("Dieu");
    let mut token = Token::words(first, length);
    token.stop = text[..length].ends_with('.') && scan.ends_after(length);
    ((!word || beside || listed) && !foreign).then_some(token)
}
