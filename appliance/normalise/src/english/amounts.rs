//! Amounts: signs, whole and decimal numbers, fractions.

use super::numbers::{Number, cardinal, ordinal, plural};
use super::scan::{FRACTIONS, Scan, digits, is_over};
use super::units;

/// A sign before a number: `-5` is minus five, `10-5` is not.
pub(super) fn sign(scan: &Scan<'_>) -> (&'static str, usize) {
    let text = scan.rest();
    // Behind a letter, a digit or a bracket a minus is a hyphen or a range.
    let free =
        !scan.before().is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '+' | '/' | ')' | '.' | ','));
    let (words, length) = match text.chars().next() {
        Some('-') if free => ("minus", 1),
        // A dash as a minus touches its number and has a blank before it.
        Some('–') if free && scan.before() != Some('–') => ("minus", '–'.len_utf8()),
        Some('+') if free => ("plus", 1),
        Some('±') => ("plus or minus", '±'.len_utf8()),
        _ => return ("", 0),
    };
    // Otherwise the sign is punctuation.
    let counts = text[length..]
        .starts_with(|c: char| c.is_ascii_digit() || ".$€£¥₽₹".contains(c) || FRACTIONS.contains(c));
    if counts { (words, length) } else { ("", 0) }
}

/// An amount before anything that makes it a quantity of something.
#[derive(Debug, Clone)]
pub(super) struct Amount {
    pub(super) words: String,
    pub(super) length: usize,
    /// Exactly one.
    pub(super) one: bool,
    /// Digits only.
    pub(super) whole: bool,
}

impl Amount {
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some((words, length)) = fraction(text, true) {
            return Some(Self { words, length, one: true, whole: false });
        }
        // "21,5 °C": a comma before one or two digits and a unit is a decimal point.
        let number = Number::read_marked(text, |behind| {
            let (unit, touching) = behind.strip_prefix(' ').map_or((behind, true), |unit| (unit, false));
            units::read(unit, touching, false).is_some()
        })?;
        let after = &text[number.length..];
        // "1 1/2" and "1½": a whole number and a fraction.
        let part = after.strip_prefix(' ').filter(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        if number.fraction.is_none()
            && let Some((words, length)) = fraction(part.unwrap_or(after), false)
            && (part.is_some() || !after.starts_with(|c: char| c.is_ascii_digit()))
        {
            let length = number.length + usize::from(part.is_some()) + length;
            return Some(Self {
                words: format!("{} and {words}", number.words()),
                length,
                one: false,
                whole: false,
            });
        }
        let whole = number.fraction.is_none() && digits(text) == number.length;
        Some(Self { words: number.words(), length: number.length, one: number.is_one(), whole })
    }
}

/// `½`, `3/4`; "a half" after a whole number, "one half" alone.
pub(super) fn fraction(text: &str, alone: bool) -> Option<(String, usize)> {
    let sign = text.chars().next().filter(|c| FRACTIONS.contains(*c));
    let (above, below, length) = match sign {
        Some(sign) => {
            let (above, below) = vulgar(sign)?;
            (above, below, sign.len_utf8())
        }
        None => strokes(text, alone)?,
    };
    let part = match below {
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        other => ordinal(other),
    };
    let count = match (above, alone) {
        (1, false) => "a".to_owned(),
        _ => cardinal(above),
    };
    let part = match (above, below) {
        (1, _) => part,
        (_, 2) => "halves".to_owned(),
        _ => plural(&part),
    };
    Some((format!("{count} {part}"), length))
}

/// Digits on both sides of a stroke that are a fraction, not a ratio, a date or a path.
fn strokes(text: &str, alone: bool) -> Option<(u64, u64, usize)> {
    let first = digits(text);
    let second = text[first..].strip_prefix('/').map_or(0, digits);
    let mut length = first + 1 + second;
    if !(1..=5).contains(&first) || !(1..=5).contains(&second) || text.starts_with('0') {
        return None;
    }
    let above: u64 = text[..first].parse().ok()?;
    let below: u64 = text[first + 1..length].parse().ok()?;
    // "1/4th" is written by people who say it.
    let suffix = text.get(length..length + 2).is_some_and(|end| {
        matches!(end.to_ascii_lowercase().as_str(), "th" | "rd" | "nd" | "st") && is_over(&text[length + 2..])
    });
    length += if suffix { 2 } else { 0 };
    let after = &text[length..];
    let goes_on = after.starts_with('/') || after.starts_with(['.', ',', ':']) && digits(&after[1..]) > 0;
    if goes_on || !is_over(after) || text[first + 1..].starts_with('0') || below < 2 {
        return None;
    }
    // Small denominators are common; of others only shares just below the whole, for 9/11 and 3/30 are dates.
    let proper =
        above < below && ((2..=16).contains(&below) || matches!(below, 20 | 32 | 64 | 100) || below > 31);
    // 24/7 is no fraction.
    let improper = above > below && matches!(below, 2..=5 | 8) && (!alone || above != 24);
    // A year is no denominator.
    let is_year = (1900..2100).contains(&below) && second == 4;
    ((proper && !is_year) || improper || suffix).then_some((above, below, length))
}

/// Numerator and denominator of a fraction that is one character.
fn vulgar(sign: char) -> Option<(u64, u64)> {
    Some(match sign {
        '½' => (1, 2),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        _ => return None,
    })
}
