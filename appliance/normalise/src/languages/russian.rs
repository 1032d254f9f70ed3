//! Russian: numerals in all cases, with the gender of what is counted.

mod numerals;

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, NounCase, Phrase, tables};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Ratio, Surroundings, WrittenNumber};
use numerals::{cardinal, ordinal};

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::RUSSIAN));

/// Russian.
pub(super) struct Russian;

const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];
/// Parts of one after the decimal mark, by the number of digits.
const PARTS: [&str; 6] = ["десят", "сот", "тысячн", "десятитысячн", "стотысячн", "миллионн"];
/// Prepositions and adverbs with the genitive, dative, instrumental and prepositional.
const GOVERNING: [(NounCase, &[&str]); 4] = [
    (
        NounCase::Genitive,
        &[
            "до",
            "от",
            "из",
            "без",
            "около",
            "после",
            "с",
            "со",
            "более",
            "менее",
            "свыше",
            "больше",
            "меньше",
            "для",
            "у",
            "кроме",
            "порядка",
            "течение",
            "среди",
            "ранее",
            "позднее",
            "позже",
            "раньше",
        ],
    ),
    (NounCase::Dative, &["к", "ко"]),
    (NounCase::Instrumental, &["между", "над", "под", "перед"]),
    (NounCase::Prepositional, &["о", "об", "при"]),
];
/// Words that a number follows as a name, and of which Roman numerals are cardinals.
const NUMBERED: [&str; 8] = ["глава", "том", "часть", "раздел", "класс", "тип", "пункт", "этап"];
/// Names of empresses and queens, by their stems.
const QUEENS: [&str; 6] = ["Екатерин", "Елизавет", "Мари", "Анн", "Изабелл", "Маргарет"];

const HOUR: [&str; 3] =
    ["час часа часу часом часе", "часа часов часам часами часах", "часов часов часам часами часах"];
const MINUTE: [&str; 3] = [
    "минута минуты минуте минутой минуте",
    "минуты минут минутам минутами минутах",
    "минут минут минутам минутами минутах",
];
const SECOND: [&str; 3] = [
    "секунда секунды секунде секундой секунде",
    "секунды секунд секундам секундами секундах",
    "секунд секунд секундам секундами секундах",
];

/// Returns the case that the word before a number asks for.
fn governed_case(place: &Surroundings<'_>) -> NounCase {
    let word = place.previous_word().to_lowercase();
    GOVERNING
        .iter()
        .find(|(_, words)| words.contains(&word.as_str()))
        .map_or(NounCase::Nominative, |(case, _)| *case)
}

