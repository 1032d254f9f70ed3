//! Times of day, their zones and ranges, and ratios, which look like them.

use super::numbers::{cardinal, plain};
use super::scan::{Scan, digits, is_number_over, is_over, letters, next_word};
use super::token::Token;

/// Abbreviations of time zones behind a time.
const ZONES: [&str; 32] = [
    "Z", "UTC", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "CET", "CEST", "MEZ", "MESZ",
    "BST", "IST", "WET", "WEST", "EET", "EEST", "MSK", "JST", "KST", "AEST", "AEDT", "ACST", "AWST", "NZST",
    "NZDT", "AKST", "HST",
];
/// Longest run of decimals of a second that is passed over.
const FRACTION_DIGITS_MAX: usize = 9;

/// `7:05`, `19:30`, `07:05:09`, `7 pm`, `7.30 p.m.`, `14:00-16:00`, `9am–5pm`, `5 pm EST`
pub(super) fn time(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() || scan.before() == Some('$') {
        return None;
    }
    let text = scan.rest();
    let first = read(text).or_else(|| hour_of_range(text)).or_else(|| without_colon(scan, text));
    let (mut words, mut length) = first?;
    if let Some((last, end)) =
        dash(&text[length..]).and_then(|at| read(&text[length + at..]).map(|(w, l)| (w, at + l)))
    {
        words = format!("{words} to {last}");
        length += end;
    }
    // The stop of "p.m." ends the sentence, too, if nothing follows.
    let mut token = Token::words(words, length);
    token.stop = text[..length].ends_with('.') && scan.ends_after(length);
    Some(token)
}

/// The length of a dash between two times.
fn dash(text: &str) -> Option<usize> {
    [" - ", " – ", "-", "–"].iter().find(|dash| text.starts_with(**dash)).map(|dash| dash.len())
}

/// `9` in `9-5pm`
fn hour_of_range(text: &str) -> Option<(String, usize)> {
    let count = digits(text);
    let hour: u64 = text[..count].parse().ok().filter(|hour| count <= 2 && (1..=12).contains(hour))?;
    let end = &text[count + dash(&text[count..])?..];
    let behind = &end[digits(end)..];
    let minutes = behind.strip_prefix([':', '.']).map_or(0, digits);
    half_of_day(&behind[if minutes == 2 { 3 } else { 0 }..])?;
    read(end)?;
    Some((cardinal(hour), count))
}

/// `0830 hours`, `at 0830`, `at 8.30`, `1430h`
fn without_colon(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let count = digits(text);
    let after = &text[count..];
    let at = matches!(scan.previous_word().as_str(), "at" | "until" | "till" | "by" | "before" | "after");
    if count == 4 && is_number_over(after) {
        let (hour, minute): (u64, u64) = (text[..2].parse().ok()?, text[2..4].parse().ok()?);
        let counted = next_word(after);
        let hours = after.starts_with(' ') && matches!(counted.as_str(), "hours" | "hrs");
        if hour > 24 || minute > 59 || !(hours || at && text.starts_with('0')) {
            return None;
        }
        let length = if hours { count + 1 + counted.len() } else { count };
        let oh = if hour < 10 && text.starts_with('0') { "oh " } else { "" };
        let said = match minute {
            0 if hour == 0 => "zero hundred".to_owned(),
            0 => format!("{oh}{} hundred", cardinal(hour)),
            _ => format!("{oh}{}", clock(hour, minute)),
        };
        return Some((if hours { format!("{said} hours") } else { said }, length));
    }
    // British style with a stop, only where nothing else can be meant.
    let minutes = after.strip_prefix('.').filter(|minutes| digits(minutes) == 2)?;
    let (hour, minute): (u64, u64) = (text[..count].parse().ok()?, minutes[..2].parse().ok()?);
    let behind = &minutes[2..];
    let ends = behind.is_empty()
        || behind.starts_with(['.', ',', '!', '?', ')', ';'])
            && !behind[1..].starts_with(char::is_alphanumeric);
    // Other minutes are more often decimals.
    let fits = (1..24).contains(&hour) && minute < 60 && minute % 5 == 0 && count <= 2;
    (scan.previous_word() == "at" && fits && ends).then(|| (clock(hour, minute), count + 3))
}

