//! French.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, Phrase, groups_of_three, romance, tables};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Surroundings, WrittenNumber};

/// French.
pub(super) struct French;

const BELOW_SEVENTEEN: [&str; 17] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize",
];
const TENS: [&str; 10] = [
    "",
    "dix",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "soixante",
    "quatre-vingt",
    "quatre-vingt",
];
/// Names of the powers of a thousand from the second on.
const SCALES: [&str; 6] = ["million", "milliard", "billion", "billiard", "trillion", "trilliard"];
/// Marks of ordinals behind the digits.
const MARKS: [&str; 16] = [
    "er", "ers", "re", "res", "ère", "ères", "e", "es", "ème", "èmes", "eme", "ième", "nd", "nde", "ᵉ", "ᵉʳ",
];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::FRENCH));

impl Grammar for French {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        if number == 0 {
            return BELOW_SEVENTEEN[0].to_owned();
        }
        let mut said = Phrase::new(" ");
        for (power, group) in groups_of_three(number) {
            // Only the last group agrees: "vingt et un mille voix".
            let one = if power == 0 && agreement.gender == Some(Gender::Feminine) { "une" } else { "un" };
            match (power, group) {
                (0, _) => said.word(&below_thousand(group, one, true)),
                // "mille", never "un mille".
                (1, 1) => said.word("mille"),
                (1, _) => {
                    said.word(&below_thousand(group, one, false));
                    said.word("mille");
                }
                _ => {
                    let scale = SCALES[(power - 2).min(SCALES.len() - 1)];
                    said.word(&below_thousand(group, one, true));
                    said.word(&format!("{scale}{}", if group > 1 { "s" } else { "" }));
                }
            }
        }
        said.text
    }

    fn ordinal(&self, number: u128, mark: &str, _: &Surroundings<'_>) -> String {
        match (number, mark) {
            // Days of a list before a month are cardinals.
            (_, "/") => self.cardinal(number, Agreement::COUNTING),
            (1, "re" | "ère" | "res" | "ères") => "première".to_owned(),
            (1, _) => "premier".to_owned(),
            (2, "nd") => "second".to_owned(),
            (2, "nde") => "seconde".to_owned(),
            _ => ordinal(number) + if mark.ends_with('s') { "s" } else { "" },
        }
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, _: &WrittenNumber) -> Option<usize> {
        let ends = |mark: &&&str| {
            place.rest.strip_prefix(**mark).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        MARKS.iter().find(ends).map(|mark| mark.len())
    }

    fn roman_length(&self, place: &Surroundings<'_>, written: &str) -> Option<usize> {
        // "XXe", "Ier": the mark makes the ordinal.
        if written.bytes().all(|byte| byte.is_ascii_uppercase())
            && let Some(length) = self.ordinal_mark(place, &WrittenNumber::of(0))
        {
            return Some(length);
        }
        romance::roman_length(&CONVENTIONS, place, written)
    }

    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        let century =
            place.next_word().starts_with("siècle") || place.next_word().starts_with("arrondissement");
        // Of kings only the first has an ordinal.
        match number {
            _ if century => ordinal(number),
            1 if place.previous_word().chars().next().is_some_and(char::is_uppercase) => "premier".to_owned(),
            _ => self.cardinal(number, Agreement::COUNTING),
        }
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        romance::date(self, date, "premier", "")
    }

    fn time(&self, time: &ClockTime, _: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        said.word(&romance::counted(self, time.hour, Gender::Feminine, "heure", "heures"));
        match (time.minute.unwrap_or_default(), time.second) {
            (minute, Some(second)) => {
                said.word(&romance::counted(self, minute, Gender::Feminine, "minute", "minutes"));
                said.word(&romance::counted(self, second, Gender::Feminine, "seconde", "secondes"));
            }
            (0, None) => {}
            (minute, None) => said.word(&self.cardinal(minute.into(), Agreement::with(Gender::Feminine))),
        }
        said.word(match time.afternoon {
            Some(true) => "de l'après-midi",
            Some(false) => "du matin",
            None => "",
        });
        said.text
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let mut said = Phrase::new(" ");
        said.word(if ratio.minus { "moins" } else { "" });
        if let Some(whole) = ratio.whole {
            said.word(&self.cardinal(whole, Agreement::COUNTING));
            said.word("et");
        }
        // "un et demi", but "un demi" alone.
        let half = ratio.whole.is_some() && (ratio.numerator, ratio.denominator) == (1, 2);
        said.word(&if half { String::new() } else { self.cardinal(ratio.numerator, Agreement::COUNTING) });
        let plural = if ratio.numerator > 1 { "s" } else { "" };
        said.word(&match ratio.denominator {
            2 => format!("demi{plural}"),
            3 => "tiers".to_owned(),
            4 => format!("quart{plural}"),
            denominator => format!("{}{plural}", ordinal(denominator)),
        });
        said.text
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        romance::agreement(&CONVENTIONS, number, place)
    }

    fn decimals(&self, digits: &str) -> String {
        romance::decimals(self, digits)
    }

    fn plural(&self, number: u128) -> usize {
        usize::from(number > 1)
    }

    fn noun_form(&self, number: &WrittenNumber, _: &Surroundings<'_>) -> usize {
        // The plural begins with two: "1,5 litre".
        self.plural(number.whole())
    }

    fn counted(
        &self,
        amount: &Quantity,
        noun: &Noun,
        named: &dyn Fn(usize) -> String,
        place: &Surroundings<'_>,
    ) -> String {
        // "d'euros", "d'ampères", "d'heures".
        let said = super::grammar::counted(self, amount, noun, named, place);
        ["e", "a", "h"]
            .iter()
            .fold(said, |said, vowel| said.replace(&format!(" de {vowel}"), &format!(" d'{vowel}")))
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let plural = if index == 0 { "" } else { "s" };
        let power = match unit.power {
            2 => format!(" carré{plural}"),
            3 => format!(" cube{plural}"),
            _ => String::new(),
        };
        format!("{}{}{power}", unit.prefix, unit.noun.form(index))
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        let said: Vec<String> = groups.iter().map(|group| romance::decimals(self, group)).collect();
        format!("{}{}", if country { "plus " } else { "" }, said.join(", "))
    }
}