impl Grammar for Russian {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        cardinal(number, agreement.gender.unwrap_or(Gender::Masculine), agreement.case)
    }

    fn ordinal(&self, number: u128, mark: &str, place: &Surroundings<'_>) -> String {
        if matches!(mark, "-" | "‑") {
            return numerals::compound(number);
        }
        let mark = mark.trim_start_matches(['-', '‑']);
        // The word for the year follows the case of the number.
        if let Some(year) = mark.strip_prefix(|c: char| c.is_whitespace()) {
            let at = matches!(place.previous_word(), "в" | "В" | "во");
            let (ending, word) = match year {
                "гг." | "гг" => ("ых", "годов"),
                _ if at => ("ом", "году"),
                _ => ("ого", "года"),
            };
            return format!("{} {word}", ordinal(number, ending));
        }
        let ending = match mark {
            "х" if (2..=4).contains(&number) => {
                return cardinal(number, Gender::Masculine, NounCase::Genitive);
            }
            "" => year_ending(place),
            "й" | "ый" | "ой" | "ий" => "ый",
            "я" | "ая" | "ья" => "ая",
            "ю" | "ую" => "ую",
            "го" | "ого" => "ого",
            "му" | "ому" => "ому",
            "м" | "ом" => "ом",
            "х" | "ых" => "ых",
            "ми" | "ыми" => "ыми",
            "ое" => "ое",
            "е" if place.next_word().ends_with(['о', 'е']) || number == 3 && place.next_word().is_empty() => {
                "ое"
            }
            _ => "ые",
        };
        ordinal(number, ending)
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, number: &WrittenNumber) -> Option<usize> {
        const MARKS: [&str; 18] = [
            "й", "ый", "ой", "ий", "я", "ая", "ю", "ую", "го", "ого", "му", "ому", "м", "х", "ых", "ми", "е",
            "ое",
        ];
        let rest = place.rest;
        if let Some(written) = rest.strip_prefix(['-', '‑']) {
            let letters = written.find(|c: char| !c.is_alphabetic()).unwrap_or(written.len());
            let hyphen = rest.len() - written.len();
            // "5-летний" is one word, in which the numeral is a genitive.
            if written[..letters].chars().count() > 3 && number.whole() < 1000 {
                return Some(hyphen);
            }
            let mark = MARKS.contains(&&written[..letters]);
            return mark.then_some(hyphen + letters);
        }
        let year = (1000..2200).contains(&number.whole()) && number.digits.len() == 4;
        let word = place.next_word();
        if year && place.rest.starts_with([' ', '\u{a0}']) {
            let blank = place.rest.chars().next().map_or(0, char::len_utf8);
            let behind = &place.rest[blank..];
            if let Some(mark) = ["гг.", "г."].into_iter().find(|mark| behind.starts_with(*mark)) {
                // At the end of the text the dot also ends the sentence.
                let last = behind[mark.len()..].trim_start().is_empty();
                return Some(blank + mark.len() - usize::from(last));
            }
            if word.starts_with("год") {
                return Some(0);
            }
        }
        let dated = matches!(place.previous_word(), "в" | "В") && year && word.is_empty();
        dated.then_some(0)
    }

    fn roman_length(&self, place: &Surroundings<'_>, written: &str) -> Option<usize> {
        if !written.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let (next, previous) = (place.next_word(), place.previous_word());
        let century =
            next.starts_with("век") || next.starts_with("столети") || next.starts_with("тысячелети");
        let short = place.rest.trim_start().starts_with("в.");
        let king = previous.chars().next().is_some_and(char::is_uppercase)
            && previous.chars().all(|c| !c.is_ascii())
            && previous.chars().count() > 2;
        let numbered = NUMBERED.contains(&previous.to_lowercase().as_str());
        (century || short || king || numbered).then_some(0)
    }

    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        let (next, previous) = (place.next_word(), place.previous_word());
        if NUMBERED.contains(&previous.to_lowercase().as_str()) {
            return self.cardinal(number, Agreement::COUNTING);
        }
        if next.starts_with("век") || next == "в" {
            return ordinal(number, century_ending(place));
        }
        if next.starts_with("столети") || next.starts_with("тысячелети") {
            let endings = [("ие", "ое"), ("ия", "ого"), ("ию", "ому"), ("ием", "ым"), ("ии", "ом")];
            return ordinal(
                number,
                endings.iter().find(|(end, _)| next.ends_with(end)).map_or("ое", |(_, ending)| ending),
            );
        }
        ordinal(number, ruler_ending(previous))
    }

    fn date(&self, date: &CalendarDate, place: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(" ");
        let day = match place.previous_word().to_lowercase().as_str() {
            "" if !date.in_words => "ое",
            "на" | "по" | "сегодня" | "завтра" | "вчера" | "дата" | "послезавтра" => {
                "ое"
            }
            "к" | "ко" => "ому",
            _ => "ого",
        };
        said.word(&date.day.map(|number| ordinal(number.into(), day)).unwrap_or_default());
        said.word(MONTHS[usize::from(date.month.clamp(1, 12) - 1)]);
        if let Some(year) = date.year {
            // "31.01.06" would else be the year 6.
            said.word(if date.short_year && year < 10 { "ноль" } else { "" });
            said.word(&ordinal(year.into(), "ого"));
        }
        said.text
    }

    fn time(&self, time: &ClockTime, place: &Surroundings<'_>) -> String {
        let case = governed_case(place);
        // In the accusative only feminine nouns differ.
        let accusative = matches!(place.previous_word().to_lowercase().as_str(), "в" | "на" | "через" | "за");
        let part = |number: u8, gender: Gender, forms: [&str; 3]| {
            let counted = cardinal(number.into(), gender, case);
            let noun = declined(forms[self.plural(number.into())], case);
            let said = format!("{counted} {noun}");
            if accusative {
                said.replace("одна минута", "одну минуту").replace("одна секунда", "одну секунду")
            } else {
                said
            }
        };
        let mut said = Phrase::new(" ");
        said.word(&part(time.hour, Gender::Masculine, HOUR));
        if let Some(minute) = time.minute.filter(|minute| *minute > 0 || time.second.is_some()) {
            said.word(&part(minute, Gender::Feminine, MINUTE));
        }
        said.word(&time.second.map(|second| part(second, Gender::Feminine, SECOND)).unwrap_or_default());
        said.word(match time.afternoon {
            Some(true) => "после полудня",
            Some(false) => "до полудня",
            None => "",
        });
        said.text
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let mut said = Phrase::new(" ");
        said.word(if ratio.minus { "минус" } else { "" });
        if let Some(whole) = ratio.whole {
            said.word(&wholes(whole));
        }
        said.word(&cardinal(ratio.numerator, Gender::Feminine, NounCase::Nominative));
        said.word(&ordinal(ratio.denominator, if self.plural(ratio.numerator) == 0 { "ая" } else { "ых" }));
        said.text
    }

    fn number(&self, number: &WrittenNumber, agreement: Agreement) -> String {
        let mut said = Phrase::new(" ");
        said.word(if number.minus { "минус" } else { "" });
        let Some(part) = PARTS.get(number.decimals.len().wrapping_sub(1)) else {
            said.word(&self.cardinal(number.whole(), agreement));
            // More decimals than have a name are read one by one.
            said.word(if number.is_integer() { "" } else { "запятая" });
            said.word(&self.by_digits(&number.decimals));
            return said.text;
        };
        let parts: u128 = number.decimals.parse().unwrap_or_default();
        said.word(&wholes(number.whole()));
        said.word(&cardinal(parts, Gender::Feminine, NounCase::Nominative));
        said.word(&format!("{part}{}", if self.plural(parts) == 0 { "ая" } else { "ых" }));
        said.text
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        let mut case = governed_case(place);
        let next = place.next_word().to_lowercase();
        let adjacent = place.rest.starts_with([' ', '\u{a0}']) && !next.is_empty();
        // The last digit alone agrees: 21 рубль, but 11 рублей.
        let digit = number.digits.bytes().next_back().unwrap_or_default();
        let teen = number.digits.len() > 1 && number.digits[number.digits.len() - 2..].starts_with('1');
        let gender = match digit {
            _ if !adjacent || teen => Gender::Masculine,
            b'1' if next.ends_with(['у', 'ю']) && case == NounCase::Nominative => {
                case = NounCase::Accusative;
                Gender::Feminine
            }
            b'1' if next.ends_with(['а', 'я']) && case == NounCase::Nominative => Gender::Feminine,
            b'1' if next.ends_with(['о', 'е']) && case == NounCase::Nominative => Gender::Neuter,
            b'1' if next.ends_with(['ы', 'и']) && case == NounCase::Genitive => Gender::Feminine,
            b'2' if next.ends_with(['ы', 'и']) => Gender::Feminine,
            _ => Gender::Masculine,
        };
        Agreement { gender: Some(gender), case }
    }

    fn governed(&self, noun: &Noun, place: &Surroundings<'_>) -> Agreement {
        // The other cases of units are not in the table; prepositions with them are rare before measures.
        let case = if governed_case(place) == NounCase::Genitive {
            NounCase::Genitive
        } else {
            NounCase::Nominative
        };
        Agreement { gender: Some(noun.gender), case }
    }

    fn noun_form(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> usize {
        let index = self.plural(number.whole());
        match governed_case(place) {
            _ if !number.is_integer() => 1,
            NounCase::Genitive => {
                if index == 0 {
                    1
                } else {
                    2
                }
            }
            _ => index,
        }
    }

    fn plural(&self, number: u128) -> usize {
        match (number % 10, number % 100) {
            (_, 11..=14) => 2,
            (1, _) => 0,
            (2..=4, _) => 1,
            _ => 2,
        }
    }

    fn plural_of_ratio(&self, _: &Ratio) -> usize {
        1
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let power = match (unit.power, index) {
            // Behind 2 to 4 the noun is a singular genitive, its adjective a plural one.
            (2, 0) => "квадратный ",
            (2, _) => "квадратных ",
            (3, 0) => "кубический ",
            (3, _) => "кубических ",
            _ => "",
        };
        format!("{power}{}{}", unit.prefix, unit.noun.form(index))
    }

    fn denominator(&self, unit: &MetricUnit) -> String {
        let name = self.unit_name(unit, 0);
        // The accusative differs for feminine nouns only.
        match name.strip_suffix('а').filter(|_| unit.noun.gender == Gender::Feminine) {
            Some(stem) => format!("в {stem}у"),
            None => format!("в {name}"),
        }
    }

    fn attaches(&self, place: &Surroundings<'_>) -> bool {
        // The hyphen of "5-летний" went with the number.
        place.before.ends_with(['-', '‑'])
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        let said: Vec<String> = groups.iter().map(|group| group_of_telephone(group)).collect();
        format!("{}{}", if country { "плюс " } else { "" }, said.join(", "))
    }

    fn abbreviated(&self, written: &str, spoken: &'static str, place: &Surroundings<'_>) -> &'static str {
        let number = place.before.trim_end().ends_with(|c: char| c.is_ascii_digit());
        match written {
            "г." if !number => "город",
            _ => spoken,
        }
    }
}

