//! Quantities: numbers with signs, fractions, ranges and units; dimensions, powers and equations.

use super::amounts::{Amount, sign};
use super::numbers::{Number, cardinal, code, one_by_one, ordinal, ordinal_suffix, plain, year};
use super::scan::{
    FRACTIONS, Scan, alphanumerics, digits, is_number_over, is_over, letters, listed, next_word,
};
use super::token::Token;
use super::{times, units};

/// Words before a number that is a year.
const YEAR_WORDS: &str = "in since year until till circa spring summer autumn fall winter early late mid copyright \
    christmas around by from of before after born vintage election cup games";
/// Words behind a number of four digits that is a quantity in spite of the word before.
const COUNTED: &str = "people men women children of more times percent million in per fewer or sheep";
/// Words before a count out of a total: "page 3/10".
const STEPS: [&str; 7] = ["step", "page", "part", "slide", "file", "item", "lap"];
const RATINGS: [&str; 6] = ["rating", "rated", "score", "scored", "scores", "rate"];
/// Words behind a number with `K` that is read as a letter: resolutions and runs.
const LETTERED: &str = "run runs race video videos tv tvs resolution screen display monitor camera uhd film \
    projector";
/// Units that may stand without a number.
const BARE: &str = "m² m³ m2 m3 km² cm² kWh km kg cm mm kHz MHz GHz dB mph ml hPa kW Mbps Gbps mmHg kPa mg lbs \
    µg";

/// A number and what belongs to it.
pub(super) fn quantity(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() {
        return None;
    }
    let (sign, sign_length) = sign(scan);
    let body = &text[sign_length..];
    // "114...48" has an ellipsis, and no decimals.
    let ellipsis = body.starts_with('.') && scan.before() == Some('.');
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.' || FRACTIONS.contains(c)) || ellipsis {
        return None;
    }
    // A ratio has no sign, and its colon must not be split off as punctuation.
    let ratio = if sign.is_empty() { times::ratio(body) } else { None };
    let (words, length) = ratio.or_else(|| named(scan, body)).or_else(|| measured(scan, body))?;
    let words = if sign.is_empty() { words } else { format!("{sign} {words}") };
    Some(Token::words(words, sign_length + length))
}

/// Reads numbers that are not quantities: ordinals, shares of a total, years.
fn named(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    if let Some(number) = Number::read(text).filter(|number| number.fraction.is_none())
        && let Some(suffix) = ordinal_suffix(&text[number.length..])
        && let Ok(value) = number.whole.parse::<u64>()
    {
        let words = ordinal(value);
        let written = text[number.length..number.length + suffix].to_ascii_lowercase();
        // "21th" and "11st" are no ordinals; they are read as they stand.
        let right = words.ends_with(&written) || written == "rd" && words.ends_with("third");
        // "000th" is a slip, too: there is no such number.
        let slip = number.whole.len() > 1 && number.whole.starts_with('0');
        let words = if slip {
            format!("{} {written}", number.words())
        } else if right {
            words
        } else {
            format!("{} {written}", cardinal(value))
        };
        return Some((words, number.length + suffix));
    }
    let count = digits(text);
    let (written, after) = text.split_at(count);
    // Longer digit strings are read digit by digit elsewhere.
    let value: u64 = written.parse().ok().filter(|_| count <= 9)?;
    let previous = scan.previous_word();
    if let Some(rated) = rated(scan, text) {
        return Some(rated);
    }
    let total = after.strip_prefix('/').map_or(0, digits);
    if (1..=4).contains(&total) && is_number_over(&after[1 + total..]) {
        let total_words = after[1..=total].parse::<u64>().map(cardinal).unwrap_or_default();
        let said =
            |between: &str| (format!("{} {between} {total_words}", cardinal(value)), count + 1 + total);
        if STEPS.contains(&previous.as_str()) {
            return Some(said("of"));
        }
        // Blood pressure.
        let pressure = after[1 + total..].trim_start().starts_with("mmHg")
            || matches!(scan.governing_word(true).as_str(), "pressure" | "bp");
        if pressure {
            let words = format!("{} over {}", code(written), code(&after[1..=total]));
            return Some((words, count + 1 + total));
        }
    }
    // "340 AD", "2020 was"
    let era = ["AD", "A.D", "BC", "B.C", "BCE", "CE"]
        .iter()
        .any(|era| after.strip_prefix(' ').and_then(|next| next.strip_prefix(era)).is_some_and(is_over));
    if era && count == 3 {
        return Some((code(written), count));
    }
    // "1990.5" or "5-7": the digits are part of something larger.
    if !is_over(after) || goes_on(after) || count != 4 {
        return None;
    }
    is_year(scan, value, after).then(|| (year(value), count))
}

