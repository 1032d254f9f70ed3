//! German.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Phrase, groups_of_three, tables};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Ratio, Surroundings, WrittenNumber};

/// German.
pub(super) struct German;

const BELOW_TWENTY: [&str; 20] = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const TENS: [&str; 10] =
    ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];
/// Names of the powers of a thousand from the second on.
const SCALES: [&str; 6] = ["Million", "Milliarde", "Billion", "Billiarde", "Trillion", "Trilliarde"];
const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
/// Words before a date or an ordinal that put it in the dative or genitive.
const OBLIQUE: [&str; 26] = [
    "am",
    "vom",
    "zum",
    "im",
    "beim",
    "dem",
    "den",
    "des",
    "seit",
    "bis",
    "ab",
    "nach",
    "vor",
    "zur",
    "einem",
    "einen",
    "eines",
    "ihrem",
    "seinem",
    "diesem",
    "diesen",
    "dieses",
    "jeden",
    "jedem",
    "unserem",
    "kommenden",
];
/// Words before an ordinal that have the ending of the article themselves.
const DEFINITE: [&str; 7] = ["der", "die", "das", "jede", "diese", "dieser", "jeder"];
/// Endings of feminine nouns.
const FEMININE_ENDINGS: [&str; 10] = ["e", "ung", "heit", "keit", "ion", "tät", "schaft", "ei", "in", "ur"];
/// Feminine nouns that are counted and do not end so.
const FEMININE_NOUNS: [&str; 6] = ["person", "nacht", "fahrt", "bahn", "tür", "tonne"];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::GERMAN));

