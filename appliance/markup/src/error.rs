//! Errors of markup, each with its place.

use crate::limits::{
    DEPTH_MAX, MARK_CHARACTERS_MAX, PAUSE_MS_MAX, PAUSES_MS_MAX, PIECES_MAX, SPOKEN_BYTES_MAX,
};

/// Longest name that a message quotes, in characters: names come from outside.
const QUOTED_CHARACTERS_MAX: usize = 40;

/// Markup that cannot be followed. Never quotes the text, which is private, but names of elements and attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the markup is wrong at line {line}, column {column}: {problem}")]
pub struct MarkupError {
    /// Line, from 1 on.
    pub line: u32,
    /// Column in characters, from 1 on.
    pub column: u32,
    /// Problem.
    pub problem: MarkupProblem,
}

/// Problems of markup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkupProblem {
    /// The document is not well-formed.
    #[error("{0}")]
    Xml(String),
    /// The outermost element is another one.
    #[error("the document begins with <{0}>; SSML begins with <speak>")]
    Root(String),
    /// There is no such element.
    #[error(
        "<{0}> is no element of SSML that is known here; use p, s, break, say-as, sub, lang, voice, prosody, mark, \
         phoneme, audio, emphasis"
    )]
    Element(String),
    /// An attribute is missing.
    #[error("<{element}> needs the attribute `{attribute}`")]
    Missing {
        /// Element.
        element: &'static str,
        /// Attribute.
        attribute: &'static str,
    },
    /// An attribute has a value that means nothing.
    #[error("`{attribute}` has no such value; write {takes}")]
    Value {
        /// Attribute.
        attribute: &'static str,
        /// Values that it has.
        takes: &'static str,
    },
    /// A pause is too long.
    #[error("a pause has at most {} s", PAUSE_MS_MAX / 1000)]
    LongPause,
    /// All pauses together are too long.
    #[error("all pauses together have at most {} s", PAUSES_MS_MAX / 1000)]
    LongPauses,
    /// There are too many pieces.
    #[error("the text has more than {PIECES_MAX} pieces; send it in parts")]
    Pieces,
    /// Elements are nested too deeply.
    #[error("elements are nested more than {DEPTH_MAX} deep")]
    Depth,
    /// Substitutions make the text too long.
    #[error("the spoken text has more than {SPOKEN_BYTES_MAX} bytes; send it in parts")]
    Long,
    /// The name of a mark is none.
    #[error("the name of a mark has 1 to {MARK_CHARACTERS_MAX} characters without control characters")]
    MarkName,
    /// A sound is no chime of this machine, and there is no text in its place.
    #[error("`src` is the name of a file in the folder of the chimes; an address is not fetched")]
    Sound,
}

impl MarkupError {
    /// Returns an error at a byte of the text.
    pub(crate) fn at(text: &str, byte: usize, problem: MarkupProblem) -> Self {
        // Only an error of this crate could name a byte in the middle of a character; its place is then the end.
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
        Self {
            line: number(before.matches('\n').count()),
            column: number(before[line_start..].chars().count()),
            problem,
        }
    }
}

/// Returns a name from outside, fit for a message.
pub(crate) fn quoted(name: &str) -> String {
    let mut short: String = name.chars().take(QUOTED_CHARACTERS_MAX).collect();
    if name.chars().nth(QUOTED_CHARACTERS_MAX).is_some() {
        short.push_str("...");
    }
    short.escape_debug().to_string()
}
