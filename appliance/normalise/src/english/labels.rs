//! Names that letters and digits make: rooms, seats, flights, models, street addresses.

use super::measures::decimals_behind;
use super::numbers::{cardinal, code, one_by_one};
use super::scan::{Scan, alphanumerics, digits, is_number_over, is_over, letters, listed};
use super::token::Token;
use super::words::mixed_words;

/// Words before the number of a place, a vehicle or a thing, which is a name and no quantity.
const NAMED: &str = "room rooms gate gates seat seats bay bays platform platforms flat flats apartment apartments \
    apt suite unit units row rows terminal stand stop block building house door doors exit exits \
    zone zones section wing floor locker lockers box lane desk counter table coach carriage car \
    berth cabin pier dock class form figure appendix annex chapter schedule model type version \
    lot slot ward track studio lab office hall aisle shelf rack port stairwell elevator lift \
    sector grid bed part vitamin hangar pitch court";
/// Words before a number whose digits are read in pairs.
const PAIRED: &str = "room rooms flight flights bus buses line lines route routes train trains apartment suite \
    highway gate gates interstate locker unit flat order ticket invoice booking reference ref \
    case channel extension tram model studio office bed locomotive form forms port boeing error";
/// Manufacturers of aircraft, whose types are read digit by digit.
const AIRCRAFT: [&str; 5] = ["boeing", "airbus", "embraer", "bombardier", "mcdonnell"];
/// Short names of ways behind a house number.
const WAYS: [(&str, &str); 26] = [
    ("st", "Street"),
    ("ave", "Avenue"),
    ("av", "Avenue"),
    ("rd", "Road"),
    ("blvd", "Boulevard"),
    ("dr", "Drive"),
    ("ln", "Lane"),
    ("ct", "Court"),
    ("pl", "Place"),
    ("sq", "Square"),
    ("hwy", "Highway"),
    ("pkwy", "Parkway"),
    ("expy", "Expressway"),
    ("expwy", "Expressway"),
    ("fwy", "Freeway"),
    ("ter", "Terrace"),
    ("cir", "Circle"),
    ("aly", "Alley"),
    ("brg", "Bridge"),
    ("cres", "Crescent"),
    ("gdns", "Gardens"),
    ("pk", "Park"),
    ("tpke", "Turnpike"),
    ("trl", "Trail"),
    ("wy", "Way"),
    ("plz", "Plaza"),
];
/// Full names of ways behind a house number.
const WAY_NAMES: &str = "street avenue road boulevard drive lane court place square highway parkway way terrace \
    crescent close gardens broadway row";
const DIRECTIONS: [(&str, &str); 8] = [
    ("N", "North"),
    ("S", "South"),
    ("E", "East"),
    ("W", "West"),
    ("NE", "Northeast"),
    ("NW", "Northwest"),
    ("SE", "Southeast"),
    ("SW", "Southwest"),
];
/// Postal abbreviations of states.
const STATES: [(&str, &str); 51] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "DC"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

/// Maximum number of words between a house number and the name of its way.
const WAY_WORDS_MAX: usize = 4;

/// A house number with what belongs to it, a direction before a street, a state with its postcode.
pub(super) fn address(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() {
        return None;
    }
    house_number(text)
        .or_else(|| direction(scan, text))
        .or_else(|| way(scan, text))
        .or_else(|| state(scan, text))
}