/// `8/10` and `4.5/5` behind a word for a rating; `9/11` and `24/7`, which are names to everybody.
fn rated(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    let number = Number::read(text)?;
    let total = Number::read(text[number.length..].strip_prefix('/')?).filter(Number::is_round)?;
    let length = number.length + 1 + total.length;
    if !is_number_over(&text[length..]) {
        return None;
    }
    for (written, said) in [("9/11", "nine eleven"), ("24/7", "twenty four seven")] {
        if &text[..length] == written {
            return Some((said.to_owned(), length));
        }
    }
    let rating = RATINGS.contains(&scan.governing_word(true).as_str());
    rating.then(|| (format!("{} out of {}", number.words(), total.words()), length))
}

/// Returns true if a number of four digits is a year, or a number that is read like one.
fn is_year(scan: &Scan<'_>, value: u64, after: &str) -> bool {
    let previous = scan.previous_word();
    let next = next_word(after);
    let unit = after.strip_prefix(' ').and_then(|unit| units::read(unit, false, false));
    if unit.is_some() || listed(COUNTED, next.as_str()) || !(1000..2100).contains(&value) {
        return false;
    }
    if listed(YEAR_WORDS, previous.as_str()) {
        return true;
    }
    // "340 AD", "the 2026 budget", and numbers on their own: "Finally, 2012."
    let recent = (1800..2100).contains(&value);
    let era = matches!(next.as_str(), "ad" | "bc" | "bce" | "ce");
    let adjective = recent
        && matches!(previous.as_str(), "the" | "this" | "our")
        && !next.is_empty()
        && !next.ends_with('s');
    let verb =
        matches!(next.as_str(), "was" | "is" | "were" | "will" | "had" | "has" | "saw" | "for" | "and");
    let alone = next.is_empty() || verb;
    let closed = !after.trim_start().starts_with(|c: char| c.is_ascii_digit() || "+=*/×÷<>^-–".contains(c));
    let computed = scan.behind().trim_end().ends_with(|c: char| "+=*/×÷<>^-–".contains(c));
    era || adjective || alone && closed && !computed && value > 1100 && !value.is_multiple_of(100)
}

/// Returns true if the number continues: decimals, thousands, a range, a unit sign.
fn goes_on(after: &str) -> bool {
    !is_number_over(after) || after.starts_with(|c: char| "%°‰€$£×µΩ′″".contains(c) || FRACTIONS.contains(c))
}

