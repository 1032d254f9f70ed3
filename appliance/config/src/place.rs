//! From bytes of the file to lines and columns that people read.

use std::ops::Range;

/// Characters of a line that are shown at most.
const EXCERPT_CHARACTERS_MAX: usize = 100;
/// Characters shown before the place when the line is longer than that.
const EXCERPT_CHARACTERS_BEFORE: usize = 40;

/// The text of the file, with its name.
pub(crate) struct Source<'a> {
    name: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
}

/// A place, ready to be shown.
pub(crate) struct Place {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// Visible part of the line.
    pub(crate) excerpt: String,
    /// Start of the place in the excerpt, in characters.
    pub(crate) caret: usize,
    /// Length of the place in characters, at least 1.
    pub(crate) width: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        // A line break at the end of the file opens no further line.
        let line_starts =
            std::iter::once(0).chain(after_breaks.filter(|start| *start < text.len())).collect();
        Self { name, text, line_starts }
    }

    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|line| *line <= byte).max(1)
    }

    /// The place of some bytes; those beyond their first line, or beyond the file, are left out.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = self.on_character(span.start);
        let index = self.line(start) - 1;
        let line_start = self.line_starts.get(index).copied().unwrap_or(0);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let before = characters(line, start - line_start);
        let end = self.on_character(span.end.max(start)) - line_start;
        // A span may end in a later line; the caret cannot.
        let meant = characters(line, end).saturating_sub(before);

        // A line may be as long as the file; some of it before the place shows what it is about.
        let skipped = if line.chars().count() > EXCERPT_CHARACTERS_MAX {
            before.saturating_sub(EXCERPT_CHARACTERS_BEFORE)
        } else {
            0
        };
        let excerpt: String = line.chars().skip(skipped).take(EXCERPT_CHARACTERS_MAX).map(visible).collect();
        let caret = before - skipped;
        let room = excerpt.chars().count().saturating_sub(caret);
        // An empty span, such as a missing value, needs a caret as well.
        let width = meant.clamp(1, room.max(1));
        Place { line: index + 1, column: before + 1, excerpt, caret, width }
    }

    fn on_character(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

/// Characters in the first `bytes` bytes of a line, the line break not counted.
fn characters(line: &str, bytes: usize) -> usize {
    line.char_indices().take_while(|(at, _)| *at < bytes).count()
}

/// A character that keeps its place on any terminal.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn columns_count_characters_and_tabs_are_one() {
        let source = Source::new("f", "a = 1\n\tимя = \"x\"\n");
        let place = source.place(14..17);
        assert_eq!((place.line, place.column), (2, 6));
        assert_eq!(place.excerpt, " имя = \"x\"");
    }

    #[test]
    fn a_place_behind_the_end_is_in_the_last_line() {
        for (text, lines) in [("", 1), ("a", 1), ("a\n", 1), ("a\nb", 2), ("a\n\n", 2)] {
            assert_eq!(Source::new("f", text).place(100..200).line, lines, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let place = Source::new("f", &text).place(500..504);
        assert_eq!(place.column, 501);
        let shown: String = place.excerpt.chars().skip(place.caret).take(place.width).collect();
        assert_eq!(shown, "HERE");
        assert!(place.excerpt.len() <= 100);
    }
}
