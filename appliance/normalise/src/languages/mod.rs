//! Grammars of the languages: how each says numbers, dates, money and the rest.
//!
//! A language is a table of words and marks ([`Conventions`]) and the methods of [`Grammar`] that tables cannot
//! express: numerals, agreement, the order of words in dates and times. Crates for numerals (n2words
//! 0.1, num2words2 0.1) give a number without its noun; agreement is most of the work here, so the numerals are ours.

mod chinese;
mod conventions;
mod french;
mod german;
mod grammar;
mod italian;
mod japanese;
mod korean;
mod portuguese;
mod romance;
mod russian;
mod spanish;
mod tables;

#[cfg(test)]
pub(crate) use tables::TABLES;

pub(crate) use conventions::{Conventions, CurrencyWords, DateOrder, Noun};
pub(crate) use grammar::{Agreement, Gender, Grammar, NounCase, Phrase, groups_of_four, groups_of_three};

use crate::Language;

/// Returns the grammar of a language; none for English, which has a module of its own.
pub(crate) fn grammar(language: Language) -> Option<&'static dyn Grammar> {
    match language {
        Language::Chinese => Some(&chinese::Chinese),
        Language::French => Some(&french::French),
        Language::Italian => Some(&italian::Italian),
        Language::Portuguese => Some(&portuguese::Portuguese),
        Language::Spanish => Some(&spanish::Spanish),
        Language::German => Some(&german::German),
        Language::Japanese => Some(&japanese::Japanese),
        Language::Korean => Some(&korean::Korean),
        Language::Russian => Some(&russian::Russian),
        Language::English => None,
    }
}
