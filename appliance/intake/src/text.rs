//! Decoding of bytes to text: UTF-8 first, then the configured encoding.

use crier_config::TextEncoding;
use encoding_rs::{
    BIG5, EUC_KR, GBK, IBM866, KOI8_R, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1251, WINDOWS_1252,
};

/// Byte-order mark of UTF-8, which editors and some languages put before a text.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Returns `bytes` without a byte-order mark and blanks before them.
#[must_use]
pub(crate) fn without_prefix(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    bytes.strip_prefix(MARK).unwrap_or(bytes).trim_ascii_start()
}

/// Returns true if `bytes` are to be read as JSON: no spoken text begins with a brace.
#[must_use]
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    without_prefix(bytes).first() == Some(&b'{')
}

/// Returns the text in `bytes`, if they are UTF-8 or text in `encoding`.
#[must_use]
pub(crate) fn decode(encoding: TextEncoding, bytes: &[u8]) -> Option<String> {
    // Text in another encoding is hardly ever valid UTF-8 by chance, and senders change to UTF-8 without a change
    // here.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    decode_strictly(encoding, bytes)
}

/// Returns the text in `bytes`, if they are text in `encoding`, even if they are valid UTF-8 as well.
#[must_use]
pub(crate) fn decode_strictly(encoding: TextEncoding, bytes: &[u8]) -> Option<String> {
    let encoding = match encoding {
        TextEncoding::Utf8 => return std::str::from_utf8(bytes).ok().map(str::to_owned),
        // A superset of the printable part of ISO 8859-1, and what senders that name it mostly mean.
        TextEncoding::Latin1 => WINDOWS_1252,
        TextEncoding::Windows1251 => WINDOWS_1251,
        TextEncoding::Koi8R => KOI8_R,
        TextEncoding::Ibm866 => IBM866,
        TextEncoding::Gbk => GBK,
        TextEncoding::Big5 => BIG5,
        TextEncoding::ShiftJis => SHIFT_JIS,
        TextEncoding::EucKr => EUC_KR,
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// Decodes UTF-16. The byte order is that of the mark if there is one, and otherwise the one that gives more common
/// characters: libraries for the same module send either.
pub(crate) fn decode_utf16(bytes: &[u8]) -> Option<String> {
    let little = UTF_16LE.decode_without_bom_handling_and_without_replacement(bytes);
    let big = UTF_16BE.decode_without_bom_handling_and_without_replacement(bytes);
    match (little, big) {
        // Nearly every pair of bytes is a character in both orders; a mark reads as U+FEFF in the right one, which
        // counts.
        (Some(little), Some(big)) if usual(&big) > usual(&little) => Some(big.into_owned()),
        (Some(little), _) => Some(little.into_owned()),
        (None, big) => big.map(std::borrow::Cow::into_owned),
    }
}

/// Returns the number of characters of `text` that are common in written language.
fn usual(text: &str) -> usize {
    let common = |c: &char| {
        matches!(c, '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{4ff}' | '\u{2010}'..='\u{2030}')
            || matches!(c, '\u{3000}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
            || matches!(c, '\u{feff}' | '\u{ff00}'..='\u{ffef}')
    };
    text.chars().filter(common).count()
}

/// Returns `text` without byte order mark and with a space for each control character: nothing invisible is left.
pub(crate) fn clean(text: &str) -> String {
    let spaced: String =
        text.chars().filter(|c| *c != '\u{feff}').map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_tried_before_the_configured_encoding() {
        assert_eq!(decode(TextEncoding::Utf8, "Grüße".as_bytes()).unwrap(), "Grüße");
        assert_eq!(decode(TextEncoding::Latin1, b"Gr\xFC\xDFe").unwrap(), "Grüße");
        assert_eq!(decode(TextEncoding::Latin1, "Grüße".as_bytes()).unwrap(), "Grüße");
        assert_eq!(decode(TextEncoding::Utf8, b"Gr\xFC\xDFe"), None);
        assert_eq!(decode(TextEncoding::Gbk, b"\xD6\xB1\xD0\xD0").unwrap(), "直行");
        assert_eq!(decode(TextEncoding::Koi8R, b"\xF0\xD2\xC9\xD7\xC5\xD4").unwrap(), "Привет");
        assert_eq!(decode(TextEncoding::Gbk, b"\xD6"), None, "half a character is not text");
    }

    #[test]
    fn utf16_is_read_in_either_byte_order() {
        for text in ["A科B大", "Hello.", "直行", "\u{feff}直行"] {
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(decode_utf16(&little).unwrap(), text);
            assert_eq!(decode_utf16(&big).unwrap(), text);
        }
        assert_eq!(decode_utf16(b"\x00H\x00"), None);
    }

    #[test]
    fn control_characters_and_marks_are_removed() {
        assert_eq!(clean("\u{feff} one\ttwo\u{1b}[0m\r\0"), "one two [0m");
    }
}
