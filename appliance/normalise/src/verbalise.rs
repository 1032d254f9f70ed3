//! Written text of every language in words.

use crate::Language;
use crate::languages::{Grammar, grammar};
use crate::semiotic::{Semiotic, Surroundings, classify, fold, is_ideographic, is_word};

/// Rewrites a sentence so that it has no digits and no other signs that are not read as they are written: numbers,
/// dates, times, money, units and the like become words of the language. All other text stays as it is.
#[must_use]
pub fn verbalise(sentence: &str, language: Language) -> String {
    match grammar(language) {
        Some(grammar) => rewritten(&fold(sentence), grammar),
        // English has classifiers of its own, which also read for the voice of plain words.
        None => crate::english::verbalise(sentence),
    }
}

fn rewritten(text: &str, grammar: &dyn Grammar) -> String {
    let joint = grammar.conventions().joint;
    // Words are longer than digits; two bytes for one spare most texts a reallocation.
    let mut spoken = String::with_capacity(text.len() * 2);
    let mut at = 0;
    // The last token was verbalised, so that a letter right behind it needs a blank.
    let mut joined = false;
    while at < text.len() {
        let place = Surroundings::new(text, at);
        // A class of no length would hold the loop for ever.
        let Some((token, used)) = classify(grammar, &place).filter(|(_, used)| *used > 0) else {
            let used = plain(place.rest);
            let copied = &place.rest[..used];
            if joined && copied.starts_with(is_word) && !grammar.attaches(&place) {
                spoken.push_str(joint);
            }
            spoken.push_str(copied);
            at += used;
            joined = false;
            continue;
        };
        let word = grammar.verbalise(&token, &place.behind(used));
        // "A4" is two words once the digit is one; ideographs need no blank.
        // Korean writes no blank before digits, but its words for signs need one; the range is a particle.
        let sign = matches!(token, Semiotic::Word(_) | Semiotic::Weekdays(_));
        let apart = |c: char| is_word(c) || sign && word != grammar.conventions().to && c.is_alphabetic();
        if !joint.is_empty() && spoken.ends_with(apart) && word.starts_with(char::is_alphanumeric) {
            spoken.push_str(joint);
        }
        spoken.push_str(&word);
        joined = !word.is_empty();
        at += used;
        if sign && !joint.is_empty() && spoken.ends_with(is_ideographic) && text[at..].starts_with(is_word) {
            spoken.push_str(joint);
        }
        if let Some((particle, used)) = grammar.particle(&word, &text[at..]) {
            spoken.push_str(particle);
            at += used;
        }
    }
    spoken
}

/// Returns the length of the text that is copied at once: a run of letters, or one other character.
fn plain(text: &str) -> usize {
    let letters = text
        .char_indices()
        .find(|(_, c)| !c.is_alphabetic() || !is_word(*c))
        .map_or(text.len(), |(at, _)| at);
    // One character at least, so that the loop ends; a letter run at once, so that no word is entered in its middle.
    letters.max(text.chars().next().map_or(1, char::len_utf8))
}