/// Amounts, ranges of them, areas of them, with their units.
fn measured(scan: &Scan<'_>, text: &str) -> Option<(String, usize)> {
    if let Some(groups) = stroke_groups(text) {
        return Some(groups);
    }
    let first = Amount::read(text)?;
    let (mut words, mut length, mut one) = (first.words.clone(), first.length, first.one);
    while let Some((between, at)) = connection(scan, &text[..length], &text[length..])
        && let Some(next) = Amount::read(&text[length + at..])
    {
        // "1914-1918" is read as years if both sides look like years.
        let end = &text[length + at..length + at + next.length];
        let unit_follows = unit_behind(&text[length + at + next.length..], false).is_some();
        if between == " to "
            && first.whole
            && next.whole
            && !unit_follows
            && let Some(from) = year_value(&text[..length])
            && let Some(to) = later_year(from, end)
        {
            return Some((format!("{} to {to}", year(from)), length + at + next.length));
        }
        // "2025/26"
        if between == " slash "
            && let Some(from) = year_value(&text[..length])
            && end.parse().is_ok_and(|to: u64| to == (from + 1) % 100)
        {
            return Some((format!("{} {}", year(from), next.words), length + at + next.length));
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
    if let Some((unit, more)) = unit_behind(after, one) {
        // "a 5 km run", "a 16A fuse"
        let one_unit = scan.is_adjective(&after[more..]).then(|| unit_behind(after, true)).flatten();
        let (unit, more) = one_unit.unwrap_or((unit, more));
        // The stop of "5 min. walk" ends no sentence.
        let behind = &after[more..];
        let stop =
            behind.strip_prefix(". ").is_some_and(|next| next.starts_with(|c: char| c.is_ascii_lowercase()));
        return Some((format!("{words} {unit}"), length + more + usize::from(stop)));
    }
    if let Some((end, more)) = ending(after) {
        return Some((format!("{words} {end}"), length + more));
    }
    // "#204" is a number like that of a room.
    if scan.before() == Some('#') && first.whole && length == first.length {
        words = code(&text[..length]);
    }
    Some((words, length))
}

/// Reads other ends of an amount: a rate, a unit behind a hyphen, a factor, a scale.
fn ending(after: &str) -> Option<(String, usize)> {
    // "12/kg"
    let rate = after.strip_prefix('/').and_then(units::per);
    if let Some((unit, more)) = rate.filter(|(_, more)| is_over(&after[1 + more..])) {
        return Some((format!("per {unit}"), 1 + more));
    }
    // "10-km run"
    if let Some(unit) = after.strip_prefix('-')
        && letters(unit) > 1
        && let Some((unit, more)) = units::read(unit, true, true)
    {
        return Some((unit, 1 + more));
    }
    // "3x faster", "zoom 3x": without a second factor.
    if let Some(behind) = after.strip_prefix(['x', '×'])
        && is_over(behind)
    {
        let compares = behind.strip_prefix(' ').is_some_and(|next| next.starts_with(char::is_alphabetic));
        let said = if compares { "times" } else { "X" };
        return Some((said.to_owned(), after.len() - behind.len()));
    }
    // "4K video", but "10K followers" and "5M users"
    if after.starts_with('K') && listed(LETTERED, next_word(&after[1..]).as_str()) {
        return Some(("K".to_owned(), 1));
    }
    let scales = [("K", "thousand"), ("k", "thousand"), ("M", "million"), ("bn", "billion")];
    let (sign, said) = scales.iter().find(|(sign, _)| after.strip_prefix(sign).is_some_and(is_over))?;
    Some(((*said).to_owned(), sign.len()))
}

/// `31/31/100`: three or more numbers between strokes are a name, and no fractions; `142/1` is not one either.
fn stroke_groups(text: &str) -> Option<(String, usize)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '/')).unwrap_or(text.len());
    let groups: Vec<&str> = text[..end].split('/').collect();
    if groups.iter().any(|group| group.is_empty()) || !is_number_over(&text[end..]) {
        return None;
    }
    if let [above, "1"] = groups.as_slice() {
        return (above.len() > 2).then(|| (format!("{} over one", plain(above)), end));
    }
    let words = groups.iter().map(|group| if group.len() > 4 { one_by_one(group) } else { plain(group) });
    (groups.len() > 2).then(|| (words.collect::<Vec<_>>().join(", "), end))
}

/// The unit behind an amount, and its length with the blank before it.
fn unit_behind(after: &str, one: bool) -> Option<(String, usize)> {
    let (unit, touching) = after.strip_prefix(' ').map_or((after, true), |unit| (unit, false));
    let (words, length) = units::read(unit, touching, one)?;
    Some((words, length + usize::from(!touching)))
}

fn year_value(text: &str) -> Option<u64> {
    text.parse().ok().filter(|value| text.len() == 4 && (1100..2100).contains(value))
}

/// The words of the year that ends a range: `1914-1918`, `1960-80`, `2025/26`.
fn later_year(from: u64, end: &str) -> Option<String> {
    if let Some(to) = year_value(end) {
        return Some(year(to));
    }
    let short: u64 = end.parse().ok().filter(|_| end.len() == 2)?;
    (short > from % 100).then(|| cardinal(short))
}

