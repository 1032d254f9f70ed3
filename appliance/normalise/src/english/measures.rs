//! Quantities: numbers with signs, fractions, ranges, units and money.

use super::dates::ordinal_suffix;
use super::numbers::{Number, code, one_by_one, ordinal, plural, year};
use super::scan::{NormalisedText, Scan, digits, is_over, letters};
use super::{times, units};

/// Symbol, code, one and many of the unit, one and many of its hundredth.
struct Currency(&'static str, &'static str, [&'static str; 4]);

const CURRENCIES: [Currency; 7] = [
    Currency("$", "USD", ["dollar", "dollars", "cent", "cents"]),
    Currency("€", "EUR", ["euro", "euros", "cent", "cents"]),
    Currency("£", "GBP", ["pound", "pounds", "penny", "pence"]),
    Currency("¥", "JPY", ["yen", "yen", "", ""]),
    Currency("₽", "RUB", ["ruble", "rubles", "kopeck", "kopecks"]),
    Currency("₹", "INR", ["rupee", "rupees", "paisa", "paise"]),
    Currency("CHF", "CHF", ["franc", "francs", "centime", "centimes"]),
];

const MAGNITUDES: [(&str, &str); 8] = [
    (" million", "million"),
    (" billion", "billion"),
    (" trillion", "trillion"),
    (" thousand", "thousand"),
    ("bn", "billion"),
    ("m", "million"),
    ("M", "million"),
    ("k", "thousand"),
];

/// Words before a number that is a year.
const YEAR_WORDS: [&str; 19] = [
    "in",
    "since",
    "year",
    "until",
    "till",
    "circa",
    "spring",
    "summer",
    "autumn",
    "fall",
    "winter",
    "early",
    "late",
    "mid",
    "copyright",
    "christmas",
    "around",
    "by",
    "from",
];
/// Words before a number that names something: its digits are read in pairs.
const CODE_WORDS: [&str; 12] = [
    "room",
    "rooms",
    "flight",
    "bus",
    "line",
    "route",
    "train",
    "apartment",
    "suite",
    "extension",
    "highway",
    "gate",
];
/// Words before digits that are read one by one.
const DIGIT_WORDS: [&str; 6] = ["call", "dial", "ring", "pin", "code", "password"];

/// `$5.50`, `€ 3`, `£1.2bn`, `EUR 10`, `-$5`
pub(super) fn money(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    let text = scan.rest();
    let (sign, sign_length) = sign(scan);
    let body = &text[sign_length..];
    let (currency, mut at) = CURRENCIES.iter().find_map(|currency| {
        if body.starts_with(currency.0) {
            return Some((currency, currency.0.len()));
        }
        (scan.at_start() && body.starts_with(currency.1)).then_some((currency, currency.1.len()))
    })?;
    // "€ 3" and "EUR 10" have a blank, "$5" has none.
    at += usize::from(body[at..].starts_with(' '));
    let number = Number::read(&body[at..]).filter(|number| !number.whole.is_empty())?;
    at += number.length;
    // "$5-10", "$5 - $10"
    if number.is_round()
        && let Some((between, symbol)) = range(&body[at..], currency)
        && let Some(end) = Number::read(&body[at + symbol..]).filter(Number::is_round)
    {
        // Said only now: a recogniser that gives up must have changed nothing.
        spoken.say(sign);
        spoken.say(&format!("{}{between}{} {}", number.words(), end.words(), currency.2[1]));
        return Some(sign_length + at + symbol + end.length);
    }
    let (words, more) = amount_of_money(&number, currency, &body[at..]);
    spoken.say(sign);
    spoken.say(&words);
    Some(sign_length + at + more)
}

/// Returns the word between two sums of a range, and the length of dash and second symbol.
fn range(text: &str, currency: &Currency) -> Option<(&'static str, usize)> {
    let signs = [" - ", " – ", "-", "–"];
    let sign = signs.into_iter().find(|sign| text.starts_with(sign))?;
    let symbol = if text[sign.len()..].starts_with(currency.0) { currency.0.len() } else { 0 };
    Some((" to ", sign.len() + symbol))
}

/// Returns the words of a sum, and the length of the part of `after` that belongs to it.
fn amount_of_money(number: &Number, currency: &Currency, after: &str) -> (String, usize) {
    let Currency(_, _, [one, many, hundredth, hundredths]) = currency;
    let magnitude = MAGNITUDES.iter().find(|(m, _)| after.strip_prefix(m).is_some_and(is_over));
    let (mut words, mut length) = match (magnitude, number.fraction.as_deref()) {
        (Some((written, said)), _) => (format!("{} {said} {many}", number.words()), written.len()),
        // Two decimals are cents; "$1.5" is "one point five dollars". The yen has none.
        (None, Some(cents)) if cents.len() == 2 && !hundredth.is_empty() => {
            let digits = if number.whole.is_empty() { "0".to_owned() } else { number.whole.clone() };
            let whole = Number { whole: digits, fraction: None, ..number.clone() };
            let major = format!("{} {}", whole.words(), if whole.is_one() { one } else { many });
            let count: u64 = cents.parse().unwrap_or(0);
            let minor = format!(
                "{} {}",
                super::numbers::cardinal(count),
                if count == 1 { hundredth } else { hundredths }
            );
            let words = match (whole.small(), count) {
                // "$5.00" is "five dollars".
                (_, 0) => major,
                (Some(0), _) => minor,
                _ => format!("{major} and {minor}"),
            };
            (words, 0)
        }
        _ => (format!("{} {}", number.words(), if number.is_one() { one } else { many }), 0),
    };
    let (per, more) = share(&after[length..]);
    words.push_str(&per);
    length += more;
    (words, length)
}

/// `/kWh` behind a price.
fn share(text: &str) -> (String, usize) {
    match text.strip_prefix('/').and_then(|below| units::read(below, true, true)) {
        Some((unit, length)) => (format!(" per {unit}"), 1 + length),
        None => (String::new(), 0),
    }
}

/// A sign before a number: `-5` is minus five, `10-5` is not.
fn sign(scan: &Scan<'_>) -> (&'static str, usize) {
    let text = scan.rest();
    // Behind a letter, a digit or a bracket a minus is a hyphen or a range.
    let free =
        !scan.before().is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '+' | '/' | ')' | '.' | ','));
    let (words, length) = match text.chars().next() {
        Some('-') if free => ("minus", 1),
        Some('+') if free => ("plus", 1),
        Some('±') => ("plus or minus", '±'.len_utf8()),
        _ => return ("", 0),
    };
    // Otherwise the sign is punctuation.
    let counts = text[length..].starts_with(|c: char| c.is_ascii_digit() || ".$€£¥₽₹½¼¾".contains(c));
    if counts { (words, length) } else { ("", 0) }
}

