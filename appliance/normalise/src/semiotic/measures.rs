//! Amounts of money and of units.

use super::context::{Surroundings, is_blank, is_word, optional};
use super::{MetricUnit, Quantity, Semiotic, UnitPhrase, numbers};
use crate::languages::{CurrencyWords, Grammar};

/// Characters of the longest sign of a unit or currency.
const LONGEST_SIGN: usize = 12;

/// Recognises `$5`, `5 €`, `USD 5`, `5,50 руб.`, each with a word such as "million" or without.
pub(super) fn money<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() && place.rest.starts_with(is_word) {
        return None;
    }
    let sign = optional(place.rest, |c| "-−–".contains(c));
    if let Some((currency, length)) = currency(grammar, &place.rest[sign..]) {
        let blank = optional(&place.rest[sign + length..], is_blank);
        // Between sign and number nothing can join: "$-5" is negative.
        let inner = Surroundings { before: "", rest: &place.rest[sign + length + blank..] };
        let (mut amount, used) = numbers::amount(grammar, &inner)?;
        if sign > 0 {
            negate(&mut amount);
        }
        let used = sign + length + blank + used;
        return Some((Semiotic::Money(amount, currency), used + no_hundredths(&place.rest[used..])));
    }
    let (amount, used) = numbers::amount(grammar, place)?;
    let used = used + no_hundredths(&place.rest[used..]);
    let rest = &place.rest[used..];
    let blank = super::dates::joint(&grammar.conventions().date_joints, rest);
    let (currency, length) = currency(grammar, &rest[blank..])?;
    Some((Semiotic::Money(amount, currency), used + blank + length))
}

/// Returns the length of the dash that stands for hundredths: "5,- €", "€ 5,–".
fn no_hundredths(text: &str) -> usize {
    let dash = text.strip_prefix(',').map(|rest| optional(rest, |c| "-–—".contains(c))).unwrap_or_default();
    if dash > 0 { 1 + dash } else { 0 }
}

fn negate(amount: &mut Quantity) {
    match amount {
        Quantity::Number(number) | Quantity::Scaled(number, _) => number.minus = true,
        Quantity::Ratio(ratio) => ratio.minus = true,
    }
}

/// Finds the longest sign or code of a currency at the beginning of the text.
fn currency(grammar: &dyn Grammar, text: &str) -> Option<(&'static CurrencyWords, usize)> {
    let currencies = grammar.conventions().currencies.iter();
    let signs = currencies.flat_map(|currency| currency.written.iter().map(move |sign| (currency, *sign)));
    let found = signs.filter_map(|(currency, sign)| Some((currency, code(text, sign)?)));
    // "US$" is also a "U" and a dollar: the longest is meant.
    found.max_by_key(|(_, length)| *length)
}

/// Returns the length of the abbreviation at the beginning of the text. A word does not go on behind it; a dot at its
/// end is left to the sentence that it ends.
pub(super) fn abbreviation(text: &str, written: &str) -> Option<usize> {
    let found = text.get(..written.len())?;
    if found != written && !titled(found, written) {
        return None;
    }
    ends(text, written)
}

/// Returns the length of the sign or code of a currency at the beginning of the text.
fn code(text: &str, written: &str) -> Option<usize> {
    let found = text.get(..written.len())?;
    if found != written && !folded(found, written) {
        return None;
    }
    ends(text, written)
}

fn ends(text: &str, written: &str) -> Option<usize> {
    let after = text.get(written.len()..)?;
    if written.ends_with(is_word) && after.starts_with(|c: char| is_word(c) && !c.is_ascii_digit()) {
        return None;
    }
    // The dot also ends the sentence.
    let last = written.ends_with('.') && after.trim_start().is_empty();
    Some(written.len() - usize::from(last))
}

/// Returns true for codes, which are written "EUR" and "eur"; "Sek." is no currency.
fn folded(found: &str, written: &str) -> bool {
    let lower = !found.bytes().any(|byte| byte.is_ascii_uppercase());
    lower && found.len() > 1 && found.eq_ignore_ascii_case(written)
}

/// Returns true where only the case of the first of several letters differs, as at the beginning of a sentence; without
/// a dot only a capital may, since "ste" and "Ste" are two words.
fn titled(found: &str, written: &str) -> bool {
    if !written.ends_with('.') && written.starts_with(char::is_uppercase) {
        return false;
    }
    let (mut found, mut written) = (found.chars(), written.chars());
    let first = found.next().zip(written.next());
    first.is_some_and(|(found, written)| found.to_lowercase().eq(written.to_lowercase()))
        && found.as_str() == written.as_str()
        && found.as_str().len() > 1
}

