//! Spanish.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, Phrase, romance, tables};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Ratio, Surroundings, WrittenNumber};

/// Spanish.
pub(super) struct Spanish;

const BELOW_THIRTY: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const TENS: [&str; 10] =
    ["", "", "", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const HUNDREDS: [&str; 10] = [
    "",
    "ciento",
    "doscient",
    "trescient",
    "cuatrocient",
    "quinient",
    "seiscient",
    "setecient",
    "ochocient",
    "novecient",
];
/// Names of the powers of a million from the first on.
const SCALES: [&str; 4] = ["millón", "billón", "trillón", "cuatrillón"];
const ORDINALS: [&str; 10] =
    ["", "primer", "segund", "tercer", "cuart", "quint", "sext", "séptim", "octav", "noven"];
const ORDINAL_TENS: [&str; 10] = [
    "",
    "décim",
    "vigésim",
    "trigésim",
    "cuadragésim",
    "quincuagésim",
    "sexagésim",
    "septuagésim",
    "octogésim",
    "nonagésim",
];
const ORDINAL_HUNDREDS: [&str; 10] = [
    "",
    "centésim",
    "ducentésim",
    "tricentésim",
    "cuadringentésim",
    "quingentésim",
    "sexcentésim",
    "septingentésim",
    "octingentésim",
    "noningentésim",
];
/// Marks of ordinals behind the digits, the longer before those with which they begin.
const MARKS: [&str; 14] = [".ᵉʳ", ".er", ".º", ".ª", ".°", "º", "ª", "°", "ᵉʳ", "er", "ro", "ra", "do", "da"];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::SPANISH));

