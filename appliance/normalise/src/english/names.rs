//! Abbreviations: shortened words, and letters with full stops.

use super::scan::{Scan, is_over, letters, listed};
use super::token::Token;
use crate::abbreviations::{AbbreviationPlace, find};

/// Degrees whose letters are written with stops, in small letters without them.
const DEGREES: &str = "phd msc bsc mphil dphil meng beng edd psyd pharmd";
/// Abbreviations with a stroke.
const STROKES: [(&str, &str); 13] = [
    ("he/she", "he or she"),
    ("his/her", "his or her"),
    ("him/her", "him or her"),
    ("n/a", "not applicable"),
    ("w/o", "without"),
    ("w/out", "without"),
    ("c/o", "care of"),
    ("w/", "with"),
    ("a/c", "AC"),
    ("i/o", "IO"),
    ("b/c", "because"),
    ("p/n", "part number"),
    ("s/n", "serial number"),
];
/// Abbreviations of words that need a capital or a stop to be known, for in small letters these are words.
const CAPITAL_OR_STOP: &str = "ms mt rd ave temp jr incl excl attn";

/// `e.g.`, `U.S.`, `Ph.D.`, `w/o`
pub(super) fn initials(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    if let Some(token) = stroke(text) {
        return Some(token);
    }
    if let Some(token) = initials_of_name(scan, text) {
        return Some(token);
    }
    let (mut length, mut count) = (0, 0);
    let mut said = String::new();
    loop {
        let run = letters(&text[length..]);
        if !(1..=4).contains(&run) || !text[length + run..].starts_with('.') {
            // "Ph.D" and "U.S" without the last stop.
            if run == 1 && count > 0 && is_over(&text[length + 1..]) && !text[length + 1..].starts_with('\'')
            {
                said.push_str(&text[length..=length]);
                count += 1;
                length += 1;
            }
            break;
        }
        said.push_str(&text[length..length + run]);
        count += 1;
        length += run + 1;
    }
    let lower = said.to_ascii_lowercase();
    // Longer parts are words without blanks: "end.Then." A single letter with a stop ends a sentence: "plan B."
    let single = said.len() == count || listed(DEGREES, lower.as_str());
    if count < 2 || !single || !is_over(&text[length..]) {
        return None;
    }
    let words = match lower.as_str() {
        "eg" => "for example".to_owned(),
        "ie" => "that is".to_owned(),
        _ => said.to_ascii_uppercase(),
    };
    let mut token = Token::words(words, length);
    token.stop = text[..length].ends_with('.') && scan.ends_after(length);
    // "e.g." keeps its small letters.
    Some(token)
}

/// `C. S.` in `C. S. Lewis`
fn initials_of_name(scan: &Scan<'_>, text: &str) -> Option<Token> {
    let mut said = String::new();
    let mut length = 0;
    while let [letter, b'.', b' ', next, ..] = text.as_bytes()[length..]
        && letter.is_ascii_uppercase()
        && next.is_ascii_uppercase()
    {
        said.push(letter as char);
        length += 3;
    }
    let name = &text[length..];
    let is_name = letters(name) > 1 && !crate::abbreviations::begins_sentence(&name[..letters(name)]);
    (said.len() > 1 && is_name && scan.at_start()).then(|| Token::words(said, length - 1))
}

/// `w/o`, `N/A`
fn stroke(text: &str) -> Option<Token> {
    let (written, said) = STROKES.iter().find(|(written, _)| {
        let Some((head, behind)) = text.split_at_checked(written.len()) else { return false };
        let with = *written == "w/";
        let same = if with { head == *written } else { head.eq_ignore_ascii_case(written) };
        same && (with || is_over(behind)) && !behind.starts_with('/')
    })?;
    Some(Token::words(*said, written.len()))
}

/// `Dr.`, `St.`, `No. 5`, `Inc.`
pub(super) fn shortened(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let length = letters(text);
    let after = &text[length..];
    if !scan.at_start() || length == 0 || !is_over(after) || after.starts_with(['\'', '@', '/']) {
        return None;
    }
    let lower = text[..length].to_ascii_lowercase();
    let dot = usize::from(after.starts_with('.') && is_over(&after[1..]));
    // The stop of an abbreviation is read with it, and ends the sentence if the text ends there.
    let total = length + dot;
    let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
    // Capital before: "Main St", "Mulholland Dr."
    let behind = scan.behind().trim_end();
    let start = behind.rfind(' ').map_or(0, |at| at + 1);
    let follows_name =
        scan.before() == Some(' ') && behind[start..].starts_with(|c: char| c.is_ascii_uppercase());
    let words = match lower.as_str() {
        // Position tells the two apart: "Main St." and "St. Paul".
        // In capitals it is an acronym, or an ending in capitals.
        "st" if &text[..length] == "ST" && !scan.shouted => return None,
        "st" if capital && (scan.ends_after(total) || follows_name && !before_saint(&behind[start..])) => {
            "street"
        }
        "st" if capital => "saint",
        "dr" if scan.ends_after(total) && follows_name => "drive",
        "ok" => return Some(Token::written("okay", length)),
        word if listed(CAPITAL_OR_STOP, word) && !capital && dot == 0 => return None,
        word => known(scan, word, after, dot > 0)?,
    };
    let mut token = Token::words(words, total);
    token.stop = dot > 0 && scan.ends_after(total);
    Some(token)
}

/// Returns true if the word before `St` belongs to a saint: "The St Johns River", "Mount St Helens".
fn before_saint(word: &str) -> bool {
    crate::abbreviations::begins_sentence(word)
        || matches!(word, "Mount" | "Port" | "Lake" | "Fort" | "Visit")
}

/// The words of an abbreviation of the table, where it can be one.
fn known(scan: &Scan<'_>, word: &str, after: &str, stopped: bool) -> Option<&'static str> {
    let abbreviation = find(word).filter(|abbreviation| !abbreviation.spoken.is_empty())?;
    let goes_on = stopped && !scan.ends_after(word.len() + 1);
    let next = after.strip_prefix('.').unwrap_or(after).trim_start();
    let number_next = next.starts_with(|c: char| c.is_ascii_digit());
    let fits = match abbreviation.place {
        // Without a number these are words: "no." ends many sentences.
        AbbreviationPlace::BeforeNumber => stopped && number_next,
        _ if abbreviation.bare => !scan.shouted || stopped || !matches!(word, "temp" | "ms"),
        // "Gen. Lee", "min. 5": with a stop and something behind it.
        AbbreviationPlace::Before => {
            goes_on
                && (next.starts_with(|c: char| c.is_ascii_uppercase())
                    || matches!(word, "cf" | "viz" | "eg" | "ie"))
        }
        AbbreviationPlace::Behind => {
            goes_on || stopped && matches!(word, "inc" | "co" | "sr" | "bros" | "esq")
        }
    };
    fits.then_some(abbreviation.spoken)
}
