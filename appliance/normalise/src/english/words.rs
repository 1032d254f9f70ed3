//! Words, and acronyms within them.

use super::capitals::{SAID_AS_WORDS, is_spelled};
use super::numbers::code;
use super::scan::{Scan, digits, letters, listed, next_word};
use super::token::Token;

/// Words before which IT is information technology.
const OF_THE_IT: &str = "department departments support team teams desk helpdesk staff service \
    services manager managers \
    admin admins administrator security infrastructure office room system systems equipment specialist technician \
    technicians professional professionals budget project projects cabinet rack store shop";

/// A run of letters, with apostrophes inside.
pub(super) fn word(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let mut length = 0;
    for (index, byte) in text.bytes().enumerate() {
        // An apostrophe between letters: "don't", but not a closing quote.
        let inside = byte == b'\''
            && index > 0
            && text[..index].ends_with(|c: char| c.is_ascii_alphabetic())
            && letters(&text[index + 1..]) > 0;
        if !byte.is_ascii_alphabetic() && !inside {
            break;
        }
        length = index + 1;
    }
    let token = &text[..length];
    if length == 0 {
        return None;
    }
    // "door(s)"
    if text[length..].starts_with("(s)") && letters(token) == length {
        return Some(Token::written(format!("{}s", token.to_ascii_lowercase()), length + 3));
    }
    // The department, and not the word in capitals for emphasis.
    if token == "IT" && !scan.shouted && listed(OF_THE_IT, next_word(&text[length..]).as_str()) {
        return Some(Token::written(letter_by_letter(token), length));
    }
    Some(Token::written(plain_word(token, scan.shouted), length))
}

/// The plain words of letters: acronyms are spelled, `HomeAssistant` is two words.
fn plain_word(token: &str, shouted: bool) -> String {
    let words: Vec<String> = parts(token)
        .map(
            |part| if is_spelled(part, shouted) { letter_by_letter(part) } else { part.to_ascii_lowercase() },
        )
        .collect();
    words.join(" ")
}

/// The words of `HomeAssistant`.
pub(super) fn parts(token: &str) -> impl Iterator<Item = &str> {
    let mut rest = token;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        // A seam is a capital behind a small letter, with more to follow: "HomeAssistant", not "McDonald" or
        // "kWh".
        let is_seam = |at: &usize| {
            let capitals_end = bytes[*at..].iter().take_while(|b| b.is_ascii_uppercase()).count();
            bytes[at - 1].is_ascii_lowercase()
                && bytes[*at].is_ascii_uppercase()
                && *at > 1
                && at + capitals_end.max(1) < bytes.len() + usize::from(capitals_end > 1)
                && !matches!(&rest[..*at], "Mc" | "Mac")
        };
        let end = (1..bytes.len()).find(is_seam).unwrap_or(bytes.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        Some(part)
    })
}

/// `MQTT` -> `m q t t`; an ending `s` stays an ending.
fn letter_by_letter(word: &str) -> String {
    let letters: Vec<String> = word
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_lowercase().to_string())
        .collect();
    letters.join(" ")
}

/// Words of letters and digits: capitals are spelled, digits read as a code.
pub(super) fn mixed_words(token: &str, shouted: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = token;
    let mixed = token.bytes().any(|b| b.is_ascii_digit());
    while !rest.is_empty() {
        let number = digits(rest);
        if number > 0 {
            words.push(code(&rest[..number]));
            rest = &rest[number..];
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        for part in parts(&rest[..end]) {
            // "PM2", "DHT22": short capitals with digits are codes, whatever their vowels.
            let short_code = mixed && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_uppercase());
            let spelled = short_code && !listed(SAID_AS_WORDS, part) || is_spelled(part, shouted);
            words.push(match spelled {
                true => part.to_ascii_uppercase(),
                false if part.len() > 1 && part.bytes().all(|b| b.is_ascii_uppercase()) => {
                    part.to_ascii_lowercase()
                }
                false => part.to_owned(),
            });
        }
        rest = &rest[end..];
    }
    words.join(" ")
}
