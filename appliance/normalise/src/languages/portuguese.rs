//! Portuguese, in the numerals of Brazil.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, Phrase, groups_of_three, romance, tables};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Ratio, Surroundings, WrittenNumber};

/// Portuguese.
pub(super) struct Portuguese;

const BELOW_TWENTY: [&str; 20] = [
    "zero",
    "um",
    "dois",
    "três",
    "quatro",
    "cinco",
    "seis",
    "sete",
    "oito",
    "nove",
    "dez",
    "onze",
    "doze",
    "treze",
    "catorze",
    "quinze",
    "dezesseis",
    "dezessete",
    "dezoito",
    "dezenove",
];
const TENS: [&str; 10] =
    ["", "", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"];
const HUNDREDS: [&str; 10] = [
    "",
    "cento",
    "duzent",
    "trezent",
    "quatrocent",
    "quinhent",
    "seiscent",
    "setecent",
    "oitocent",
    "novecent",
];
/// Stems of the powers of a thousand from the second on: "milhão", "milhões".
const SCALES: [&str; 6] = ["milh", "bilh", "trilh", "quatrilh", "quintilh", "sextilh"];
const ORDINALS: [&str; 10] =
    ["", "primeir", "segund", "terceir", "quart", "quint", "sext", "sétim", "oitav", "non"];
const ORDINAL_TENS: [&str; 10] = [
    "",
    "décim",
    "vigésim",
    "trigésim",
    "quadragésim",
    "quinquagésim",
    "sexagésim",
    "septuagésim",
    "octogésim",
    "nonagésim",
];
const ORDINAL_HUNDREDS: [&str; 10] = [
    "",
    "centésim",
    "ducentésim",
    "trecentésim",
    "quadringentésim",
    "quingentésim",
    "sexcentésim",
    "septingentésim",
    "octingentésim",
    "noningentésim",
];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::PORTUGUESE));

