//! Written English as it is spoken, for voices that were trained on plain words: numbers, times, dates, units, money,
//! room codes, abbreviations, acronyms and addresses become words of the letters `a` to `z`.
//!
//! One pass from left to right; at each place the recognisers are tried in turn, the most specific first. None looks
//! further ahead than a few words, so the time is linear in the text. Characters without pronunciation (other scripts,
//! emoji) are left out and reported, never silently lost.
//!
//! Numbers are said with "and" after the hundreds; spelling follows American dictionaries (`meters`).

mod addresses;
mod dates;
mod fold;
mod measures;
mod numbers;
mod scan;
#[cfg(test)]
mod tests;
mod times;
mod units;
mod words;

use scan::{NormalisedText, Scan};

/// English text as a voice of plain words reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct English {
    /// Words of `a`-`z` and `'`, one blank between them, with the marks `. , ? !`; it ends with `.`, `?` or `!`.
    /// Empty when nothing of the text could be said.
    pub text: String,
    /// Characters that were left out, in their order.
    pub skipped: Vec<char>,
}

/// The recognisers in the order they are tried. Each either adds words and returns the number of bytes it has read, or
/// changes nothing.
const RECOGNISERS: [fn(&Scan<'_>, &mut NormalisedText) -> Option<usize>; 9] = [
    addresses::address,
    addresses::dotted_number,
    addresses::phone,
    dates::date,
    times::time,
    measures::money,
    measures::quantity,
    words::abbreviation,
    words::word,
];

/// Normalizes one sentence.
#[must_use]
pub fn english(sentence: &str) -> English {
    let (folded, skipped) = fold::fold(sentence);
    let mut spoken = NormalisedText::new(words::is_shouted(&folded));
    let mut at = 0;
    while at < folded.len() {
        let scan = Scan::new(&folded, at);
        let used = RECOGNISERS.iter().find_map(|recognise| recognise(&scan, &mut spoken));
        // At least one byte, so that the loop ends whatever a recogniser returns.
        at += used.unwrap_or_else(|| words::symbol(&scan, &mut spoken)).max(1);
    }
    English { text: spoken.finish(), skipped }
}
