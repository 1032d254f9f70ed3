//! Russian numerals.

use crate::languages::grammar::Phrase;
use crate::languages::{Gender, NounCase, groups_of_three};

/// Numbers below twenty in nominative, genitive, dative, instrumental and prepositional.
const BELOW_TWENTY: [&str; 20] = [
    "ноль ноля нолю нолём ноле",
    "один одного одному одним одном",
    "два двух двум двумя двух",
    "три трёх трём тремя трёх",
    "четыре четырёх четырём четырьмя четырёх",
    "пять пяти пяти пятью пяти",
    "шесть шести шести шестью шести",
    "семь семи семи семью семи",
    "восемь восьми восьми восемью восьми",
    "девять девяти девяти девятью девяти",
    "десять десяти десяти десятью десяти",
    "одиннадцать одиннадцати одиннадцати одиннадцатью одиннадцати",
    "двенадцать двенадцати двенадцати двенадцатью двенадцати",
    "тринадцать тринадцати тринадцати тринадцатью тринадцати",
    "четырнадцать четырнадцати четырнадцати четырнадцатью четырнадцати",
    "пятнадцать пятнадцати пятнадцати пятнадцатью пятнадцати",
    "шестнадцать шестнадцати шестнадцати шестнадцатью шестнадцати",
    "семнадцать семнадцати семнадцати семнадцатью семнадцати",
    "восемнадцать восемнадцати восемнадцати восемнадцатью восемнадцати",
    "девятнадцать девятнадцати девятнадцати девятнадцатью девятнадцати",
];
const ONE_FEMININE: &str = "одна одной одной одной одной одну";
const ONE_NEUTER: &str = "одно одного одному одним одном";
const TWO_FEMININE: &str = "две двух двум двумя двух";
const TENS: [&str; 10] = [
    "",
    "",
    "двадцать двадцати двадцати двадцатью двадцати",
    "тридцать тридцати тридцати тридцатью тридцати",
    "сорок сорока сорока сорока сорока",
    "пятьдесят пятидесяти пятидесяти пятьюдесятью пятидесяти",
    "шестьдесят шестидесяти шестидесяти шестьюдесятью шестидесяти",
    "семьдесят семидесяти семидесяти семьюдесятью семидесяти",
    "восемьдесят восьмидесяти восьмидесяти восемьюдесятью восьмидесяти",
    "девяносто девяноста девяноста девяноста девяноста",
];
const HUNDREDS: [&str; 10] = [
    "",
    "сто ста ста ста ста",
    "двести двухсот двумстам двумястами двухстах",
    "триста трёхсот трёмстам тремястами трёхстах",
    "четыреста четырёхсот четырёмстам четырьмястами четырёхстах",
    "пятьсот пятисот пятистам пятьюстами пятистах",
    "шестьсот шестисот шестистам шестьюстами шестистах",
    "семьсот семисот семистам семьюстами семистах",
    "восемьсот восьмисот восьмистам восемьюстами восьмистах",
    "девятьсот девятисот девятистам девятьюстами девятистах",
];
/// Powers of a thousand from the second on; they decline like nouns.
const SCALES: [&str; 7] =
    ["миллион", "миллиард", "триллион", "квадриллион", "квинтиллион", "секстиллион", "септиллион"];
/// Stems of ordinals: below twenty, tens, hundreds. "третий" is soft.
const ORDINALS: [&str; 20] = [
    "нулев",
    "перв",
    "втор",
    "трет",
    "четвёрт",
    "пят",
    "шест",
    "седьм",
    "восьм",
    "девят",
    "десят",
    "одиннадцат",
    "двенадцат",
    "тринадцат",
    "четырнадцат",
    "пятнадцат",
    "шестнадцат",
    "семнадцат",
    "восемнадцат",
    "девятнадцат",
];
const ORDINAL_TENS: [&str; 10] = [
    "",
    "",
    "двадцат",
    "тридцат",
    "сороков",
    "пятидесят",
    "шестидесят",
    "семидесят",
    "восьмидесят",
    "девяност",
];
const ORDINAL_HUNDREDS: [&str; 10] = [
    "",
    "сот",
    "двухсот",
    "трёхсот",
    "четырёхсот",
    "пятисот",
    "шестисот",
    "семисот",
    "восьмисот",
    "девятисот",
];
/// Stems whose masculine nominative has the stress on the ending, "-ой".
const STRESSED: [&str; 6] = ["нулев", "втор", "шест", "седьм", "восьм", "сороков"];
/// Endings of adjectives and of the soft "третий".
const SOFT: [(&str, &str); 12] = [
    ("ый", "ий"),
    ("ая", "ья"),
    ("ое", "ье"),
    ("ые", "ьи"),
    ("ого", "ьего"),
    ("ому", "ьему"),
    ("ым", "ьим"),
    ("ом", "ьем"),
    ("ую", "ью"),
    ("ой", "ьей"),
    ("ых", "ьих"),
    ("ыми", "ьими"),
];

impl NounCase {
    /// Returns the place of the case in the tables; the accusative of things is the nominative.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Nominative | Self::Accusative => 0,
            Self::Genitive => 1,
            Self::Dative => 2,
            Self::Instrumental => 3,
            Self::Prepositional => 4,
        }
    }
}

