//! Read position of the recognisers in the text, and their output.

/// Number of bytes that a recogniser may look at, which bounds the total time. Longer tokens are no addresses, dates or
/// numbers that a listener could follow.
const LOOK_AHEAD_BYTES: usize = 128;

/// A position in folded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Returns the text from here, up to the look-ahead limit.
    pub(super) fn rest(&self) -> &'a str {
        let rest = &self.text[self.at..];
        // Cut at a character, not in the middle of one.
        &rest[..rest.floor_char_boundary(LOOK_AHEAD_BYTES)]
    }

    /// Returns the character before this place.
    pub(super) fn before(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// Returns the text before this place, up to the same limit.
    pub(super) fn behind(&self) -> &'a str {
        let start = self.text.ceil_char_boundary(self.at.saturating_sub(LOOK_AHEAD_BYTES));
        &self.text[start..self.at]
    }

    /// Returns true if a word or a number can begin here.
    pub(super) fn at_start(&self) -> bool {
        !self.before().is_some_and(char::is_alphanumeric)
    }

    /// Returns the word before this place in lower case; empty if a mark is between.
    pub(super) fn previous_word(&self) -> String {
        let behind = self.behind().trim_end();
        // Only blanks are trimmed: behind a comma or bracket a word has no influence on what follows.
        let start = behind.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        behind.get(start..).unwrap_or_default().to_ascii_lowercase()
    }

    /// Returns true if only closing marks follow the next `bytes` bytes.
    pub(super) fn ends_after(&self, bytes: usize) -> bool {
        // Closing marks are few; a longer run of signs is not worth reading on.
        self.text[self.at..].get(bytes..).unwrap_or_default().chars().take(8).all(|c| !c.is_alphanumeric())
    }
}

/// Number of ASCII digits at the start of `text`.
pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Number of ASCII letters at the start of `text`.
pub(super) fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

/// Returns true if a word or number that ended just before `text` does not continue in it.
pub(super) fn is_over(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_alphanumeric())
}

/// Words and pending punctuation of the output so far.
#[derive(Debug)]
pub(super) struct NormalisedText {
    text: String,
    mark: Option<char>,
    /// True if the whole text is in capitals, which then do not mark acronyms.
    pub(super) shouted: bool,
}

impl NormalisedText {
    pub(super) fn new(shouted: bool) -> Self {
        Self { text: String::new(), mark: None, shouted }
    }

    /// Adds words of small letters and apostrophes.
    pub(super) fn say(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            // Marks are written when a word follows: several in a row become one, and none stands at the
            // start.
            self.text.extend(self.mark);
            self.text.push(' ');
        }
        self.mark = None;
        self.text.push_str(words);
    }

    /// Adds a mark; of several the strongest stays.
    pub(super) fn mark(&mut self, mark: char) {
        // In rising order: a full stop beats a comma, a question mark the full stop.
        let strength = |mark| ",.!?".find(mark);
        if self.mark.is_none_or(|old| strength(old) < strength(mark)) {
            self.mark = Some(mark);
        }
    }

    pub(super) fn finish(mut self) -> String {
        if !self.text.is_empty() {
            // The voice was trained on whole sentences: a trailing comma would sound unfinished.
            self.text.push(self.mark.filter(|&mark| mark != ',').unwrap_or('.'));
        }
        self.text
    }
}