/// `1428` in `1428 Elm St.`, `221B` in `221B Baker Street`
fn house_number(text: &str) -> Option<Token> {
    let count = digits(text);
    let letter = usize::from(text[count..].starts_with(|c: char| c.is_ascii_alphabetic()));
    if !(1..=5).contains(&count) || !text[count + letter..].starts_with(' ') {
        return None;
    }
    // "5 July Street" names a street, "5 people" does not; "2 Main Streets" neither.
    let after = &text[count + letter + 1..];
    let first = after.chars().next()?;
    let mut named = false;
    let numbered = first.is_ascii_digit();
    if !(first.is_ascii_uppercase() || numbered) {
        return None;
    }
    for (index, word) in after.split(' ').take(WAY_WORDS_MAX + 1).enumerate() {
        let bare = word.trim_end_matches(['.', ',', '!', '?', ';', ':']);
        let lower = bare.to_ascii_lowercase();
        let is_way = listed(WAY_NAMES, lower.as_str()) || WAYS.iter().any(|(short, _)| *short == lower);
        if is_way && index > 0 || lower == "broadway" {
            named = true;
            break;
        }
        // A sentence, not an address.
        let capital = bare.starts_with(|c: char| c.is_ascii_uppercase());
        let ordinal = digits(bare) > 0 && bare.ends_with(['h', 't', 'd']);
        if !(capital || ordinal) || word.len() > bare.len() {
            break;
        }
    }
    if !named {
        return None;
    }
    let letter_words =
        if letter > 0 { format!(" {}", text[count..=count].to_ascii_uppercase()) } else { String::new() };
    // "708" has a zero in an address, an "oh" elsewhere.
    let number = match &text[..count] {
        three if count == 3 && three.contains('0') && !three.ends_with("00") => one_by_one(three),
        other => code(other),
    };
    Some(Token::words(format!("{number}{letter_words}"), count + letter))
}

/// `N` in `708 N 1st St`
fn direction(scan: &Scan<'_>, text: &str) -> Option<Token> {
    let length = letters(text);
    let (_, name) = DIRECTIONS.iter().find(|(short, _)| *short == &text[..length])?;
    let stop = usize::from(text[length..].starts_with('.'));
    let after = text[length + stop..].strip_prefix(' ')?;
    let behind = scan.previous_word();
    // A single letter elsewhere is a letter.
    let numbered = behind.ends_with(|c: char| c.is_ascii_digit());
    // "12 S is": the name of a way follows.
    let street = after.split(' ').take(WAY_WORDS_MAX).any(|word| {
        let lower = word.trim_end_matches(['.', ',']).to_ascii_lowercase();
        listed(WAY_NAMES, lower.as_str()) || WAYS.iter().any(|(short, _)| *short == lower)
    });
    let preposition = matches!(behind.as_str(), "on" | "at" | "to" | "of" | "near" | "onto");
    ((numbered || stop > 0 || preposition) && street).then(|| Token::words(*name, length + stop))
}

/// `St` in `1428 Elm St`, `Ave.` in `Fifth Ave.`
fn way(scan: &Scan<'_>, text: &str) -> Option<Token> {
    let length = letters(text);
    let lower = text[..length].to_ascii_lowercase();
    let (_, name) = WAYS.iter().find(|(short, _)| *short == lower)?;
    // "ST" in capitals is something else than a street, unless all of the address is.
    let initials = length > 1 && text[..length].bytes().all(|b| b.is_ascii_uppercase()) && !scan.shouted;
    if scan.before() != Some(' ') || !is_over(&text[length..]) || text[length..].starts_with('\'') || initials
    {
        return None;
    }
    let stop = usize::from(text[length..].starts_with('.'));
    let ends = scan.ends_after(length) || text[length..].starts_with([',', ';', ':', ')']);
    let behind = scan.behind().trim_end();
    let start = behind.rfind(' ').map_or(0, |at| at + 1);
    let before = &behind[start..];
    let after_name = before.starts_with(|c: char| c.is_ascii_uppercase()) && before.len() > 1
        || before.ends_with(['h', 't', 'd']) && digits(before) > 0;
    // A house number stands before the name: "1428 Elm St It was", "Dr" and "St" else stand before names.
    let numbered = behind[..start]
        .trim_end()
        .rsplit(' ')
        .take(3)
        .any(|word| digits(word) > 0 && digits(word) == word.len());
    let unsure = matches!(
        lower.as_str(),
        "st" | "dr" | "pl" | "ct" | "av" | "pk" | "ter" | "sq" | "wy" | "ln" | "cir"
    );
    let capital = text.starts_with(|c: char| c.is_ascii_uppercase());
    let next = text[length + stop..].trim_start();
    let next_is_name = next.starts_with(|c: char| c.is_ascii_uppercase()) && stop == 0;
    let fits = after_name
        && (capital && (!unsure || ends || numbered || stop > 0 && !is_saint(scan, text))
            || numbered && ends
            || numbered && !next_is_name && capital);
    if !fits || lower == "dr" && !(ends || numbered) {
        return None;
    }
    let mut token =
        Token::words(if capital { (*name).to_owned() } else { name.to_ascii_lowercase() }, length + stop);
    // "Elm St. It was": the stop ends a sentence, too.
    token.stop =
        stop > 0 && (scan.ends_after(length + stop) || next.starts_with(|c: char| c.is_ascii_uppercase()));
    Some(token)
}

