//! The script: what is spoken and heard, piece by piece.

use std::fmt;

use crier_announce::Prosody;

use crate::error::MarkupError;

/// A text as pieces, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The pieces.
    pub pieces: Vec<ScriptPiece>,
    /// Error for which a text that begins like SSML is read as plain text.
    pub read_as_plain: Option<MarkupError>,
}

/// A piece of a script. `at` is the byte of the source at which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptPiece {
    /// Text to be spoken.
    Speak(SpokenPiece),
    /// Silence.
    Pause {
        /// Place.
        at: usize,
        /// Length, in milliseconds.
        ms: u32,
    },
    /// Place that is reported when playback reaches it.
    Mark {
        /// Place.
        at: usize,
        /// Name.
        name: String,
    },
    /// A chime.
    Sound {
        /// Place.
        at: usize,
        /// Name.
        name: String,
        /// Text in the place of a chime that cannot be played.
        instead: Option<SpokenPiece>,
    },
}

/// Text that is spoken in one manner.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SpokenPiece {
    /// Place.
    pub at: usize,
    /// The text; never blank. Private.
    pub text: String,
    /// Language name or tag; that of the announcement if absent.
    pub language: Option<String>,
    /// Speaker of the voice; that of the announcement if absent.
    pub speaker: Option<String>,
    /// Rate, pitch and gain, in addition to those of the announcement.
    pub prosody: Prosody,
}

/// Omits the text, which is private and must not reach a log.
impl fmt::Debug for SpokenPiece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, text, language, speaker, prosody } = self;
        formatter
            .debug_struct("SpokenPiece")
            .field("at", at)
            .field("text", &format_args!("<{} bytes>", text.len()))
            .field("language", language)
            .field("speaker", speaker)
            .field("prosody", prosody)
            .finish()
    }
}

impl Script {
    /// Returns the pieces that may be spoken: also those in the place of sounds.
    pub fn spoken(&self) -> impl Iterator<Item = &SpokenPiece> {
        self.pieces.iter().filter_map(|piece| match piece {
            ScriptPiece::Speak(spoken) => Some(spoken),
            ScriptPiece::Sound { instead, .. } => instead.as_ref(),
            ScriptPiece::Pause { .. } | ScriptPiece::Mark { .. } => None,
        })
    }
}