/// Recognises `5 km`, `1 1/2 ft`, `60 km/h`, `56,3 /km²`.
pub(super) fn measure<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() {
        return None;
    }
    let (amount, used) = numbers::amount(grammar, place)?;
    let blank = optional(&place.rest[used..], is_blank);
    let (phrase, length) = phrase(grammar, &place.rest[used + blank..])?;
    // "12A" and "7B" are rooms and buses.
    if blank == 0
        && matches!(
            &place.rest[used..used + length],
            "A" | "B" | "C" | "F" | "J" | "K" | "А" | "Б" | "В" | "Г" | "Н"
        )
    {
        return None;
    }
    // "Gleis 2 A" is a part of a platform.
    let label = grammar.conventions().labels.contains(&place.previous_word().to_lowercase().as_str());
    if label && length == 1 && place.rest[used + blank..].starts_with(char::is_uppercase) {
        return None;
    }
    Some((Semiotic::Measure(amount, phrase), used + blank + length))
}

fn phrase(grammar: &dyn Grammar, text: &str) -> Option<(UnitPhrase, usize)> {
    let whole = sign(text);
    // "Min." and "мин." are in the table with their dots; one at the end also ends the sentence.
    if let Some(unit) =
        text.get(..=whole).filter(|sign| sign.ends_with('.')).and_then(|sign| unit(grammar, sign))
    {
        let length = whole + usize::from(!text[whole + 1..].trim().is_empty());
        return Some((UnitPhrase { unit: Some(unit), per: None }, length));
    }
    // A sign of its own such as "km/h" or "U/min" comes before the quotient of its parts.
    let slashed = text[whole..].strip_prefix('/').map(|per| whole + 1 + sign(per));
    if let Some(length) = slashed
        && let Some(unit) = unit(grammar, &text[..length])
        && whole > 0
    {
        return Some((UnitPhrase { unit: Some(unit), per: None }, length));
    }
    // "5 ° C" is "5 °C".
    let whole_unit = unit(grammar, &text[..whole].replace(is_blank, ""));
    let per = slashed.and_then(|length| Some((unit(grammar, &text[whole + 1..length])?, length)));
    match (whole_unit, per) {
        (_, Some((per, length))) if whole_unit.is_some() || whole == 0 => {
            Some((UnitPhrase { unit: whole_unit, per: Some(per) }, length))
        }
        (Some(_), None) => Some((UnitPhrase { unit: whole_unit, per: None }, whole)),
        _ => None,
    }
}

/// Returns the length of what may be the sign of a unit: letters, `°C`, `m²`, `%`.
fn sign(text: &str) -> usize {
    let of_sign = |c: char| is_word(c) || "°%‰²³Ωµ′″'\"·".contains(c);
    let length = text.char_indices().take_while(|(_, c)| of_sign(*c)).take(LONGEST_SIGN + 1);
    let end = length.map(|(at, c)| at + c.len_utf8()).last().unwrap_or_default();
    // "5 ° C" is written too.
    let degree = text.strip_prefix('°').and_then(|rest| rest.strip_prefix(is_blank));
    if end == '°'.len_utf8()
        && degree.is_some_and(|rest| {
            rest.starts_with(['C', 'F', 'c', 'K', 'k']) && !rest[1..].starts_with(is_word)
        })
    {
        return text.len() - degree.map_or(0, str::len) + 1;
    }
    end
}

/// Finds a unit by its sign: `kWh` of the table, or `hPa` of prefix and unit, with the power behind it.
fn unit(grammar: &dyn Grammar, sign: &str) -> Option<MetricUnit> {
    let conventions = grammar.conventions();
    let find = |sign: &str, fold: bool| {
        let alike = |known: &str| known == sign || fold && sign.len() > 1 && known.eq_ignore_ascii_case(sign);
        let whole = conventions.units.iter().chain(&conventions.metric_units).find(|(known, _)| alike(known));
        if let Some((_, noun)) = whole {
            return Some(MetricUnit { prefix: "", noun, power: 1 });
        }
        conventions.prefixes.iter().find_map(|(letter, prefix)| {
            let base = sign.strip_prefix(*letter)?;
            let alike = |known: &str| known == base || fold && known.eq_ignore_ascii_case(base);
            let (_, noun) = conventions.metric_units.iter().find(|(known, _)| alike(known))?;
            Some(MetricUnit { prefix, noun, power: 1 })
        })
    };
    let power = match sign.chars().next_back()? {
        '²' => 2,
        '³' => 3,
        '2' if sign.is_ascii() => 2,
        '3' if sign.is_ascii() => 3,
        // Units are written in the wrong case ("kwh", "KG"); the right case is tried first, since mW is no MW.
        _ => return find(sign, false).or_else(|| find(sign, true)),
    };
    let base = sign.trim_end_matches(['²', '³', '2', '3']);
    // Only lengths have powers: "CO2" and "A3" are names.
    let length = base.ends_with(['m', 'м']);
    length.then(|| find(base, false))?.map(|unit| MetricUnit { power, ..unit })
}
