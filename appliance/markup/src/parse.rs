//! The way from a text to its script: by its format, or by what it begins with.

use crier_announce::TextFormat;

use crate::error::MarkupError;
use crate::script::Script;
use crate::{pauses, ssml};

impl Script {
    /// Reads a text. Without a format, one that begins with `<speak` is read as SSML if it is SSML, and otherwise like
    /// every other as plain text. `language` is that of the announcement.
    ///
    /// # Errors
    /// A pause that is too long, or too many of them; SSML that was said to be SSML and is broken.
    pub fn parse(
        text: &str,
        format: Option<TextFormat>,
        language: Option<&str>,
    ) -> Result<Self, MarkupError> {
        let read_as_plain = match format {
            Some(TextFormat::Ssml) => return ssml::script(text, language),
            Some(TextFormat::Plain) => None,
            // Lenient: nobody said that it is SSML, and a text about `<speak` is a text.
            None if begins_like_ssml(text) => match ssml::script(text, language) {
                Ok(script) => return Ok(script),
                Err(error) => Some(error),
            },
            None => None,
        };
        Ok(Self { read_as_plain, ..pauses::script(text)? })
    }
}

/// Returns true if the first thing in the text is the element `speak`, perhaps behind the declaration of XML.
fn begins_like_ssml(text: &str) -> bool {
    // Senders read documents from files, which may begin with a byte-order mark.
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(declaration) => declaration.split_once("?>").map_or("", |(_, rest)| rest.trim_start()),
        None => text,
    };
    // "<speaker> is on" is a text.
    text.strip_prefix("<speak")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || "/>".contains(c)))
}
