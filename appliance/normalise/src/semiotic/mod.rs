//! Semiotic classes: tokens that are not read as they are written, and the shapes by which they are recognised.
//!
//! The shapes (signs, separators, orders) are common to all languages; words and marks come from the
//! [`Conventions`](crate::languages::Conventions) of the language.

mod classify;
mod context;
mod dates;
mod fold;
mod measures;
mod numbers;
mod telephone;
mod words;

pub(crate) use classify::classify;
pub(crate) use context::{Surroundings, is_ideographic, is_word};
pub(crate) use fold::fold;
pub(crate) use numbers::{WrittenNumber, digits};

use crate::languages::{CurrencyWords, Noun};

/// Token that is not read as it is written, by class.
#[derive(Debug, Clone)]
pub(crate) enum Semiotic<'a> {
    /// Cardinal or decimal number.
    Number(WrittenNumber),
    /// Number with a word such as "million" behind it.
    Scaled(WrittenNumber, &'static Noun),
    /// Number and its mark as written: `.`, `er`, `-го`.
    Ordinal(u128, &'a str),
    /// Common fraction or mixed number.
    Ratio(Ratio),
    /// Day, month and year, of which some may be missing.
    Date(CalendarDate),
    /// Time of day.
    Time(ClockTime),
    /// Quantity of a currency.
    Money(Quantity, &'static CurrencyWords),
    /// Quantity with a unit.
    Measure(Quantity, UnitPhrase),
    /// Groups of digits; the flag is set when a country code comes first.
    Telephone(Vec<&'a str>, bool),
    /// Digits that are read one by one.
    Digits(&'a str),
    /// Numbers with dots between: versions, sections, addresses of IPv4.
    Dotted(&'a str),
    /// Address of the web or of electronic mail.
    Address(&'a str),
    /// Roman numeral that the context makes an ordinal or a cardinal.
    Roman(u128),
    /// Days of the week in parentheses behind a date, each by one character.
    Weekdays(&'a str),
    /// Abbreviation or sign with a fixed reading.
    Word(&'static str),
}

/// Common fraction, with a whole number before it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub(crate) minus: bool,
    pub(crate) whole: Option<u128>,
    pub(crate) numerator: u128,
    pub(crate) denominator: u128,
}

/// Date as far as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CalendarDate {
    pub(crate) day: Option<u8>,
    /// 1 to 12.
    pub(crate) month: u8,
    pub(crate) year: Option<u16>,
    /// The year is written with two digits.
    pub(crate) short_year: bool,
    /// The month is written as a word.
    pub(crate) in_words: bool,
}

/// Time of day as far as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockTime {
    pub(crate) hour: u8,
    pub(crate) minute: Option<u8>,
    pub(crate) second: Option<u8>,
    /// Half of a twelve-hour day: `Some(true)` after noon.
    pub(crate) afternoon: Option<bool>,
}

/// Number of things.
#[derive(Debug, Clone)]
pub(crate) enum Quantity {
    Number(WrittenNumber),
    Ratio(Ratio),
    /// With a word such as "million" after it.
    Scaled(WrittenNumber, &'static Noun),
}

/// MetricUnit with its metric prefix and power.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetricUnit {
    pub(crate) prefix: &'static str,
    pub(crate) noun: &'static Noun,
    /// 1, 2 or 3.
    pub(crate) power: u8,
}

/// MetricUnit, or quotient of units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitPhrase {
    /// Missing in "5 /km²".
    pub(crate) unit: Option<MetricUnit>,
    pub(crate) per: Option<MetricUnit>,
}
