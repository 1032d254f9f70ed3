//! The place in the text that the recognisers look at, and what has been said so far.

/// Most bytes that a recogniser looks at: longer tokens are no address, date or number that anybody would say.
const LOOK_AHEAD_BYTES: usize = 128;

/// A place in folded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// The text from here, as far as anybody may look.
    pub(super) fn rest(&self) -> &'a str {
        let rest = &self.text[self.at..];
        &rest[..rest.floor_char_boundary(LOOK_AHEAD_BYTES)]
    }

    /// The character before this place.
    pub(super) fn before(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// The text before this place, as far as anybody may look.
    pub(super) fn behind(&self) -> &'a str {
        let start = self.text.ceil_char_boundary(self.at.saturating_sub(LOOK_AHEAD_BYTES));
        &self.text[start..self.at]
    }

    /// Whether a word or a number can begin here.
    pub(super) fn at_start(&self) -> bool {
        !self.before().is_some_and(char::is_alphanumeric)
    }

    /// The word before this place, in lower case; empty when a mark stands between.
    pub(super) fn previous_word(&self) -> String {
        let behind = self.behind().trim_end();
        let start = behind.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        behind.get(start..).unwrap_or_default().to_ascii_lowercase()
    }

    /// Whether nothing follows the next `bytes` bytes but closing marks.
    pub(super) fn ends_after(&self, bytes: usize) -> bool {
        self.text[self.at..].get(bytes..).unwrap_or_default().chars().take(8).all(|c| !c.is_alphanumeric())
    }
}

/// How many bytes at the beginning of `text` are ASCII digits.
pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// How many bytes at the beginning of `text` are ASCII letters.
pub(super) fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

/// Whether a word or number that ended just before `text` is really over.
pub(super) fn is_over(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_alphanumeric())
}

/// What has been said so far.
#[derive(Debug)]
pub(super) struct Spoken {
    text: String,
    mark: Option<char>,
    /// Everything is in capitals, so that capitals mean nothing.
    pub(super) shouted: bool,
}

impl Spoken {
    pub(super) fn new(shouted: bool) -> Self {
        Self { text: String::new(), mark: None, shouted }
    }

    /// Adds words of small letters and apostrophes.
    pub(super) fn say(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.extend(self.mark);
            self.text.push(' ');
        }
        self.mark = None;
        self.text.push_str(words);
    }

    /// Adds a mark; of several the strongest stays.
    pub(super) fn mark(&mut self, mark: char) {
        let strength = |mark| ",.!?".find(mark);
        if self.mark.is_none_or(|old| strength(old) < strength(mark)) {
            self.mark = Some(mark);
        }
    }

    pub(super) fn finish(mut self) -> String {
        if !self.text.is_empty() {
            self.text.push(self.mark.filter(|&mark| mark != ',').unwrap_or('.'));
        }
        self.text
    }
}