/// Returns a number below a thousand; "cents" and "quatre-vingts" have their "s" where nothing follows.
fn below_thousand(number: u16, one: &str, last: bool) -> String {
    let (hundreds, rest) = (usize::from(number / 100), usize::from(number % 100));
    let mut said = Phrase::new(" ");
    said.word(if hundreds > 1 { BELOW_SEVENTEEN[hundreds] } else { "" });
    said.word(match hundreds {
        0 => "",
        2.. if rest == 0 && last => "cents",
        _ => "cent",
    });
    said.word(&below_hundred(rest, one, last));
    said.text
}

fn below_hundred(number: usize, one: &str, last: bool) -> String {
    let (tens, units) = (number / 10, number % 10);
    // The seventies and nineties count on from sixty and eighty.
    let teens = if tens == 7 || tens == 9 { units + 10 } else { units };
    match (tens, teens) {
        (0, 0) => String::new(),
        (0, 1) => one.to_owned(),
        (0 | 1, _) if number < 17 => BELOW_SEVENTEEN[number].to_owned(),
        (8, 0) => if last { "quatre-vingts" } else { "quatre-vingt" }.to_owned(),
        (_, 0) => TENS[tens].to_owned(),
        (2..=6, 1) => format!("{} et {one}", TENS[tens]),
        (7, 11) => "soixante et onze".to_owned(),
        (8, 1) => format!("quatre-vingt-{one}"),
        (7 | 9, 17..) => format!("{}-dix-{}", TENS[tens], BELOW_SEVENTEEN[teens - 10]),
        _ => format!("{}-{}", TENS[tens], BELOW_SEVENTEEN[teens]),
    }
}

fn ordinal(number: u128) -> String {
    let cardinal = French.cardinal(number, Agreement::COUNTING);
    let stem = match cardinal.as_str() {
        said if said.ends_with("cinq") => format!("{said}u"),
        said if said.ends_with("neuf") => format!("{}v", &said[..said.len() - 1]),
        // These "s" and "x" belong to the word; those of "cents" and "quatre-vingts" are plurals and go.
        said if said.ends_with("trois") || said.ends_with("six") || said.ends_with("dix") => said.to_owned(),
        said => said.trim_end_matches(['e', 's']).to_owned(),
    };
    format!("{stem}ième")
}
