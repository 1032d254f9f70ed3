//! A text in its parts, ready to be read by a voice: markup read, text cleaned, languages by the names of bundles.

use crier_announce::{Prosody, TextFormat};
use crier_markup::{MarkupError, Script, ScriptPiece, SpokenPiece};
use crier_normalise::{UnknownLanguage, language_name};
use crier_speech::{SpeechError, clean};
use crier_synthesis::Style;
use crier_wire::ShownEntry;

/// Part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptPart {
    /// Text to be spoken.
    Speak(SpokenPart),
    /// Silence, in milliseconds.
    Pause(u32),
    /// Place that is reported when playback reaches it.
    Mark(String),
    /// A chime, and the text in its place.
    Sound(String, Option<SpokenPart>),
}

impl ScriptPart {
    /// Returns the entry that shows what is not spoken; none of text.
    #[must_use]
    pub fn shown(&self) -> Option<ShownEntry> {
        match self {
            Self::Speak(_) => None,
            Self::Pause(pause_ms) => Some(ShownEntry::Pause { pause_ms: *pause_ms }),
            Self::Mark(mark) => Some(ShownEntry::Mark { mark: mark.clone() }),
            Self::Sound(sound, _) => Some(ShownEntry::Sound { sound: sound.clone() }),
        }
    }
}

/// Text that one voice speaks in one manner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenPart {
    /// Clean text.
    pub text: String,
    /// Speaker, language and the like.
    pub style: Style,
    /// Rate, pitch and gain.
    pub prosody: Prosody,
}

/// Reasons why a text has no parts.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Its markup cannot be followed.
    #[error(transparent)]
    Markup(#[from] MarkupError),
    /// It cannot be spoken.
    #[error(transparent)]
    Text(#[from] SpeechError),
    /// It names a language that there is not.
    #[error("'{}' is {source}", asked.escape_debug())]
    UnknownLanguage {
        /// Language that is asked for.
        asked: String,
        /// Known languages.
        source: UnknownLanguage,
    },
}

/// Divides a text into its parts. `style` and `prosody` are those of parts that choose none.
///
/// # Errors
/// [`ScriptError`], among them that nothing of the text can be heard.
pub fn script_parts(
    text: &str,
    format: Option<TextFormat>,
    style: &Style,
    prosody: Prosody,
) -> Result<Vec<ScriptPart>, ScriptError> {
    let script = Script::parse(text, format, style.language.as_deref())?;
    if let Some(error) = &script.read_as_plain {
        tracing::debug!(%error, "a text that begins like SSML is read as plain text");
    }
    let mut parts = Vec::with_capacity(script.pieces.len());
    let mut nothing = None;
    for piece in script.pieces {
        match piece {
            ScriptPiece::Speak(piece) => match spoken(&piece, style, prosody) {
                Ok(part) => parts.push(ScriptPart::Speak(part)),
                // Invisible characters between two pauses are no reason to refuse the rest.
                Err(ScriptError::Text(error @ SpeechError::NothingToSay { .. })) => nothing = Some(error),
                Err(error) => return Err(error),
            },
            ScriptPiece::Pause { ms, .. } => parts.push(ScriptPart::Pause(ms)),
            ScriptPiece::Mark { name, .. } => parts.push(ScriptPart::Mark(name)),
            ScriptPiece::Sound { name, instead, .. } => {
                let instead = instead.map(|piece| spoken(&piece, style, prosody)).transpose()?;
                parts.push(ScriptPart::Sound(name, instead));
            }
        }
    }
    // What markup cuts off, such as the full stop behind an element, is nothing that a voice could say by itself. A text
    // of nothing else is left as it is: the voice says why it cannot.
    if parts.len() > 1 {
        parts.retain(|part| !matches!(part, ScriptPart::Speak(part) if !is_audible(&part.text)));
    }
    if parts.is_empty() {
        let empty = || SpeechError::NothingToSay { detail: "the text is empty".to_owned() };
        return Err(nothing.unwrap_or_else(empty).into());
    }
    Ok(parts)
}

/// Returns true if something of a text is read aloud: a letter, a digit or a sign that has a name.
fn is_audible(text: &str) -> bool {
    text.chars().any(|c| c.is_alphanumeric() || "%‰°€$£¥&@#+=×÷±§<>/*^~|_\\".contains(c))
}

fn spoken(piece: &SpokenPiece, style: &Style, prosody: Prosody) -> Result<SpokenPart, ScriptError> {
    let mut style = style.clone();
    // By the one name that bundles have, as for whole announcements: `de-DE` and `german` are one text in the cache.
    if let Some(asked) = &piece.language {
        let unknown = |source| ScriptError::UnknownLanguage { asked: asked.clone(), source };
        style.language = language_name(asked).map_err(unknown)?;
    }
    if let Some(speaker) = &piece.speaker {
        style.speaker = Some(speaker.clone());
    }
    // Cleaned part by part: over the whole text, the places of the pieces would be lost.
    Ok(SpokenPart { text: clean(piece.text.as_bytes())?, style, prosody: prosody.and(piece.prosody) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<Vec<ScriptPart>, ScriptError> {
        script_parts(text, None, &Style::default(), Prosody::default())
    }

    #[test]
    fn text_without_markup_is_one_part_and_as_it_was() {
        let text = "Züge \t nach\n\n Gleis 3.\u{200b} <b>";
        let [ScriptPart::Speak(part)] = &parts(text).unwrap()[..] else { panic!("not one part") };
        assert_eq!((part.text.clone(), &part.style), (clean(text.as_bytes()).unwrap(), &Style::default()));
    }

    #[test]
    fn languages_have_the_names_of_bundles_and_unknown_ones_are_refused() {
        let text = |tag: &str| format!("<speak>a <lang xml:lang='{tag}'>b</lang></speak>");
        let german = parts(&text("de-DE")).unwrap();
        let Some(ScriptPart::Speak(part)) = german.get(1) else { panic!("{german:?}") };
        assert_eq!(part.style.language.as_deref(), Some("german"));
        let refused = parts(&text("tlh"));
        assert!(matches!(refused, Err(ScriptError::UnknownLanguage { .. })), "{refused:?}");
    }

    #[test]
    fn punctuation_that_markup_cuts_off_is_left_out_and_the_rest_is_spoken() {
        for (text, count) in [
            ("<speak><prosody rate='80%'>Mind the gap</prosody>.</speak>", 1),
            ("<speak>\"<prosody rate='fast'>Hi</prosody>\"</speak>", 1),
            ("<speak>Hi <mark name='x'/>.</speak>", 2),
            ("Fire [pause:1s]... [pause:1s] Leave the building.", 4),
            ("\u{1f600}[pause:1s]hi", 2),
            ("It is 5[pause:1s]%", 3),
        ] {
            let parts = parts(text).unwrap();
            assert_eq!(parts.len(), count, "{text}: {parts:?}");
        }
        assert_eq!(parts("...").unwrap().len(), 1);
    }

    #[test]
    fn nothing_to_hear_is_refused_and_silence_alone_is_not() {
        for text in ["\u{200b}", "<speak/>", "<speak> <p/> </speak>"] {
            let refused = script_parts(text, None, &Style::default(), Prosody::default());
            assert!(matches!(refused, Err(ScriptError::Text(SpeechError::NothingToSay { .. }))), "{text}");
        }
        assert_eq!(parts("[pause:1s]\u{200b}").unwrap(), [ScriptPart::Pause(1000)]);
    }
}
