//! Sums of money, as the English-speaking world and Europe write them.

use super::amounts::sign;
use super::numbers::{Number, cardinal};
use super::scan::{Scan, is_over};
use super::token::Token;
use super::units;

/// Symbols and codes, one and many of the unit, one and many of its hundredth. Codes are taken only as whole words.
struct Currency(&'static [&'static str], &'static [&'static str], [&'static str; 4]);

const CURRENCIES: [Currency; 27] = [
    Currency(&["US$"], &[], ["US dollar", "US dollars", "cent", "cents"]),
    Currency(&["A$", "AU$"], &["AUD"], ["Australian dollar", "Australian dollars", "cent", "cents"]),
    Currency(&["C$", "CA$"], &["CAD"], ["Canadian dollar", "Canadian dollars", "cent", "cents"]),
    Currency(&["NZ$"], &["NZD"], ["New Zealand dollar", "New Zealand dollars", "cent", "cents"]),
    Currency(&["HK$"], &["HKD"], ["Hong Kong dollar", "Hong Kong dollars", "cent", "cents"]),
    Currency(&["S$"], &["SGD"], ["Singapore dollar", "Singapore dollars", "cent", "cents"]),
    Currency(&["R$"], &["BRL"], ["real", "reais", "centavo", "centavos"]),
    Currency(&["$"], &["USD"], ["dollar", "dollars", "cent", "cents"]),
    Currency(&["€"], &["EUR"], ["euro", "euros", "cent", "cents"]),
    Currency(&["£"], &["GBP"], ["pound", "pounds", "penny", "pence"]),
    Currency(&["¥"], &["JPY"], ["yen", "yen", "", ""]),
    Currency(&[], &["CNY", "RMB"], ["yuan", "yuan", "fen", "fen"]),
    Currency(&["₽"], &["RUB"], ["ruble", "rubles", "kopeck", "kopecks"]),
    Currency(&["₹"], &["INR", "Rs", "Rs."], ["rupee", "rupees", "paisa", "paise"]),
    Currency(&["₩"], &["KRW"], ["won", "won", "", ""]),
    Currency(&["₺"], &[], ["lira", "lira", "kurus", "kurus"]),
    Currency(&["₴"], &["UAH"], ["hryvnia", "hryvnias", "kopeck", "kopecks"]),
    Currency(&["₪"], &["ILS"], ["shekel", "shekels", "agora", "agorot"]),
    Currency(&["₫"], &["VND"], ["dong", "dong", "", ""]),
    Currency(&["฿"], &["THB"], ["baht", "baht", "satang", "satang"]),
    Currency(&["₱"], &[], ["peso", "pesos", "centavo", "centavos"]),
    Currency(&[], &["MXN"], ["peso", "pesos", "centavo", "centavos"]),
    Currency(&["CHF", "SFr.", "Fr."], &[], ["franc", "francs", "centime", "centimes"]),
    Currency(&[], &["SEK", "NOK", "DKK", "kr", "kr."], ["crown", "crowns", "ore", "ore"]),
    Currency(&["zł"], &["PLN", "zl"], ["zloty", "zlotys", "grosz", "groszy"]),
    Currency(&["Kč"], &["CZK", "Kc"], ["crown", "crowns", "haler", "halers"]),
    Currency(&[], &["ZAR"], ["rand", "rand", "cent", "cents"]),
];

const MAGNITUDES: [(&str, &str); 20] = [
    (" million", "million"),
    (" billion", "billion"),
    (" trillion", "trillion"),
    (" thousand", "thousand"),
    (" mn", "million"),
    (" mln", "million"),
    (" bn", "billion"),
    (" b", "billion"),
    (" m", "million"),
    (" mio", "million"),
    ("bn", "billion"),
    ("mn", "million"),
    ("tn", "trillion"),
    ("m", "million"),
    ("M", "million"),
    ("b", "billion"),
    ("B", "billion"),
    ("T", "trillion"),
    ("k", "thousand"),
    ("K", "thousand"),
];

/// A currency at the beginning of `text`, and its length.
fn currency(text: &str, whole_word: bool) -> Option<(&'static Currency, usize)> {
    CURRENCIES.iter().find_map(|currency| {
        let symbol = currency.0.iter().find(|symbol| text.starts_with(**symbol));
        let code = || {
            let fits =
                |code: &&&str| text.strip_prefix(**code).is_some_and(|behind| is_over(behind) || whole_word);
            currency.1.iter().filter(fits).max_by_key(|code| code.len())
        };
        // "CHF1'234" touches its number, "CHFX" is something else.
        let found = symbol.or_else(code)?;
        let after = &text[found.len()..];
        let letters = found.starts_with(|c: char| c.is_ascii_alphabetic());
        (!letters || !after.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((currency, found.len()))
    })
}

/// Returns true if a currency is at the beginning of a text.
fn is_currency(text: &str) -> bool {
    currency(text.strip_prefix(' ').unwrap_or(text), false).is_some()
}

/// `$5.50`, `€ 3`, `£1.2bn`, `EUR 10`, `-$5`, `1.234,56 €`, `50p`
pub(super) fn money(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let (sign, sign_length) = sign(scan);
    let body = &text[sign_length..];
    let joined = |words: String| if sign.is_empty() { words } else { format!("{sign} {words}") };
    let (words, length) = if body.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        scan.at_start().then(|| symbol_last(body))??
    } else {
        symbol_first(scan, body)?
    };
    Some(Token::words(joined(words), sign_length + length))
}

/// `$5.50`, `EUR 10`, `$5-$10`
fn symbol_first(scan: &Scan<'_>, body: &str) -> Option<(String, usize)> {
    let (currency, mut at) = currency(body, true)?;
    if body.starts_with(|c: char| c.is_ascii_alphabetic()) && !scan.at_start() {
        return None;
    }
    // "€ 3" and "EUR 10" have a blank, "$5" has none; "$-5" has its sign behind.
    at += usize::from(body[at..].starts_with(' '));
    // The sign of "$-5" is said first, as that of "-$5".
    let negative = body[at..].starts_with('-') && body[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    at += usize::from(negative);
    // "€ 5,50" has a decimal comma, "$1,23" none.
    let european = !body.starts_with(['$', '£', '¥']);
    let number =
        Number::read_marked(&body[at..], |behind| european && is_over(behind) && !behind.starts_with(','))
            .filter(|number| !number.whole.is_empty() || number.fraction.is_some())?;
    at += number.length;
    let minus = if negative { "minus " } else { "" };
    let (words, more, magnitude) = sum(&number, currency, &body[at..]);
    at += more;
    // "$5-10", "$5 - $10", "$2-3 million"
    if let Some((between, end, end_currency)) = range(&body[at..]) {
        let next = at + between;
        let (last, last_length, last_magnitude) = sum(&end, end_currency.unwrap_or(currency), &body[next..]);
        // "five to ten dollars", but "five dollars and fifty cents to ten dollars".
        let one_name = end_currency.is_none_or(|end| end.2[1] == currency.2[1]);
        let bare = one_name && number.is_round() && end.is_round() && magnitude == last_magnitude
            || one_name && magnitude.is_empty() && !last_magnitude.is_empty();
        let first = match magnitude {
            _ if !bare => words,
            _ if magnitude.is_empty() || !last_magnitude.is_empty() => number.words(),
            _ => words,
        };
        let plural = match last_magnitude {
            "" if end.is_one() => format!("one {}", currency.2[1]),
            _ => last,
        };
        return Some((format!("{minus}{first} to {plural}"), next + last_length));
    }
    at += round_dash(&body[at..]);
    let (per, more) = share(&body[at..]);
    // "a $5 bill"
    let words =
        if per.is_empty() && scan.is_adjective(&body[at..]) { singular(&words, currency) } else { words };
    Some((format!("{minus}{words}{per}"), at + more))
}

/// The words of a sum before a noun: "five dollar".
fn singular(words: &str, currency: &Currency) -> String {
    match words.strip_suffix(currency.2[1]) {
        Some(amount) => format!("{amount}{}", currency.2[0]),
        None => words.to_owned(),
    }
}

/// Length of the dash behind a round sum: `5,-`, `5.–`
fn round_dash(text: &str) -> usize {
    [",-", ".-", ",–", ".–"].iter().find(|dash| text.starts_with(**dash)).map_or(0, |dash| dash.len())
}

/// `5 €`, `1.234,56 EUR`, `99¢`, `50p`
fn symbol_last(body: &str) -> Option<(String, usize)> {
    let number = Number::read_marked(body, |behind| {
        is_currency(behind)
            || behind.starts_with([' ', 'k', 'm', 'M', 'b', 'B']) && magnitude_then_currency(behind)
    })?;
    let mut at = number.length;
    at += round_dash(&body[at..]);
    if let Some(words) = hundredths(&number, &body[at..]) {
        return Some(words);
    }
    // "5 m" alone is a length: the currency behind it decides.
    let amount = magnitude(&body[at..]).filter(|(_, length)| is_currency(&body[at + length..]));
    let (said, length) = amount.unwrap_or(("", 0));
    let behind = &body[at + length..];
    let blank = usize::from(behind.starts_with(' '));
    let (currency, symbol) = currency(&behind[blank..], false)?;
    let end = at + length + blank + symbol;
    // "5 €10": the sign belongs to the second number.
    if body[end..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words = if said.is_empty() {
        sum(&number, currency, "").0
    } else {
        format!("{} {said} {}", number.words(), currency.2[1])
    };
    let (per, more) = share(&body[end..]);
    Some((format!("{words}{per}"), end + more))
}

/// `99¢`, `50p`
fn hundredths(number: &Number, after: &str) -> Option<(String, usize)> {
    let count = number.words();
    if after.starts_with('¢') {
        let unit = if number.is_one() { "cent" } else { "cents" };
        return Some((format!("{count} {unit}"), number.length + '¢'.len_utf8()));
    }
    // "1080p" is a picture.
    let pence = after.strip_prefix('p').is_some_and(is_over) && number.is_round() && number.whole.len() <= 2;
    pence.then(|| (format!("{count} {}", if number.is_one() { "penny" } else { "pence" }), number.length + 1))
}

/// Returns the scale word behind a number, and its length.
fn magnitude(after: &str) -> Option<(&'static str, usize)> {
    let (written, said) = MAGNITUDES.iter().find(|(m, _)| after.strip_prefix(m).is_some_and(is_over))?;
    Some((said, written.len()))
}

fn magnitude_then_currency(after: &str) -> bool {
    magnitude(after).is_some_and(|(_, length)| is_currency(&after[length..]))
}

/// The dash behind a sum, the number behind it with its own currency if it has one; the length is that up to the end of
/// the number.
fn range(text: &str) -> Option<(usize, Number, Option<&'static Currency>)> {
    let signs = [" - ", " – ", "-", "–", " to "];
    let sign = signs.into_iter().find(|sign| text.starts_with(sign))?;
    let mut at = sign.len();
    let own = currency(&text[at..], true);
    // Without a second symbol "to" may begin anything: "from $5 to 3 people".
    if own.is_none() && sign == " to " {
        return None;
    }
    at += own.map_or(0, |(_, length)| length);
    let number = Number::read(&text[at..]).filter(|number| !number.whole.is_empty())?;
    at += number.length;
    Some((at, number, own.map(|(currency, _)| currency)))
}

/// Returns the words of a sum, the length of the part of `after` that belongs to it, and its scale word.
fn sum(number: &Number, currency: &Currency, after: &str) -> (String, usize, &'static str) {
    let Currency(_, _, [one, many, hundredth, hundredths]) = currency;
    if let Some((said, length)) = magnitude(after) {
        return (format!("{} {said} {many}", number.words()), length, said);
    }
    // "$5.00" and "$5.000" are "five dollars", "$1.5" is "one dollar and fifty cents". The yen has no hundredth.
    let cents = number.fraction.as_deref().map(|fraction| fraction.trim_end_matches('0'));
    let plain = |number: &Number| format!("{} {}", number.words(), if number.is_one() { one } else { many });
    let words = match cents {
        Some(cents) if cents.len() <= 2 && !hundredth.is_empty() => {
            let digits = if number.whole.is_empty() { "0".to_owned() } else { number.whole.clone() };
            let whole = Number { whole: digits, fraction: None, ..number.clone() };
            let major = plain(&whole);
            let count: u64 = format!("{cents:0<2}").parse().unwrap_or(0);
            let minor = format!("{} {}", cardinal(count), if count == 1 { hundredth } else { hundredths });
            match (whole.whole.trim_start_matches('0'), count) {
                (_, 0) => major,
                ("", _) => minor,
                _ => format!("{major} and {minor}"),
            }
        }
        _ => plain(number),
    };
    (words, 0, "")
}

/// `/kWh`, `/month`, ` / month` behind a price.
fn share(text: &str) -> (String, usize) {
    let stroke = ["/", " / "].iter().find(|stroke| text.starts_with(**stroke));
    match stroke.and_then(|stroke| {
        units::per(&text[stroke.len()..]).map(|(unit, length)| (unit, stroke.len() + length))
    }) {
        Some((unit, length)) if is_over(&text[length..]) => (format!(" per {unit}"), length),
        _ => (String::new(), 0),
    }
}
