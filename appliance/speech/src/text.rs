//! Cleaning of text from outside: all rules about accepted, removed and rejected characters.

use crate::SpeechError;

/// Longest text of an announcement, in bytes: about two hours of speech, far more than any announcement needs.
pub const TEXT_BYTES_MAX: usize = 100_000;

/// Converts bytes from outside to clean text: valid UTF-8 without control or invisible characters, white space folded,
/// line ends kept as single `\n` (they end sentences), nothing of both at either end.
///
/// # Errors
/// [`SpeechError::TextTooLong`], [`SpeechError::NotUtf8`], or [`SpeechError::NothingToSay`].
pub fn clean(bytes: &[u8]) -> Result<String, SpeechError> {
    // Before anything that takes time in proportion to the length.
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(SpeechError::TextTooLong { bytes: bytes.len(), limit: TEXT_BYTES_MAX });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| SpeechError::NotUtf8 { offset: e.valid_up_to() })?;
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => {
                push_line_end(&mut cleaned);
            }
            // Without a blank in their place: they stand inside words.
            c if is_invisible(c) => {}
            c if c.is_whitespace() || c.is_control() => push_space(&mut cleaned),
            c => cleaned.push(c),
        }
    }
    // Blanks at the start are never pushed; at the end they are known only now.
    cleaned.truncate(cleaned.trim_end().len());
    if cleaned.is_empty() {
        // A sender of invisible characters sees a text on its screen and would not understand "empty".
        let detail = match bytes {
            [] => "the text is empty",
            _ => "the text is empty after removal of blanks and control characters",
        };
        return Err(SpeechError::NothingToSay { detail: detail.to_owned() });
    }
    Ok(cleaned)
}

fn push_space(text: &mut String) {
    if !text.is_empty() && !text.ends_with([' ', '\n']) {
        text.push(' ');
    }
}

fn push_line_end(text: &mut String) {
    // Removes blanks before the line end, and an earlier line end: several become one.
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
}

/// Returns true for characters without glyph or sound that only affect storage or display: byte-order mark, zero-width
/// characters, bidirectional marks and overrides, soft hyphen, interlinear and tag characters.
/// The zero-width joiner and non-joiner are removed too: no language of the voices needs them.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_folds_and_line_ends_stay() {
        assert_eq!(clean(b"\n\n  Hello,\t\tworld \r\n\r\n next  ").unwrap(), "Hello, world\nnext");
        assert_eq!(clean("a\u{a0}b\u{2028}c".as_bytes()).unwrap(), "a b\nc");
    }

    #[test]
    fn control_and_invisible_characters_go() {
        assert_eq!(clean(b"a\x00b\x1b[31mc\x7f").unwrap(), "a b [31mc");
        assert_eq!(clean("\u{feff}safe\u{202e}txt\u{200b}\u{ad}.".as_bytes()).unwrap(), "safetxt.");
    }

    #[test]
    fn empty_long_and_non_utf8_texts_are_refused() {
        assert!(matches!(clean(b""), Err(SpeechError::NothingToSay { .. })));
        assert!(matches!(clean(b" \x00\n\xe2\x80\x8b "), Err(SpeechError::NothingToSay { .. })));
        assert_eq!(clean(b"ab\xff").unwrap_err(), SpeechError::NotUtf8 { offset: 2 });
        assert!(matches!(clean(&vec![b'a'; TEXT_BYTES_MAX + 1]), Err(SpeechError::TextTooLong { .. })));
        assert_eq!(clean(&vec![b'a'; TEXT_BYTES_MAX]).unwrap().len(), TEXT_BYTES_MAX);
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        for text in ["  a \n\n b\t\r\nc ", "x\u{200d}y\u{3000}z", "Ünï — ‘q’ 你好。\n"] {
            let once = clean(text.as_bytes()).unwrap();
            assert_eq!(clean(once.as_bytes()).unwrap(), once);
        }
    }
}
