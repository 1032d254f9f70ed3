//! Pauses in plain text: `[pause:500ms]`, `[pause 1s]`, `[pause:1.5s]`.

use crate::attributes::milliseconds;
use crate::error::{MarkupError, MarkupProblem};
use crate::limits::{PAUSE_MS_MAX, PAUSES_MS_MAX, PIECES_MAX};
use crate::script::{Script, ScriptPiece, SpokenPiece};

/// Begin of a pause, in any case.
const WORD: &str = "[pause";
/// Longest pause as it is written, in bytes, with blanks and many digits. Beyond that the bracket is text.
const WRITTEN_BYTES_MAX: usize = 40;

/// Reads a plain text.
pub(crate) fn script(text: &str) -> Result<Script, MarkupError> {
    let (mut pieces, mut total_ms) = (Vec::new(), 0);
    let mut begin = 0;
    for (at, _) in text.match_indices('[') {
        // A bracket in a pause that was read already.
        if at < begin {
            continue;
        }
        let Some((length, ms)) = pause(&text[at..]) else { continue };
        let error = |problem| Err(MarkupError::at(text, at, problem));
        if ms > f64::from(PAUSE_MS_MAX) {
            return error(MarkupProblem::LongPause);
        }
        // Within the limit, so the conversion loses nothing but a fraction of a millisecond.
        let ms = ms.round() as u32;
        total_ms += ms;
        if total_ms > PAUSES_MS_MAX {
            return error(MarkupProblem::LongPauses);
        }
        push_text(&mut pieces, begin, &text[begin..at]);
        pieces.push(ScriptPiece::Pause { at, ms });
        if pieces.len() > PIECES_MAX {
            return error(MarkupProblem::Pieces);
        }
        begin = at + length;
    }
    push_text(&mut pieces, begin, &text[begin..]);
    Ok(Script { pieces, read_as_plain: None })
}

fn push_text(pieces: &mut Vec<ScriptPiece>, at: usize, text: &str) {
    // Blanks beside a pause are no sentence.
    if !text.trim().is_empty() {
        pieces.push(ScriptPiece::Speak(SpokenPiece { at, text: text.to_owned(), ..SpokenPiece::default() }));
    }
}

/// Reads a pause at the beginning of the text: its length in bytes, and in milliseconds.
fn pause(text: &str) -> Option<(usize, f64)> {
    // Bounded, or a text of nothing but brackets would be searched to its end at each of them.
    let end = text.bytes().take(WRITTEN_BYTES_MAX).position(|byte| byte == b']')?;
    let written = &text[..end];
    // `get`, because the word may end within a character.
    let (word, value) = (written.get(..WORD.len())?, written.get(WORD.len()..)?);
    let value = value.strip_prefix(|c: char| matches!(c, ':' | '=') || c.is_whitespace())?;
    word.eq_ignore_ascii_case(WORD).then_some(())?;
    Some((end + 1, milliseconds(value.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let shown = |piece| match piece {
            ScriptPiece::Speak(spoken) => spoken.text,
            ScriptPiece::Pause { ms, .. } => ms.to_string(),
            other => format!("{other:?}"),
        };
        script(text).unwrap().pieces.into_iter().map(shown).collect()
    }

    #[test]
    fn pauses_are_read_in_every_spelling() {
        assert_eq!(shown("One.[pause:500ms]Two."), ["One.", "500", "Two."]);
        assert_eq!(shown("[pause 1s] Two [PAUSE: 1.5 s]"), ["1000", " Two ", "1500"]);
        assert_eq!(shown("[pause=0.25s][pause 20 ms]"), ["250", "20"]);
        assert_eq!(shown("a [x [pause:1s] b"), ["a [x ", "1000", " b"]);
    }

    #[test]
    fn other_brackets_are_text() {
        for text in [
            "[pause]",
            "[pause:]",
            "[pause:fast]",
            "[pause 5]",
            "[paused 5s]",
            "[pause:1s",
            "[pauseé1s]",
            "[5s]",
        ] {
            assert_eq!(shown(text), [text]);
        }
    }

    #[test]
    fn too_long_pauses_are_refused_with_line_and_column() {
        let error = script("One.\nTwö [pause:61s]").unwrap_err();
        assert_eq!((error.line, error.column, error.problem), (2, 5, MarkupProblem::LongPause));
        assert_eq!(script(&"[pause:60s]".repeat(11)).unwrap_err().problem, MarkupProblem::LongPauses);
        assert_eq!(script(&"[pause:1ms]".repeat(PIECES_MAX + 1)).unwrap_err().problem, MarkupProblem::Pieces);
        assert_eq!(script("[pause:99999999999999999999999s]").unwrap_err().problem, MarkupProblem::LongPause);
    }
}