impl Grammar for German {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        let one = match agreement.gender {
            None => "eins",
            Some(Gender::Feminine) => "eine",
            Some(_) => "ein",
        };
        if number == 0 {
            return BELOW_TWENTY[0].to_owned();
        }
        let mut said = Phrase::new(" ");
        let mut small = String::new();
        for (power, group) in groups_of_three(number) {
            match power {
                0 => small.push_str(&below_thousand(group, one)),
                // Thousands are written in one word with what follows, millions are not.
                1 => small.push_str(&format!("{}tausend", below_thousand(group, "ein"))),
                _ => {
                    let scale = SCALES[(power - 2).min(SCALES.len() - 1)];
                    let plural = if group == 1 {
                        ""
                    } else if scale.ends_with('e') {
                        "n"
                    } else {
                        "en"
                    };
                    said.word(&below_thousand(group, "eine"));
                    said.word(&format!("{scale}{plural}"));
                }
            }
        }
        said.word(&small);
        said.text
    }

    fn ordinal(&self, number: u128, mark: &str, place: &Surroundings<'_>) -> String {
        let written = mark.trim_start_matches(['.', '/']);
        // "121tem" has its ending.
        let ending =
            written.strip_prefix("st").or_else(|| written.strip_prefix('t')).unwrap_or_else(|| ending(place));
        format!("{}{ending}", ordinal_stem(number))
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, number: &WrittenNumber) -> Option<usize> {
        let rest = place.rest;
        for ending in ["tem", "ten", "ter", "tes", "te", "stem", "sten", "ster", "stes", "ste"] {
            if rest.strip_prefix(ending).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)) {
                return Some(ending.len());
            }
        }
        let next = rest.strip_prefix('.')?;
        let word = place.behind(1).next_word();
        let previous = place.previous_word().to_lowercase();
        let led = OBLIQUE.contains(&previous.as_str()) || DEFINITE.contains(&previous.as_str());
        // A noun behind makes an ordinal, but "im Jahr 2012. Danach" and "um 8. Dann" are ends of sentences; a longer
        // number, or an everyday one without anything before it, is one too.
        let noun = next.starts_with(' ') && word.chars().next().is_some_and(char::is_uppercase);
        let alone = place.before.trim().is_empty() && next.trim().is_empty();
        let ordinal = alone
            || led && (noun || number.digits.len() < 3)
            || noun && (number.digits.len() < 3 || place.before.is_empty()) && !SENTENCE.contains(&word);
        (ordinal || led && next.trim().is_empty()).then_some(1)
    }

    fn roman_length(&self, place: &Surroundings<'_>, written: &str) -> Option<usize> {
        let upper = written.bytes().all(|byte| byte.is_ascii_uppercase());
        // The language writes all nouns with a capital, so a king cannot be told from a thing; the dot tells.
        let name = place.previous_word().chars().next().is_some_and(char::is_uppercase);
        // "Ludwig XIV." is the fourteenth; "Kapitel IV" has no dot, and "I." begins a list.
        let ordinal = upper && name && place.rest.starts_with('.') && !place.previous_word().is_empty();
        if ordinal {
            // The dot of the last word also ends the sentence.
            return Some(usize::from(!place.rest[1..].trim().is_empty()));
        }
        let numbered = ["Kapitel", "Teil", "Band", "Abschnitt", "Akt", "Klasse", "Typ", "Weltkrieg", "Phase"]
            .contains(&place.previous_word());
        (upper && numbered).then_some(0)
    }

    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        let numbered = ["Kapitel", "Teil", "Band", "Abschnitt", "Akt", "Klasse", "Typ", "Phase"]
            .contains(&place.previous_word());
        if numbered {
            self.cardinal(number, Agreement::COUNTING)
        } else {
            format!("der {}e", ordinal_stem(number))
        }
    }

    fn date(&self, date: &CalendarDate, place: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        if let Some(day) = date.day {
            said.word(&format!("{}{}", ordinal_stem(day.into()), ending(place)));
        }
        said.word(MONTHS[usize::from(date.month.clamp(1, 12) - 1)]);
        if let Some(year) = date.year {
            said.word(&if date.short_year { self.padded(year) } else { year_name(year) });
        }
        said.text
    }

    fn time(&self, time: &ClockTime, _: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        said.word(&self.cardinal(time.hour.into(), Agreement::with(Gender::Neuter)));
        said.word("Uhr");
        let minute = u128::from(time.minute.unwrap_or_default());
        if let Some(second) = time.second {
            let number = |number: u128| self.cardinal(number, Agreement::with(Gender::Feminine));
            said.word(&number(minute));
            said.word(if minute == 1 { "Minute" } else { "Minuten" });
            said.word(&number(second.into()));
            said.word(if second == 1 { "Sekunde" } else { "Sekunden" });
        } else if minute > 0 {
            said.word(&self.cardinal(minute, Agreement::COUNTING));
        }
        match time.afternoon {
            Some(true) if time.hour < 6 || time.hour == 12 => said.word("nachmittags"),
            Some(true) => said.word("abends"),
            Some(false) => said.word("morgens"),
            None => {}
        }
        said.text
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let mut said = Phrase::new(" ");
        said.word(if ratio.minus { "minus" } else { "" });
        let halves = ratio.denominator == 2;
        if let Some(whole) = ratio.whole {
            // "eineinhalb", but "drei drei viertel".
            let half = halves && ratio.numerator == 1;
            let whole = self.cardinal(whole, Agreement::with(Gender::Neuter));
            said.word(&if half { format!("{whole}einhalb") } else { whole });
            if half {
                return said.text;
            }
        }
        said.word(&self.cardinal(ratio.numerator, Agreement::with(Gender::Neuter)));
        said.word(&match (halves, ratio.numerator) {
            (true, 1) => "halb".to_owned(),
            (true, _) => "halbe".to_owned(),
            _ => format!("{}el", ordinal_stem(ratio.denominator)),
        });
        said.text
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        let label = place.previous_word().chars().next().is_some_and(char::is_uppercase);
        let noun = place.next_word();
        let counted =
            place.rest.starts_with([' ', '\u{a0}']) && noun.chars().next().is_some_and(char::is_uppercase);
        // "Gleis 1 Richtung Köln" names a platform, "1 Minute" counts.
        if number.digits == "1" && counted && (!label || place.before.trim_end().ends_with(['.', ':'])) {
            let lower = noun.to_lowercase();
            let feminine = FEMININE_NOUNS.contains(&lower.as_str())
                || FEMININE_ENDINGS.iter().any(|ending| lower.ends_with(ending));
            return Agreement::with(if feminine { Gender::Feminine } else { Gender::Masculine });
        }
        Agreement::COUNTING
    }

    fn number(&self, number: &WrittenNumber, agreement: Agreement) -> String {
        let mut said = Phrase::new(" ");
        said.word(if number.minus { "minus" } else { "" });
        if !number.is_integer() {
            said.word(&self.cardinal(number.whole(), Agreement::COUNTING));
            said.word("Komma");
            said.word(&self.by_digits(&number.decimals));
        } else if (1800..2000).contains(&number.whole())
            && agreement.gender.is_none()
            && number.digits.len() == 4
            && !number.minus
        {
            // Numbers from 1800 on are years more often than counts, and both may be said so.
            said.word(&year_name(u16::try_from(number.whole()).unwrap_or_default()));
        } else {
            said.word(&self.cardinal(number.whole(), agreement));
        }
        said.text
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let power = match unit.power {
            2 => "Quadrat",
            3 => "Kubik",
            _ => "",
        };
        let noun = unit.noun.form(index);
        let base = if unit.prefix.is_empty() {
            noun.to_owned()
        } else {
            format!("{}{}", unit.prefix, noun.to_lowercase())
        };
        if power.is_empty() { base } else { format!("{power}{}", base.to_lowercase()) }
    }

    fn attaches(&self, place: &Surroundings<'_>) -> bool {
        const ENDINGS: [&str; 14] = [
            "er",
            "ern",
            "ers",
            "fach",
            "fache",
            "fachen",
            "mal",
            "jährig",
            "köpfig",
            "stündig",
            "tägig",
            "prozentig",
            "teilig",
            "minütig",
        ];
        let word = place.rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        ENDINGS.contains(&word)
            || ENDINGS.iter().any(|ending| ending.ends_with("ig") && word.starts_with(ending))
    }

    fn abbreviated(&self, written: &str, spoken: &'static str, place: &Surroundings<'_>) -> &'static str {
        // Before a name it is a woman, elsewhere a Friday.
        let name = place.behind(written.len()).next_word().chars().next().is_some_and(char::is_uppercase);
        if written == "Fr." && !name { "Freitag" } else { spoken }
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        let mut said: Vec<String> = groups.iter().map(|group| self.by_digits(group)).collect();
        if let Some((code, number)) =
            said.first_mut().zip(groups.first()).filter(|_| country && !groups[0].starts_with('0'))
        {
            *code =
                format!("plus {}", self.cardinal(number.parse().unwrap_or_default(), Agreement::COUNTING));
        }
        said.join(", ")
    }
}

