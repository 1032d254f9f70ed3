//! Splitting of a byte stream into lines of bounded length.

use crier_announce::{JSON_BYTES_MAX, TEXT_BYTES_MAX};

/// Line of the stream, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputLine {
    /// Complete line.
    Whole(Vec<u8>),
    /// Line beyond the limit; it is skipped to its end.
    TooLong,
}

/// Splits a stream into lines. A line ends with LF, CR or both.
///
/// A line of text holds at most [`TEXT_BYTES_MAX`] bytes and a line of JSON at most [`JSON_BYTES_MAX`]; a longer one is
/// reported once and skipped to its end.
#[derive(Debug, Default)]
pub struct LineSplitter {
    line: Vec<u8>,
    skipping: bool,
    after_cr: bool,
}

impl LineSplitter {
    /// Reads the next bytes and passes the lines that end in them to `each`.
    pub fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(InputLine)) {
        while let Some(first) = bytes.first() {
            // LF after CR is the same line end, wherever the reads divide them.
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.append(&bytes[..end.unwrap_or(bytes.len())], &mut each);
            let Some(end) = end else { return };
            // CR and LF may come in different reads, so that the LF cannot be skipped here.
            self.after_cr = bytes[end] == b'\r';
            self.end(&mut each);
            bytes = &bytes[end + 1..];
        }
    }

    /// Ends the stream: text without a line end is a line.
    pub fn finish(&mut self, mut each: impl FnMut(InputLine)) {
        self.after_cr = false;
        if self.line.is_empty() {
            self.skipping = false;
        } else {
            self.end(&mut each);
        }
    }

    /// Discards the line that was begun.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns the number of bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.line.capacity()
    }

    fn append(&mut self, part: &[u8], each: &mut impl FnMut(InputLine)) {
        if self.skipping || part.is_empty() {
            return;
        }
        // JSON escapes a character in up to twelve bytes, so that the same text is longer in it.
        let json = self.line.first().or(part.first()) == Some(&b'{');
        let limit = if json { JSON_BYTES_MAX } else { TEXT_BYTES_MAX };
        if self.line.len() + part.len() > limit {
            // Not `clear`, which would keep the memory of the longest line ever sent.
            self.line = Vec::new();
            self.skipping = true;
            each(InputLine::TooLong);
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(InputLine)) {
        if !std::mem::take(&mut self.skipping) {
            each(InputLine::Whole(std::mem::take(&mut self.line)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<InputLine> {
        let mut lines = LineSplitter::default();
        let mut found = Vec::new();
        for part in parts {
            lines.read(part, |line| found.push(line));
        }
        lines.finish(|line| found.push(line));
        found
    }

    fn whole(line: &str) -> InputLine {
        InputLine::Whole(line.into())
    }

    #[test]
    fn lines_end_with_lf_cr_or_both() {
        let expected = vec![whole("a"), whole("b"), whole("c"), whole(""), whole("d")];
        assert_eq!(lines(&[b"a\nb\r\nc\r\rd"]), expected);
        assert_eq!(lines(&[b"a\nb\r", b"\nc\r", b"\r", b"d"]), expected);
    }

    #[test]
    fn too_long_line_is_reported_once_and_skipped() {
        let long = vec![b'x'; TEXT_BYTES_MAX + 1];
        assert_eq!(lines(&[&long, &long, b"x\nnext\n"]), vec![InputLine::TooLong, whole("next")]);
        let mut json = vec![b'{'];
        json.resize(TEXT_BYTES_MAX + 1, b' ');
        assert_eq!(lines(&[&json, b"\n"]).len(), 1);
        assert!(matches!(&lines(&[&json, b"\n"])[0], InputLine::Whole(line) if line.len() == json.len()));
        json.resize(JSON_BYTES_MAX + 1, b' ');
        assert_eq!(lines(&[&json, b"\nnext\n"]), vec![InputLine::TooLong, whole("next")]);
    }

    #[test]
    fn line_of_exactly_the_limit_is_whole() {
        let line = vec![b'x'; TEXT_BYTES_MAX];
        assert_eq!(lines(&[&line, b"\n"]), vec![InputLine::Whole(line.clone())]);
    }
}
