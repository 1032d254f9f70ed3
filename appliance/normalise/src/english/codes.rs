//! Digits that are read one by one: PINs, account and serial numbers, telephone numbers.

use super::numbers::{code, one_by_one};
use super::scan::{Scan, alphanumerics, digits, is_over, listed};
use super::token::Token;

/// Words before digits that are read one by one.
pub(super) const SECRETS: &str = "call dial ring pin pins code codes password passcode otp pnr cvv cvc account serial imei \
    iccid ean upc barcode sku token combination ssn iban isbn issn zip postcode extension ext \
    badge passport meter sms tracking vin ending";
/// Words before telephone numbers without a prefix.
const TELEPHONES: &str = "call phone telephone tel dial ring text fax mobile hotline helpline whatsapp contact cell \
    landline reach at";
/// Words before numbers of vehicles and orders, whose letters are spelled and whose digits are read one by one.
const REGISTRATIONS: &str = "plate plates registration reg licence license vehicle serial sn vin";
/// Minimum number of digits of a telephone number: local numbers have seven, years and prices fewer.
const PHONE_DIGITS_MIN: usize = 7;
/// Maximum number of digits of a telephone number, from ITU-T E.164.
const PHONE_DIGITS_MAX: usize = 15;
/// Prefixes of numbers without a trunk prefix: freephone and local-rate numbers.
const FREE_PREFIXES: [&str; 5] = ["1300", "1800", "13", "112", "116"];

/// Longest hexadecimal number, in digits: 64 bits.
const HEX_DIGITS_MAX: usize = 16;

/// `0x1F`, as programs and manuals write addresses and error codes.
pub(super) fn hexadecimal(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest().strip_prefix("0x").or_else(|| scan.rest().strip_prefix("0X"))?;
    let length = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    if !scan.at_start() || !(1..=HEX_DIGITS_MAX).contains(&length) || !is_over(&text[length..]) {
        return None;
    }
    let digit = |c: char| match c {
        '0'..='9' => one_by_one(c.encode_utf8(&mut [0; 4])),
        letter => letter.to_ascii_uppercase().to_string(),
    };
    let said: Vec<String> = text[..length].chars().map(digit).collect();
    Some(Token::words(format!("zero X {}", said.join(" ")), length + 2))
}

/// Digits or letters behind a word that makes them a secret or a serial number: `PIN: 1234`, `OTP is 88 12 34`.
pub(super) fn secret(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let length = alphanumerics(text);
    let token = &text[..length];
    let has_digits = token.bytes().any(|b| b.is_ascii_digit());
    if !scan.at_start() || !has_digits || !is_over(&text[length..]) {
        return None;
    }
    let word = scan.governing_word(true);
    // The letters of a plate are never a word.
    let plate = listed(REGISTRATIONS, word.as_str());
    if !(plate || listed(SECRETS, word.as_str())) {
        return None;
    }
    let only_digits = token.bytes().all(|b| b.is_ascii_digit());
    let after = &text[length..];
    // "call 5 people", "the code 5.2": one digit and decimals are numbers, and so are digits with a unit.
    let goes_on = after.starts_with(['.', ',', ':', '%', '°', '/'])
        && after[1..].starts_with(|c: char| c.is_ascii_digit());
    let counted = after.strip_prefix(' ').is_some_and(|next| {
        super::units::read(next, false, false).is_some()
            || next.starts_with(|c: char| c.is_ascii_lowercase()) && !and_follows(next)
    });
    let emergency = matches!(word.as_str(), "call" | "dial" | "ring");
    // "ending in 8876" needs its preposition.
    if word == "ending" && scan.previous_word() != "in" && scan.previous_word() != "with"
        || only_digits && (length == 1 || goes_on || after.starts_with(['%', '°']))
        || counted && !plate && (length < 3 || emergency && length != 3)
        || emergency && (!only_digits || length > 6 || and_dash(after))
    {
        return None;
    }
    let mut words = letters_and_digits(token, plate || !only_digits && length > 2);
    let mut end = length;
    // "123-456"
    while only_digits && let Some(group) = text[end..].strip_prefix('-').filter(|group| digits(group) > 0) {
        words = format!("{words}, {}", one_by_one(&group[..digits(group)]));
        end += 1 + digits(group);
    }
    is_over(&text[end..]).then(|| Token::words(words, end))
}

