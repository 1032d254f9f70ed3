//! Grammar that French, Italian, Portuguese and Spanish have in common.

use super::{Agreement, Conventions, Gender, Grammar, NounCase, Phrase};
use crate::semiotic::{CalendarDate, Surroundings, WrittenNumber};

/// Returns the gender of the noun behind a number, none where the number is a name ("puerta 1") or stands alone.
pub(super) fn agreement(
    conventions: &Conventions,
    number: &WrittenNumber,
    place: &Surroundings<'_>,
) -> Agreement {
    let noun = place.next_word().to_lowercase();
    let previous = place.previous_word().to_lowercase();
    let adjacent = place.rest.starts_with([' ', '\u{a0}', '\u{202f}']) && !noun.is_empty();
    let known = |words: &[&str], word: &str| words.contains(&word);
    // "la sala 1 abre": what a number names is not counted by it.
    if !adjacent
        || !number.is_integer()
        || known(&conventions.labels, &previous)
        || known(&conventions.followers, &noun)
    {
        return Agreement::COUNTING;
    }
    // Words such as "día" have the ending of the other gender.
    let feminine = conventions.feminine.iter().any(|ending| noun.ends_with(ending))
        && !known(&conventions.masculine, &noun);
    Agreement::with(if feminine { Gender::Feminine } else { Gender::Masculine })
}

/// Returns decimals as they are said: up to three as a number, more in pairs; what begins with zero by digits.
pub(super) fn decimals(grammar: &dyn Grammar, digits: &str) -> String {
    let named = |digits: &str| {
        // No number has a name for its leading zeros, and one digit is a number too.
        if digits.starts_with('0') || digits.len() > 3 {
            return grammar.by_digits(digits);
        }
        grammar.cardinal(digits.parse().unwrap_or_default(), Agreement::COUNTING)
    };
    if digits.len() <= 3 {
        return named(digits);
    }
    let mut said = Phrase::new(" ");
    for at in (0..digits.len()).step_by(2) {
        said.word(&named(digits.get(at..(at + 2).min(digits.len())).unwrap_or_default()));
    }
    said.text
}

/// Returns a date with a word between its parts, the first day by its ordinal.
pub(super) fn date(grammar: &dyn Grammar, date: &CalendarDate, first: &str, of: &'static str) -> String {
    let said = |number: u128| grammar.cardinal(number, Agreement::COUNTING);
    let mut phrase = Phrase::new(" ");
    if let Some(day) = date.day {
        phrase.word(&if day == 1 { first.to_owned() } else { said(day.into()) });
        phrase.word(of);
    }
    // The full name is the first of the written ones.
    let month = usize::from(date.month.clamp(1, 12) - 1);
    phrase.word(
        grammar.conventions().months.get(month).and_then(|names| names.first()).copied().unwrap_or_default(),
    );
    if let Some(year) = date.year {
        phrase.word(of);
        // "31/01/06": the zero is said, or six would be the year 6.
        phrase
            .word(if date.short_year && year < 10 { grammar.by_digits("0") } else { String::new() }.as_str());
        phrase.word(&said(year.into()));
    }
    phrase.text
}

/// Returns a number of things with its noun, for times: "une heure".
pub(super) fn counted(
    grammar: &dyn Grammar,
    number: u8,
    gender: Gender,
    singular: &str,
    plural: &str,
) -> String {
    let agreement = Agreement { gender: Some(gender), case: NounCase::Nominative };
    let noun = if grammar.plural(number.into()) == 0 { singular } else { plural };
    format!("{} {noun}", grammar.cardinal(number.into(), agreement))
}

/// Returns the length of a Roman numeral's surroundings that make it a number: none where it is a word.
///
/// A numeral stands behind a name or a word for a part of a book, or before or behind a word for a century.
pub(super) fn roman_length(
    conventions: &Conventions,
    place: &Surroundings<'_>,
    written: &str,
) -> Option<usize> {
    let (previous, next) = (place.previous_word(), place.next_word().to_lowercase());
    let before = previous.to_lowercase();
    let numbered = conventions.roman.contains(&before.as_str()) || conventions.roman.contains(&next.as_str());
    let upper = written.bytes().all(|byte| byte.is_ascii_uppercase());
    let name = previous.chars().next().is_some_and(char::is_uppercase) && previous.chars().count() > 3;
    // A single "I" or "V" behind a capital is an initial or a pronoun more often than a king.
    let king = upper && name && written.len() > 1 && !place.rest.starts_with(char::is_alphanumeric);
    (numbered && !place.rest.starts_with(char::is_alphanumeric) || king).then_some(0)
}
