//! The table of which a language consists: `tables/LANGUAGE.tsv`, with lines `kind<TAB>written<TAB>spoken`.
//!
//! Nouns are written `gender form|form|form`, with `m`, `f` or `n` for the gender and the forms by
//! [`Grammar::plural`](super::Grammar::plural). Where several ways of writing are listed there are blanks between.

use super::grammar::Gender;

/// Noun that is counted: its forms by [`Grammar::plural`](super::Grammar::plural), the last of which stands for all
/// further ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noun {
    pub(crate) gender: Gender,
    forms: &'static str,
}

impl Noun {
    pub(crate) fn form(&self, index: usize) -> &'static str {
        let mut forms = self.forms.split('|');
        forms.nth(index).or_else(|| self.forms.rsplit('|').next()).unwrap_or_default()
    }

    fn read(written: &'static str) -> Option<Self> {
        let (gender, forms) = written.split_once(' ')?;
        let gender = match gender {
            "m" => Gender::Masculine,
            "f" => Gender::Feminine,
            "n" => Gender::Neuter,
            _ => return None,
        };
        Some(Self { gender, forms })
    }
}

/// Currency: its signs and codes, the unit, and the hundredth if there is one.
#[derive(Debug)]
pub(crate) struct CurrencyWords {
    pub(crate) written: Vec<&'static str>,
    pub(crate) unit: Noun,
    pub(crate) hundredth: Option<Noun>,
}

/// Order of numbers in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DateOrder {
    #[default]
    DayFirst,
    YearFirst,
}

