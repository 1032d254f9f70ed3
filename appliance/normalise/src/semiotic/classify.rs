//! The order in which the shapes are tried.

use super::context::Surroundings;
use super::{Semiotic, dates, measures, numbers, telephone, words};
use crate::languages::Grammar;

type Recogniser = for<'a> fn(&dyn Grammar, &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)>;

/// Shapes that begin with a letter.
const OF_LETTERS: [Recogniser; 6] =
    [words::address, measures::money, words::abbreviation, dates::month_first, words::times, words::roman];

/// Shapes that begin with a digit, sign or mark, the most specific first: a date is also a fraction, a fraction also
/// a number.
const OF_DIGITS: [Recogniser; 15] = [
    telephone::telephone,
    words::address,
    dates::numeric,
    dates::in_words,
    dates::range_of_days,
    dates::clock,
    numbers::ordinal,
    measures::money,
    measures::measure,
    numbers::dotted,
    numbers::scaled,
    numbers::ratio,
    numbers::number,
    dates::weekdays,
    words::sign,
];

/// Returns the class of the token at this place, and its length; none where the text is read as it is written.
pub(crate) fn classify<'a>(grammar: &dyn Grammar, place: &Surroundings<'a>) -> Option<(Semiotic<'a>, usize)> {
    let first = place.rest.chars().next()?;
    // A word is asked for once, at its first letter: the shapes of digits cannot begin with it.
    if first.is_alphabetic() {
        return OF_LETTERS.iter().find_map(|recognise| recognise(grammar, place));
    }
    // No shape begins with these; most of a text is one of them or a letter.
    if first.is_whitespace() || matches!(first, ',' | '!' | '?' | ';') {
        return None;
    }
    OF_DIGITS.iter().find_map(|recognise| recognise(grammar, place))
}