impl Grammar for Spanish {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        if number == 0 {
            return BELOW_THIRTY[0].to_owned();
        }
        let mut said = Phrase::new(" ");
        // The long scale: a billón is a million millions, and "mil millones" lie between.
        for power in (0..5).rev() {
            let group = number / 1_000_000_u128.pow(power) % 1_000_000;
            let group = u32::try_from(group).unwrap_or_default();
            if power == 0 {
                said.word(&below_million(group, agreement.gender));
            } else if group > 0 {
                // Scales are nouns: "veintiún millones", "dos billones".
                said.word(&below_million(group, Some(Gender::Masculine)));
                let scale = SCALES[usize::try_from(power - 1).unwrap_or_default().min(3)];
                said.word(&if group == 1 { scale.to_owned() } else { scale.replace("ón", "ones") });
            }
        }
        said.text
    }

    fn ordinal(&self, number: u128, mark: &str, _: &Surroundings<'_>) -> String {
        match mark.trim_start_matches('.') {
            // Days of a list before a month are cardinals.
            "/" => self.cardinal(number, Agreement::COUNTING),
            "ª" | "ra" | "da" => ordinal(number, "a"),
            "ᵉʳ" | "er" => ordinal(number, ""),
            _ => ordinal(number, "o"),
        }
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, _: &WrittenNumber) -> Option<usize> {
        let ends = |mark: &&&str| {
            place.rest.strip_prefix(**mark).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        // "28°" and "28° C" are temperatures, "1° de mayo" is a date.
        let degrees = place.rest.starts_with('°') && place.behind('°'.len_utf8()).next_word().len() < 2;
        MARKS.iter().find(ends).filter(|_| !degrees).map(|mark| mark.len())
    }

    fn roman_length(&self, place: &Surroundings<'_>, written: &str) -> Option<usize> {
        romance::roman_length(&CONVENTIONS, place, written)
    }

    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        let king = place.previous_word().chars().next().is_some_and(char::is_uppercase);
        // Kings and popes have ordinals up to ten: Alfonso décimo, Alfonso trece.
        if king && number <= 10 {
            // Most names of queens end so; no king's does.
            let queen = place.previous_word().ends_with('a') || place.previous_word() == "Isabel";
            return ordinal(number, if queen { "a" } else { "o" });
        }
        self.cardinal(number, Agreement::COUNTING)
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        romance::date(self, date, "primero", "de")
    }

    fn time(&self, time: &ClockTime, _: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        if let (Some(minute), Some(second)) = (time.minute, time.second.filter(|second| *second > 0)) {
            said.word(&romance::counted(self, time.hour, Gender::Feminine, "hora", "horas"));
            said.word(&romance::counted(self, minute, Gender::Masculine, "minuto", "minutos"));
            said.word("y");
            said.word(&romance::counted(self, second, Gender::Masculine, "segundo", "segundos"));
        } else {
            said.word(&self.cardinal(time.hour.into(), Agreement::with(Gender::Feminine)));
            match time.minute.unwrap_or_default() {
                // The clock of twenty-four hours names them: "dieciséis horas".
                0 if time.hour == 0 || time.hour > 12 => said.word("horas"),
                0 => {}
                15 => said.word("y cuarto"),
                30 => said.word("y media"),
                minute => {
                    said.word("y");
                    said.word(&self.cardinal(minute.into(), Agreement::COUNTING));
                }
            }
        }
        said.word(match (time.afternoon, time.hour) {
            (Some(true), 12) => "del mediodía",
            (Some(true), 8..) | (Some(false), 12) => "de la noche",
            (Some(true), _) => "de la tarde",
            (Some(false), _) => "de la mañana",
            (None, _) => "",
        });
        said.text
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let mut said = Phrase::new(" ");
        said.word(if ratio.minus { "menos" } else { "" });
        if let Some(whole) = ratio.whole {
            said.word(&self.cardinal(whole, Agreement::COUNTING));
            said.word("y");
        }
        if (ratio.numerator, ratio.denominator) == (1, 2) {
            said.word("medio");
            return said.text;
        }
        let Some(part) = part(ratio.denominator) else {
            // Without a name of its own: "uno sobre ciento uno".
            said.word(&self.cardinal(ratio.numerator, Agreement::COUNTING));
            said.word("sobre");
            said.word(&self.cardinal(ratio.denominator, Agreement::COUNTING));
            return said.text;
        };
        said.word(&self.cardinal(ratio.numerator, Agreement::with(Gender::Masculine)));
        said.word(&format!("{part}{}", if ratio.numerator == 1 { "" } else { "s" }));
        said.text
    }

    fn of_ratio(&self, ratio: &Ratio) -> &'static str {
        if (ratio.numerator, ratio.denominator) == (1, 2) { "" } else { "de" }
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        romance::agreement(&CONVENTIONS, number, place)
    }

    fn governed(&self, noun: &Noun, _: &Surroundings<'_>) -> Agreement {
        // Percents are counted without a noun: "uno por ciento".
        if noun.form(0).starts_with("por ") { Agreement::COUNTING } else { Agreement::with(noun.gender) }
    }

    fn decimals(&self, digits: &str) -> String {
        romance::decimals(self, digits)
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let (ending, plural) = if unit.noun.gender == Gender::Feminine { ("a", index) } else { ("o", index) };
        let plural = if plural == 0 { "" } else { "s" };
        let power = match unit.power {
            2 => format!(" cuadrad{ending}{plural}"),
            3 => format!(" cúbic{ending}{plural}"),
            _ => String::new(),
        };
        format!("{}{}{power}", unit.prefix, unit.noun.form(index))
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        let mut said: Vec<String> = groups.iter().map(|group| self.by_digits(group)).collect();
        // Country codes of two digits are numbers.
        if country && let Some((first, code)) = said.first_mut().zip(groups.first()) {
            let named = if code.len() == 2 {
                self.cardinal(code.parse().unwrap_or_default(), Agreement::COUNTING)
            } else {
                first.clone()
            };
            *first = format!("más {named}");
        }
        said.join(", ")
    }
}

fn below_million(number: u32, gender: Option<Gender>) -> String {
    let mut said = Phrase::new(" ");
    let (thousands, rest) = (number / 1000, number % 1000);
    // "mil", never "un mil"; before it the numeral is short, and agrees in its hundreds: "doscientas mil millas".
    let thousand_gender = gender.or(Some(Gender::Masculine));
    match thousands {
        0 => {}
        1 => said.word("mil"),
        _ => {
            let short = below_thousand(thousands, thousand_gender).replace("una", "un");
            said.word(&short.replace("veintiun", "veintiún").replace("veintiúnm", "veintiúm"));
            said.word("mil");
        }
    }
    said.word(&below_thousand(rest, gender));
    said.text
}