/// Words and marks of a language.
#[derive(Debug, Default)]
pub(crate) struct Conventions {
    /// Text between words: a blank, or nothing.
    pub(crate) joint: &'static str,
    pub(crate) decimal_mark: char,
    pub(crate) date_order: DateOrder,
    /// Names of the digits from 0 on.
    pub(crate) digits: Vec<&'static str>,
    pub(crate) minus: &'static str,
    pub(crate) plus: &'static str,
    /// Name of the decimal mark.
    pub(crate) point: &'static str,
    /// Name of the dot in addresses and versions.
    pub(crate) dot: &'static str,
    /// Word for the dash of a range.
    pub(crate) to: &'static str,
    /// Word for the stroke of a quotient of units.
    pub(crate) per: &'static str,
    /// Word between "million" and a noun.
    pub(crate) of: &'static str,
    /// Word between amounts of a currency and of its hundredth.
    pub(crate) and: &'static str,
    /// Words between whole number and fraction of a mixed number.
    pub(crate) mixed_joints: Vec<&'static str>,
    /// Words for large numbers as they are written after digits.
    pub(crate) scales: Vec<(Vec<&'static str>, Noun)>,
    /// Units without prefix, by sign.
    pub(crate) units: Vec<(&'static str, Noun)>,
    /// Units that take the prefixes.
    pub(crate) metric_units: Vec<(&'static str, Noun)>,
    pub(crate) prefixes: Vec<(&'static str, &'static str)>,
    pub(crate) currencies: Vec<CurrencyWords>,
    /// Days of the week by the character that stands for them behind a date.
    pub(crate) weekdays: Vec<(char, &'static str)>,
    /// Names and abbreviations of the months in lower case, the full name first; none where months have numbers.
    pub(crate) months: Vec<Vec<&'static str>>,
    /// Marks behind the day: `.`, `er`.
    pub(crate) day_marks: Vec<&'static str>,
    /// Words between day, month and year, and between a large number and a currency.
    pub(crate) date_joints: Vec<&'static str>,
    /// A month before a number is a date: "abril 30".
    pub(crate) month_before_day: bool,
    /// `14h30` is a time.
    pub(crate) hour_letter: bool,
    /// `14.30` is a time.
    pub(crate) dot_clock: bool,
    /// Words behind a time: `Uhr`.
    pub(crate) hour_markers: Vec<&'static str>,
    /// Words before a telephone number or code, in lower case.
    pub(crate) telephone: Vec<&'static str>,
    /// Words that a number behind them names: "gate", "platform".
    pub(crate) labels: Vec<&'static str>,
    /// Words that stand behind a number without being counted by it.
    pub(crate) followers: Vec<&'static str>,
    /// Endings of feminine nouns, and masculine nouns that have them.
    pub(crate) feminine: Vec<&'static str>,
    pub(crate) masculine: Vec<&'static str>,
    /// Words beside which Roman numerals stand.
    pub(crate) roman: Vec<&'static str>,
    pub(crate) abbreviations: Vec<(&'static str, &'static str)>,
    /// Names of signs beside numbers.
    pub(crate) signs: Vec<(char, &'static str)>,
    /// Names of the characters of addresses.
    pub(crate) address_signs: Vec<(char, &'static str)>,
}

impl Conventions {
    /// Reads a table. Lines that cannot be read are left out, which the tests of the tables find.
    pub(super) fn read(table: &'static str) -> Self {
        // Most languages have these, and a table names only what differs.
        let mut conventions = Self { joint: " ", decimal_mark: ',', ..Self::default() };
        for line in lines(table) {
            let read = conventions.set(line).or_else(|| conventions.list(line));
            debug_assert!(read.is_some(), "{line}");
        }
        conventions
    }

    /// Reads a line with one value.
    fn set(&mut self, line: &'static str) -> Option<()> {
        let (kind, value) = line.split_once('\t')?;
        let words = || value.split(' ').collect();
        match kind {
            "joint" => self.joint = if value == "none" { "" } else { value },
            "decimal" => self.decimal_mark = value.chars().next()?,
            "order" => {
                self.date_order = if value == "year" { DateOrder::YearFirst } else { DateOrder::DayFirst }
            }
            "digits" => self.digits = words(),
            "minus" => self.minus = value,
            "plus" => self.plus = value,
            "point" => self.point = value,
            "dot" => self.dot = value,
            "to" => self.to = value,
            "per" => self.per = value,
            "of" => self.of = value,
            "and" => self.and = value,
            "mixed_joint" => self.mixed_joints = words(),
            "month" => self.months.push(words()),
            "month_before_day" => self.month_before_day = value == "yes",
            "dot_clock" => self.dot_clock = value == "yes",
            "hour_letter" => self.hour_letter = value == "yes",
            "day_mark" => self.day_marks = words(),
            "date_joint" => self.date_joints = words(),
            "hour_marker" => self.hour_markers = words(),
            "telephone" => self.telephone = words(),
            "label" => self.labels = words(),
            "follower" => self.followers = words(),
            "feminine" => self.feminine = words(),
            "masculine" => self.masculine = words(),
            "roman" => self.roman = words(),
            _ => return None,
        }
        Some(())
    }

    /// Reads a line that adds to a table.
    fn list(&mut self, line: &'static str) -> Option<()> {
        let mut columns = line.split('\t');
        let (kind, written, spoken) = (columns.next()?, columns.next()?, columns.next()?);
        let sign = || written.chars().next();
        match kind {
            "scale" => self.scales.push((written.split(' ').collect(), Noun::read(spoken)?)),
            "unit" | "metric" => {
                let noun = Noun::read(spoken)?;
                let units = if kind == "unit" { &mut self.units } else { &mut self.metric_units };
                units.extend(written.split(' ').map(|sign| (sign, noun)));
            }
            "prefix" => self.prefixes.push((written, spoken)),
            "currency" => self.currencies.push(CurrencyWords {
                written: written.split(' ').collect(),
                unit: Noun::read(spoken)?,
                hundredth: columns.next().and_then(Noun::read),
            }),
            "weekday" => self.weekdays.push((sign()?, spoken)),
            "abbreviation" => self.abbreviations.push((written, spoken)),
            "sign" => self.signs.push((sign()?, spoken)),
            "address" => self.address_signs.push((sign()?, spoken)),
            _ => return None,
        }
        Some(())
    }
}

/// Returns the lines of a table that say something.
fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_every_table_is_read() {
        for table in crate::languages::TABLES {
            for line in lines(table) {
                let mut conventions = Conventions::default();
                let read = conventions.set(line).or_else(|| conventions.list(line));
                assert!(read.is_some(), "{line:?}");
            }
            let conventions = Conventions::read(table);
            assert_eq!(conventions.digits.len(), 10);
            assert!(conventions.months.is_empty() || conventions.months.len() == 12);
            assert!(!conventions.units.is_empty() && !conventions.currencies.is_empty());
        }
    }
}
