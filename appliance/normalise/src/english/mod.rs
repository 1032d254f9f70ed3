//! Written English as it is spoken, after Ebden and Sproat's Kestrel: the text is divided into tokens, each token is
//! classified by its form and its context, and each semiotic class has its verbaliser.
//!
//! Two renderings come from the same tokens: plain words of the letters `a` to `z` for a voice that was trained on
//! them, and text for large voices, in which only what is not read as it is written has become words.
//!
//! One pass from left to right; at each place the classifiers are tried in turn, the most specific first. None looks
//! further than a few words, so the time is linear in the text. Characters without pronunciation (other scripts,
//! emoji) are left out of the plain words and reported, never silently lost.
//!
//! Numbers are said with "and" after the hundreds; spelling follows American dictionaries (`meters`).

mod addresses;
mod amounts;
mod capitals;
mod codes;
mod dates;
mod decades;
mod dimensions;
mod durations;
mod fold;
mod labels;
mod markup;
mod measures;
mod money;
mod names;
mod numbers;
mod roman;
mod scan;
mod signs;
#[cfg(test)]
mod tests;
mod times;
mod token;
mod units;
mod words;

use fold::{Folded, fold};
pub use numbers::is_number_word;
use scan::Scan;
use token::{Class, PlainText, Token, WordedText};

/// English text as a voice of plain words reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct English {
    /// Words of `a`-`z` and `'`, one blank between them, with the marks `. , ? !`; it ends with `.`, `?` or `!`.
    /// Empty when nothing of the text could be said.
    pub text: String,
    /// Characters that were left out, in their order.
    pub skipped: Vec<char>,
}

/// A classifier: recognises a token of its class at a place in the text, and verbalises it.
type Classifier = fn(&Scan<'_>) -> Option<Token>;

/// The semiotic classes in the order in which they are tried: the most specific forms first, for their digits would
/// also match others.
const CLASSIFIERS: [(Class, Classifier); 28] = [
    (Class::Electronic, addresses::address),
    (Class::Electronic, addresses::hardware),
    (Class::Electronic, addresses::dotted_number),
    (Class::Electronic, codes::hexadecimal),
    (Class::Date, dates::date),
    (Class::Digits, codes::grouped),
    (Class::Digits, codes::phone),
    (Class::Digits, codes::secret),
    (Class::Date, decades::decade),
    (Class::Duration, durations::duration),
    (Class::Time, times::time),
    (Class::Time, times::zone_offset),
    (Class::Label, labels::address),
    (Class::Label, labels::label),
    (Class::Money, money::money),
    (Class::Measure, dimensions::dimension),
    (Class::Measure, dimensions::scientific),
    (Class::Measure, dimensions::equation),
    (Class::Measure, measures::quantity),
    (Class::Measure, measures::bare_unit),
    (Class::Roman, roman::numeral),
    (Class::Date, dates::weekday),
    (Class::Date, dates::month),
    (Class::Abbreviation, names::initials),
    (Class::Abbreviation, names::shortened),
    (Class::Label, labels::mixed),
    (Class::Word, words::word),
    (Class::Sign, signs::sign),
];

/// Divides folded text into classified tokens, and calls `each` with each of them and its place.
fn classify(folded: &str, mut each: impl FnMut(usize, &Token)) {
    let shouted = capitals::is_shouted(folded);
    let mut at = 0;
    while at < folded.len() {
        let scan = Scan::new(folded, at, shouted);
        let found = CLASSIFIERS
            .iter()
            .find_map(|(class, classifier)| classifier(&scan).map(|token| Token { class: *class, ..token }));
        let Some(mut token) = found else { break };
        // At least one byte, so that the loop ends whatever a classifier returns.
        token.length = token.length.clamp(1, folded.len() - at);
        each(at, &token);
        at += token.length;
    }
}

/// Normalizes one sentence to plain words.
#[must_use]
pub fn english(sentence: &str) -> English {
    let source = markup::strip(sentence);
    let folded = fold(&source);
    let mut spoken = PlainText::default();
    classify(&folded.text, |_, token| spoken.push(token));
    English { text: spoken.finish(), skipped: folded.skipped }
}

/// Rewrites a sentence for a large voice: words, case and punctuation stay as they are written; numbers, signs and
/// abbreviations, which are not read as they are written, become words.
#[must_use]
pub(crate) fn verbalise(sentence: &str) -> String {
    let source = markup::strip(sentence);
    let folded: Folded<'_> = fold(&source);
    let mut worded = WordedText::default();
    classify(&folded.text, |at, token| worded.push(token, &folded, at));
    worded.finish()
}
