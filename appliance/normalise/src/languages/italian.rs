//! Italian.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, Phrase, groups_of_three, romance, tables};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Surroundings, WrittenNumber};

/// Italian.
pub(super) struct Italian;

const BELOW_TWENTY: [&str; 20] = [
    "zero",
    "uno",
    "due",
    "tre",
    "quattro",
    "cinque",
    "sei",
    "sette",
    "otto",
    "nove",
    "dieci",
    "undici",
    "dodici",
    "tredici",
    "quattordici",
    "quindici",
    "sedici",
    "diciassette",
    "diciotto",
    "diciannove",
];
const TENS: [&str; 10] =
    ["", "", "venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"];
/// Stems of the powers of a thousand from the second on: "milione", "milioni".
const SCALES: [&str; 6] = ["milion", "miliard", "bilion", "biliard", "trilion", "triliard"];
const ORDINALS: [&str; 11] =
    ["zeresim", "prim", "second", "terz", "quart", "quint", "sest", "settim", "ottav", "non", "decim"];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::ITALIAN));

impl Grammar for Italian {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        // Only one itself agrees: "ventuno case".
        match (number, agreement.gender) {
            (0, _) => return BELOW_TWENTY[0].to_owned(),
            (1, Some(Gender::Feminine)) => return "una".to_owned(),
            (1, Some(_)) => return "un".to_owned(),
            _ => {}
        }
        let mut said = Phrase::new(" ");
        let mut small = String::new();
        for (power, group) in groups_of_three(number) {
            match (power, group) {
                (0, _) => small.push_str(&below_thousand(group)),
                (1, 1) => small.push_str("mille"),
                (1, _) => small.push_str(&format!("{}mila", below_thousand(group))),
                _ => {
                    let stem = SCALES[(power - 2).min(SCALES.len() - 1)];
                    let one = if stem.ends_with('d') { "o" } else { "e" };
                    // Millions are nouns and stand apart from the number before them.
                    said.word(&if group == 1 { "un".to_owned() } else { accented(&below_thousand(group)) });
                    said.word(&format!("{stem}{}", if group == 1 { one } else { "i" }));
                }
            }
        }
        said.word(&accented(&small));
        said.text
    }

    fn ordinal(&self, number: u128, mark: &str, _: &Surroundings<'_>) -> String {
        match mark {
            // Days of a list before a month are cardinals.
            "/" => self.cardinal(number, Agreement::COUNTING),
            "ª" | "a" => ordinal(number, "a"),
            _ => ordinal(number, "o"),
        }
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, _: &WrittenNumber) -> Option<usize> {
        let rest = place.rest;
        let mark = rest.chars().next().filter(|c| matches!(c, 'º' | 'ª' | '°'))?;
        let behind = place.behind(mark.len_utf8());
        // "20°" and "20° C" are temperatures, "1° piano" is a floor.
        let degrees = mark == '°' && behind.next_word().len() < 2;
        (!degrees && !behind.rest.starts_with(char::is_alphanumeric)).then(|| mark.len_utf8())
    }

    fn roman_length(&self, place: &Surroundings<'_>, written: &str) -> Option<usize> {
        romance::roman_length(&CONVENTIONS, place, written)
    }

    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        let previous = place.previous_word();
        // Parts of a book are counted, kings and centuries ranked.
        let numbered = ["capitolo", "volume", "parte", "tomo"].contains(&previous.to_lowercase().as_str());
        match numbered {
            true => self.cardinal(number, Agreement::COUNTING),
            false => ordinal(number, if previous.ends_with('a') && previous != "papa" { "a" } else { "o" }),
        }
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        romance::date(self, date, "primo", "")
    }

    fn time(&self, time: &ClockTime, _: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        let midnight = time.hour == 0 && time.minute.unwrap_or_default() == 0;
        said.word(&match time.hour {
            0 if midnight => "mezzanotte".to_owned(),
            0 => "zero".to_owned(),
            // The hour is feminine: "l'una".
            1 => "una".to_owned(),
            hour => self.cardinal(hour.into(), Agreement::COUNTING),
        });
        match time.minute.unwrap_or_default() {
            0 => {}
            15 => said.word("e un quarto"),
            30 => said.word("e mezza"),
            minute => {
                said.word("e");
                said.word(&self.cardinal(minute.into(), Agreement::COUNTING));
            }
        }
        if let Some(second) = time.second {
            said.word("e");
            said.word(&romance::counted(self, second, Gender::Masculine, "secondo", "secondi"));
        }
        said.word(match time.afternoon {
            Some(true) => "del pomeriggio",
            Some(false) => "del mattino",
            None => "",
        });
        said.text
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let mut said = Phrase::new(" ");
        said.word(if ratio.minus { "meno" } else { "" });
        if let Some(whole) = ratio.whole {
            said.word(&self.cardinal(whole, Agreement::COUNTING));
            said.word("e");
            if (ratio.numerator, ratio.denominator) == (1, 2) {
                said.word("mezzo");
                return said.text;
            }
        }
        said.word(&self.cardinal(ratio.numerator, Agreement::with(Gender::Masculine)));
        let ending = if ratio.numerator == 1 { "o" } else { "i" };
        said.word(&if ratio.denominator == 2 {
            format!("mezz{ending}")
        } else {
            ordinal(ratio.denominator, ending)
        });
        said.text
    }

    fn of_ratio(&self, _: &Ratio) -> &'static str {
        "di"
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        romance::agreement(&CONVENTIONS, number, place)
    }

    fn governed(&self, noun: &Noun, _: &Surroundings<'_>) -> Agreement {
        // Percents are counted without a noun: "uno per cento".
        if noun.form(0).starts_with("per") { Agreement::COUNTING } else { Agreement::with(noun.gender) }
    }

    fn decimals(&self, digits: &str) -> String {
        romance::decimals(self, digits)
    }

    fn counted(
        &self,
        amount: &Quantity,
        noun: &Noun,
        named: &dyn Fn(usize) -> String,
        place: &Surroundings<'_>,
    ) -> String {
        // The article is elided: "un'ora".
        super::grammar::counted(self, amount, noun, named, place).replace("una o", "un'o")
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let ending = if index == 0 { "o" } else { "i" };
        let power = match unit.power {
            2 => format!(" quadrat{ending}"),
            3 => format!(" cub{ending}"),
            _ => String::new(),
        };
        format!("{}{}{power}", unit.prefix, unit.noun.form(index))
    }
}

