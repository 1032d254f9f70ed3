//! Read position of the classifiers in the text, with the context around it.

/// Number of bytes that a classifier may look at, which bounds the total time. Longer tokens are no addresses, dates or
/// numbers that a listener could follow.
const LOOK_AHEAD_BYTES: usize = 128;
/// Number of words that are passed over on the way to the word that governs a number: lists such as "rooms 3, 4 and 5".
const LIST_WORDS_MAX: usize = 8;

/// Vulgar fractions that the classifiers know; the others are folded to digits.
pub(super) const FRACTIONS: &str = "½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚";
/// Separator of thousands that is no blank: thin, narrow or no-break space between digits.
pub(super) const THIN: char = '\u{202f}';

/// A position in folded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// True if the whole text is in capitals, which then do not mark acronyms.
    pub(super) shouted: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, at: usize, shouted: bool) -> Self {
        Self { text, at, shouted }
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
        self.previous_as_written().to_ascii_lowercase()
    }

    /// Returns the word before this place; empty if a mark is between.
    pub(super) fn previous_as_written(&self) -> &'a str {
        let behind = self.behind().trim_end();
        // Only blanks are trimmed: behind a comma or bracket a word has no influence on what follows.
        last_word(behind)
    }

    /// Returns the word before the previous one, in lower case.
    pub(super) fn word_before_previous(&self) -> String {
        let behind = self.behind().trim_end();
        let head = &behind[..behind.len() - last_word(behind).len()];
        last_word(head.trim_end()).to_ascii_lowercase()
    }

    /// Returns the word that says what a number here is, in lower case: the one before it, or before a list of such
    /// numbers ("rooms 3, 4 and 5"), with "number" between ("room no. 5"); with `verbs` also "the PIN is: 1234".
    pub(super) fn governing_word(&self, verbs: bool) -> String {
        let marks = [' ', ':', '#', '=', '(', '"', '*'];
        let mut behind = self.behind().trim_end_matches(marks);
        for _ in 0..LIST_WORDS_MAX {
            let head = behind.strip_suffix('.').unwrap_or(behind);
            let word = last_word(head);
            let lower = word.to_ascii_lowercase();
            let numbered = matches!(lower.as_str(), "number" | "numbers" | "no" | "nr");
            let in_list = matches!(lower.as_str(), "and" | "or" | "to" | "through" | "then")
                || word.len() <= 6 && word.bytes().any(|b| b.is_ascii_digit());
            // Carriers and districts: "flight LH 1217", "plate M-AB 1234". "PIN 1234" and "BP 120/80" say themselves
            // what they are.
            let carrier = !self.shouted
                && !listed(super::codes::SECRETS, &lower)
                && lower != "bp"
                && word.len() <= 3
                && !word.is_empty()
                && letters(word) == word.len()
                && word.bytes().all(|b| b.is_ascii_uppercase());
            let verb = verbs && matches!(lower.as_str(), "is" | "are" | "was" | "in" | "with" | "of");
            // A stop ends the sentence, except that of "no.".
            if head.len() < behind.len() && !numbered {
                return String::new();
            }
            if !(numbered || in_list || verb || carrier) {
                return lower;
            }
            let trimmed = [' ', ':', '#', ',', '-', '–', '/', '(', '='];
            behind = head[..head.len() - word.len()].trim_end_matches(trimmed);
        }
        String::new()
    }

    /// Returns true if a quantity here, with `after` behind it, stands before a noun: "a five dollar bill".
    pub(super) fn is_adjective(&self, after: &str) -> bool {
        let noun = next_word(after);
        let preposition =
            ["of", "and", "or", "to", "in", "per", "from", "at", "on", "for", "is", "a", "every"];
        matches!(self.previous_word().as_str(), "a" | "an")
            && after.starts_with(' ')
            && !noun.is_empty()
            && !preposition.contains(&noun.as_str())
    }

    /// Returns true if only closing marks follow the next `bytes` bytes.
    pub(super) fn ends_after(&self, bytes: usize) -> bool {
        // Closing marks are few; a longer run of signs is not worth reading on.
        self.text[self.at..].get(bytes..).unwrap_or_default().chars().take(8).all(|c| !c.is_alphanumeric())
    }

    /// Returns true if a quotation that `quote` opened is still open here.
    pub(super) fn in_quotes(&self, quote: char) -> bool {
        let mut open = false;
        let mut before = ' ';
        for character in self.behind().chars() {
            if character == quote {
                // A sign behind a letter or digit closes, or is an apostrophe.
                open = !before.is_alphanumeric() && !open;
            }
            before = character;
        }
        open
    }
}

/// The letters and digits at the end of a text.
fn last_word(text: &str) -> &str {
    let start = text.rfind(|c: char| !c.is_ascii_alphanumeric());
    let start = start.map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    text.get(start..).unwrap_or_default()
}

/// Returns true if a list of words, with blanks between them, has this word.
pub(super) fn listed(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}

/// Number of ASCII digits at the start of `text`.
pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Number of ASCII letters at the start of `text`.
pub(super) fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

/// Number of ASCII letters and digits at the start of `text`.
pub(super) fn alphanumerics(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

/// Returns true if a word or number that ended just before `text` does not continue in it.
pub(super) fn is_over(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_alphanumeric())
}

/// Returns true if a number that ended just before `text` does not continue there: decimals, thousands, a range.
pub(super) fn is_number_over(text: &str) -> bool {
    let mut next = text.chars();
    match next.next() {
        None => true,
        Some('.' | ',' | ':' | '/' | '-' | '–') => !next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => !c.is_alphanumeric(),
    }
}

/// The word at the start of `text`, behind a blank or a hyphen, in lower case.
pub(super) fn next_word(text: &str) -> String {
    let word = text.strip_prefix([' ', '-']).unwrap_or_default();
    word[..letters(word)].to_ascii_lowercase()
}
