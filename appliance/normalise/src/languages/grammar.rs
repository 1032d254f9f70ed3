//! The methods of which a language consists.

use super::conventions::{Conventions, CurrencyWords, Noun};
use crate::semiotic::{
    CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Semiotic, Surroundings, UnitPhrase, WrittenNumber,
};

/// Grammatical gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gender {
    Masculine,
    Feminine,
    Neuter,
}

/// Grammatical case, as far as numerals have it in one of the languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NounCase {
    Nominative,
    Genitive,
    Dative,
    Instrumental,
    Prepositional,
    Accusative,
}

/// Form of a numeral: that of counting ("eins"), or that before a noun ("eine").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// None in counting.
    pub(crate) gender: Option<Gender>,
    pub(crate) case: NounCase,
}

impl Agreement {
    pub(crate) const COUNTING: Self = Self { gender: None, case: NounCase::Nominative };

    pub(crate) const fn with(gender: Gender) -> Self {
        Self { gender: Some(gender), case: NounCase::Nominative }
    }
}

/// Language that can be verbalised.
pub(crate) trait Grammar: Sync {
    fn conventions(&self) -> &'static Conventions;

    /// Returns a cardinal number.
    fn cardinal(&self, number: u128, agreement: Agreement) -> String;

    /// Returns an ordinal number by the mark with which it is written.
    fn ordinal(&self, number: u128, mark: &str, place: &Surroundings<'_>) -> String;

    fn date(&self, date: &CalendarDate, place: &Surroundings<'_>) -> String;

    fn time(&self, time: &ClockTime, place: &Surroundings<'_>) -> String;

    fn ratio(&self, ratio: &Ratio) -> String;

    /// Returns the length of an ordinal's mark at the beginning of the text.
    fn ordinal_mark(&self, place: &Surroundings<'_>, number: &WrittenNumber) -> Option<usize>;

    /// Returns the number of bytes behind a Roman numeral that belong to it, or none where the letters are a word.
    fn roman_length(&self, _place: &Surroundings<'_>, _written: &str) -> Option<usize> {
        None
    }

    /// Returns a number that was written in Roman letters.
    fn roman(&self, number: u128, place: &Surroundings<'_>) -> String {
        self.ordinal(number, "", place)
    }

    /// Returns the agreement of a number with the words around it.
    fn agreement(&self, _number: &WrittenNumber, _place: &Surroundings<'_>) -> Agreement {
        Agreement::COUNTING
    }

    /// Returns the index of the noun's form after a number.
    fn plural(&self, number: u128) -> usize {
        usize::from(number != 1)
    }

    /// Returns the index of the form of a noun that is said after a number; decimals have the plural.
    fn noun_form(&self, number: &WrittenNumber, _place: &Surroundings<'_>) -> usize {
        if number.is_integer() { self.plural(number.whole()) } else { 1 }
    }

    /// Returns true where a number such as 08 is not read by digits, since its unit stands behind it.
    fn counts_padded(&self, _place: &Surroundings<'_>) -> bool {
        false
    }

    /// Returns the reading of an abbreviation, where the table has one of several.
    fn abbreviated(&self, _written: &str, spoken: &'static str, _place: &Surroundings<'_>) -> &'static str {
        spoken
    }

    /// Returns the digits after the decimal mark in words.
    fn decimals(&self, digits: &str) -> String {
        self.by_digits(digits)
    }

    /// Returns a cardinal or decimal number with its sign.
    fn number(&self, number: &WrittenNumber, agreement: Agreement) -> String {
        let conventions = self.conventions();
        // The noun agrees with the whole decimal, not with the number before its mark.
        let form = if number.is_integer() { agreement } else { Agreement::COUNTING };
        let mut said = Phrase::new(conventions.joint);
        if number.minus {
            said.word(conventions.minus);
        }
        said.word(&self.cardinal(number.whole(), form));
        if !number.is_integer() {
            said.word(conventions.point);
            said.word(&self.decimals(&number.decimals));
        }
        said.text
    }

    /// Returns digits one by one.
    fn by_digits(&self, digits: &str) -> String {
        let conventions = self.conventions();
        let mut said = Phrase::new(conventions.joint);
        for digit in digits.bytes().filter(u8::is_ascii_digit) {
            said.word(conventions.digits[usize::from(digit - b'0')]);
        }
        said.text
    }

    /// Returns an amount of things.
    fn counted(
        &self,
        amount: &Quantity,
        noun: &Noun,
        named: &dyn Fn(usize) -> String,
        place: &Surroundings<'_>,
    ) -> String {
        counted(self, amount, noun, named, place)
    }

    /// Returns the word between a fraction and its noun.
    fn of_ratio(&self, _ratio: &Ratio) -> &'static str {
        ""
    }

    fn plural_of_ratio(&self, _ratio: &Ratio) -> usize {
        0
    }

    /// Returns the agreement of a number with the noun that is said after it.
    fn governed(&self, noun: &Noun, _place: &Surroundings<'_>) -> Agreement {
        Agreement::with(noun.gender)
    }

    /// Returns a number of millions and the like.
    fn scaled(&self, number: &WrittenNumber, scale: &'static Noun, place: &Surroundings<'_>) -> String {
        let mut said = Phrase::new(self.conventions().joint);
        said.word(&self.number(number, self.governed(scale, place)));
        said.word(scale.form(self.noun_form(number, place)));
        said.text
    }

    fn money(&self, amount: &Quantity, currency: &'static CurrencyWords, place: &Surroundings<'_>) -> String {
        let conventions = self.conventions();
        let whole = |amount: &Quantity| {
            self.counted(amount, &currency.unit, &|index| currency.unit.form(index).to_owned(), place)
        };
        let Quantity::Number(number) = amount else {
            return whole(amount);
        };
        // "2,5000" is two and fifty hundredths; "2,505" has no hundredths.
        let decimals = number.decimals.trim_end_matches('0');
        let trimmed = || WrittenNumber { decimals: decimals.to_owned(), ..number.clone() };
        let Some(hundredth) = currency.hundredth.filter(|_| (1..3).contains(&decimals.len())) else {
            return whole(&Quantity::Number(trimmed()));
        };
        // One digit counts tens: "2,5" are fifty hundredths.
        let small: u128 = format!("{decimals:0<2}").parse().unwrap_or_default();
        // Of "-2,50" the units have the sign.
        let minus = number.minus && number.whole() == 0;
        let small = Quantity::Number(WrittenNumber { minus, ..WrittenNumber::of(small) });
        let small = self.counted(&small, &hundredth, &|index| hundredth.form(index).to_owned(), place);
        if number.whole() == 0 {
            return small;
        }
        let units = whole(&Quantity::Number(WrittenNumber { decimals: String::new(), ..number.clone() }));
        let mut said = Phrase::new(conventions.joint);
        said.word(&units);
        said.word(conventions.and);
        said.word(&small);
        said.text
    }

    fn measure(&self, amount: &Quantity, phrase: &UnitPhrase, place: &Surroundings<'_>) -> String {
        measure(self, amount, phrase, place)
    }

    fn amount(&self, amount: &Quantity, place: &Surroundings<'_>) -> String {
        match amount {
            Quantity::Number(number) => self.number(number, Agreement::COUNTING),
            Quantity::Scaled(number, scale) => self.scaled(number, scale, place),
            Quantity::Ratio(ratio) => self.ratio(ratio),
        }
    }

    /// Returns a unit with its prefix and power.
    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String;

    /// Returns "per second".
    fn denominator(&self, unit: &MetricUnit) -> String {
        let conventions = self.conventions();
        format!("{}{}{}", conventions.per, conventions.joint, self.unit_name(unit, 0))
    }

    /// Returns a telephone number: groups with a pause between.
    fn telephone(&self, groups: &[&str], country: bool) -> String {
        let mut said: Vec<String> = groups.iter().map(|group| self.by_digits(group)).collect();
        // The sign stands before the first group only.
        if country && let Some(code) = said.first_mut() {
            let conventions = self.conventions();
            code.insert_str(0, &format!("{}{}", conventions.plus, conventions.joint));
        }
        said.join(", ")
    }

    /// Returns a version or an address: numbers of one or two digits as such, longer ones by digits.
    fn dotted(&self, written: &str) -> String {
        let conventions = self.conventions();
        let mut said = Phrase::new(conventions.joint);
        for (at, part) in written.split('.').enumerate() {
            said.word(if at > 0 { conventions.dot } else { "" });
            said.word(&self.by_digits(part));
        }
        said.text
    }

    /// Returns an address: words and letters as they are, digits and signs by name.
    fn address(&self, written: &str) -> String {
        let conventions = self.conventions();
        let mut said = Phrase::new(" ");
        let mut word = String::new();
        for c in written.chars() {
            let name = conventions.address_signs.iter().find(|(sign, _)| *sign == c).map(|(_, name)| *name);
            let digit = c
                .to_digit(10)
                .and_then(|digit| conventions.digits.get(usize::try_from(digit).ok()?))
                .copied();
            match name.or(digit) {
                // What stood before the sign is a word of its own.
                Some(name) => {
                    said.word(&std::mem::take(&mut word));
                    said.word(name);
                }
                None => word.push(c),
            }
        }
        said.word(&word);
        said.text
    }

    /// Returns days of the week.
    fn weekdays(&self, days: &str) -> String {
        let conventions = self.conventions();
        let name = |day: char| match day {
            '・' => "",
            '〜' | '~' | '～' | '-' => conventions.to,
            _ => conventions.weekdays.iter().find(|(known, _)| *known == day).map_or("", |(_, name)| name),
        };
        days.chars().map(name).collect()
    }

    /// Returns true where the letters behind a number are a part of its word: "5er".
    fn attaches(&self, _place: &Surroundings<'_>) -> bool {
        false
    }

    /// Returns the particle at the beginning of the text as it is after a word, and its length as written.
    fn particle(&self, _word: &str, _rest: &str) -> Option<(&'static str, usize)> {
        None
    }

    /// Returns a token in words.
    fn verbalise(&self, token: &Semiotic<'_>, place: &Surroundings<'_>) -> String {
        match token {
            Semiotic::Number(number) => self.number(number, self.agreement(number, place)),
            Semiotic::Scaled(number, scale) => self.scaled(number, scale, place),
            Semiotic::Ordinal(number, mark) => self.ordinal(*number, mark, place),
            Semiotic::Ratio(ratio) => self.ratio(ratio),
            Semiotic::Date(date) => self.date(date, place),
            Semiotic::Time(time) => self.time(time, place),
            Semiotic::Money(amount, currency) => self.money(amount, currency, place),
            Semiotic::Measure(amount, phrase) => self.measure(amount, phrase, place),
            Semiotic::Telephone(groups, country) => self.telephone(groups, *country),
            Semiotic::Digits(digits) => self.by_digits(digits),
            Semiotic::Dotted(written) => self.dotted(written),
            Semiotic::Address(written) => self.address(written),
            Semiotic::Roman(number) => self.roman(*number, place),
            Semiotic::Weekdays(days) => self.weekdays(days),
            Semiotic::Word(word) => (*word).to_owned(),
        }
    }
}

/// Returns an amount with the name of what is counted, which depends on the form of the noun.
pub(super) fn counted<G: Grammar + ?Sized>(
    grammar: &G,
    amount: &Quantity,
    noun: &Noun,
    named: &dyn Fn(usize) -> String,
    place: &Surroundings<'_>,
) -> String {
    let conventions = grammar.conventions();
    let mut said = Phrase::new(conventions.joint);
    match amount {
        Quantity::Number(number) => {
            let index = grammar.noun_form(number, place);
            said.word(&grammar.number(number, grammar.governed(noun, place)));
            let millions =
                number.is_integer() && number.whole() >= 1_000_000 && number.whole() % 1_000_000 == 0;
            said.word(if millions { conventions.of } else { "" });
            said.word(&named(index));
        }
        Quantity::Scaled(number, scale) => {
            said.word(&grammar.scaled(number, scale, place));
            said.word(conventions.of);
            said.word(&named(grammar.plural(1_000_000)));
        }
        Quantity::Ratio(ratio) => {
            said.word(&grammar.ratio(ratio));
            said.word(grammar.of_ratio(ratio));
            said.word(&named(grammar.plural_of_ratio(ratio)));
        }
    }
    said.text
}

/// Returns an amount with its unit.
pub(super) fn measure<G: Grammar + ?Sized>(
    grammar: &G,
    amount: &Quantity,
    phrase: &UnitPhrase,
    place: &Surroundings<'_>,
) -> String {
    let per = phrase.per.map(|unit| grammar.denominator(&unit));
    let Some(unit) = phrase.unit else {
        let mut said = Phrase::new(grammar.conventions().joint);
        said.word(&grammar.amount(amount, place));
        said.word(&per.unwrap_or_default());
        return said.text;
    };
    let named = |index: usize| {
        let mut said = Phrase::new(grammar.conventions().joint);
        said.word(&grammar.unit_name(&unit, index));
        said.word(per.as_deref().unwrap_or_default());
        said.text
    };
    grammar.counted(amount, unit.noun, &named, place)
}

/// Words with the joint of the language between.
pub(crate) struct Phrase {
    joint: &'static str,
    pub(crate) text: String,
}

impl Phrase {
    pub(crate) const fn new(joint: &'static str) -> Self {
        Self { joint, text: String::new() }
    }

    /// Adds a word; nothing for the empty one.
    pub(crate) fn word(&mut self, word: &str) {
        if !self.text.is_empty() && !word.is_empty() {
            self.text.push_str(self.joint);
        }
        self.text.push_str(word);
    }
}

/// Returns the groups of three digits of a number that are not zero, the highest first: power of thousand, value.
pub(crate) fn groups_of_three(number: u128) -> impl Iterator<Item = (usize, u16)> {
    groups(number, 1000)
}

/// Returns the groups of four digits of a number that are not zero, the highest first: power of ten thousand, value.
pub(crate) fn groups_of_four(number: u128) -> impl Iterator<Item = (usize, u16)> {
    groups(number, 10_000)
}

fn groups(number: u128, base: u128) -> impl Iterator<Item = (usize, u16)> {
    // Nine powers of a thousand hold the longest number that is read (numbers.rs).
    (0..9).rev().filter_map(move |power| {
        let group = number / base.checked_pow(u32::try_from(power).ok()?)? % base;
        (group > 0).then_some((power, u16::try_from(group).ok()?))
    })
}