/// Returns a number below a thousand: "uno" in counting, "un" or "una" before a noun.
fn below_thousand(number: u32, gender: Option<Gender>) -> String {
    let (hundreds, rest) = ((number / 100) as usize, (number % 100) as usize);
    let mut said = Phrase::new(" ");
    match (hundreds, rest) {
        (1, 0) => said.word("cien"),
        (2.., _) => said.word(&format!(
            "{}{}",
            HUNDREDS[hundreds],
            if gender == Some(Gender::Feminine) { "as" } else { "os" }
        )),
        _ => said.word(HUNDREDS[hundreds]),
    }
    // Before a masculine noun the numeral loses its vowel.
    let one = match gender {
        None => "uno",
        Some(Gender::Feminine) => "una",
        Some(_) => "un",
    };
    match (rest / 10, rest % 10) {
        (0, 0) => {}
        (0, 1) => said.word(one),
        (2, 1) => said.word(if one == "un" {
            "veintiún"
        } else if one == "una" {
            "veintiuna"
        } else {
            "veintiuno"
        }),
        (0..=2, _) => said.word(BELOW_THIRTY[rest]),
        (tens, 0) => said.word(TENS[tens]),
        (tens, 1) => said.word(&format!("{} y {one}", TENS[tens])),
        (tens, units) => said.word(&format!("{} y {}", TENS[tens], BELOW_THIRTY[units])),
    }
    said.text
}

/// Returns an ordinal with its ending, which is empty in "primer" and "tercer".
fn ordinal(number: u128, ending: &str) -> String {
    let (thousands, rest) = (number / 1000, usize::try_from(number % 1000).unwrap_or_default());
    let mut said = Phrase::new(" ");
    let full = if ending.is_empty() { "o" } else { ending };
    if thousands > 0 {
        // "dosmilésimo" in one word, "milésimo" without a number before.
        let before = if thousands == 1 {
            String::new()
        } else {
            Spanish.cardinal(thousands, Agreement::with(Gender::Masculine))
        };
        let (before, scale) = match before.strip_suffix(" mil") {
            _ if thousands == 1000 => (String::new(), "millonésim"),
            Some(millions) => (millions.to_owned(), "milmilésim"),
            None => (before, "milésim"),
        };
        said.word(&format!("{}{scale}{full}", before.replace(' ', "")));
    }
    let (hundreds, tens, units) = (rest / 100, rest / 10 % 10, rest % 10);
    said.word(&if hundreds > 0 { format!("{}{full}", ORDINAL_HUNDREDS[hundreds]) } else { String::new() });
    // Only "primero" and "tercero" lose theirs: "primer piso", "segundo piso".
    let unit = |stem: &str| format!("{stem}{}", if matches!(units, 1 | 3) { ending } else { full });
    match (tens, units) {
        (0, 0) => {}
        (0, _) => said.word(&unit(ORDINALS[units])),
        (_, 0) => said.word(&format!("{}{full}", ORDINAL_TENS[tens])),
        (1, 1) if !ending.is_empty() => said.word(&format!("undécim{full}")),
        (1, 2) => said.word(&format!("duodécim{full}")),
        // One word up to twenty-nine, and the accent of the first part is lost; one "o" of "decimooctavo" too.
        (1 | 2, _) => {
            let first = if tens == 1 { "decimo" } else { "vigesimo" };
            said.word(&unit(&format!("{first}{}", ORDINALS[units])).replace("oo", "o"));
        }
        _ => {
            said.word(&format!("{}{full}", ORDINAL_TENS[tens]));
            said.word(&unit(ORDINALS[units]));
        }
    }
    said.text
}

/// Returns the name of a part of one, where it has a name.
fn part(denominator: u128) -> Option<String> {
    let round = denominator.is_multiple_of(100) && denominator < 1000 || denominator.is_multiple_of(1000);
    match denominator {
        2 => Some("medio".to_owned()),
        3 => Some("tercio".to_owned()),
        4..=10 => Some(ordinal(denominator, "o")),
        11..=99 => {
            let cardinal = Spanish.cardinal(denominator, Agreement::with(Gender::Masculine));
            // "treinta y un" is "treintaiun" here, and the accents are gone.
            let joined = cardinal.replace(" y ", "i").replace('ú', "u").replace('ó', "o").replace('é', "e");
            Some(format!("{}avo", joined.strip_suffix('a').unwrap_or(&joined)))
        }
        1_000_000 => Some("millonésimo".to_owned()),
        // "cienmillonésimo": the number of millions in one word with the scale.
        _ if denominator.is_multiple_of(1_000_000) => {
            let millions = Spanish.cardinal(denominator / 1_000_000, Agreement::with(Gender::Masculine));
            Some(format!("{}millonésimo", millions.replace(' ', "")))
        }
        _ if denominator >= 100 && round => Some(ordinal(denominator, "o")),
        _ => None,
    }
}