/// Words that begin a sentence rather than follow an ordinal.
const SENTENCE: [&str; 16] = [
    "Der", "Die", "Das", "Es", "Sie", "Er", "Wir", "Ich", "Bitte", "Dann", "Danach", "In", "Im", "Am", "Und",
    "Ein",
];

impl German {
    /// Returns a year of two digits.
    fn padded(&self, year: u16) -> String {
        if year < 10 {
            format!("null {}", self.cardinal(year.into(), Agreement::COUNTING))
        } else {
            year_name(year)
        }
    }
}

fn below_thousand(number: u16, one: &str) -> String {
    let (hundreds, rest) = (usize::from(number / 100), usize::from(number % 100));
    let mut said = String::new();
    if hundreds > 0 {
        said.push_str(&format!("{}hundert", BELOW_TWENTY[hundreds]));
    }
    match (rest / 10, rest % 10) {
        (0, 0) => {}
        (0, 1) => said.push_str(one),
        (0 | 1, _) => said.push_str(BELOW_TWENTY[rest]),
        (tens, 0) => said.push_str(TENS[tens]),
        (tens, units) => said.push_str(&format!("{}und{}", BELOW_TWENTY[units], TENS[tens])),
    }
    said
}

/// Returns a year: "neunzehnhundertachtzig", but "zweitausenddreizehn".
fn year_name(year: u16) -> String {
    let said = |number: u16| German.cardinal(number.into(), Agreement::COUNTING);
    // "zehnhundert" and "zwanzighundert" are not said.
    if !(1100..2000).contains(&year) {
        return said(year);
    }
    let rest = if year.is_multiple_of(100) { String::new() } else { said(year % 100) };
    format!("{}hundert{rest}", said(year / 100))
}

fn ordinal_stem(number: u128) -> String {
    let rest = number % 100;
    let stem = match rest {
        0 if number == 0 => return "nullt".to_owned(),
        1 => "erst".to_owned(),
        3 => "dritt".to_owned(),
        7 => "siebt".to_owned(),
        8 => "acht".to_owned(),
        2..=19 => format!("{}t", German.cardinal(rest, Agreement::COUNTING)),
        0 => "st".to_owned(),
        _ => format!("{}st", German.cardinal(rest, Agreement::COUNTING)),
    };
    let above = number - rest;
    if above == 0 { stem } else { format!("{}{stem}", German.cardinal(above, Agreement::COUNTING)) }
}

/// Neuter nouns that are numbered.
const NEUTER: [&str; 13] = [
    "geschoss",
    "geschoß",
    "stockwerk",
    "haus",
    "zimmer",
    "gleis",
    "tor",
    "quartal",
    "halbjahr",
    "jahr",
    "kapitel",
    "spiel",
    "mal",
];
/// Feminine nouns that are numbered.
const FEMININE: [&str; 13] = [
    "etage", "ebene", "klasse", "reihe", "liga", "halbzeit", "runde", "stunde", "straße", "woche", "station",
    "linie", "auflage",
];

/// Returns the ending of an ordinal after the word before it.
fn ending(place: &Surroundings<'_>) -> &'static str {
    let previous = place.previous_word().to_lowercase();
    if OBLIQUE.contains(&previous.as_str()) {
        "en"
    } else if DEFINITE.contains(&previous.as_str()) {
        "e"
    } else {
        // Without an article the ordinal shows the gender, which the noun's own ending tells for compounds, too.
        let noun = place.next_word().to_lowercase();
        let is_one_of = |nouns: &[&str]| nouns.iter().any(|known| noun.ends_with(known));
        if is_one_of(&NEUTER) {
            "es"
        } else if is_one_of(&FEMININE) {
            "e"
        } else {
            "er"
        }
    }
}