/// An amount before anything that makes it a quantity of something.
struct Amount {
    words: String,
    length: usize,
    /// Exactly one.
    one: bool,
    /// Digits only.
    whole: bool,
}

impl Amount {
    fn read(text: &str) -> Option<Self> {
        if let Some((words, length)) = fraction(text, true) {
            return Some(Self { words, length, one: true, whole: false });
        }
        let number = Number::read(text)?;
        let after = &text[number.length..];
        // "1 1/2" and "1½": a whole number and a fraction.
        let part = after.strip_prefix(' ').filter(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        if number.fraction.is_none()
            && let Some((words, length)) = fraction(part.unwrap_or(after), false)
            && (part.is_some() || !after.starts_with(|c: char| c.is_ascii_digit()))
        {
            let length = number.length + usize::from(part.is_some()) + length;
            return Some(Self {
                words: format!("{} and {words}", number.words()),
                length,
                one: false,
                whole: false,
            });
        }
        // "21,5 °C": a comma before one or two digits and a unit is a decimal point.
        let decimals = after.strip_prefix(',').map_or(0, digits);
        if number.fraction.is_none() && (1..=2).contains(&decimals) {
            let rest = &after[1 + decimals..];
            let (unit, touching) = rest.strip_prefix(' ').map_or((rest, true), |unit| (unit, false));
            if units::read(unit, touching, false).is_some() {
                let words = format!("{} point {}", number.words(), one_by_one(&after[1..=decimals]));
                return Some(Self { words, length: number.length + 1 + decimals, one: false, whole: false });
            }
        }
        let whole = number.fraction.is_none() && digits(text) == number.length;
        Some(Self { words: number.words(), length: number.length, one: number.is_one(), whole })
    }
}

/// `½`, `3/4`; "a half" after a whole number, "one half" alone.
fn fraction(text: &str, alone: bool) -> Option<(String, usize)> {
    let signs = [('½', 1, 2), ('¼', 1, 4), ('¾', 3, 4), ('⅓', 1, 3), ('⅔', 2, 3), ('⅛', 1, 8)];
    let found = signs.iter().find(|(sign, ..)| text.starts_with(*sign));
    let (above, below, length) = match found {
        Some(&(sign, above, below)) => (above, below, sign.len_utf8()),
        None => {
            let first = digits(text);
            let second = text[first..].strip_prefix('/').map_or(0, digits);
            let length = first + 1 + second;
            if !(1..=2).contains(&first)
                || !(1..=2).contains(&second)
                || text[length..].starts_with(['/', '.', ','])
            {
                return None;
            }
            (text[..first].parse().ok()?, text[first + 1..length].parse().ok()?, length)
        }
    };
    // Proper fractions with small denominators; others are ratios, dates or paths.
    if above == 0
        || above >= below
        || !(2..=16).contains(&below)
        || !is_over(&text[length..]) && found.is_none()
    {
        return None;
    }
    let part = match below {
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        other => ordinal(other),
    };
    let count = match (above, alone) {
        (1, false) => "a".to_owned(),
        _ => super::numbers::cardinal(above),
    };
    let part = if above == 1 { part } else { plural(&part) };
    Some((format!("{count} {part}"), length))
}

/// A number and what belongs to it.
pub(super) fn quantity(scan: &Scan<'_>, spoken: &mut NormalisedText) -> Option<usize> {
    let text = scan.rest();
    if !scan.at_start() {
        return None;
    }
    let (sign, sign_length) = sign(scan);
    let body = &text[sign_length..];
    if !body.starts_with(|c: char| c.is_ascii_digit() || ".½¼¾⅓⅔⅛".contains(c)) {
        return None;
    }
    // A ratio has no sign, and its colon must not be split off as punctuation.
    let ratio = if sign.is_empty() { times::ratio(body) } else { None };
    let (words, length) = ratio.or_else(|| named(scan, body)).or_else(|| measured(scan, body))?;
    spoken.say(sign);
    spoken.say(&words);
    Some(sign_length + length)
}

/// Reads numbers that are not quantities: ordinals, decades, room numbers, years, numbers to dial.
fn named(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let count = digits(text);
    let (written, after) = text.split_at(count);
    // Longer digit strings are read digit by digit elsewhere.
    let value: u64 = written.parse().ok().filter(|_| count <= 9)?;
    if let Some(suffix) = ordinal_suffix(after) {
        return Some((ordinal(value), count + suffix));
    }
    let previous = scan.previous_word();
    let decade = ["s", "'s"].into_iter().find(|s| after.strip_prefix(s).is_some_and(is_over));
    if let Some(suffix) = decade
        && value.is_multiple_of(10)
        && (count == 4 || count == 2 && previous == "the")
    {
        let words = if count == 4 { year(value) } else { super::numbers::cardinal(value) };
        return Some((plural(&words), count + suffix.len()));
    }
    // "1990.5" or "room 5-7": the digits are part of something larger.
    if !is_over(after) || goes_on(after) {
        return None;
    }
    // "A-12": digits behind a letter and a hyphen name a thing.
    let mut behind = scan.behind().chars().rev();
    let after_letter = behind.next() == Some('-') && behind.next().is_some_and(|c| c.is_ascii_uppercase());
    if DIGIT_WORDS.contains(&previous.as_str()) && scan.before() == Some(' ') {
        return Some((one_by_one(written), count));
    }
    if after_letter || CODE_WORDS.contains(&previous.as_str()) && scan.before() == Some(' ') {
        return Some((code(written), count));
    }
    // "in 1500 ms" is a quantity in spite of the word before.
    let unit = after.strip_prefix(' ').and_then(|unit| units::read(unit, false, false));
    let is_year = count == 4
        && (1000..2100).contains(&value)
        && YEAR_WORDS.contains(&previous.as_str())
        && unit.is_none()
        && !after.starts_with(" people");
    is_year.then(|| (year(value), count))
}

/// Returns true if the number continues: decimals, thousands, a range, a unit sign.
fn goes_on(after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        Some('.' | ',' | '-' | '–' | '/' | ':') => next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => "%°‰€$£½¼¾×µΩ".contains(c),
        None => false,
    }
}

