//! Text normalisation: written text as it is spoken, and the languages it is written in.
//!
//! ```text
//! "It is 5 °C." --tokenise--> "5 °C" --classify--> measure --verbalise--> "five degrees celsius"
//! ```
//!
//! The terms are those of Ebden and Sproat, "The Kestrel TTS text normalization system" (2015): a token that is not
//! read as it is written belongs to a semiotic class (cardinal, date, money, ...), and each class has its verbaliser.

mod abbreviations;
mod english;
mod language;
mod languages;
mod roman;
mod script;
mod semiotic;
mod verbalise;

pub use abbreviations::continues_after_abbreviation;
pub use english::{English, english, is_number_word};
pub use language::{AUTO, Language, UnknownLanguage, language_name};
pub use verbalise::verbalise;