/// Returns true if `St.` stands before a name: "Visit St. Paul".
fn is_saint(scan: &Scan<'_>, text: &str) -> bool {
    let next = text[2..].trim_start_matches('.').trim_start();
    let word = &next[..letters(next)];
    let starts_sentence = crate::abbreviations::begins_sentence(word);
    let _ = scan;
    word.starts_with(|c: char| c.is_ascii_uppercase()) && !starts_sentence
}

/// `CA 95051`, `Santa Clara, CA`, `FL, 95051`
fn state(scan: &Scan<'_>, text: &str) -> Option<Token> {
    let length = letters(text);
    let (_, name) = STATES.iter().find(|(short, _)| *short == &text[..length])?;
    let after = &text[length..];
    let behind = scan.behind();
    let code_at = after.trim_start_matches([',', ' ']);
    let zip = digits(code_at) == 5 && is_over(&code_at[5..]);
    let town = behind.ends_with(", ")
        && behind.trim_end_matches([',', ' ']).ends_with(|c: char| c.is_ascii_alphabetic());
    let closed = scan.ends_after(length) || after.starts_with([',', '.', ')']);
    if scan.shouted
        || !(zip
            || town && closed && !matches!(*name, "Indiana" | "Oregon" | "Maine" | "Oklahoma" | "Hawaii"))
    {
        return None;
    }
    // Without a postcode only the town in front shows the state.
    if !zip {
        return Some(Token::words(*name, length));
    }
    let between = if after.starts_with(',') { "," } else { "" };
    let end = text.len() - code_at.len() + 5;
    Some(Token::words(format!("{name}{between} {}", one_by_one(&code_at[..5])), end))
}

/// Numbers behind a word that makes them names, and letters behind them: `12A` in "room 12A", `737-800`.
pub(super) fn label(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let count = digits(text);
    if !scan.at_start() || count == 0 {
        return None;
    }
    let word = scan.governing_word(false);
    let after = &text[count..];
    let behind_letter = {
        let mut behind = scan.behind().chars().rev();
        behind.next() == Some('-') && behind.next().is_some_and(|c| c.is_ascii_uppercase())
    };
    // "Boeing 737-800"
    if AIRCRAFT.contains(&word.as_str()) {
        return aircraft(text).map(|(words, length)| Token::words(words, length));
    }
    // "401(k)": a paragraph of a law.
    let paragraph = after.strip_prefix('(').and_then(|inside| inside.chars().next());
    if let Some(letter) = paragraph.filter(char::is_ascii_lowercase)
        && after[2..].starts_with(')')
        && count == 3
    {
        let words = format!("{} {}", code(&text[..count]), letter.to_ascii_uppercase());
        return Some(Token::words(words, count + 3));
    }
    if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return lettered(scan, text, &word);
    }
    // "invoice no. 2024-118" is no range.
    let parts: Vec<&str> = text[..numbers_end(text)].split('-').collect();
    if parts.len() > 1 && NUMBERED.contains(&word.as_str()) {
        let words: Vec<String> = parts.iter().map(|part| code(part)).collect();
        return Some(Token::words(words.join(" "), numbers_end(text)));
    }
    if !is_over(after) || goes_on(after) {
        return None;
    }
    let unit = after.strip_prefix(' ').and_then(|unit| super::units::read(unit, false, false));
    // Behind a bracket or a quotation the word before governs something else.
    let direct = scan.before().is_some_and(|c| matches!(c, ' ' | '#'));
    let paired = listed(PAIRED, word.as_str()) && direct && unit.is_none() && (count > 1 || behind_letter);
    (behind_letter || paired).then(|| Token::words(code(&text[..count]), count))
}

