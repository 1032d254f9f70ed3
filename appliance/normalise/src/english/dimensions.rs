//! Feet and inches, coordinates, powers, scientific notation and equations.

use super::amounts::{Amount, sign};
use super::numbers::{Number, cardinal};
use super::scan::{Scan, digits, is_over, letters};
use super::token::Token;

/// Feet and inches, degrees and minutes: `5'11"`, `6′`, `12"`, `48°51′24″N`
pub(super) fn dimension(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() || !scan.rest().starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let text = scan.rest();
    coordinates(text).or_else(|| feet(scan, text)).map(|(words, length)| Token::words(words, length))
}

/// `48°51′24″N`
fn coordinates(text: &str) -> Option<(String, usize)> {
    let degrees = Number::read(text)?;
    let mut words = degrees.words() + if degrees.is_one() { " degree" } else { " degrees" };
    let mut at = degrees.length + text[degrees.length..].strip_prefix('°').map(|_| '°'.len_utf8())?;
    let mut parts = 0;
    for (signs, one, many) in [(["′", "'"], "minute", "minutes"), (["″", "\""], "second", "seconds")] {
        let blank = usize::from(text[at..].starts_with(' '));
        let Some(number) = Number::read(&text[at + blank..]) else { break };
        let behind = at + blank + number.length;
        let Some(sign) = signs.iter().find(|sign| text[behind..].starts_with(**sign)) else { break };
        words = format!("{words} {} {}", number.words(), if number.is_one() { one } else { many });
        at = behind + sign.len();
        parts += 1;
    }
    let blank = usize::from(text[at..].starts_with(' '));
    let directions = [("N", "north"), ("S", "south"), ("E", "east"), ("W", "west")];
    let direction =
        directions.iter().find(|(letter, _)| text[at + blank..].strip_prefix(letter).is_some_and(is_over));
    if let Some((_, name)) = direction {
        words = format!("{words} {name}");
        at += blank + 1;
    }
    (parts > 0 || direction.is_some()).then_some((words, at))
}

/// `5'11"`, `6'`, `12"`, `5' 11"`, `5'-11"`
fn feet(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let first = Amount::read(text)?;
    let after = &text[first.length..];
    let quoted = |sign: char| matches!(sign, '"' | '\'') && scan.in_quotes(sign);
    let sign = after.chars().next().filter(|c| "'\"′″".contains(*c) && !quoted(*c))?;
    let behind = &after[sign.len_utf8()..];
    let is_feet = matches!(sign, '\'' | '′');
    if !is_feet {
        let unit = if first.one || scan.is_adjective(behind) { "inch" } else { "inches" };
        // `12"text"`: the sign opens a quotation.
        return is_over(behind).then(|| (format!("{} {unit}", first.words), first.length + sign.len_utf8()));
    }
    let unit = if first.one || scan.is_adjective(behind) { "foot" } else { "feet" };
    let gap = [" ", "-", ""].into_iter().find(|gap| behind.strip_prefix(gap).is_some_and(|b| digits(b) > 0));
    if let Some(gap) = gap
        && let Some(inches) = Amount::read(&behind[gap.len()..])
    {
        let end = &behind[gap.len() + inches.length..];
        let close = ['"', '″'].iter().find(|close| end.starts_with(**close));
        // Without the second sign only inches that touch: 6'2
        if close.is_some() || gap.is_empty() && is_over(end) && first.whole && inches.whole {
            let unit_of_inches = if inches.one { "inch" } else { "inches" };
            let words = format!("{} {unit} {} {unit_of_inches}", first.words, inches.words);
            let length = first.length + sign.len_utf8() + gap.len() + inches.length;
            return Some((words, length + close.map_or(0, |close| close.len_utf8())));
        }
    }
    is_over(behind).then(|| (format!("{} {unit}", first.words), first.length + sign.len_utf8()))
}

