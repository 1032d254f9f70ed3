//! The tables of the languages, as they are part of the program.

pub(super) const CHINESE: &str = include_str!("tables/chinese.tsv");
pub(super) const FRENCH: &str = include_str!("tables/french.tsv");
pub(super) const GERMAN: &str = include_str!("tables/german.tsv");
pub(super) const ITALIAN: &str = include_str!("tables/italian.tsv");
pub(super) const JAPANESE: &str = include_str!("tables/japanese.tsv");
pub(super) const KOREAN: &str = include_str!("tables/korean.tsv");
pub(super) const PORTUGUESE: &str = include_str!("tables/portuguese.tsv");
pub(super) const RUSSIAN: &str = include_str!("tables/russian.tsv");
pub(super) const SPANISH: &str = include_str!("tables/spanish.tsv");

/// All of them.
#[cfg(test)]
pub(crate) const TABLES: [&str; 9] =
    [CHINESE, FRENCH, GERMAN, ITALIAN, JAPANESE, KOREAN, PORTUGUESE, RUSSIAN, SPANISH];