/// Words before a number with a small letter that might be a unit.
const PLACES: &str = "room rooms flat flats platform gate gates apartment apt suite seat seats bay ward";

/// `12A`, `21D-21F`: one letter behind the number of something that the word before names.
fn lettered(scan: &Scan<'_>, text: &str, word: &str) -> Option<Token> {
    let read = |text: &str| {
        let count = digits(text);
        let letter = text[count..].chars().next().filter(char::is_ascii_alphabetic)?;
        let fits = (1..=4).contains(&count) && is_over(&text[count + 1..]);
        fits.then(|| (format!("{} {}", code(&text[..count]), letter.to_ascii_uppercase()), letter, count + 1))
    };
    let (words, letter, length) = read(text)?;
    let goes = scan.previous_word() == "to" && listed(GOING, scan.word_before_previous().as_str());
    let named = listed(NAMED, word) || listed(PAIRED, word) || goes && letter.is_ascii_uppercase();
    // "the bed 2m away" is a distance, "room 2m" a room.
    let unit = "mlghst".contains(letter) && !listed(PLACES, word);
    if !named || unit {
        return None;
    }
    let end = text[length..].strip_prefix(['-', '–']).unwrap_or_default();
    if let Some((last, _, more)) = read(end) {
        return Some(Token::words(format!("{words} to {last}"), text.len() - end.len() + more));
    }
    Some(Token::words(words, length))
}

/// Words before a number whose parts dashes join.
const NUMBERED: [&str; 8] = ["order", "ticket", "invoice", "booking", "reference", "ref", "case", "part"];

/// Length of the groups of digits that dashes join at the start of `text`.
fn numbers_end(text: &str) -> usize {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(text.len());
    text[..end].trim_end_matches('-').len()
}

/// Verbs before "to 12A".
const GOING: &str = "go proceed come move walk goes report return gate";

/// `737-800`, `747`
fn aircraft(text: &str) -> Option<(String, usize)> {
    let first = digits(text);
    if first != 3 {
        return None;
    }
    let mut words = one_by_one(&text[..3]);
    let mut length = 3;
    if let Some(variant) = text[3..].strip_prefix('-') {
        let count = digits(variant);
        let rest = &variant[count..];
        let suffix = letters(rest);
        if count > 0 && suffix <= 3 && is_over(&rest[suffix..]) {
            words = format!("{words} {}", variant[..count].parse::<u64>().map(cardinal).unwrap_or_default());
            if suffix > 0 {
                words = format!("{words} {}", rest[..suffix].to_ascii_uppercase());
            }
            length += 1 + count + suffix;
        }
    }
    is_over(&text[length..]).then_some((words, length))
}

/// Returns true if the number continues: decimals, thousands, a range, a unit sign.
fn goes_on(after: &str) -> bool {
    !is_number_over(after) || after.starts_with(|c: char| "%°‰€$£½¼¾×µΩ'\"′″".contains(c))
}

/// Letters and digits without blanks: `LH1217`, `PM2.5`, `7-eleven`.
pub(super) fn mixed(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let length = alphanumerics(text);
    let token = &text[..length];
    let is_mixed =
        token.bytes().any(|b| b.is_ascii_digit()) && letters(token) < length && digits(token) < length;
    // Within a run of letters and digits only what is left of it: a number that could not be read whole.
    if length == 0 || !(is_mixed || digits(token) == length) {
        return None;
    }
    // "COVID-19": the digits behind a hyphen.
    if digits(token) == length {
        return (!scan.at_start()).then(|| Token::words(code(token), length));
    }
    let mut words = mixed_words(token, scan.shouted);
    let mut end = length;
    if let Some((decimals, more)) = decimals_behind(&text[length..]) {
        words = format!("{words} {decimals}");
        end += more;
    }
    Some(Token::words(words, end))
}
