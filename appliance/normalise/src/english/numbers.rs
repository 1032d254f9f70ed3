//! Numbers as words, and numbers as they are written.

use super::scan::{THIN, digits, is_over};

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [(u128, &str); 6] = [
    (1_000_000_000_000_000_000, "quintillion"),
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1000, "thousand"),
];
/// Longest number without separators that is read as a cardinal: listeners do not follow longer ones, which are read
/// digit by digit.
const CARDINAL_DIGITS_MAX: usize = 16;
/// Longest number with separators that is read as a cardinal; the largest scale word is quintillion.
const GROUPED_DIGITS_MAX: usize = 21;

/// `105` -> `one hundred and five`
pub(super) fn cardinal(number: impl Into<u128>) -> String {
    let number = number.into();
    for (scale, name) in SCALES {
        if number >= scale {
            // Recursion ends soon: each scale divides by a thousand.
            let head = format!("{} {name}", cardinal(number / scale));
            return joined(&head, " ", number % scale);
        }
    }
    match number {
        0..20 => ONES[number as usize].to_owned(),
        20..100 => joined(TENS[(number / 10) as usize], " ", number % 10),
        _ => joined(&format!("{} hundred", ONES[(number / 100) as usize]), " and ", number % 100),
    }
}

fn joined(head: &str, between: &str, rest: u128) -> String {
    if rest == 0 { head.to_owned() } else { format!("{head}{between}{}", cardinal(rest)) }
}

/// `21` -> `twenty first`
pub(super) fn ordinal(number: impl Into<u128>) -> String {
    let cardinal = cardinal(number);
    // Only the last word is inflected: "twenty first".
    let (head, last) = cardinal.rsplit_once(' ').map_or(("", cardinal.as_str()), |(h, l)| (h, l));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    format!("{head} {last}").trim_start().to_owned()
}

/// Several of a number: `nineties`, `sixes`.
pub(super) fn plural(words: &str) -> String {
    match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if words.ends_with('x') => format!("{words}es"),
        None => format!("{words}s"),
    }
}

