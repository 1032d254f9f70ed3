//! A text as a voice would speak it, for people who look at it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text as a voice would speak it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownText {
    /// Name of the voice, or its bundle.
    pub voice: String,
    /// Language; `auto` if the voice is to find it.
    pub language: String,
    /// The sentences, in order.
    pub sentences: Vec<SentenceEntry>,
    /// Characters that the voice cannot read and leaves out.
    pub left_out: String,
}

impl fmt::Display for ShownText {
    /// For people, a line for each part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A text may come from anywhere, and could otherwise command the terminal.
        let printable =
            |text: &str| -> String { text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
        writeln!(f, "voice     {}\nlanguage  {}", printable(&self.voice), printable(&self.language))?;
        for SentenceEntry { written, spoken, sounds } in &self.sentences {
            writeln!(f, "\nwritten   {}\nspoken    {}", printable(written), printable(spoken))?;
            if let Some(sounds) = sounds {
                writeln!(f, "sounds    {}", printable(sounds))?;
            }
        }
        if !self.left_out.is_empty() {
            writeln!(f, "\nleft out  {}", printable(&self.left_out))?;
        }
        Ok(())
    }
}

/// A sentence of a shown text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentenceEntry {
    /// As it is written.
    pub written: String,
    /// As it is read.
    pub spoken: String,
    /// Sounds, of a voice that has a lexicon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sounds: Option<String>,
}
