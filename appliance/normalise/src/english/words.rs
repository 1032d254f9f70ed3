//! Words, abbreviations, acronyms, codes of letters and digits, and names of single signs.

use super::numbers::{cardinal, code, one_by_one};
use super::scan::{NormalisedText, Scan, digits, is_over, letters};

/// Abbreviations that need no full stop to be known, in small letters.
const ABBREVIATIONS: [(&str, &str); 24] = [
    ("ok", "okay"),
    ("nr", "number"),
    ("mr", "mister"),
    ("mrs", "missus"),
    ("ms", "miss"),
    ("dr", "doctor"),
    ("prof", "professor"),
    ("vs", "versus"),
    ("etc", "et cetera"),
    ("approx", "approximately"),
    ("dept", "department"),
    ("govt", "government"),
    ("ltd", "limited"),
    ("corp", "corporation"),
    ("blvd", "boulevard"),
    ("ave", "avenue"),
    ("rd", "road"),
    ("apt", "apartment"),
    ("temp", "temperature"),
    ("capt", "captain"),
    ("sgt", "sergeant"),
    ("hwy", "highway"),
    ("mt", "mount"),
    ("jr", "junior"),
];
/// Abbreviations only with a full stop and something after it; without it they are words.
const DOTTED: [(&str, &str); 17] = [
    ("no", "number"),
    ("fig", "figure"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("tel", "telephone"),
    ("ext", "extension"),
    ("est", "established"),
    ("gen", "general"),
    ("co", "company"),
    ("inc", "incorporated"),
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];
/// Acronyms that are read as words.
const SAID_AS_WORDS: [&str; 19] = [
    "NASA", "NATO", "RAM", "ROM", "PIN", "SIM", "GIF", "LAN", "WAN", "OPEC", "AIDS", "LASER", "RADAR",
    "COVID", "WIFI", "ZIP", "SWAT", "BIOS", "MIDI",
];
/// Acronyms that are spelled although their vowels would make them readable as words.
const SPELLED: [&str; 46] = [
    "USB", "LED", "USA", "UK", "EU", "UN", "US", "AC", "IP", "API", "URL", "GPU", "CPU", "ID", "AI", "UPS",
    "EV", "UV", "UI", "FAQ", "DIY", "CEO", "ATM", "ETA", "UTC", "HVAC", "IPTV", "UFO", "SOS", "VIP", "AED",
    "EMS", "AQI", "IOT", "ISDN", "UART", "GPIO", "ALSA", "IEEE", "HDMI", "OLED", "ADSL", "RFID", "IMAP",
    "UEFI", "MIT",
];
/// Short words that may be in capitals for emphasis: not acronyms.
const STRESSED: [&str; 60] = [
    "AM", "AN", "AS", "AT", "BE", "BY", "DO", "GO", "HE", "IF", "IN", "IS", "IT", "ME", "MY", "NO", "OF",
    "ON", "OR", "OUR", "SO", "TO", "UP", "WE", "ALL", "AND", "ANY", "ARE", "BAD", "BUT", "CAN", "CAR", "DAY",
    "DUE", "END", "FOR", "GAS", "GET", "HAS", "HOT", "ICE", "LOW", "MAX", "MIN", "NEW", "NOT", "NOW", "OFF",
    "OLD", "ONE", "OUT", "RED", "RUN", "SEE", "THE", "TOO", "TWO", "USE", "WAS", "YES",
];
/// Roman numbers from two on, as they follow names; "I", "V" and "X" are more often letters.
const ROMAN: [&str; 11] = ["II", "III", "IV", "", "VI", "VII", "VIII", "IX", "", "XI", "XII"];
/// Words without a vowel that are not abbreviations.
const HUSHED: [&str; 10] = ["hmm", "hmmm", "hm", "shh", "shhh", "sh", "psst", "brr", "brrr", "nth"];

/// Returns true if the whole text is in capitals, which then do not mark acronyms.
pub(super) fn is_shouted(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 1).count();
    // One word in capitals alone may be an acronym.
    words > 1 && !text.bytes().any(|b| b.is_ascii_lowercase())
}

/// `e.g.`, `U.S.`, `Dr.`, `St.`, `No. 5`
pub(super) fn abbreviation(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    // Initials first: the first letter of "e.g." would pass for a word.
    let (words, length) = initials(text).or_else(|| shortened(scan))?;
    spoken.say(&words);
    if text[..length].ends_with('.') && scan.ends_after(length) {
        spoken.mark('.');
    }
    Some(length)
}

/// Single letters with full stops.
fn initials(text: &str) -> Option<(String, usize)> {
    let mut length = 0;
    let mut said: Vec<String> = Vec::new();
    while letters(&text[length..]) == 1 && text[length + 1..].starts_with('.') {
        said.push(text[length..=length].to_ascii_lowercase());
        length += 2;
    }
    // A single letter with a stop is the end of a sentence: "plan B."
    if said.len() < 2 || !is_over(&text[length..]) {
        return None;
    }
    let words = match said.concat().as_str() {
        "eg" => "for example".to_owned(),
        "ie" => "that is".to_owned(),
        _ => said.join(" "),
    };
    Some((words, length))
}