/// A time at the beginning of `text`, in words, and its length in bytes.
pub(super) fn read(text: &str) -> Option<(String, usize)> {
    let (words, length) = read_without_zone(text)?;
    let blank = usize::from(text[length..].starts_with(' '));
    let zone = &text[length + blank..];
    let name = zone[..letters(zone)].to_ascii_uppercase();
    // "e.s.t."
    if let [first, b'.', second, b'.', third, ..] = zone.as_bytes() {
        let dotted: String = [first, second, third].iter().map(|b| b.to_ascii_uppercase() as char).collect();
        if ZONES.contains(&dotted.as_str()) {
            let stop = usize::from(zone[5..].starts_with('.'));
            return Some((format!("{words} {dotted}"), length + blank + 5 + stop));
        }
    }
    if !ZONES.contains(&name.as_str()) || !is_over(&zone[name.len()..]) || zone.starts_with("west") {
        return Some((words, length));
    }
    // "UTC+1" behind the time.
    let (offset, more) = offset(&zone[name.len()..]).unwrap_or_default();
    Some((format!("{words} {name}{offset}"), length + blank + name.len() + more))
}

fn read_without_zone(text: &str) -> Option<(String, usize)> {
    let hour_digits = digits(text);
    if !(1..=2).contains(&hour_digits) {
        return None;
    }
    let hour: u64 = text[..hour_digits].parse().ok()?;
    let after = &text[hour_digits..];
    // A dot only counts with a.m. or p.m.: "7.30" alone is a decimal number.
    let minutes = after.strip_prefix([':', '.']).filter(|minutes| digits(minutes) == 2);
    let minute = minutes.and_then(|m| m[..2].parse::<u64>().ok());
    let clock_length = hour_digits + if minute.is_some() { 3 } else { 0 };
    // With half of the day.
    if let Some((half, half_length)) = half_of_day(&text[clock_length..])
        && (1..=12).contains(&hour)
        && minute.is_none_or(|m| m < 60)
    {
        let words = match minute {
            None | Some(0) => format!("{} {half}", cardinal(hour)),
            Some(minute) => format!("{} {half}", clock(hour, minute)),
        };
        return Some((words, clock_length + half_length));
    }
    // From here on only a colon makes a time.
    let minute = minute.filter(|_| after.starts_with(':'))?;
    let rest = &text[clock_length..];
    // "17:45h"
    let rest_behind = rest.strip_prefix('h').filter(|behind| is_over(behind) && hour_digits == 2);
    if let (Some(_), true) = (rest_behind, hour < 24 && minute < 60) {
        return Some((clock(hour, minute), clock_length + 1));
    }
    let zoned = ZONES.iter().any(|zone| rest.strip_prefix(zone).is_some_and(is_over));
    // Other pairs are ratios, such as 16:90.
    if hour > 24 || minute > 59 || !(is_over(rest) || zoned) {
        return None;
    }
    let Some(seconds) = rest.strip_prefix(':').filter(|s| digits(s) == 2) else {
        // "1:30 h" is a length of time.
        let counted = rest.strip_prefix(' ').unwrap_or(rest);
        let is_duration = ["h", "hrs", "hours", "min", "minutes"]
            .iter()
            .any(|unit| counted.strip_prefix(unit).is_some_and(is_over));
        return (!is_duration).then(|| (clock(hour, minute), clock_length));
    };
    let mut behind = &seconds[2..];
    // Machines write fractions of a second, which nobody can use when they are spoken.
    if let Some(fraction) = behind.strip_prefix(['.', ',']) {
        let count = digits(fraction);
        behind = if (1..=FRACTION_DIGITS_MAX).contains(&count) { &fraction[count..] } else { behind };
    }
    let is_end = is_over(behind) || ZONES.iter().any(|zone| behind.strip_prefix(zone).is_some_and(is_over));
    if behind.starts_with(':') && digits(&behind[1..]) > 0 || !(is_end || behind.starts_with('Z')) {
        return None;
    }
    let seconds: u64 = seconds[..2].parse().ok().filter(|s| *s < 60)?;
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let mut words = format!("{} and {} {unit}", clock(hour, minute), cardinal(seconds));
    let mut length = text.len() - behind.len();
    if let Some((half, more)) = half_of_day(behind) {
        words = format!("{words} {half}");
        length += more;
    }
    Some((words, length))
}