/// Returns a number below a thousand in one word, without the accent of a final "tre".
fn below_thousand(number: u16) -> String {
    let (hundreds, rest) = (usize::from(number / 100), usize::from(number % 100));
    let mut said = String::new();
    if hundreds > 0 {
        said.push_str(if hundreds > 1 { BELOW_TWENTY[hundreds] } else { "" });
        // One "o" of "centoottanta" is lost.
        said.push_str(if rest == 8 || rest / 10 == 8 { "cent" } else { "cento" });
    }
    match (rest / 10, rest % 10) {
        (0, 0) => {}
        (0 | 1, _) => said.push_str(BELOW_TWENTY[rest]),
        // The tens lose their vowel before another: "ventuno", "ventotto".
        (tens, units @ (1 | 8)) => {
            said.push_str(&TENS[tens][..TENS[tens].len() - 1]);
            said.push_str(BELOW_TWENTY[units]);
        }
        (tens, 0) => said.push_str(TENS[tens]),
        (tens, units) => said.push_str(&format!("{}{}", TENS[tens], BELOW_TWENTY[units])),
    }
    said
}

/// Returns the number with the accent that "tre" has at the end of a longer word.
fn accented(number: &str) -> String {
    match number.strip_suffix("tre").filter(|before| !before.is_empty()) {
        Some(before) => format!("{before}tré"),
        None => number.to_owned(),
    }
}

fn ordinal(number: u128, ending: &str) -> String {
    if let Some(stem) = usize::try_from(number).ok().and_then(|number| ORDINALS.get(number)) {
        return format!("{stem}{ending}");
    }
    let cardinal = Italian.cardinal(number, Agreement::COUNTING);
    let stem = match cardinal.as_str() {
        // "ventitreesimo" and "ventiseiesimo" keep their vowels.
        said if said.ends_with("tré") => said.replace("tré", "tre"),
        said if said.ends_with("sei") => said.to_owned(),
        said if said.ends_with("mila") => said.replace("mila", "mill"),
        said => said.trim_end_matches(['a', 'e', 'i', 'o']).to_owned(),
    };
    format!("{stem}esim{ending}")
}
