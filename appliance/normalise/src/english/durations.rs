//! Lengths of time: `1h 5m`, `2d 3h`, `1h05`, `1:30 h`, `PT1H5M`.

use super::numbers::{Number, cardinal};
use super::scan::{Scan, digits, is_number_over, is_over, letters, listed, next_word};
use super::times;
use super::token::Token;

/// Parts in falling order, which is the order in which they are written.
const PARTS: [(&[&str], &str); 7] = [
    (&["y", "yr", "yrs"], "year"),
    (&["w", "wk", "wks"], "week"),
    (&["d"], "day"),
    (&["h", "hr", "hrs", "H"], "hour"),
    (&["m", "min", "mins", "M"], "minute"),
    (&["s", "sec", "secs", "S"], "second"),
    (&["ms"], "millisecond"),
];
/// Words before or behind `5m` that make it minutes.
const WAITING: &str =
    "every wait waiting timer timeout last past next after takes took duration remaining uptime";

/// A length of time.
pub(super) fn duration(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    let (words, length) = iso(text)
        .or_else(|| compound(scan, text))
        .or_else(|| hours_and_minutes(scan, text))
        .or_else(|| colon(text))
        .or_else(|| stopwatch(scan, text))?;
    Some(Token::words(words, length))
}

fn count(number: &str, unit: &str) -> String {
    let one = if number == "one" { "" } else { "s" };
    format!("{number} {unit}{one}")
}

/// `1h 5m`, `1h5m30s`, `2d 3h`; one part alone is a unit, except for minutes that the context shows.
fn compound(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let mut words: Vec<String> = Vec::new();
    let (mut at, mut end, mut next_part) = (0, 0, 0);
    while let Some(number) = Number::read(&text[at..]).filter(|number| !number.whole.is_empty()) {
        let behind = &text[at + number.length..];
        // "1h 5 min": before the longer names a blank is usual.
        let symbol_text = behind.strip_prefix(' ').unwrap_or(behind);
        let symbol = &symbol_text[..letters(symbol_text)];
        let apart = symbol_text.len() < behind.len();
        let Some(part) = PARTS[next_part..].iter().position(|(symbols, _)| symbols.contains(&symbol)) else {
            break;
        };
        if apart
            && (symbol.len() < 2 || words.is_empty() && symbol == "m")
            && !(symbol == "h" || words.len() == 1)
        {
            break;
        }
        // Parts fall, so that "5m 1h" is two lengths of time.
        next_part += part + 1;
        words.push(count(&number.words(), PARTS[next_part - 1].1));
        end = text.len() - symbol_text.len() + symbol.len();
        at = end + text[end..].chars().take_while(|c| matches!(c, ' ' | ',')).count();
        // "1h and 5m"
        at += if text[at..].starts_with("and ") { 4 } else { 0 };
    }
    let minutes = || {
        let behind = next_word(&text[end..]);
        let before = scan.previous_word();
        text[..end].ends_with('m')
            && (listed(WAITING, before.as_str())
                || matches!(behind.as_str(), "ago" | "left" | "remaining" | "timer"))
    };
    (words.len() > 1 || words.len() == 1 && minutes()).then(|| (words.join(" "), end))
}

/// `1h05`, `7h30`: a time of day behind "at".
fn hours_and_minutes(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let first = digits(text);
    let minutes = text[first..].strip_prefix(['h', 'H'])?;
    if !(1..=2).contains(&first) || digits(minutes) != 2 || !is_over(&minutes[2..]) {
        return None;
    }
    let (hour, minute): (u64, u64) = (text[..first].parse().ok()?, minutes[..2].parse().ok()?);
    if minute > 59 {
        return None;
    }
    let at =
        matches!(scan.previous_word().as_str(), "at" | "until" | "till" | "from" | "by" | "before" | "after");
    // French and Portuguese writers write times so, too.
    let words = if at && hour < 24 {
        times::clock(hour, minute)
    } else {
        format!("{} {}", count(&cardinal(hour), "hour"), count(&cardinal(minute), "minute"))
    };
    Some((words, first + 3))
}

/// `1:30 h`, `0:45 min`
fn colon(text: &str) -> Option<(String, usize)> {
    let first = digits(text);
    let second = text[first..].strip_prefix(':').filter(|second| digits(second) == 2)?;
    let after = second[2..].strip_prefix(' ').unwrap_or(&second[2..]);
    let touching_hour = second[2..].starts_with('h');
    let (large, small) = match &after[..letters(after)] {
        "h" | "hrs" | "hours" => ("hour", "minute"),
        "min" | "minutes" => ("minute", "second"),
        _ => return None,
    };
    // "17:45h" is a time of day.
    if touching_hour && (first > 1) {
        return None;
    }
    let (one, two): (u64, u64) = (text[..first].parse().ok()?, second[..2].parse().ok()?);
    let parts: Vec<String> = [(one, large), (two, small)]
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| count(&cardinal(*number), unit))
        .collect();
    let length = text.len() - after.len() + letters(after);
    (!parts.is_empty()).then(|| (parts.join(" "), length))
}

/// `1:01:01`: without a leading zero and with seconds it is measured, not told by a clock.
fn stopwatch(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let field = |at: usize| {
        text.get(at..at + 2).filter(|two| digits(two) == 2)?.parse::<u64>().ok().filter(|n| *n < 60)
    };
    let hour: u64 = text.get(..1)?.parse().ok().filter(|hour| *hour > 0)?;
    let (minute, second) = (field(2)?, field(5)?);
    let colons = text.as_bytes()[1] == b':' && text.as_bytes()[4] == b':';
    let behind = text[7..].trim_start();
    let half = ["am", "pm", "AM", "PM", "a.m", "p.m"].iter().any(|half| behind.starts_with(half));
    let clock = matches!(scan.previous_word().as_str(), "at" | "until" | "till" | "by" | "from");
    if !colons || half || clock || !is_over(&text[7..]) || !is_number_over(&text[7..]) {
        return None;
    }
    let parts = [count(&cardinal(hour), "hour"), count(&cardinal(minute), "minute")];
    Some((format!("{} and {}", parts.join(" "), count(&cardinal(second), "second")), 7))
}

/// `PT1H5M`, `P2DT3H` (ISO 8601)
fn iso(text: &str) -> Option<(String, usize)> {
    let mut at = 1;
    let mut words: Vec<String> = Vec::new();
    let mut in_time = false;
    if !text.starts_with('P') {
        return None;
    }
    loop {
        if !in_time && text[at..].starts_with('T') {
            in_time = true;
            at += 1;
        }
        let Some(number) = Number::read(&text[at..]).filter(|number| !number.whole.is_empty()) else { break };
        let symbol = text[at + number.length..].chars().next()?;
        let unit = match (symbol, in_time) {
            ('Y', false) => "year",
            ('M', false) => "month",
            ('W', false) => "week",
            ('D', false) => "day",
            ('H', true) => "hour",
            ('M', true) => "minute",
            ('S', true) => "second",
            _ => return None,
        };
        words.push(count(&number.words(), unit));
        at += number.length + 1;
    }
    (!words.is_empty() && is_over(&text[at..])).then(|| (words.join(" "), at))
}
