//! Times of day.

use super::numbers::{cardinal, plain};
use super::scan::{NormalisedText, Scan, digits, is_over};

/// `7:05`, `19:30`, `07:05:09`, `7 pm`, `7.30 p.m.`; other pairs with a colon are ratios: `16:9`.
pub(super) fn time(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    if !scan.at_start() {
        return None;
    }
    let (words, length) = read(scan.rest())?;
    spoken.say(&words);
    // The stop of "p.m." ends the sentence, too, if nothing follows.
    if scan.rest()[..length].ends_with('.') && scan.ends_after(length) {
        spoken.mark('.');
    }
    Some(length)
}

/// A time at the beginning of `text`, in words, and its length in bytes.
pub(super) fn read(text: &str) -> Option<(String, usize)> {
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
    // Other pairs are ratios, such as 16:90.
    if hour > 24 || minute > 59 || !is_over(rest) {
        return None;
    }
    if let Some(seconds) = rest.strip_prefix(':').filter(|s| digits(s) == 2 && is_over(&s[2..])) {
        let seconds: u64 = seconds[..2].parse().ok().filter(|s| *s < 60)?;
        let unit = if seconds == 1 { "second" } else { "seconds" };
        return Some((format!("{} and {} {unit}", clock(hour, minute), cardinal(seconds)), clock_length + 3));
    }
    Some((clock(hour, minute), clock_length))
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
    let halves =
        [("a.m.", "a m"), ("p.m.", "p m"), ("a.m", "a m"), ("p.m", "p m"), ("am", "a m"), ("pm", "p m")];
    halves.into_iter().find_map(|(written, said)| {
        let head = mark.get(..written.len())?;
        (head.eq_ignore_ascii_case(written) && is_over(&mark[written.len()..]))
            .then_some((said, skipped + written.len()))
    })
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
