//! Network addresses, versions, telephone numbers.

use super::numbers::{one_by_one, plain};
use super::scan::{NormalisedText, Scan, digits, is_over, letters};
use super::words::say_mixed;

/// Top-level domains by which a bare name is recognised as an address: the generic ones, those of local networks, and
/// the countries of the supported languages.
const ENDINGS: [&str; 22] = [
    "com",
    "org",
    "net",
    "io",
    "dev",
    "app",
    "edu",
    "gov",
    "info",
    "local",
    "lan",
    "home",
    "localdomain",
    "eu",
    "de",
    "uk",
    "fr",
    "us",
    "ru",
    "ch",
    "at",
    "nl",
];
/// Minimum number of digits of a telephone number: local numbers have seven, years and prices fewer.
const PHONE_DIGITS_MIN: usize = 7;
/// Maximum number of digits of a telephone number, from ITU-T E.164.
const PHONE_DIGITS_MAX: usize = 15;

/// `https://crier.example.com/a`, `www.example.com`, `name@example.com`, `crier.local`
pub(super) fn address(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    if !scan.at_start() {
        return None;
    }
    let text = scan.rest();
    let token = &text[..text.find(|c: char| c == ' ' || c == '"' || !c.is_ascii()).unwrap_or(text.len())];
    // Punctuation behind an address belongs to the sentence.
    let token = token.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '>', '\'']);
    // With a scheme anything is an address. The scheme itself is not read out: it tells a listener nothing.
    let scheme = token.find("://").filter(|at| letters(token) == *at).map_or(0, |at| at + 3);
    let body = &token[scheme..];
    if body.is_empty() || scheme == 0 && !is_mail(body) && !is_host(body) {
        return None;
    }
    // A trailing slash is written out of habit and never spoken.
    let mut rest = body.strip_suffix('/').unwrap_or(body);
    while let Some(sign) = rest.chars().next() {
        let run = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        say_mixed(&rest[..run], spoken);
        let said = match sign {
            '.' => "dot",
            '/' => "slash",
            '-' => "dash",
            '_' => "underscore",
            '@' => "at",
            ':' => "colon",
            '?' => "question mark",
            '=' => "equals",
            '&' => "and",
            '#' => "hash",
            '+' => "plus",
            '%' => "percent",
            '~' => "tilde",
            _ => "",
        };
        // A run of letters, or one sign: never nothing, or the loop would not end.
        let used = if run > 0 { run } else { 1 };
        if run == 0 {
            spoken.say(said);
        }
        rest = &rest[used..];
    }
    Some(token.len())
}

fn is_mail(token: &str) -> bool {
    token.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.split('.').count() > 1 && host.split('.').all(is_label)
    })
}

fn is_host(token: &str) -> bool {
    let host = token.split(['/', ':']).next().unwrap_or_default();
    let mut labels = host.rsplit('.');
    let ending = labels.next().unwrap_or_default();
    // A list instead of any ending: "end.Then" without a blank is a typing error, not a host.
    let known = ENDINGS.contains(&ending) || host.starts_with("www.");
    known && labels.clone().count() > 0 && labels.all(is_label) && is_label(ending)
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `192.168.1.10`, `v1.2.3`, `2.0.0`
pub(super) fn dotted_number(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    let text = scan.rest();
    let prefix = usize::from(text.starts_with(['v', 'V']));
    let mut length = prefix + digits(&text[prefix..]);
    let mut groups = vec![&text[prefix..length]];
    while let Some(more) = text[length..].strip_prefix('.').map(digits).filter(|count| *count > 0) {
        groups.push(&text[length + 1..length + 1 + more]);
        length += 1 + more;
    }
    // "v1.2" is a version; without the letter two groups are a decimal number.
    let enough = if prefix > 0 { 2 } else { 3 };
    // 24.11.2026 is left to the recogniser of dates.
    let is_date = groups.len() == 3 && groups[2].len() == 4;
    if !scan.at_start()
        || groups[0].is_empty()
        || groups.len() < enough
        || is_date
        || !is_over(&text[length..])
    {
        return None;
    }
    // "1.000.000" as many countries write a million.
    if prefix == 0 && groups.len() == 3 && !groups[0].starts_with('0') && groups[0].len() <= 3 {
        let thousands = groups[1..].iter().all(|group| group.len() == 3);
        if thousands {
            spoken.say(&plain(&groups.concat()));
            return Some(length);
        }
    }
    if prefix > 0 {
        spoken.say("version");
    }
    // Four groups are an IPv4 address, read digit by digit with "dot"; versions have "point".
    let is_host = groups.len() == 4;
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            spoken.say(if is_host { "dot" } else { "point" });
        }
        spoken.say(&if is_host { one_by_one(group) } else { plain(group) });
    }
    Some(length)
}

/// `+49 170 1234567`, `555-1234`, `(555) 123-4567`, `0170 1234567`: digit by digit, with a phrase break between groups.
pub(super) fn phone(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    let text = scan.rest();
    if !scan.at_start() || scan.before().is_some_and(|c| matches!(c, '.' | ',' | '-' | '$' | '€' | '£')) {
        return None;
    }
    let plus = usize::from(text.starts_with('+'));
    let mut groups: Vec<&str> = Vec::new();
    let (mut length, mut end) = (plus, plus);
    // Groups that only blanks separate need a plus or a leading zero: "3 456 7890" may be three quantities.
    let mut dashed = true;
    loop {
        let opening = usize::from(text[length..].starts_with('('));
        let count = digits(&text[length + opening..]);
        let closing = usize::from(opening > 0 && text[length + opening + count..].starts_with(')'));
        // An unbalanced bracket belongs to the sentence, not to the number.
        if count == 0 || opening != closing {
            break;
        }
        groups.push(&text[length + opening..length + opening + count]);
        end = length + opening + count + closing;
        let separator = text[end..].chars().next();
        match separator {
            Some(' ') => dashed &= opening > 0,
            Some('-' | '/') => {}
            _ => break,
        }
        length = end + 1;
    }
    let total: usize = groups.iter().map(|group| group.len()).sum();
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    // North American groups, which have no leading zero to tell them by.
    let familiar = dashed && matches!(sizes.as_slice(), [3, 4] | [3, 3, 4] | [1, 3, 3, 4]);
    // The trunk prefix of most other countries.
    let trunk = groups.first().is_some_and(|group| group.starts_with('0') && group.len() > 1);
    let enough = (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&total);
    if !(enough && (plus > 0 || familiar || trunk)) || !is_over(&text[end..]) {
        return None;
    }
    if plus > 0 {
        spoken.say("plus");
    }
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            // A pause between groups, so that a listener can write the number down.
            spoken.mark(',');
        }
        spoken.say(&one_by_one(group));
    }
    Some(end)
}
