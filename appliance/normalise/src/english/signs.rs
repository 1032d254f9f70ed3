//! Single signs: marks that make pauses, signs that have names, and markup that has none.

use super::scan::{Scan, THIN, digits, letters};
use super::token::Token;

/// Reads a single sign; never fails.
pub(super) fn sign(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let sign = text.chars().next()?;
    let length = sign.len_utf8();
    let next = text[length..].chars().next();
    let number_next =
        text[length..].trim_start().starts_with(|c: char| c.is_ascii_digit() || "$€£.-".contains(c));
    // Letters or digits on both sides: the sign is part of a name.
    let joins = scan.before().is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric);
    let said = |words: &str| Some(Token::words(words, length));
    let mark = |mark: char| Some(Token::mark(Some(mark), length));
    let first = scan.behind().trim().is_empty();
    match sign {
        '.' | '…' => Some(stop(scan, text, joins, next, length)),
        '?' | '!' => mark(sign),
        // List signs and quotations of mail at the beginning.
        '-' | '–' | '>' if first && next == Some(' ') && !(sign == '>' && number_next) => {
            Some(Token::silent(length + 1))
        }
        ',' | ';' | ':' | '(' | ')' | '[' | ']' | '{' | '}' | '–' | '|' | '→' => mark(','),
        // "A320-200": the digits behind are words of their own.
        '-' if joins
            && scan.before().is_some_and(|c| c.is_ascii_digit())
            && next.is_some_and(|c| c.is_ascii_digit()) =>
        {
            Some(Token::silent(length))
        }
        '-' if !joins && scan.before().is_some_and(char::is_whitespace) => mark(','),
        // "and/or" is read without the stroke.
        '/' if scan.previous_word() == "and" => Some(Token::mark(None, length)),
        '/' => said("slash"),
        '#' if joins => said("hash"),
        '#' if number_next => said("number"),
        '#' if next.is_some_and(char::is_alphabetic) => said("hashtag"),
        '#' if first || next.is_some_and(|c| c == '#' || c == ' ') => Some(Token::silent(length)),
        '~' | '≈' if number_next => said("about"),
        '<' if number_next => said("less than"),
        '>' if number_next => said("greater than"),
        '*' if number_next && scan.behind().trim_end().ends_with(|c: char| c.is_ascii_digit()) => {
            said("times")
        }
        '^' => Some(power(scan, text)),
        '*' | '`' | '_' | '~' => Some(Token::silent(length)),
        '!'..='~' if name(sign).is_empty() => Some(Token::mark(None, length)),
        ' ' | THIN => Some(Token::mark(None, length)),
        other => match name(other) {
            "" => Some(Token::mark(None, length)),
            words => said(words),
        },
    }
}

/// `^2` behind a letter, or a footnote behind a word.
fn power(scan: &Scan<'_>, text: &str) -> Token {
    let count = digits(&text[1..]);
    if count > 0 && scan.previous_as_written().len() > 2 && letters(scan.previous_as_written()) > 2 {
        return Token::silent(1 + count);
    }
    if count > 0 { Token::words("to the power of", 1) } else { Token::mark(None, 1) }
}

/// A full stop: a dot inside a name, the end of a sentence, or a pause.
fn stop(scan: &Scan<'_>, text: &str, joins: bool, next: Option<char>, length: usize) -> Token {
    // "file.txt" has a dot; "end.Then" lacks a blank.
    if joins && text.starts_with('.') && next.is_some_and(|c| !c.is_ascii_uppercase()) {
        return Token::words("dot", length);
    }
    // "Harry S. Truman": an initial, unless a sentence begins behind it.
    let initial = scan.previous_as_written().len() == 1
        && scan.previous_as_written().starts_with(|c: char| c.is_ascii_uppercase())
        && scan.before().is_some_and(char::is_alphanumeric);
    let behind = text[length..].strip_prefix(' ').unwrap_or_default();
    let name_next = behind.starts_with(|c: char| c.is_ascii_uppercase())
        && !crate::abbreviations::begins_sentence(&behind[..letters(behind)]);
    if initial && name_next {
        return Token::mark(None, length);
    }
    let goes_on = text[length..]
        .trim_start_matches(['.', ' ', '"', '\''])
        .starts_with(|c: char| c.is_ascii_lowercase());
    // A stop before a small letter is no end of a sentence, but a pause.
    Token::mark(Some(if goes_on { ',' } else { '.' }), length)
}

/// Signs that are called the same wherever they stand; the others are silent.
fn name(sign: char) -> &'static str {
    match sign {
        '&' => "and",
        '+' => "plus",
        '=' => "equals",
        '@' => "at",
        '#' => "hash",
        '%' => "percent",
        '‰' => "per mille",
        '°' => "degrees",
        '\\' => "backslash",
        '≤' => "at most",
        '≥' => "at least",
        '≠' => "is not",
        '≈' => "about",
        '×' => "times",
        '÷' => "divided by",
        '±' => "plus or minus",
        '√' => "square root of",
        '∞' => "infinity",
        '§' => "section",
        '©' => "copyright",
        '$' => "dollar",
        '€' => "euro",
        '£' => "pound",
        '¥' => "yen",
        '¢' => "cent",
        '₽' => "ruble",
        '₹' => "rupee",
        '₩' => "won",
        '₺' => "lira",
        '₴' => "hryvnia",
        '₪' => "shekel",
        '₫' => "dong",
        '฿' => "baht",
        '₦' => "naira",
        '₱' => "peso",
        'µ' => "micro",
        'Ω' => "ohm",
        '²' => "squared",
        '³' => "cubed",
        '½' => "one half",
        '¼' => "one quarter",
        '¾' => "three quarters",
        '⅓' => "one third",
        '⅔' => "two thirds",
        '⅛' => "one eighth",
        '⅜' => "three eighths",
        '⅝' => "five eighths",
        '⅞' => "seven eighths",
        '⅕' => "one fifth",
        '⅖' => "two fifths",
        '⅗' => "three fifths",
        '⅘' => "four fifths",
        '⅙' => "one sixth",
        '⅚' => "five sixths",
        _ => "",
    }
}