/// Returns "две целых".
fn wholes(number: u128) -> String {
    let ending = if Russian.plural(number) == 0 { "ая" } else { "ых" };
    format!("{} цел{ending}", cardinal(number, Gender::Feminine, NounCase::Nominative))
}

/// Returns a group of a telephone number: its zeros, then numbers of at most three digits.
fn group_of_telephone(group: &str) -> String {
    let mut said = Phrase::new(" ");
    let size = if group.len().is_multiple_of(3) || group.len() < 3 { 3 } else { 2 };
    for part in group.as_bytes().chunks(size) {
        // A number has no name for leading zeros.
        let zeros = part.iter().take_while(|digit| **digit == b'0').count();
        (0..zeros).for_each(|_| said.word("ноль"));
        let number = part.iter().fold(0, |number, digit| number * 10 + u128::from(digit - b'0'));
        said.word(&if number > 0 {
            cardinal(number, Gender::Masculine, NounCase::Nominative)
        } else {
            String::new()
        });
    }
    said.text
}

/// Returns the form of a noun by case, of a list of the five.
fn declined(forms: &str, case: NounCase) -> &str {
    forms.split(' ').nth(case.index()).unwrap_or_default()
}

fn year_ending(place: &Surroundings<'_>) -> &'static str {
    match place.next_word() {
        "год" => "ый",
        "года" => "ого",
        "годом" => "ым",
        "годы" => "ые",
        "годов" | "годах" => "ых",
        "" | "году" if matches!(place.previous_word(), "к" | "ко") => "ому",
        _ => "ом",
    }
}

fn century_ending(place: &Surroundings<'_>) -> &'static str {
    match place.next_word() {
        "век" => "ый",
        "веке" => "ом",
        "веком" => "ым",
        "веку" => "ому",
        "в" if matches!(place.previous_word(), "в" | "В") => "ом",
        "веков" | "веках" => "ых",
        _ => "ого",
    }
}

/// Returns the ending of the number of a ruler by the ending of the name.
fn ruler_ending(name: &str) -> &'static str {
    // A name in "-а" may be that of a queen, or the genitive of a king's.
    let queen = QUEENS.iter().any(|stem| name.starts_with(stem));
    match name.chars().next_back() {
        Some('а' | 'я') if queen => "ая",
        Some('у' | 'ю') if queen => "ую",
        _ if queen => "ой",
        Some('а' | 'я') => "ого",
        Some('у' | 'ю') => "ому",
        Some('м') => "ым",
        Some('е') => "ом",
        _ => "ый",
    }
}