/// `1.5e-3`, `6.02×10^23`, `10^-3`, `2^8`, `x²`
pub(super) fn scientific(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() {
        return None;
    }
    // A single letter that is squared; "m²" is an area.
    if letters(text) == 1 && !text.starts_with('m') {
        let after = &text[1..];
        let (length, said) = [("²", "squared"), ("^2", "squared"), ("³", "cubed"), ("^3", "cubed")]
            .iter()
            .find(|(sign, _)| after.strip_prefix(sign).is_some_and(is_over))
            .map(|(sign, said)| (sign.len(), (*said).to_owned()))
            .or_else(|| power(after).map(|(words, length)| (length, words)))?;
        return Some(Token::words(format!("{} {said}", text[..1].to_ascii_uppercase()), 1 + length));
    }
    let (sign, sign_length) = sign(scan);
    let body = &text[sign_length..];
    let number = Number::read(body)?;
    let after = &body[number.length..];
    let joined = |words: String| if sign.is_empty() { words } else { format!("{sign} {words}") };
    if let Some((exponent, length)) = exponent(&number, after) {
        let words = joined(format!("{} times ten to the {exponent}", number.words()));
        return Some(Token::words(words, sign_length + number.length + length));
    }
    // "6.02×10^23"
    let times =
        ["×10", " × 10", "x10", " x 10", "*10", " * 10"].iter().find(|times| after.starts_with(**times));
    if let Some(times) = times
        && let Some((exponent, length)) = raised(&after[times.len()..])
    {
        let words = joined(format!("{} times ten to the {exponent}", number.words()));
        return Some(Token::words(words, sign_length + number.length + times.len() + length));
    }
    let (words, length) = match after.chars().next()? {
        '²' => ("squared".to_owned(), '²'.len_utf8()),
        '³' => ("cubed".to_owned(), '³'.len_utf8()),
        _ => power(after)?,
    };
    let words = joined(format!("{} {words}", number.words()));
    Some(Token::words(words, sign_length + number.length + length))
}

/// `e-3`, `E+06`
fn exponent(number: &Number, after: &str) -> Option<(String, usize)> {
    let body = after.strip_prefix(['e', 'E'])?;
    let sign = usize::from(body.starts_with(['-', '+']));
    let count = digits(&body[sign..]);
    // "3E5" is a code, "1.5E5" and "3e5" are numbers.
    let sure = number.fraction.is_some() || sign > 0 || after.starts_with('e');
    if !(1..=3).contains(&count) || !is_over(&body[sign + count..]) || !sure {
        return None;
    }
    let value: u64 = body[sign..sign + count].parse().ok()?;
    let minus = if body.starts_with('-') { "minus " } else { "" };
    Some((format!("{minus}{}", cardinal(value)), 1 + sign + count))
}

/// `^-3`, `^23`
fn raised(after: &str) -> Option<(String, usize)> {
    if let Some(sign) = ['²', '³'].iter().find(|sign| after.starts_with(**sign)) {
        return Some((cardinal(if *sign == '²' { 2_u8 } else { 3 }), sign.len_utf8()));
    }
    let body = after.strip_prefix('^')?;
    let sign = usize::from(body.starts_with(['-', '+']));
    let count = digits(&body[sign..]);
    let value: u64 = body[sign..sign + count].parse().ok().filter(|_| count <= 3)?;
    let minus = if body.starts_with('-') { "minus " } else { "" };
    Some((format!("{minus}{}", cardinal(value)), 1 + sign + count))
}

fn power(after: &str) -> Option<(String, usize)> {
    let (exponent, length) = raised(after)?;
    Some((format!("to the power of {exponent}"), length))
}

/// `1-2=5`, `3 - 2 = 1`: a dash between numbers of an equation is a minus.
pub(super) fn equation(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let behind = scan.behind();
    let minus = text.starts_with(['-', '–']);
    let sign = text.chars().next()?.len_utf8();
    let digit = |c: char| c.is_ascii_digit();
    let numbers = behind.trim_end().ends_with(digit) && text[sign..].trim_start().starts_with(digit);
    let right =
        text[sign..].trim_start().trim_start_matches(|c: char| c.is_ascii_digit() || "., +-*".contains(c));
    if minus && numbers && right.starts_with('=') {
        return Some(Token::words("minus", sign));
    }
    if !scan.at_start() || !text.starts_with(digit) {
        return None;
    }
    // The number before such a dash, which would else begin a range.
    let number = Number::read(text)?;
    let after = text[number.length..].trim_start();
    let rest = after.strip_prefix(['-', '–'])?.trim_start();
    let second = Number::read(rest).filter(|second| second.length > 0)?;
    rest[second.length..].trim_start().starts_with('=').then(|| Token::words(number.words(), number.length))
}