/// Hour and minute as on a clock of 24 hours.
pub(super) fn clock(hour: u64, minute: u64) -> String {
    match (hour, minute) {
        (0 | 24, 0) => "midnight".to_owned(),
        // Above twelve the military form is usual: "nineteen hundred".
        (1..=12, 0) => format!("{} o'clock", cardinal(hour)),
        (_, 0) => format!("{} hundred", cardinal(hour)),
        (_, 1..10) => format!("{} oh {}", cardinal(hour), cardinal(minute)),
        _ => format!("{} {}", cardinal(hour), cardinal(minute)),
    }
}

/// `am`, ` pm`, ` p.m.`
fn half_of_day(text: &str) -> Option<(&'static str, usize)> {
    let mark = text.strip_prefix(' ').unwrap_or(text);
    let skipped = text.len() - mark.len();
    // The longer spellings first: "p.m" is the start of "p.m.".
    let halves = [("a.m.", "AM"), ("p.m.", "PM"), ("a.m", "AM"), ("p.m", "PM"), ("am", "AM"), ("pm", "PM")];
    halves.into_iter().find_map(|(written, said)| {
        let head = mark.get(..written.len())?;
        let behind = &mark[written.len()..];
        // "p.m.est": the stop separates.
        let ends = is_over(behind) || written.ends_with('.') && next_is_zone(behind);
        (head.eq_ignore_ascii_case(written) && ends).then_some((said, skipped + written.len()))
    })
}

fn next_is_zone(text: &str) -> bool {
    ZONES.contains(&text[..letters(text)].to_ascii_uppercase().as_str())
}

/// `UTC+01:00`, `GMT-5`
pub(super) fn zone_offset(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let name = ["UTC", "GMT"].into_iter().find(|name| scan.at_start() && text.starts_with(name))?;
    let (offset, length) = offset(&text[name.len()..])?;
    Some(Token::words(format!("{name}{offset}"), name.len() + length))
}

/// `+01:00`, `-5`, `+0530`: the words begin with a blank.
fn offset(text: &str) -> Option<(String, usize)> {
    let body = text.strip_prefix(' ').unwrap_or(text);
    let sign = match body.chars().next()? {
        '+' => "plus",
        '-' | '–' => "minus",
        '±' => "plus or minus",
        _ => return None,
    };
    let at = text.len() - body.len() + body.chars().next().map_or(1, char::len_utf8);
    let count = digits(&text[at..]);
    let hours: u64 = text[at..at + count.min(2)].parse().ok()?;
    let mut length = at + count;
    let mut minutes = if count == 4 { text[at + 2..at + 4].parse().ok()? } else { 0_u64 };
    if let Some(written) = text[length..].strip_prefix(':').filter(|minutes| digits(minutes) == 2) {
        minutes = written[..2].parse().ok()?;
        length += 3;
    }
    // No zone is further than fourteen hours from Greenwich.
    if count == 0 || count == 3 || count > 4 || hours > 14 || minutes > 59 || !is_over(&text[length..]) {
        return None;
    }
    let minutes = if minutes == 0 { String::new() } else { format!(" {}", cardinal(minutes)) };
    Some((format!(" {sign} {}{minutes}", cardinal(hours)), length))
}

/// The length of the zone of a time in ISO 8601, which is not read out: `Z`, `+01:00`, ` UTC`
pub(super) fn iso_zone(text: &str) -> usize {
    if text.strip_prefix('Z').is_some_and(is_over) {
        return 1;
    }
    match text.starts_with(['+', '-']).then(|| offset(text)).flatten() {
        Some((_, length)) if length >= 3 => length,
        _ => 0,
    }
}

/// `16:9`
pub(super) fn ratio(text: &str) -> Option<(String, usize)> {
    let first = digits(text);
    let second = text[first..].strip_prefix(':').map_or(0, digits);
    let length = first + 1 + second;
    if first == 0 || second == 0 || !is_over(&text[length..]) || text[length..].starts_with(':') {
        return None;
    }
    Some((format!("{} to {}", plain(&text[..first]), plain(&text[first + 1..length])), length))
}