fn form(forms: &'static str, case: NounCase) -> &'static str {
    forms.split(' ').nth(case.index()).unwrap_or_default()
}

/// Returns a cardinal.
pub(super) fn cardinal(number: u128, gender: Gender, case: NounCase) -> String {
    if number == 0 {
        return form(BELOW_TWENTY[0], case).to_owned();
    }
    let mut said = Phrase::new(" ");
    for (power, group) in groups_of_three(number) {
        // Тысяча is feminine, the larger scales are masculine, whatever is counted.
        let gender = match power {
            0 => gender,
            1 => Gender::Feminine,
            _ => Gender::Masculine,
        };
        said.word(&below_thousand(group, gender, case));
        said.word(&scale(power, group, case));
    }
    said.text
}

fn below_thousand(number: u16, gender: Gender, case: NounCase) -> String {
    let (hundreds, rest) = (usize::from(number / 100), usize::from(number % 100));
    let mut said = Phrase::new(" ");
    said.word(form(HUNDREDS[hundreds], case));
    let units = if rest < 20 { rest } else { rest % 10 };
    said.word(form(if rest < 20 { "" } else { TENS[rest / 10] }, case));
    said.word(match (units, gender, case) {
        (0, ..) => "",
        (1, Gender::Feminine, NounCase::Accusative) => "одну",
        (1, Gender::Feminine, _) => form(ONE_FEMININE, case),
        (1, Gender::Neuter, _) => form(ONE_NEUTER, case),
        (2, Gender::Feminine, _) => form(TWO_FEMININE, case),
        _ => form(BELOW_TWENTY[units], case),
    });
    said.text
}

/// Returns "тысячи", "миллионов" and the like after a group of digits.
fn scale(power: usize, group: u16, case: NounCase) -> String {
    let few = match (group % 10, group % 100) {
        (_, 11..=14) => 2,
        (1, _) => 0,
        (2..=4, _) => 1,
        _ => 2,
    };
    let plain = matches!(case, NounCase::Nominative | NounCase::Accusative);
    let endings: [&str; 5] = match (power, few) {
        (0, _) => return String::new(),
        (1, 0) => ["а", "и", "е", "ей", "е"],
        (1, 1) if plain => ["и"; 5],
        (1, _) => ["", "", "ам", "ами", "ах"],
        (_, 0) => ["", "а", "у", "ом", "е"],
        (_, 1) if plain => ["а"; 5],
        _ => ["ов", "ов", "ам", "ами", "ах"],
    };
    let stem = if power == 1 { "тысяч" } else { SCALES[(power - 2).min(SCALES.len() - 1)] };
    format!("{stem}{}", endings[case.index()])
}

/// Returns a numeral as the beginning of a word: "пятилетний", "двухэтажный", "стометровый".
pub(super) fn compound(number: u128) -> String {
    match number {
        1 => "одно".to_owned(),
        // These keep their nominative.
        90 => "девяносто".to_owned(),
        100 => "сто".to_owned(),
        _ => cardinal(number, Gender::Masculine, NounCase::Genitive).replace("ста ", "сто ").replace(' ', ""),
    }
}

/// Returns an ordinal with an ending of the hard declension.
pub(super) fn ordinal(number: u128, ending: &str) -> String {
    let (above, stem) = parts_of_ordinal(number);
    let ending = match ending {
        "ый" if STRESSED.iter().any(|stressed| stem == *stressed) => "ой",
        // The only soft ordinal.
        ending if stem == "трет" => {
            SOFT.iter().find(|(hard, _)| *hard == ending).map_or(ending, |(_, soft)| soft)
        }
        ending => ending,
    };
    // An ordinal begins with "тысяча", not with "одна тысяча".
    let above = match above {
        0 => String::new(),
        _ => cardinal(above, Gender::Masculine, NounCase::Nominative) + " ",
    };
    let above = above.strip_prefix("одна тысяча").map_or(above.clone(), |rest| format!("тысяча{rest}"));
    format!("{above}{stem}{ending}")
}

/// Returns what is a cardinal in an ordinal, and the stem of the rest.
fn parts_of_ordinal(number: u128) -> (u128, String) {
    let rest = usize::try_from(number % 1000).unwrap_or_default();
    let below_hundred = rest % 100;
    if number == 0 || (1..20).contains(&below_hundred) {
        return (number - number % 100, ORDINALS[below_hundred].to_owned());
    }
    if below_hundred % 10 != 0 {
        return (number - number % 10, ORDINALS[below_hundred % 10].to_owned());
    }
    if below_hundred != 0 {
        return (number - number % 100, ORDINAL_TENS[below_hundred / 10].to_owned());
    }
    if rest != 0 {
        return (number - number % 1000, ORDINAL_HUNDREDS[rest / 100].to_owned());
    }
    // "двухтысячный": the thousands are a genitive in one word with the scale.
    let (power, group) = groups_of_three(number).last().unwrap_or((1, 1));
    let scale = if power == 1 {
        "тысячн".to_owned()
    } else {
        format!("{}н", SCALES[(power - 2).min(SCALES.len() - 1)])
    };
    // Сто keeps its form in compounds: стотысячный, not статысячный.
    let count = match group {
        1 => String::new(),
        _ => below_thousand(group, Gender::Masculine, NounCase::Genitive)
            .replace("ста", "сто")
            .replace(' ', ""),
    };
    let unit = 1000_u128.pow(u32::try_from(power).unwrap_or_default());
    (number - u128::from(group) * unit, format!("{count}{scale}"))
}