/// A shortened word.
fn shortened(scan: &Scan<'_>) -> Option<(String, usize)> {
    let text = scan.rest();
    let length = letters(text);
    let lower = text[..length].to_ascii_lowercase();
    let after = &text[length..];
    let dot = usize::from(after.starts_with('.') && is_over(&after[1..]));
    if length == 0 || !is_over(after) || after.starts_with('\'') {
        return None;
    }
    // The stop of an abbreviation is read with it, and marked again by the caller if the text ends there.
    let total = length + dot;
    let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
    // Capital before: "Main St", "Louis XIV", "Mulholland Dr."
    let follows_name = {
        let behind = scan.behind().trim_end();
        let start = behind.rfind(' ').map_or(0, |at| at + 1);
        scan.before() == Some(' ') && behind[start..].starts_with(|c: char| c.is_ascii_uppercase())
    };
    if follows_name && let Some(number) = ROMAN.iter().position(|roman| *roman == &text[..length]) {
        return Some((cardinal(number as u64 + 2), length));
    }
    let words = match lower.as_str() {
        // Position tells the two apart: "Main St." and "St. Paul".
        "st" if capital && (scan.ends_after(total) || follows_name) => "street",
        "st" if capital => "saint",
        "dr" if scan.ends_after(total) && follows_name => "drive",
        "ms" | "mt" | "rd" | "ave" | "temp" | "jr" if !capital && dot == 0 => return None,
        _ => {
            let known = ABBREVIATIONS.iter().find(|(short, _)| *short == lower);
            let goes_on = dot > 0 && !scan.ends_after(total);
            let number_next = after
                .get(1..)
                .is_some_and(|next| next.trim_start().starts_with(|c: char| c.is_ascii_digit()));
            let dotted = || DOTTED.iter().find(|(short, _)| goes_on && *short == lower);
            match (known.or_else(dotted), lower.as_str()) {
                // Without a number these are words: "no." ends many sentences.
                (Some(_), "no" | "fig" | "tel" | "ext") if !number_next => return None,
                (Some((_, words)), _) => words,
                (None, _) => return None,
            }
        }
    };
    Some((words.to_owned(), total))
}

/// A run of letters and digits, with apostrophes inside.
pub(super) fn word(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    let text = scan.rest();
    let mut length = 0;
    for (index, byte) in text.bytes().enumerate() {
        // An apostrophe between letters: "don't", but not a closing quote.
        let inside = byte == b'\''
            && index > 0
            && text[..index].ends_with(|c: char| c.is_ascii_alphabetic())
            && letters(&text[index + 1..]) > 0;
        if !byte.is_ascii_alphanumeric() && !inside {
            break;
        }
        length = index + 1;
    }
    let token = &text[..length];
    if length == 0 {
        return None;
    }
    // "PM2.5", "B3.14"
    let decimals = text[length..].strip_prefix('.').map_or(0, digits);
    if decimals > 0 && token.bytes().any(|b| b.is_ascii_digit()) {
        say_mixed(token, spoken);
        spoken.say(&format!("point {}", one_by_one(&text[length + 1..=length + decimals])));
        return Some(length + 1 + decimals);
    }
    // "door(s)"
    if text[length..].starts_with("(s)") && letters(token) == length {
        spoken.say(&format!("{}s", token.to_ascii_lowercase()));
        return Some(length + 3);
    }
    say_mixed(token, spoken);
    Some(length)
}

/// Letters and digits without blanks: words, acronyms, codes.
pub(super) fn say_mixed(token: &str, spoken: &mut NormalisedText) {
    let mut rest = token;
    let mixed = token.bytes().any(|b| b.is_ascii_digit());
    while !rest.is_empty() {
        let number = digits(rest);
        if number > 0 {
            spoken.say(&code(&rest[..number]));
            rest = &rest[number..];
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        for part in Parts(&rest[..end]) {
            // "PM2", "DHT22": short capitals with digits are codes, whatever their vowels.
            let short_code = mixed && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_uppercase());
            let spelled = is_spelled(part, spoken.shouted) || short_code && !SAID_AS_WORDS.contains(&part);
            spoken.say(&if spelled { letter_by_letter(part) } else { part.to_ascii_lowercase() });
        }
        rest = &rest[end..];
    }
}

/// The words of `HomeAssistant`.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = self.0.as_bytes();
        // A seam is a capital behind a small letter, with more to follow: "HomeAssistant", not "McDonald" or
        // "kWh".
        let is_seam = |at: &usize| {
            let capitals_end = bytes[*at..].iter().take_while(|b| b.is_ascii_uppercase()).count();
            bytes[at - 1].is_ascii_lowercase()
                && bytes[*at].is_ascii_uppercase()
                && *at > 1
                && at + capitals_end.max(1) < bytes.len() + usize::from(capitals_end > 1)
                && !matches!(&self.0[..*at], "Mc" | "Mac")
        };
        let end = (1..bytes.len()).find(is_seam).unwrap_or(bytes.len());
        let (part, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(part)
    }
}