fn and_follows(text: &str) -> bool {
    [
        "and ", "or ", "to ", "for ", "is ", "at ", "in ", "now", "if ", "when ", "on ", "before ", "has ",
        "was ", "from ",
    ]
    .iter()
    .any(|word| text.starts_with(word))
}

fn and_dash(text: &str) -> bool {
    text.starts_with(['-', ' ', '/']) && text[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// Letters as they are spelled, digits one by one.
fn letters_and_digits(token: &str, spelled: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = token;
    while !rest.is_empty() {
        let count = digits(rest);
        let end =
            if count > 0 { count } else { rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()) };
        let part = &rest[..end];
        words.push(match (count > 0, spelled) {
            (true, _) => one_by_one(part),
            (false, true) => part.to_ascii_uppercase(),
            (false, false) => part.to_owned(),
        });
        rest = &rest[end..];
    }
    words.join(" ")
}

/// Groups of digits of a known form: social security, credit card, IBAN, ISBN, and any three groups that dashes join.
pub(super) fn grouped(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() || scan.before().is_some_and(|c| matches!(c, '.' | ',' | '-' | '$' | '€' | '£')) {
        return None;
    }
    let account = text.len() > 4
        && text.as_bytes()[..2].iter().all(u8::is_ascii_uppercase)
        && text.as_bytes()[2..4].iter().all(u8::is_ascii_digit);
    let (mut at, mut groups) = (0, Vec::new());
    let separator = loop {
        let count = alphanumerics(&text[at..]);
        let group = &text[at..at + count];
        let fits = account && groups.is_empty()
            || group.bytes().all(|b| b.is_ascii_digit())
            // The last digit of an ISBN may be ten.
            || group == "X" && groups.len() > 2;
        if count == 0 || !fits {
            break None;
        }
        groups.push(group);
        at += count;
        let found = text[at..].chars().next();
        if !matches!(found, Some('-' | ' ')) || groups.len() > 12 {
            break found;
        }
        at += 1;
    };
    // A separator without a group behind it does not belong to the number.
    let end = text[..at].trim_end_matches([' ', '-']).len();
    let joint = text[groups.first()?.len()..].chars().next()?;
    let same = text[..end].matches([' ', '-']).all(|sign| sign.starts_with(joint));
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let fours = sizes.len() >= 4 && sizes[..3].iter().all(|size| *size == 4);
    let word = scan.governing_word(true);
    let book = matches!(
        word.as_str(),
        "isbn" | "issn" | "ean" | "imei" | "account" | "serial" | "ref" | "reference"
    );
    let dashed = joint == '-' && same && sizes.len() >= 3 && !account;
    let known = match sizes.as_slice() {
        [_] => false,
        // The first group of an account number has the country.
        _ if account => {
            joint == ' ' && sizes.len() >= 4 && sizes[1..sizes.len() - 1].iter().all(|size| *size == 4)
        }
        [3, 2, 4] => joint == '-',
        _ => fours || book || dashed && !is_date(&sizes),
    };
    // "1-413-te": more than digits.
    let goes_on = separator.is_some_and(char::is_alphanumeric) || !is_over(&text[end..]);
    if !known || goes_on || sizes.iter().sum::<usize>() < 4 {
        return None;
    }
    let words: Vec<String> = groups.iter().map(|group| letters_and_digits(group, true)).collect();
    // A pause between groups, so that a listener can write the number down.
    Some(Token::words(words.join(", "), end))
}

fn is_date(sizes: &[usize]) -> bool {
    sizes.len() == 3 && sizes.contains(&4) && sizes.iter().filter(|size| **size <= 2).count() == 2
}

/// A telephone number as it is written.
struct Phone<'a> {
    plus: bool,
    groups: Vec<&'a str>,
    /// Blanks are between all groups: other signs show that the digits are one number.
    blanks_only: bool,
    dotted: bool,
    bracketed: bool,
    end: usize,
}

