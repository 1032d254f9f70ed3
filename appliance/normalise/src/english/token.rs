//! Tokens of a sentence, their semiotic classes, and the two renderings of them.

use super::fold::Folded;

/// Semiotic class of a token: the kind of thing that it writes down, by which it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Network address, e-mail, file name.
    Electronic,
    /// Digits that are read one by one: telephone numbers, PINs, account numbers.
    Digits,
    /// Date, month, weekday, decade.
    Date,
    /// Time of day.
    Time,
    /// Length of time.
    Duration,
    /// Sum of money.
    Money,
    /// Quantity with a unit, number, fraction, range.
    Measure,
    /// Name of letters and digits, such as that of a room.
    Label,
    /// Roman numeral.
    Roman,
    /// Abbreviation.
    Abbreviation,
    /// Word that is read as it is written.
    Word,
    /// Sign or mark.
    Sign,
}

/// Reading of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// It stays as it is written; the field has its plain words for the embedded voice.
    Written(String),
    /// Words in place of what is written. Capitals mark names and letters that are spelled.
    Words(String),
    /// A pause, or a blank.
    Mark(Option<char>),
    /// Markup, which is not read at all.
    Silent,
}

/// A classified piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Its semiotic class, from the table of the classifiers.
    pub(super) class: Class,
    /// Its length in bytes of folded text.
    pub(super) length: usize,
    /// Its reading.
    pub(super) reading: Reading,
    /// Its full stop also ends the sentence.
    pub(super) stop: bool,
    /// Words before and behind it that only a full rendering has.
    pub(super) literal: Option<(String, &'static str)>,
}

impl Token {
    /// A token that is read as `words`.
    pub(super) fn words(words: impl Into<String>, length: usize) -> Self {
        Self { class: Class::Word, length, reading: Reading::Words(words.into()), stop: false, literal: None }
    }

    /// A token that stays as it is written.
    pub(super) fn written(plain: impl Into<String>, length: usize) -> Self {
        Self { reading: Reading::Written(plain.into()), ..Self::words("", length) }
    }

    /// A mark that makes a pause.
    pub(super) fn mark(mark: Option<char>, length: usize) -> Self {
        Self { reading: Reading::Mark(mark), ..Self::words("", length) }
    }

    /// Markup.
    pub(super) fn silent(length: usize) -> Self {
        Self { reading: Reading::Silent, ..Self::words("", length) }
    }
}

/// Plain words and pending punctuation of the output so far.
#[derive(Debug, Default)]
pub(super) struct PlainText {
    text: String,
    mark: Option<char>,
}

impl PlainText {
    /// Adds a token.
    pub(super) fn push(&mut self, token: &Token) {
        match &token.reading {
            Reading::Written(plain) => self.say(plain),
            Reading::Words(words) => self.say(&plain_words(words)),
            Reading::Mark(Some(mark)) => self.mark(*mark),
            Reading::Mark(None) | Reading::Silent => {}
        }
        if token.stop {
            self.mark('.');
        }
    }

    /// Adds words of small letters and apostrophes.
    fn say(&mut self, words: &str) {
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
    fn mark(&mut self, mark: char) {
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

/// Words in small letters; words in capitals are spelled.
fn plain_words(words: &str) -> String {
    let mut plain = String::with_capacity(words.len());
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        let spelled = word.bytes().filter(u8::is_ascii_uppercase).count() > 1
            && !word.bytes().any(|b| b.is_ascii_lowercase());
        for letter in word.chars() {
            if !plain.is_empty() && (spelled && letter.is_ascii_alphabetic()) && !plain.ends_with(' ') {
                plain.push(' ');
            }
            plain.push(letter.to_ascii_lowercase());
        }
        plain.push(' ');
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Text in which only what is not read as it is written has become words.
#[derive(Debug, Default)]
pub(super) struct WordedText {
    text: String,
    /// The last token was replaced by words, which must not touch a following word.
    replaced: bool,
}

impl WordedText {
    /// Adds a token that begins at byte `at` of the folded text.
    pub(super) fn push(&mut self, token: &Token, folded: &Folded<'_>, at: usize) {
        match &token.reading {
            Reading::Written(_) | Reading::Mark(_) => {
                let begins_word = folded.text[at..].starts_with(char::is_alphanumeric);
                let bracket = folded.text[at..].starts_with('(');
                if self.replaced && (begins_word || bracket) && self.text.ends_with(char::is_alphanumeric) {
                    self.text.push(' ');
                }
                let blank = folded.text[at..].starts_with(' ') && self.text.ends_with(' ');
                if !(self.replaced && blank) {
                    folded.copy_source(at..at + token.length, &mut self.text);
                }
                self.replaced = false;
            }
            Reading::Words(words) => {
                if self.text.ends_with(char::is_alphanumeric) && !words.is_empty() {
                    self.text.push(' ');
                }
                // "Dr. Lee", "No. 5": a capital stays one; "N/A" has no such capital.
                let mut written = folded.text[at..].chars();
                let capital = token.class == Class::Abbreviation
                    && written.next().is_some_and(|c| c.is_ascii_uppercase())
                    && written.next().is_some_and(|c| c.is_ascii_lowercase());
                let (before, behind) = token.literal.as_ref().map_or(("", ""), |(b, e)| (b.as_str(), *e));
                self.text.push_str(before);
                let mut letters = words.chars();
                match letters.next() {
                    Some(first) if capital => {
                        self.text.extend(first.to_uppercase());
                        self.text.push_str(letters.as_str());
                    }
                    _ => self.text.push_str(words),
                }
                self.text.push_str(behind);
                if token.stop {
                    self.text.push('.');
                }
                self.replaced = true;
            }
            // What stands around markup may now touch: one of two blanks goes.
            Reading::Silent => self.replaced = true,
        }
    }

    pub(super) fn finish(mut self) -> String {
        // Markup at either end leaves its blank.
        self.text.truncate(self.text.trim_end().len());
        self.text.trim_start().to_owned()
    }
}