fn has_vowel(word: &str) -> bool {
    word.bytes().any(|b| b"aeiouyAEIOUY".contains(&b))
}

/// Returns true if a word is spelled letter by letter.
fn is_spelled(word: &str, shouted: bool) -> bool {
    let stem = word.strip_suffix("'s").or_else(|| word.strip_suffix('s')).unwrap_or(word);
    let capitals = |w: &str| w.len() > 1 && w.bytes().all(|b| b.is_ascii_uppercase());
    // "LEDs" is spelled with an ending: the stem decides.
    let core = if capitals(word) { word } else { stem };
    if word.len() < 2 || word.len() > 2 && word[..word.len() - 2].contains('\'') {
        return false;
    }
    // Without a vowel a word cannot be pronounced, except for a few interjections.
    if !has_vowel(word) {
        return !HUSHED.contains(&word.to_ascii_lowercase().as_str());
    }
    if !capitals(core) || SAID_AS_WORDS.contains(&core) {
        return false;
    }
    if SPELLED.contains(&core) && !(shouted && matches!(core, "US" | "ID" | "LED")) || !has_vowel(core) {
        return true;
    }
    // Short capitals are acronyms in most texts, longer ones with vowels are names or emphasis.
    !shouted && core.len() <= 3 && !STRESSED.contains(&core)
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

/// Says or marks a single sign; returns its length in bytes.
pub(super) fn symbol(scan: &Scan<'_>, spoken: &mut NormalisedText) -> usize {
    let text = scan.rest();
    let Some(sign) = text.chars().next() else { return 1 };
    let length = sign.len_utf8();
    let next = text[length..].chars().next();
    let number_next =
        text[length..].trim_start().starts_with(|c: char| c.is_ascii_digit() || "$€£.-".contains(c));
    // Letters or digits on both sides: the sign is part of a name.
    let joins = scan.before().is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric);
    let said = match sign {
        '.' | '…' => {
            // "file.txt" has a dot; "end.Then" lacks a blank.
            if joins && next.is_some_and(|c| !c.is_ascii_uppercase()) {
                "dot"
            } else {
                let goes_on = text[length..]
                    .trim_start_matches(['.', ' ', '"', '\''])
                    .starts_with(|c: char| c.is_ascii_lowercase());
                // A stop before a small letter is no end of a sentence, but a pause.
                spoken.mark(if goes_on { ',' } else { '.' });
                ""
            }
        }
        '?' | '!' => {
            spoken.mark(sign);
            ""
        }
        ',' | ';' | ':' | '(' | ')' | '[' | ']' | '{' | '}' | '–' | '|' | '→' => {
            spoken.mark(',');
            ""
        }
        // "8am-5pm", "10:15-10:45": what stands before is no longer a bare number.
        '-' if joins && next.is_some_and(|c| c.is_ascii_digit()) && ends_a_time(scan.behind()) => "to",
        '-' if !joins && scan.before().is_some_and(char::is_whitespace) => {
            spoken.mark(',');
            ""
        }
        // "and/or" is read without the slash.
        '/' if joins && scan.previous_word() != "and" => "slash",
        '#' if number_next => "number",
        '#' if next.is_some_and(char::is_alphabetic) => "hashtag",
        '~' | '≈' if number_next => "about",
        '<' if number_next => "less than",
        '>' if number_next => "greater than",
        '*' if number_next && scan.behind().trim_end().ends_with(|c: char| c.is_ascii_digit()) => "times",
        '^' if number_next => "to the power of",
        other => name(other),
    };
    spoken.say(said);
    length
}

/// Returns true if a time or a date ended here: a digit, or a digit with `am` or `pm`.
fn ends_a_time(behind: &str) -> bool {
    let stem = ["am", "pm", "AM", "PM"].iter().find_map(|half| behind.strip_suffix(half)).unwrap_or(behind);
    stem.trim_end().ends_with(|c: char| c.is_ascii_digit())
}

/// Signs that are called the same wherever they stand; the others are silent.
fn name(sign: char) -> &'static str {
    match sign {
        '&' => "and",
        '+' => "plus",
        '=' => "equals",
        '@' => "at",
        '%' => "percent",
        '‰' => "per mille",
        '°' => "degrees",
        '\\' => "backslash",
        '≤' => "at most",
        '≥' => "at least",
        '≠' => "is not",
        '×' => "times",
        '÷' => "divided by",
        '±' => "plus or minus",
        '§' => "section",
        '©' => "copyright",
        '$' => "dollars",
        '€' => "euros",
        '£' => "pounds",
        '¥' => "yen",
        '₽' => "rubles",
        '₹' => "rupees",
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
        _ => "",
    }
}
