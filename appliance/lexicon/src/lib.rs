//! The pronunciations of the owner of the appliance: lexemes, as the Pronunciation Lexicon Specification of the W3C
//! calls them, the places of a text where they apply, and what is read there. No I/O.
//!
//! A respelling takes the place of the written word before numbers and the like become words, so that it suits every
//! voice. The sounds of a lexeme are for voices that read sounds: there a stand-in of plain letters goes through
//! sentences and normalisation, and is replaced by the sounds at the end.

#![forbid(unsafe_code)]

mod ipa;
mod lexeme;
mod user_lexicon;

pub use ipa::{IPA_SYMBOLS, UnknownSymbols, timed_phonemes};
pub use lexeme::{LEXEMES_MAX, Lexeme, Matching, SAY_CHARACTERS_MAX, TEXT_CHARACTERS_MAX};
pub use user_lexicon::{Occurrence, UserLexicon};