impl<'a> Phone<'a> {
    fn read(text: &'a str) -> Self {
        let plus = usize::from(text.starts_with('+'));
        let mut phone = Self {
            plus: plus > 0,
            groups: Vec::new(),
            blanks_only: true,
            dotted: false,
            bracketed: false,
            end: plus,
        };
        let mut at = plus;
        loop {
            let opening = usize::from(text[at..].starts_with('('));
            let count = digits(&text[at + opening..]);
            let closing = usize::from(opening > 0 && text[at + opening + count..].starts_with(')'));
            // An unbalanced bracket belongs to the sentence, not to the number.
            if count == 0 || opening != closing {
                break;
            }
            phone.bracketed |= opening > 0;
            let group = &text[at + opening..at + opening + count];
            // "+44 (0)20": the trunk prefix is not dialled behind a plus.
            if !(phone.plus && opening > 0 && group == "0") {
                phone.groups.push(group);
            }
            phone.end = at + opening + count + closing;
            let after = &text[phone.end..];
            at = phone.end;
            // "(123)-456", "(123) 456", "(123)456"
            at += match after.chars().next() {
                Some(' ') => 1,
                // The stop at the end is that of the sentence.
                Some('-' | '/' | '.') if digits(&after[1..]) > 0 || after[1..].starts_with('(') => {
                    phone.blanks_only = false;
                    phone.dotted |= after.starts_with('.');
                    1
                }
                Some('(') => 0,
                _ if closing > 0 => 0,
                _ => break,
            };
            // "+1 (123)", "+44 / 20"
            at += usize::from(text[at..].starts_with(' ') && closing > 0);
        }
        phone
    }

    fn is_telephone(&self, scan: &Scan<'_>) -> bool {
        let sizes: Vec<usize> = self.groups.iter().map(|group| group.len()).collect();
        let total: usize = sizes.iter().sum();
        let first = self.groups.first().copied().unwrap_or_default();
        // North American groups, which have no leading zero to tell them by.
        let familiar = (!self.blanks_only || self.bracketed)
            && matches!(sizes.as_slice(), [3, 4] | [3, 3, 4] | [1, 3, 3, 4] | [3, 3, 4, _])
            && !(self.dotted && sizes.len() == 2);
        // The trunk prefix of most other countries; a leading zero before a point or a date is no prefix.
        let trunk = first.starts_with('0') && first.len() > 1 && !self.dotted
            || first.starts_with('0') && sizes.len() > 4;
        // The Australian prefixes would also pass for a year or a time.
        let free = FREE_PREFIXES.contains(&first)
            && sizes.len() > 1
            && sizes[1..].iter().all(|size| (2..=3).contains(size));
        let word = scan.governing_word(true);
        let asked = listed(TELEPHONES, word.as_str())
            && (sizes.len() > 1 || first.len() >= PHONE_DIGITS_MIN)
            && !self.dotted
            && (word != "at" || sizes.len() > 2);
        let enough = (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&total) || free && asked && total >= 6;
        enough && (self.plus || familiar || trunk || free || asked)
    }
}

/// `+49 170 1234567`, `(555) 123-4567`, `0170 1234567`, `1-800-FLOWERS`: digit by digit, with a phrase break
/// between groups.
pub(super) fn phone(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() || scan.before().is_some_and(|c| matches!(c, '.' | ',' | '-' | '$' | '€' | '£')) {
        return None;
    }
    if let Some(token) = vanity(text) {
        return Some(token);
    }
    let phone = Phone::read(text);
    if phone.groups.is_empty() || !is_over(&text[phone.end..]) || !phone.is_telephone(scan) {
        return None;
    }
    let groups: Vec<String> = phone.groups.iter().map(|group| one_by_one(group)).collect();
    let plus = if phone.plus { "plus " } else { "" };
    Some(Token::words(format!("{plus}{}", groups.join(", ")), phone.end))
}

/// `1-800-GO-2-HAUL`
fn vanity(text: &str) -> Option<Token> {
    let body = text.strip_prefix("1-")?;
    let area = body
        .get(..3)
        .filter(|area| matches!(*area, "800" | "888" | "877" | "866" | "855" | "844" | "833" | "900"))?;
    let mut at = 2 + 3;
    let mut words: Vec<String> = Vec::new();
    while let Some(group) = text[at..].strip_prefix('-') {
        let count = alphanumerics(group);
        words.push(if digits(group) > 0 {
            one_by_one(&group[..digits(group)])
        } else {
            group[..count].to_owned()
        });
        if count == 0 || !is_over(&group[count..]) {
            return None;
        }
        at += 1 + count;
    }
    // Without letters it is an ordinary telephone number, which has its own pauses.
    let has_letters = words.iter().any(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    has_letters.then(|| Token::words(format!("one, {}, {}", code(area), words.join(" ")), at))
}
