//! Numbers, fractions and ordinals as they are written.

use super::context::{Surroundings, is_blank, is_word, optional};
use super::{Quantity, Ratio, Semiotic};
use crate::languages::Grammar;

/// Digits up to which a number has a name; the scales of all languages reach this far. Longer ones are read by digits.
const LONGEST: usize = 24;
/// Digits of numerator and denominator; more are a code or a path.
const LONGEST_OF_FRACTION: usize = 7;

/// Number without its grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrittenNumber {
    pub(crate) minus: bool,
    /// Digits before the decimal mark, at least one and at most [`LONGEST`].
    pub(crate) digits: String,
    /// Digits after the decimal mark, none for an integer.
    pub(crate) decimals: String,
}

impl WrittenNumber {
    /// Reads a number without sign at the beginning of the text; returns it with its length.
    pub(crate) fn read(text: &str, decimal_mark: char) -> Option<(Self, usize)> {
        let other = if decimal_mark == ',' { '.' } else { ',' };
        let spaced = |c| c == other || c == '\'' || c == '’' || (decimal_mark == ',' && is_blank(c));
        let (whole, mut used, mark) = if let Some((whole, used, _, separator)) = grouped(text, spaced) {
            // Switzerland writes 1'234.50.
            let mark =
                if "'’".contains(separator) && text[used..].starts_with('.') { '.' } else { decimal_mark };
            (whole, used, mark)
        } else if let Some((whole, used)) = grouped(text, |c| c == decimal_mark)
            .filter(|(_, used, groups, _)| *groups > 1 || !decimals(&text[*used..], other).is_empty())
            .map(|(whole, used, ..)| (whole, used))
        {
            (whole, used, other)
        } else {
            let plain = digits(text);
            let point = decimal_mark == ',' && text[plain.len()..].starts_with('.');
            (plain.to_owned(), plain.len(), if point { '.' } else { decimal_mark })
        };
        // Numbers without a name go on to be read by digits, so nothing of them is lost.
        if whole.is_empty() || whole.len() > LONGEST {
            return None;
        }
        let decimals = decimals(&text[used..], mark);
        used += if decimals.is_empty() { 0 } else { 1 + decimals.len() };
        Some((Self { minus: false, digits: whole, decimals: decimals.to_owned() }, used))
    }

    pub(crate) fn of(whole: u128) -> Self {
        Self { minus: false, digits: whole.to_string(), decimals: String::new() }
    }

    pub(crate) fn whole(&self) -> u128 {
        self.digits.parse().unwrap_or_default()
    }

    pub(crate) fn is_integer(&self) -> bool {
        self.decimals.is_empty()
    }

    /// Returns true for numbers such as 007, which are read by digits.
    pub(crate) fn is_padded(&self) -> bool {
        self.digits.len() > 1 && self.digits.starts_with('0')
    }
}

/// Returns the digits at the beginning of the text, at most two more than [`LONGEST`].
pub(crate) fn digits(text: &str) -> &str {
    let length = text.bytes().take(LONGEST + 2).take_while(u8::is_ascii_digit).count();
    &text[..length]
}

/// Reads `1 234 567`; returns digits, length, number of separators and the separator.
fn grouped(text: &str, is_separator: impl Fn(char) -> bool) -> Option<(String, usize, usize, char)> {
    let first = digits(text);
    // "0 800 123" is a telephone number.
    if first.is_empty() || first.len() > 3 || first.starts_with('0') {
        return None;
    }
    let separator = text[first.len()..].chars().next().filter(|c| is_separator(*c))?;
    let mut whole = first.to_owned();
    let mut used = first.len();
    let mut groups = 0;
    while let Some(next) = text[used..].strip_prefix(separator) {
        let group = digits(next);
        if group.len() != 3 || whole.len() >= LONGEST {
            break;
        }
        whole.push_str(group);
        used += separator.len_utf8() + 3;
        groups += 1;
    }
    // "1.234.5" is no number, and "1 234 5678" a list.
    let goes_on = text[used..]
        .strip_prefix(separator)
        .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    (groups > 0 && !goes_on).then_some((whole, used, groups, separator))
}

