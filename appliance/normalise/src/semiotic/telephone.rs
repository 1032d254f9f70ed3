//! Telephone numbers, which are told from other numbers by their grouping.

use super::context::{Surroundings, is_blank, is_word, optional};
use super::{Semiotic, digits};
use crate::languages::Grammar;

/// The fewest digits of a number that is told by its look, and those of a payment card; an international number
/// (ITU-T E.164) has one less.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=16;
/// Groups of the most finely written numbers ("+33 6 12 34 56 78" has six).
const GROUPS: usize = 8;

/// Recognises telephone numbers.
pub(super) fn telephone<'a>(
    grammar: &dyn Grammar,
    place: &Surroundings<'a>,
) -> Option<(Semiotic<'a>, usize)> {
    if place.inside_word() {
        return None;
    }
    let (groups, used, first_separators) = groups(place.rest);
    let country = place.rest.starts_with('+')
        || place.rest.starts_with("00") && !place.rest.starts_with("000") && groups.len() > 2;
    let named = {
        let word = place.previous_word().to_lowercase();
        !word.is_empty() && grammar.conventions().telephone.iter().any(|name| *name == word)
    };
    let count: usize = groups.iter().map(|group| group.len()).sum();
    // After "PIN" or "extension" few digits are enough.
    let enough = DIGITS.contains(&count) || named && (3..=15).contains(&count);
    if !enough || place.rest[used..].starts_with(is_word) {
        return None;
    }
    let sound =
        country && place.rest.starts_with('+') || named || looks_so(place.rest, &groups, &first_separators);
    sound.then_some((Semiotic::Telephone(groups, country), used))
}

/// Reads groups of digits with at most two separators between; returns them, their length and the separators.
fn groups(text: &str) -> (Vec<&str>, usize, String) {
    let mut at = optional(text, |c| c == '+');
    let mut groups = Vec::new();
    let mut separators = String::new();
    let mut used = 0;
    while groups.len() < GROUPS {
        // A bracket around a whole group only: "(030)".
        let open = optional(&text[at..], |c| c == '(');
        let group = digits(&text[at + open..]);
        let end = at + open + group.len();
        let close = optional(&text[end..], |c| c == ')');
        if group.is_empty() || open != close {
            break;
        }
        groups.push(group);
        used = end + close;
        at = used + optional(&text[used..], |c| "-./‑–".contains(c) || is_blank(c));
        separators.push_str(&text[used..at]);
        if close > 0 || text[at..].starts_with('(') {
            at += optional(&text[at..], is_blank);
        }
        // Groups of one number follow each other after a separator.
        if at == used && close == 0 {
            break;
        }
    }
    (groups, used, separators)
}

/// Returns true for groupings that no other number has.
fn looks_so(text: &str, groups: &[&str], separators: &str) -> bool {
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if text.starts_with('(') {
        return groups.len() > 1;
    }
    let trunk = text.starts_with('0');
    let thousands = lengths.iter().skip(1).all(|length| *length == 3) && !separators.contains('-');
    match lengths.as_slice() {
        // A date such as 02.03.2003 begins with 0 too.
        [1 | 2, 1 | 2, 2 | 4] => false,
        [one] => trunk && *one >= 8,
        _ if trunk => lengths.iter().all(|length| *length > 1),
        [3, 3, 4] | [3, 4, 4] | [3, 3, 3] | [2, 4, 4] => {
            separators.trim_end().contains(['-', '.', ' ']) && !thousands
        }
        // With a blank it would be a number of thousands and a year.
        [3, 4] | [5, 4] => separators.starts_with('-'),
        // "1970-2010" is a span of years.
        [4, 4] => separators.starts_with('-') && !years(groups),
        [1, 3, ..] | [2, 3, ..] if groups.len() > 3 => separators.starts_with(['-', ' ']) && !thousands,
        [4, 4, 4, 4] => true,
        _ => false,
    }
}

/// Returns true for two years, the earlier first.
fn years(groups: &[&str]) -> bool {
    groups.iter().all(|group| ("1000"..="2199").contains(group)) && groups.is_sorted()
}
