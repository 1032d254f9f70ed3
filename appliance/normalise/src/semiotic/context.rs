//! Text around a place.

/// Bytes that are looked at to find the word before or after a place; longer words decide nothing.
const WORD_REACH: usize = 64;

/// Text before and after a place in a sentence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) before: &'a str,
    pub(crate) rest: &'a str,
}

impl<'a> Surroundings<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        Self { before, rest }
    }

    /// Returns the context behind the next `used` bytes.
    pub(crate) fn behind(&self, used: usize) -> Self {
        Self { before: self.before, rest: self.rest.get(used..).unwrap_or_default() }
    }

    /// Returns true when a word or number reaches up to this place, so that none can begin here.
    pub(crate) fn inside_word(&self) -> bool {
        self.before.chars().next_back().is_some_and(is_word)
    }

    /// Returns the word before the place, with blanks and opening marks between, or the empty text.
    pub(crate) fn previous_word(&self) -> &'a str {
        // "am (24.12.)" and „am 24.“: what stands before the bracket governs.
        let end = self.before.trim_end_matches(|c: char| is_blank(c) || "(„“\"»«.".contains(c));
        // A word of megabytes must not be read again for each of its numbers.
        let start = floor(end, end.len().saturating_sub(WORD_REACH));
        let near = end.get(start..).unwrap_or_default();
        near.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
    }

    /// Returns the word after the place, with blanks between, or the empty text.
    pub(crate) fn next_word(&self) -> &'a str {
        let near = self.rest.trim_start_matches(is_blank);
        let near = near.get(..floor(near, WORD_REACH)).unwrap_or_default();
        near.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
    }
}

/// Returns the last character boundary at or before `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Returns true for the blanks of a line, the non-breaking and narrow ones included.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// Returns true for letters of scripts that put blanks between words, and for digits.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() && !is_ideographic(c)
}

/// Returns true for letters of Chinese, Japanese and Korean, between which and digits there is no blank.
pub(crate) fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// Returns the length of the first character when it fulfils the condition, else 0.
pub(crate) fn optional(text: &str, condition: impl Fn(char) -> bool) -> usize {
    text.chars().next().filter(|c| condition(*c)).map_or(0, char::len_utf8)
}
