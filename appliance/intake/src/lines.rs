//! Splitting of a byte stream into lines of bounded length.

use crier_announce::{JSON_BYTES_MAX, TEXT_BYTES_MAX};

use crate::text::is_json;

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
/// An object of JSON may span lines, as `jq` prints it: a line that leaves one open is continued by the lines that go
/// on as only JSON does, indented or with a quote or a bracket.
///
/// A line of text holds at most [`TEXT_BYTES_MAX`] bytes and an object of JSON at most [`JSON_BYTES_MAX`]; a longer
/// one is reported once and skipped to its end.
#[derive(Debug, Default)]
pub struct LineSplitter {
    line: Vec<u8>,
    skipping: bool,
    after_cr: bool,
    /// Lines of an object that is not closed yet; empty if there is none.
    object: Vec<u8>,
    nesting: Nesting,
}

/// Place within an object of JSON, as far as its end is concerned.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    /// Brackets that are open.
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl Nesting {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                // Whatever it is: an escaped quote ends no string.
                _ if std::mem::take(&mut self.after_backslash) => {}
                b'\\' if self.in_string => self.after_backslash = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Returns true if the object goes on. A string does not: JSON has no line ends in it.
    fn is_open(self) -> bool {
        self.depth > 0 && !self.in_string
    }
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
        self.finish_object(&mut each);
    }

    /// Returns true if an object of JSON is open, and nothing behind its last line has come.
    #[must_use]
    pub fn awaits_more(&self) -> bool {
        !self.object.is_empty() && self.line.is_empty()
    }

    /// Ends an object of JSON that is open: what is there of it is a line.
    pub fn finish_object(&mut self, mut each: impl FnMut(InputLine)) {
        if !self.object.is_empty() {
            each(InputLine::Whole(std::mem::take(&mut self.object)));
        }
    }

    /// Discards the line that was begun.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns the number of bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.line.capacity() + self.object.capacity()
    }

    fn append(&mut self, part: &[u8], each: &mut impl FnMut(InputLine)) {
        if self.skipping || part.is_empty() {
            return;
        }
        // JSON escapes a character in up to twelve bytes, so that the same text is longer in it.
        let json = !self.object.is_empty() || is_json(if self.line.is_empty() { part } else { &self.line });
        let limit = if json { JSON_BYTES_MAX } else { TEXT_BYTES_MAX };
        if self.object.len() + self.line.len() + part.len() > limit {
            // Not `clear`, which would keep the memory of the longest line ever sent.
            (self.line, self.object) = (Vec::new(), Vec::new());
            self.skipping = true;
            each(InputLine::TooLong);
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(InputLine)) {
        if std::mem::take(&mut self.skipping) {
            return;
        }
        let line = std::mem::take(&mut self.line);
        if !self.object.is_empty() {
            if continues_object(&line) {
                self.object.push(b'\n');
                self.object.extend_from_slice(&line);
                self.nesting.read(&line);
                if !self.nesting.is_open() {
                    self.finish_object(each);
                }
                return;
            }
            // Another message: the object was damaged, and must not swallow it.
            self.finish_object(&mut *each);
        }
        if is_json(&line) {
            // Kept over the lines, not counted anew: a long object of short lines would cost the square of its length.
            self.nesting = Nesting::default();
            self.nesting.read(&line);
            if self.nesting.is_open() {
                self.object = line;
                return;
            }
        }
        each(InputLine::Whole(line));
    }
}

/// Returns true if a line goes on as JSON does and other messages hardly do.
fn continues_object(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t' | b'"' | b'}' | b']' | b','))
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
    fn object_of_json_spans_lines_as_jq_prints_it() {
        let object = "{\n  \"text\": \"a } \\\" {\",\n  \"more\": [\n    1\n  ]\n}";
        let stream = format!("{object}\nnext\n\u{feff}{{\"a\":1}}\n  {{\n}}\n");
        let expected = vec![whole(object), whole("next"), whole("\u{feff}{\"a\":1}"), whole("  {\n}")];
        assert_eq!(lines(&[stream.as_bytes()]), expected);
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(lines(&bytes), expected, "byte by byte");
    }

    #[test]
    fn damaged_object_swallows_no_other_message() {
        for next in ["!stop", "Hello.", "{\"a\":1}", ""] {
            let stream = format!("{{\"text\":\n{next}\nlast\n");
            assert_eq!(
                lines(&[stream.as_bytes()]),
                [whole("{\"text\":"), whole(next), whole("last")],
                "{next}"
            );
        }
        assert_eq!(lines(&[b"{\"text\":\n"]), [whole("{\"text\":")], "at the end of the stream");
        let mut splitter = LineSplitter::default();
        splitter.read(b"{\n", |line| panic!("{line:?}"));
        assert!(splitter.awaits_more());
        let mut found = Vec::new();
        splitter.finish_object(|line| found.push(line));
        assert_eq!((found, splitter.awaits_more()), (vec![whole("{")], false));
    }

    #[test]
    fn object_over_many_lines_is_bounded() {
        let mut splitter = LineSplitter::default();
        let mut found = Vec::new();
        splitter.read(b"{\n", |line| found.push(line));
        for _ in 0..JSON_BYTES_MAX / 1000 + 2 {
            splitter.read(&[b" ".repeat(999).as_slice(), b"\n"].concat(), |line| found.push(line));
        }
        assert!(
            found.contains(&InputLine::TooLong) && splitter.held() <= JSON_BYTES_MAX * 2,
            "{}",
            splitter.held()
        );
    }

    #[test]
    fn line_of_exactly_the_limit_is_whole() {
        let line = vec![b'x'; TEXT_BYTES_MAX];
        assert_eq!(lines(&[&line, b"\n"]), vec![InputLine::Whole(line.clone())]);
    }
}
