//! A text as a voice would speak it, for people who look at it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text as a voice would speak it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownText {
    /// Name of the voice, or its bundle.
    pub voice: String,
    /// Language; `auto` if the voice is to find it.
    pub language: String,
    /// The sentences, and what stands between them, in order.
    pub sentences: Vec<ShownEntry>,
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
        for entry in &self.sentences {
            match entry {
                ShownEntry::Sentence(SentenceEntry { written, spoken, sounds, language }) => {
                    writeln!(f, "\nwritten   {}\nspoken    {}", printable(written), printable(spoken))?;
                    if let Some(sounds) = sounds {
                        writeln!(f, "sounds    {}", printable(sounds))?;
                    }
                    if let Some(language) = language {
                        writeln!(f, "language  {}", printable(language))?;
                    }
                }
                ShownEntry::Pause { pause_ms } => writeln!(f, "\npause     {pause_ms} ms")?,
                ShownEntry::Mark { mark } => writeln!(f, "\nmark      {}", printable(mark))?,
                ShownEntry::Sound { sound } => writeln!(f, "\nsound     {}", printable(sound))?,
            }
        }
        if !self.left_out.is_empty() {
            writeln!(f, "\nleft out  {}", printable(&self.left_out))?;
        }
        Ok(())
    }
}

impl ShownText {
    /// Returns the sentences, without what stands between them.
    pub fn spoken(&self) -> impl Iterator<Item = &SentenceEntry> {
        self.sentences.iter().filter_map(|entry| match entry {
            ShownEntry::Sentence(sentence) => Some(sentence),
            ShownEntry::Pause { .. } | ShownEntry::Mark { .. } | ShownEntry::Sound { .. } => None,
        })
    }

    /// Appends the next part. Voice and language of the whole are those of its first spoken part.
    pub fn append(&mut self, part: Self) {
        let Self { voice, language, sentences, left_out } = part;
        if self.voice.is_empty() {
            (self.voice, self.language) = (voice, language.clone());
        }
        let other = Some(language).filter(|language| *language != self.language);
        self.sentences.extend(sentences.into_iter().map(|mut entry| {
            if let ShownEntry::Sentence(sentence) = &mut entry {
                sentence.language.clone_from(&other);
            }
            entry
        }));
        self.left_out.push_str(&left_out);
    }
}

/// A sentence of a shown text, or what stands between two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownEntry {
    /// A sentence.
    Sentence(SentenceEntry),
    /// Silence.
    Pause {
        /// Length, in milliseconds.
        pause_ms: u32,
    },
    /// Place that is reported.
    Mark {
        /// Name.
        mark: String,
    },
    /// A chime.
    Sound {
        /// Name.
        sound: String,
    },
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
    /// Language, where it is another one than that of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}
