//! Grammars of the languages: how each says numbers, dates, money and the rest.
//!
//! A language is a table of words and marks ([`Conventions`]) and the methods of [`Grammar`] that tables cannot
//! express: numerals, agreement, the order of words in dates and times. Of the crates for numerals none agrees numerals
//! with nouns, or covers the nine languages, so the numerals are here.

mod chinese;
mod german;
mod grammar;
mod japanese;
mod korean;
mod russian;

pub(crate) use grammar::{
    Agreement, Conventions, CurrencyWords, DateOrder, Gender, Grammar, Noun, NounCase, feminine,
    groups_of_four, groups_of_three, masculine, neuter,
};

use crate::Language;

/// Returns the grammar of a language; none for English, which has a module of its own.
pub(crate) fn grammar(language: Language) -> Option<&'static dyn Grammar> {
    match language {
        Language::German => Some(&german::German),
        Language::Russian => Some(&russian::Russian),
        Language::Chinese => Some(&chinese::Chinese),
        Language::Japanese => Some(&japanese::Japanese),
        Language::Korean => Some(&korean::Korean),
        _ => None,
    }
}
