//! Numbers as words.

use super::scan::digits;

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
const SCALES: [(u64, &str); 5] = [
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1000, "thousand"),
];
/// Longest number that is read as a cardinal; the largest scale word is quadrillion. Longer ones are read digit by
/// digit.
const CARDINAL_DIGITS_MAX: usize = 16;

/// `105` -> `one hundred and five`
pub(super) fn cardinal(number: u64) -> String {
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

fn joined(head: &str, between: &str, rest: u64) -> String {
    if rest == 0 { head.to_owned() } else { format!("{head}{between}{}", cardinal(rest)) }
}

/// `21` -> `twenty first`
pub(super) fn ordinal(number: u64) -> String {
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
    match text.parse::<u64>() {
        Ok(number) if text.len() <= CARDINAL_DIGITS_MAX && (!text.starts_with('0') || text.len() == 1) => {
            cardinal(number)
        }
        _ => one_by_one(text),
    }
}

/// A number as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// Digits before the point, without separators; empty in `.5`.
    pub(super) whole: String,
    /// Digits after the point.
    pub(super) fraction: Option<String>,
    /// Bytes that it takes.
    pub(super) length: usize,
}

impl Number {
    /// Reads `1234`, `1,234,567`, `100 000`, `3.14`, `.5` at the beginning of `text`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let first = digits(text);
        let mut whole = text[..first].to_owned();
        let mut length = first;
        let separates = |after: &str| {
            after.starts_with(',') && digits(&after[1..]) == 3
            // With a blank only round thousands: "room 5 200 people" is two numbers.
            || after.starts_with(" 000") && digits(&after[1..]) == 3
        };
        // A separator only after one to three digits: "2026,100" is two numbers.
        while (1..=3).contains(&first) && !text.starts_with('0') && separates(&text[length..]) {
            whole.push_str(&text[length + 1..length + 4]);
            length += 4;
        }
        // A full stop without a digit behind it ends the sentence.
        let decimals = text[length..].strip_prefix('.').map_or(0, digits);
        let fraction = (decimals > 0).then(|| text[length + 1..=length + decimals].to_owned());
        if fraction.is_some() {
            length += 1 + decimals;
        }
        (length > 0).then_some(Self { whole, fraction, length })
    }

    /// Returns true if a unit after it is singular.
    pub(super) fn is_one(&self) -> bool {
        self.whole == "1" && self.fraction.is_none()
    }

    /// Returns true if it has no decimals.
    pub(super) fn is_round(&self) -> bool {
        self.fraction.is_none() && !self.whole.is_empty()
    }

    /// Returns its value if it is a whole number below 10^9.
    pub(super) fn small(&self) -> Option<u64> {
        // Nine digits fit into every integer type used with it.
        if self.fraction.is_some() || self.whole.len() > 9 { None } else { self.whole.parse().ok() }
    }

    /// Its words.
    pub(super) fn words(&self) -> String {
        let whole = if self.whole.is_empty() { String::new() } else { plain(&self.whole) };
        match &self.fraction {
            // Decimals are read digit by digit in English: 3.14 is "three point one four".
            Some(fraction) => format!("{whole} point {}", one_by_one(fraction)).trim_start().to_owned(),
            None => whole,
        }
    }
}