impl Grammar for Portuguese {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        if number == 0 {
            return BELOW_TWENTY[0].to_owned();
        }
        let gender = agreement.gender.unwrap_or(Gender::Masculine);
        let groups: Vec<(usize, u16)> = groups_of_three(number).collect();
        let mut said = Phrase::new(" ");
        for (at, (power, group)) in groups.iter().copied().enumerate() {
            // "e" joins the last group only, and only a short one: "mil e cem", "mil cento e dez".
            let last = at > 0 && at + 1 == groups.len();
            said.word(if last && (group < 100 || group % 100 == 0) { "e" } else { "" });
            match (power, group) {
                (0, _) => said.word(&below_thousand(group, gender)),
                (1, 1) => said.word("mil"),
                (1, _) => {
                    said.word(&below_thousand(group, gender));
                    said.word("mil");
                }
                _ => {
                    let stem = SCALES[(power - 2).min(SCALES.len() - 1)];
                    // The scales are masculine nouns, whatever is counted: "dois milhões de casas".
                    said.word(&below_thousand(group, Gender::Masculine));
                    said.word(&format!("{stem}{}", if group == 1 { "ão" } else { "ões" }));
                }
            }
        }
        said.text
    }

    fn ordinal(&self, number: u128, mark: &str, _: &Surroundings<'_>) -> String {
        match mark.trim_start_matches('.') {
            // Days of a list before a month are cardinals.
            "/" => self.cardinal(number, Agreement::COUNTING),
            "ª" | "a" => ordinal(number, "a"),
            _ => ordinal(number, "o"),
        }
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, _: &WrittenNumber) -> Option<usize> {
        let dot = usize::from(place.rest.starts_with('.'));
        let mark = place.rest[dot..].chars().next().filter(|c| matches!(c, 'º' | 'ª'))?;
        let length = dot + mark.len_utf8();
        (!place.rest[length..].starts_with(char::is_alphanumeric)).then_some(length)
    }

    fn roman_length(&self, place: &Surroundings<'_>, written: &str) -> Option<usize> {
        romance::roman_length(&CONVENTIONS, place, written)
    }

    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        let previous = place.previous_word();
        let king = previous.chars().next().is_some_and(char::is_uppercase);
        // Kings, popes and centuries have ordinals up to ten.
        if number <= 10 && (king || previous.to_lowercase().starts_with("século")) {
            let queen = king && previous.ends_with('a');
            return ordinal(number, if queen { "a" } else { "o" });
        }
        self.cardinal(number, Agreement::COUNTING)
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        romance::date(self, date, "primeiro", "de")
    }

    fn time(&self, time: &ClockTime, _: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        // Zero has the plural: "zero horas".
        let zero = time.hour == 0;
        said.word(&romance::counted(
            self,
            time.hour,
            Gender::Feminine,
            if zero { "horas" } else { "hora" },
            "horas",
        ));
        match (time.minute.unwrap_or_default(), time.second) {
            (minute, Some(second)) => {
                said.word("e");
                said.word(&romance::counted(self, minute, Gender::Masculine, "minuto", "minutos"));
                said.word("e");
                said.word(&romance::counted(self, second, Gender::Masculine, "segundo", "segundos"));
            }
            (0, None) => {}
            (minute, None) => {
                said.word("e");
                said.word(&self.cardinal(minute.into(), Agreement::COUNTING));
            }
        }
        said.word(match time.afternoon {
            Some(true) if time.hour >= 7 && time.hour < 12 => "da noite",
            Some(true) => "da tarde",
            Some(false) => "da manhã",
            None => "",
        });
        said.text
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let mut said = Phrase::new(" ");
        said.word(if ratio.minus { "menos" } else { "" });
        if let Some(whole) = ratio.whole {
            said.word(&self.cardinal(whole, Agreement::COUNTING));
            said.word("e");
        }
        said.word(&self.cardinal(ratio.numerator, Agreement::COUNTING));
        let plural = if ratio.numerator == 1 { "" } else { "s" };
        said.word(&match ratio.denominator {
            2 => format!("meio{plural}"),
            3 => format!("terço{plural}"),
            4..=10 | 100 | 1000 => format!("{}{plural}", ordinal(ratio.denominator, "o")),
            denominator => format!("{} avos", self.cardinal(denominator, Agreement::COUNTING)),
        });
        said.text
    }

    fn of_ratio(&self, _: &Ratio) -> &'static str {
        "de"
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        romance::agreement(&CONVENTIONS, number, place)
    }

    fn plural(&self, number: u128) -> usize {
        usize::from(number != 1)
    }

    fn governed(&self, noun: &Noun, _: &Surroundings<'_>) -> Agreement {
        Agreement::with(noun.gender)
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let plural = if index == 0 { "" } else { "s" };
        let power = match unit.power {
            2 => format!(" quadrado{plural}"),
            3 => format!(" cúbico{plural}"),
            _ => String::new(),
        };
        format!("{}{}{power}", unit.prefix, unit.noun.form(index))
    }
}

fn below_thousand(number: u16, gender: Gender) -> String {
    let (hundreds, rest) = (usize::from(number / 100), usize::from(number % 100));
    let feminine = gender == Gender::Feminine;
    let mut parts: Vec<String> = Vec::new();
    match (hundreds, rest) {
        (0, _) => {}
        (1, 0) => parts.push("cem".to_owned()),
        (1, _) => parts.push(HUNDREDS[1].to_owned()),
        _ => parts.push(format!("{}{}", HUNDREDS[hundreds], if feminine { "as" } else { "os" })),
    }
    // The teens are single words and agree with nothing.
    let units = if rest < 20 { rest } else { rest % 10 };
    if rest >= 20 {
        parts.push(TENS[rest / 10].to_owned());
    }
    match units {
        0 => {}
        1 if feminine => parts.push("uma".to_owned()),
        2 if feminine => parts.push("duas".to_owned()),
        _ => parts.push(BELOW_TWENTY[units].to_owned()),
    }
    parts.join(" e ")
}

fn ordinal(number: u128, ending: &str) -> String {
    let mut said = Phrase::new(" ");
    let (thousands, rest) = (number / 1000, usize::try_from(number % 1000).unwrap_or_default());
    if thousands > 0 {
        let before =
            if thousands == 1 { String::new() } else { Portuguese.cardinal(thousands, Agreement::COUNTING) };
        said.word(&before);
        said.word(&format!("milésim{ending}"));
    }
    for stem in [ORDINAL_HUNDREDS[rest / 100], ORDINAL_TENS[rest / 10 % 10], ORDINALS[rest % 10]] {
        said.word(&if stem.is_empty() { String::new() } else { format!("{stem}{ending}") });
    }
    said.text
}
