//! Bytes to lines, each bounded.

use crier_announce::{JSON_BYTES_MAX, TEXT_BYTES_MAX};

/// A line of the stream, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputLine {
    /// All of it.
    Whole(Vec<u8>),
    /// It is longer than may be; what there is of it is skipped.
    TooLong,
}

/// Cuts a stream into lines. A line ends with LF, CR or both.
///
/// A line of text holds at most [`TEXT_BYTES_MAX`] bytes and a line of JSON at most [`JSON_BYTES_MAX`]; a longer one is
/// told once and skipped to its end.
#[derive(Debug, Default)]
pub struct LineSplitter {
    line: Vec<u8>,
    skipping: bool,
    after_cr: bool,
}

impl LineSplitter {
    /// Takes the next bytes and gives the lines that end in them to `each`.
    pub fn read(&mut self, mut bytes: &[u8], mut each: impl FnMut(InputLine)) {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.append(&bytes[..end.unwrap_or(bytes.len())], &mut each);
            let Some(end) = end else { return };
            self.after_cr = bytes[end] == b'\r';
            self.end(&mut each);
            bytes = &bytes[end + 1..];
        }
    }

    /// The stream has ended: what is left is a line if it is one.
    pub fn finish(&mut self, mut each: impl FnMut(InputLine)) {
        self.after_cr = false;
        if self.line.is_empty() {
            self.skipping = false;
        } else {
            self.end(&mut each);
        }
    }

    /// Forgets what is there of a line.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.line.capacity()
    }

    fn append(&mut self, part: &[u8], each: &mut impl FnMut(InputLine)) {
        if self.skipping || part.is_empty() {
            return;
        }
        let json = self.line.first().or(part.first()) == Some(&b'{');
        let limit = if json { JSON_BYTES_MAX } else { TEXT_BYTES_MAX };
        if self.line.len() + part.len() > limit {
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
    fn every_end_of_line_ends_one() {
        let expected = vec![whole("a"), whole("b"), whole("c"), whole(""), whole("d")];
        assert_eq!(lines(&[b"a\nb\r\nc\r\rd"]), expected);
        assert_eq!(lines(&[b"a\nb\r", b"\nc\r", b"\r", b"d"]), expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_skipped() {
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
    fn exactly_the_bound_is_taken() {
        let line = vec![b'x'; TEXT_BYTES_MAX];
        assert_eq!(lines(&[&line, b"\n"]), vec![InputLine::Whole(line.clone())]);
    }
}