/// `2026` -> `twenty twenty six`, `1905` -> `nineteen oh five`, `2005` -> `two thousand five`
pub(super) fn year(number: u64) -> String {
    let (century, rest) = (number / 100, number % 100);
    match rest {
        // 2005 is "two thousand five", 1905 "nineteen oh five".
        0..10 if century.is_multiple_of(10) => cardinal(number),
        0 => format!("{} hundred", cardinal(century)),
        1..10 => format!("{} oh {}", cardinal(century), cardinal(rest)),
        _ => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// The number of a room, a bus, a flight: `204` -> `two oh four`, `1217` -> `twelve seventeen`, `05` -> `zero five`
pub(super) fn code(text: &str) -> String {
    match (text.len(), text.parse::<u64>()) {
        (1, Ok(number)) => cardinal(number),
        // A leading zero is part of a code and is read out, so it falls through to single digits.
        (2, Ok(number)) if !text.starts_with('0') => cardinal(number),
        (3 | 4, Ok(number)) if !text.starts_with('0') => year(number),
        _ => one_by_one(text),
    }
}

/// Digit by digit.
pub(super) fn one_by_one(text: &str) -> String {
    let words: Vec<&str> =
        text.bytes().filter(u8::is_ascii_digit).map(|b| ONES[usize::from(b - b'0')]).collect();
    words.join(" ")
}

/// Digits as they are commonly read: as a number, unless they begin with zero or are too many.
pub(super) fn plain(text: &str) -> String {
    as_cardinal(text, CARDINAL_DIGITS_MAX)
}

fn as_cardinal(text: &str, digits_max: usize) -> String {
    match text.parse::<u128>() {
        Ok(number) if text.len() <= digits_max && (!text.starts_with('0') || text.len() == 1) => {
            cardinal(number)
        }
        _ => one_by_one(text),
    }
}

/// Returns true if a word in lower case begins a cardinal number.
#[must_use]
pub fn is_number_word(word: &str) -> bool {
    // The first two tens have no word.
    !word.is_empty() && (ONES.contains(&word) || TENS.contains(&word))
}

/// A number as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// Digits before the point, without separators; empty in `.5`.
    pub(super) whole: String,
    /// Digits after the point.
    pub(super) fraction: Option<String>,
    /// Its thousands are separated.
    pub(super) grouped: bool,
    /// Bytes that it takes.
    pub(super) length: usize,
}

impl Number {
    /// Reads `1234`, `1,234,567`, `1'234.50`, `1.234,56`, `100 000`, `3.14`, `.5`, `0,5` at the beginning of `text`.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(grouped) = Self::grouped(text) {
            return Some(grouped);
        }
        let first = digits(text);
        let whole = text[..first].to_owned();
        // A comma behind zero is no separator of thousands. A full stop without a digit behind it ends the sentence.
        let point = if whole == "0" && text[first..].starts_with(',') { ',' } else { '.' };
        let (fraction, length) = decimals(&text[first..], &[point]);
        let length = first + length;
        (length > 0).then_some(Self { whole, fraction, grouped: false, length })
    }

    /// Reads a number with separated thousands.
    fn grouped(text: &str) -> Option<Self> {
        let first = digits(text);
        // A separator only after one to three digits: "2026,100" is two numbers.
        if !(1..=3).contains(&first) || text.starts_with('0') {
            return None;
        }
        if let Some(lakhs) = Self::lakhs(text) {
            return Some(lakhs);
        }
        let thin = THIN.to_string();
        let separators: [(&str, &[char]); 5] =
            [(",", &['.']), ("'", &['.', ',']), (&thin, &['.', ',']), (".", &[',']), (" ", &['.', ','])];
        for (separator, points) in separators {
            let mut whole = text[..first].to_owned();
            let mut length = first;
            let mut groups = 0;
            while let Some(group) = text[length..].strip_prefix(separator).filter(|group| digits(group) == 3)
            {
                whole.push_str(&group[..3]);
                length += separator.len() + 3;
                groups += 1;
            }
            // With a blank only round thousands or more groups: "room 5 200 people" is two numbers.
            if separator == " " && groups < 2 && !whole.ends_with("000") {
                continue;
            }
            let (fraction, more) = decimals(&text[length..], points);
            // "1.234" is a decimal number, "1.234,5" and "1.234.567" have thousands.
            if groups > 0 && (separator != "." || groups > 1 || fraction.is_some()) {
                return Some(Self { whole, fraction, grouped: true, length: length + more });
            }
        }
        None
    }

    /// Reads a number with the separators of India: `1,00,000`.
    fn lakhs(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == ',')).unwrap_or(text.len());
        let written = text[..end].trim_end_matches(',');
        let groups: Vec<&str> = written.split(',').collect();
        let (last, rest) = groups.split_last()?;
        let (first, middle) = rest.split_first()?;
        let fits =
            last.len() == 3 && !middle.is_empty() && first.len() <= 2 && middle.iter().all(|g| g.len() == 2);
        let (fraction, more) = decimals(&text[written.len()..], &['.']);
        let whole = groups.concat();
        fits.then_some(Self { whole, fraction, grouped: true, length: written.len() + more })
    }

    /// Reads `21,5` and `1 234,56` too, where a unit or a currency behind it shows that the comma is a decimal point:
    /// `is_marked` is asked about the text behind.
    pub(super) fn read_marked(text: &str, is_marked: impl Fn(&str) -> bool) -> Option<Self> {
        let first = digits(text);
        let mut whole = text[..first].to_owned();
        let mut length = first;
        while (1..=3).contains(&first)
            && let Some(group) = text[length..].strip_prefix(' ').filter(|group| digits(group) == 3)
        {
            whole.push_str(&group[..3]);
            length += 4;
        }
        let (fraction, more) = decimals(&text[length..], &[',']);
        length += more;
        // "2 500 €" has no decimals, but its thousands apart.
        let apart = whole.len() > first && fraction.is_none();
        let short = fraction.as_ref().is_some_and(|fraction| fraction.len() <= 2) && first > 0 || apart;
        if short && is_marked(&text[length..]) {
            return Some(Self { whole, fraction, grouped: false, length });
        }
        // "1.234 €": three digits behind a point and the sign behind the number are thousands.
        let number = Self::read(text)?;
        match &number.fraction {
            Some(thousands)
                if thousands.len() == 3
                    && !number.grouped
                    && (1..=3).contains(&first)
                    && !text.starts_with('0')
                    && text[number.length..].trim_start().starts_with(['€', '₽', '₺']) =>
            {
                Some(Self {
                    whole: format!("{}{thousands}", number.whole),
                    fraction: None,
                    grouped: true,
                    ..number
                })
            }
            _ => Some(number),
        }
    }

    /// Returns true if a unit after it is singular.
    pub(super) fn is_one(&self) -> bool {
        self.whole == "1" && self.fraction.is_none()
    }

    /// Returns true if it has no decimals.
    pub(super) fn is_round(&self) -> bool {
        self.fraction.is_none() && !self.whole.is_empty()
    }

    /// Its words.
    pub(super) fn words(&self) -> String {
        let digits_max = if self.grouped { GROUPED_DIGITS_MAX } else { CARDINAL_DIGITS_MAX };
        let whole = if self.whole.is_empty() { String::new() } else { as_cardinal(&self.whole, digits_max) };
        match &self.fraction {
            // Decimals are read digit by digit in English: 3.14 is "three point one four".
            Some(fraction) => format!("{whole} point {}", one_by_one(fraction)).trim_start().to_owned(),
            None => whole,
        }
    }
}

/// Decimals behind one of the `points`, and their length with it.
fn decimals(text: &str, points: &[char]) -> (Option<String>, usize) {
    let count = text.strip_prefix(points).map_or(0, digits);
    if count == 0 { (None, 0) } else { (Some(text[1..=count].to_owned()), 1 + count) }
}

/// `st`, `nd`, `rd`, `th` with nothing behind them.
pub(super) fn ordinal_suffix(text: &str) -> Option<usize> {
    let suffix = text.get(..2)?.to_ascii_lowercase();
    (matches!(suffix.as_str(), "st" | "nd" | "rd" | "th") && is_over(&text[2..])).then_some(2)
}