/// Returns the word between two amounts (`10-15`, `10 – 15`, `3 x 4`) and the length of the sign.
fn connection(scan: &Scan<'_>, first: &str, text: &str) -> Option<(&'static str, usize)> {
    let signs = [
        ("-", " to "),
        (" - ", " to "),
        ("–", " to "),
        (" – ", " to "),
        ("x", " by "),
        (" x ", " by "),
        ("×", " by "),
        (" × ", " by "),
        ("/", " slash "),
        (" / ", " slash "),
        (" + ", " plus "),
        ("+", " plus "),
        (" * ", " times "),
        ("*", " times "),
    ];
    // "3 × 4 = 12"
    let computed = {
        let end = text.trim_start_matches(|c: char| c.is_ascii_digit() || " x×*/.,".contains(c));
        end.starts_with('=')
    };
    let (said, length) = signs.iter().find_map(|(written, said)| {
        let after = text.strip_prefix(written)?;
        // A sign joins only if a number follows; a hyphen before a word is part of the word.
        after.starts_with(|c: char| c.is_ascii_digit()).then_some((*said, written.len()))
    })?;
    let said = match said {
        " by " if computed => " times ",
        " slash " if computed => " divided by ",
        other => other,
    };
    // "b-c-1-5-b": between letters that dashes join, digits are parts of a name.
    let mut behind = scan.behind().chars().rev();
    let joined = behind.next() == Some('-') && behind.next().is_some_and(char::is_alphanumeric);
    let goes_on = text[length + digits(&text[length..])..].strip_prefix('-');
    let letter_next = goes_on.is_some_and(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()));
    if said == " to " && (joined || letter_next && unit_behind(goes_on.unwrap_or_default(), false).is_none())
    {
        return Some((" ", length));
    }
    // "737-800", "978-0": a name, or a number that falls, is no range; scores of games do fall.
    let second = digits(&text[length..]);
    let end = &text[length..length + second];
    let falls = first.parse::<u64>().ok().zip(end.parse::<u64>().ok()).is_some_and(|(from, to)| from > to);
    let game = first.len() <= 3 && second <= 3 && (first.len() <= 2 || second > 1);
    let short_year =
        first.len() == 4 && second == 2 || unit_behind(&text[length + second..], false).is_some();
    if said == " to "
        && (end.starts_with('0') && second > 1 || falls && !game && !short_year && first.len() != second)
    {
        return Some((" ", length));
    }
    // "1-8090" counts nothing: ranges of thousands end in round numbers.
    let odd = first.len() == 1 && second == 4 && !end.ends_with("00");
    if said == " to " && odd {
        return Some((" ", length));
    }
    let is_name = scan.previous_as_written().starts_with(|c: char| c.is_ascii_uppercase())
        && !matches!(
            scan.previous_word().as_str(),
            "pages" | "rooms" | "gates" | "lines" | "in" | "from" | "about"
        );
    if said == " to " && is_name && first.len() == 3 && second == 3 && falls {
        return Some((" ", length));
    }
    Some((said, length))
}

/// `in kWh`, `km/h`, `°C`: a unit without a number.
pub(super) fn bare_unit(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() || scan.before().is_some_and(|c| c == '/' || c == '°') {
        return None;
    }
    let (words, length) = units::read(text, false, false).filter(|(_, length)| is_over(&text[*length..]))?;
    let written = &text[..length];
    let rate = written.contains('/') && alphanumerics(written) <= 4 && written != "d/d";
    let scale = matches!(written, "°C" | "°F");
    if !(listed(BARE, written) || rate && !written.ends_with('/') || scale) {
        return None;
    }
    // "W/m²" and "km/h", not "s/he" or "in/out".
    let known = !rate || is_rate(written);
    known.then(|| Token::words(words, length))
}

/// Returns true if both sides of a stroke are usual in rates.
fn is_rate(written: &str) -> bool {
    let below = written.rsplit('/').next().unwrap_or_default();
    let above = written.split('/').next().unwrap_or_default();
    let usual =
        ["h", "s", "min", "m²", "m³", "m2", "m3", "l", "L", "kg", "km", "kWh", "day", "ml", "dL", "°C"];
    usual.contains(&below) && !matches!(above, "in" | "s" | "d" | "h" | "min" | "A" | "N")
}

/// The digits of a decimal number without a whole part behind letters: `PM2.5`
pub(super) fn decimals_behind(text: &str) -> Option<(String, usize)> {
    let count = text.strip_prefix('.').map_or(0, digits);
    (count > 0).then(|| (format!("point {}", one_by_one(&text[1..=count])), 1 + count))
}