/// Returns the digits after a decimal mark, none where they go on as a list, version or date.
fn decimals(text: &str, mark: char) -> &str {
    let found = text.strip_prefix(mark).map(digits).unwrap_or_default();
    let after = text.get(mark.len_utf8() + found.len()..).unwrap_or_default();
    let goes_on = after.starts_with(|c: char| c.is_ascii_digit())
        || after.strip_prefix(['.', ',']).is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
    if goes_on { "" } else { found }
}

/// Length of a minus sign before a digit: a hyphen counts where nothing stands before it that it could join.
pub(super) fn minus(place: &Surroundings<'_>) -> usize {
    let length = optional(place.rest, |c| "-−–﹣".contains(c));
    let joins = place.before.chars().next_back().is_some_and(|c| is_word(c) || ")]%°/-.".contains(c));
    // Before the true sign nothing joins but digits.
    let sign = place.rest.starts_with('−') || !joins;
    let number = place.rest[length..].starts_with(|c: char| c.is_ascii_digit());
    if sign && number { length } else { 0 }
}

/// Reads a number with sign; with a word such as "million" where one follows; or a fraction.
pub(super) fn amount(grammar: &dyn Grammar, place: &Surroundings<'_>) -> Option<(Quantity, usize)> {
    // Before the number, of which the numerator would be taken for the whole.
    if let Some((ratio, used)) = mixed(grammar, place) {
        return Some((Quantity::Ratio(ratio), used));
    }
    let sign = minus(place);
    let rest = &place.rest[sign..];
    let (mut number, mut used) = WrittenNumber::read(rest, grammar.conventions().decimal_mark)?;
    number.minus = sign > 0;
    if let Some((scale, length)) = scale(grammar, &rest[used..]) {
        used += length;
        return Some((Quantity::Scaled(number, scale), sign + used));
    }
    Some((Quantity::Number(number), sign + used))
}

/// Finds a word for a large number after a number.
fn scale(grammar: &dyn Grammar, text: &str) -> Option<(&'static crate::languages::Noun, usize)> {
    let blank = optional(text, is_blank);
    let rest = &text[blank..];
    let of_scale = |written: &str| {
        let after = rest.strip_prefix(written)?;
        (!after.starts_with(is_word) || written.chars().all(super::context::is_ideographic))
            .then_some(blank + written.len())
    };
    let scales = grammar.conventions().scales.iter();
    let mut found = scales.flat_map(|(written, noun)| written.iter().map(move |written| (*written, noun)));
    found.find_map(|(written, noun)| Some((noun, of_scale(written)?)))
}

/// Reads `3/4`, `1 3/4` or `1-3/4`.
fn mixed(grammar: &dyn Grammar, place: &Surroundings<'_>) -> Option<(Ratio, usize)> {
    let sign = minus(place);
    let rest = &place.rest[sign..];
    let first = digits(rest);
    let behind = &rest[first.len()..];
    let word = grammar.conventions().mixed_joints.iter().find(|joint| behind.starts_with(**joint));
    let joint = Some(word.map_or(optional(behind, is_blank), |word| word.len())).filter(|joint| *joint > 0);
    if let Some(joint) = joint
        && let Some((numerator, denominator, used)) = fraction(&rest[first.len() + joint..])
        && numerator < denominator
        && first.len() <= LONGEST_OF_FRACTION
    {
        let whole = Some(first.parse().ok()?);
        let used = sign + first.len() + joint + used;
        return Some((Ratio { minus: sign > 0, whole, numerator, denominator }, used));
    }
    let (numerator, denominator, used) = fraction(rest)?;
    Some((Ratio { minus: sign > 0, whole: None, numerator, denominator }, sign + used))
}