/// Amounts, ranges of them, areas of them, with their units.
fn measured(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let first = Amount::read(text)?;
    let (mut words, mut length, mut one) = (first.words.clone(), first.length, first.one);
    while let Some((between, at)) = connection(&text[length..])
        && let Some(next) = Amount::read(&text[length + at..])
    {
        // "1914-1918" is read as years if both sides look like years.
        let years = [&text[..length], &text[length + at..length + at + next.length]].map(year_value);
        if let ([Some(from), Some(to)], true, true, " to ") = (years, first.whole, next.whole, between) {
            return Some((format!("{} to {}", year(from), year(to)), length + at + next.length));
        }
        words = format!("{words}{between}{}", next.words);
        length += at + next.length;
        one = false;
        // Bounds the words of one quantity; longer chains are no ranges.
        if words.len() > 200 {
            break;
        }
    }
    let after = &text[length..];
    let (unit, touching) = after.strip_prefix(' ').map_or((after, true), |unit| (unit, false));
    let blank = usize::from(!touching);
    if let Some((unit_words, more)) = units::read(unit, touching, one) {
        return Some((format!("{words} {unit_words}"), length + blank + more));
    }
    if let Some(currency) =
        CURRENCIES.iter().find(|c| unit.starts_with(c.0) || unit.strip_prefix(c.1).is_some_and(is_over))
    {
        let symbol = if unit.starts_with(currency.0) { currency.0 } else { currency.1 };
        // "5 €10": the sign belongs to the second number.
        let begins_another = unit[symbol.len()..].starts_with(|c: char| c.is_ascii_digit());
        if !begins_another {
            let words = match Number::read(text).filter(|n| n.length == length) {
                Some(number) => amount_of_money(&number, currency, "").0,
                None => format!("{words} {}", currency.2[1]),
            };
            let end = length + blank + symbol.len();
            let (per, more) = share(&text[end..]);
            return Some((format!("{words}{per}"), end + more));
        }
    }
    // "3x" without a second factor.
    if touching && after.strip_prefix('x').is_some_and(is_over) {
        return Some((format!("{words} times"), length + 1));
    }
    // "3D", "4G": the letter names a thing, and so does the number.
    if first.whole && length == first.length && letters(after) > 0 {
        words = code(&text[..length]);
    }
    // "#204" is a number like that of a room.
    if scan.before() == Some('#') && first.whole && length == first.length {
        words = code(&text[..length]);
    }
    Some((words, length))
}

fn year_value(text: &str) -> Option<u64> {
    text.parse().ok().filter(|value| text.len() == 4 && (1100..2100).contains(value))
}

/// Returns the word between two amounts (`10-15`, `10 – 15`, `3 x 4`) and the length of the sign.
fn connection(text: &str) -> Option<(&'static str, usize)> {
    let signs =
        [("-", " to "), (" - ", " to "), ("–", " to "), (" – ", " to "), ("x", " by "), (" x ", " by ")];
    let more = [
        ("×", " by "),
        (" × ", " by "),
        ("/", " slash "),
        (" + ", " plus "),
        (" * ", " times "),
        ("*", " times "),
    ];
    signs.iter().chain(&more).find_map(|(written, said)| {
        let after = text.strip_prefix(written)?;
        // A sign joins only if a number follows; a hyphen before a word is part of the word.
        after.starts_with(|c: char| c.is_ascii_digit()).then_some((*said, written.len()))
    })
}