fn fraction(text: &str) -> Option<(u128, u128, usize)> {
    let numerator = digits(text);
    let rest = text[numerator.len()..].strip_prefix(['/', '⁄'])?;
    let slash = text.len() - numerator.len() - rest.len();
    let (denominator, used) = match WrittenNumber::read(rest, ',') {
        Some((number, used)) if number.is_integer() => (number.digits, used),
        _ => (digits(rest).to_owned(), digits(rest).len()),
    };
    let after = &rest[used..];
    // Paths and dates have further strokes.
    let plain = !numerator.is_empty() && !denominator.starts_with('0') && !after.starts_with(['/', '-']);
    let short = numerator.len() <= LONGEST_OF_FRACTION && denominator.len() <= LONGEST_OF_FRACTION + 3;
    // "2026/27" is a season, and "24/7" a service.
    let season = numerator.len() == 4 && matches!(&numerator[..2], "19" | "20") && denominator.len() > 1;
    if !plain || !short || season || numerator == "24" && denominator == "7" {
        return None;
    }
    Some((numerator.parse().ok()?, denominator.parse().ok()?, numerator.len() + slash + used))
}

/// Recognises fractions and mixed numbers.
pub(super) fn ratio<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    mixed(grammar, place).map(|(ratio, used)| (Semiotic::Ratio(ratio), used))
}

/// Recognises numbers of millions and the like.
pub(super) fn scaled<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    match amount(grammar, place)? {
        (Quantity::Scaled(number, scale), used) => Some((Semiotic::Scaled(number, scale), used)),
        _ => None,
    }
}

/// Recognises cardinals and decimals, and digits without a name.
pub(super) fn number<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let sign = minus(place);
    let rest = &place.rest[sign..];
    let Some((mut number, used)) = WrittenNumber::read(rest, grammar.conventions().decimal_mark) else {
        let found = digits(rest);
        return (!found.is_empty()).then_some((Semiotic::Digits(found), sign + found.len()));
    };
    number.minus = sign > 0;
    // Behind a letter a long number is a part number or the like.
    let code =
        place.before.ends_with(|c: char| is_word(c)) && (number.digits.len() > 3 || number.is_padded());
    // A code such as 007; 0,5 and 00,5 are numbers.
    let padded = number.is_padded() && !grammar.counts_padded(&place.behind(sign + used));
    if number.is_integer() && !number.minus && (code || padded) {
        let found = digits(rest);
        return Some((Semiotic::Digits(found), sign + found.len()));
    }
    Some((Semiotic::Number(number), sign + used))
}

/// Recognises ordinals by the mark behind the digits.
pub(super) fn ordinal<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let (number, used) = WrittenNumber::read(place.rest, grammar.conventions().decimal_mark)?;
    if !number.is_integer() {
        return None;
    }
    let length = grammar.ordinal_mark(&place.behind(used), &number)?;
    let mark = place.rest.get(used..used + length)?;
    Some((Semiotic::Ordinal(number.whole(), mark), used + length))
}

/// Returns true for a number of an address of IPv4, which has no leading zeros.
fn octet(part: &str) -> bool {
    part.parse::<u8>().is_ok_and(|value| value.to_string() == part)
}

/// Recognises versions, sections and addresses: three and more numbers with dots between.
pub(super) fn dotted<'a>(_: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let mut used = digits(place.rest).len();
    let mut dots = 0;
    let mut thousands = used > 0 && used <= 3;
    while let Some(next) = place.rest[used..].strip_prefix('.') {
        let group = digits(next);
        // More than an address and its like have is taken in parts.
        if group.is_empty() || dots == 7 {
            break;
        }
        thousands &= group.len() == 3;
        used += 1 + group.len();
        dots += 1;
    }
    // "1.234.567" has groups of three too; an address may.
    let address = dots == 3 && place.rest[..used].split('.').all(octet);
    let found = dots > 1 && (address || !thousands);
    found.then(|| (Semiotic::Dotted(&place.rest[..used]), used))
}
