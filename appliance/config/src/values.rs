//! Kinds of values: numbers, words, texts, paths.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use crate::key::{KeyDefault, quoted};
use crate::reader::Trouble;
use crate::section::Section;
use crate::suggest::nearest;

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 1023;
/// Longest path of a Unix socket, in bytes: `sun_path` has 108 with its final zero.
const SOCKET_BYTES_MAX: usize = 107;

/// A value that is one of some words.
pub(crate) trait Keyword: Copy + PartialEq + 'static {
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

/// Words for the variants of an enum, for reading and for showing.
macro_rules! words {
    ($kind:ty { $($word:literal => $variant:ident),+ $(,)? }) => {
        impl $crate::values::Keyword for $kind {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }

        impl std::fmt::Display for $kind {
            /// As it is written in the file.
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}
pub(crate) use words;

/// Constraints on a text.
pub(crate) struct Text {
    /// In words, to follow "write".
    pub(crate) takes: &'static str,
    /// Longest, in characters.
    pub(crate) characters_max: usize,
    /// Returns true if a character is allowed; control characters never are.
    pub(crate) allowed: fn(char) -> bool,
}

impl Text {
    pub(crate) const fn any(takes: &'static str, characters_max: usize) -> Self {
        Self { takes, characters_max, allowed: |_| true }
    }

    fn check(&self, text: &str) -> Result<(), Trouble> {
        // Control characters are never permitted: these texts go to logs, terminals and MQTT topics.
        let good = !text.trim().is_empty()
            && text.chars().count() <= self.characters_max
            && text.chars().all(|character| !character.is_control() && (self.allowed)(character));
        if good {
            return Ok(());
        }
        let problem = if text.trim().is_empty() {
            "is empty".to_owned()
        } else if text.chars().count() > self.characters_max {
            format!("has more than {} characters", self.characters_max)
        } else {
            match text.chars().find(|character| character.is_control() || !(self.allowed)(*character)) {
                Some(character) => format!("has the character {character:?}"),
                None => "is not allowed".to_owned(),
            }
        };
        Err(Trouble::new(problem, format!("write {}", self.takes)))
    }
}

impl<'a> Section<'_, 'a> {
    /// Reads a whole number.
    pub(crate) fn number<T>(&mut self, key: &'static str, default: T, bounds: RangeInclusive<T>) -> T
    where
        T: Copy + TryFrom<i64> + PartialOrd + Display,
    {
        let takes = number_takes(&bounds);
        let shown = KeyDefault::Value(default.to_string());
        self.value(key, &takes, shown, |_, value| number(value, &bounds)).unwrap_or(default)
    }

    /// Reads a whole number that may be absent, or a word that means the same.
    pub(crate) fn optional_number<T>(
        &mut self,
        key: &'static str,
        word: Option<&'static str>,
        bounds: RangeInclusive<T>,
    ) -> Option<T>
    where
        T: Copy + TryFrom<i64> + PartialOrd + Display,
    {
        let takes = or_word(&number_takes(&bounds), word);
        self.value(key, &takes, word_default(word), |_, value| {
            if is_word(value, word) { Ok(None) } else { number(value, &bounds).map(Some) }
        })
        .flatten()
    }

    /// Reads a number that may have a fraction, and may be absent.
    pub(crate) fn optional_decimal(&mut self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<f64> {
        let takes = format!("a number from {} to {}", bounds.start(), bounds.end());
        self.value(key, &takes, KeyDefault::Absent, |_, value| {
            let number = match value {
                DeValue::Float(float) => float.as_str().parse().ok(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
                other => return Err(Trouble::new(format!("is {}", kind(other)), format!("write {takes}"))),
            };
            // Of `nan` and `inf`, too, no bound is kept.
            number
                .filter(|number| bounds.contains(number))
                .ok_or_else(|| Trouble::new("is out of bounds", format!("write {takes}")))
        })
    }

    /// Reads `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let takes = "`true` or `false`";
        self.value(key, takes, KeyDefault::Value(default.to_string()), |_, value| match value {
            DeValue::Boolean(flag) => Ok(*flag),
            other => {
                Err(Trouble::new(format!("is {}", kind(other)), format!("write {takes} without quotes")))
            }
        })
        .unwrap_or(default)
    }

    /// Reads one of the words of `T`.
    pub(crate) fn choice<T: Keyword>(&mut self, key: &'static str, default: T) -> T {
        let word = T::WORDS.iter().find(|(_, choice)| *choice == default).map_or("", |(word, _)| *word);
        self.value(key, &choices::<T>(), KeyDefault::Value(quoted(word)), |_, value| choice(value))
            .unwrap_or(default)
    }

    /// Reads one of the words of `T`, or none.
    pub(crate) fn optional_choice<T: Keyword>(&mut self, key: &'static str) -> Option<T> {
        self.value(key, &choices::<T>(), KeyDefault::Absent, |_, value| choice(value))
    }

    /// Reads a text with a default.
    pub(crate) fn text(&mut self, key: &'static str, default: &str, rule: &Text) -> String {
        self.value(key, rule.takes, KeyDefault::Value(quoted(default)), |_, value| text(value, rule))
            .unwrap_or_else(|| default.to_owned())
    }

    /// Reads a text that is required.
    pub(crate) fn required_text(&mut self, key: &'static str, rule: &Text) -> Option<String> {
        self.value(key, rule.takes, KeyDefault::Required, |_, value| text(value, rule))
    }

    /// Reads a text that may be absent, or a word that means the same.
    pub(crate) fn optional_text(
        &mut self,
        key: &'static str,
        word: Option<&'static str>,
        rule: &Text,
    ) -> Option<String> {
        let takes = or_word(rule.takes, word);
        self.value(key, &takes, word_default(word), |_, value| {
            if is_word(value, word) { Ok(None) } else { text(value, rule).map(Some) }
        })
        .flatten()
    }

    /// Reads a path with a default.
    pub(crate) fn path(&mut self, key: &'static str, default: &str) -> PathBuf {
        self.value(key, "a path", KeyDefault::Value(quoted(default)), |section, value| {
            section.expanded(&path(value)?)
        })
        // The default may begin with a directory of this file, such as {run_dir}.
        .or_else(|| self.expanded(default).ok())
        .unwrap_or_else(|| default.into())
    }

    /// Reads a path that is required.
    pub(crate) fn required_path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.value(key, "a path", KeyDefault::Required, |section, value| section.expanded(&path(value)?))
    }

    /// Reads a path that may be absent, or a word that means the same.
    pub(crate) fn optional_path(&mut self, key: &'static str, word: Option<&'static str>) -> Option<PathBuf> {
        let takes = or_word("a path", word);
        self.value(key, &takes, word_default(word), |section, value| {
            if is_word(value, word) { Ok(None) } else { section.expanded(&path(value)?).map(Some) }
        })
        .flatten()
    }

    /// Reads the path of a Unix socket; `None` if the file has `"none"` and that is permitted.
    pub(crate) fn socket(&mut self, key: &'static str, default: &str, may_be_none: bool) -> Option<PathBuf> {
        let word = may_be_none.then_some("none");
        let takes = or_word("a path", word);
        let socket = self.value(key, &takes, KeyDefault::Value(quoted(default)), |section, value| {
            if is_word(value, word) { Ok(None) } else { section.expanded(&path(value)?).map(Some) }
        });
        let socket = socket.unwrap_or_else(|| self.expanded(default).ok());
        // Checked after the expansion: the default is too long, too, if `run_dir` is.
        if socket.as_ref().is_some_and(|path| path.as_os_str().len() > SOCKET_BYTES_MAX) {
            let problem = format!("is longer than {SOCKET_BYTES_MAX} bytes, which no socket can be");
            self.error(key, problem, "write a shorter path, or a shorter `appliance.run_dir`");
        }
        socket
    }

    /// Reports an error if `value` was seen before.
    pub(crate) fn unique<T: PartialEq>(&mut self, key: &'static str, seen: &mut Vec<T>, value: T) {
        // Two inputs on one port would each get a part of its bytes.
        if seen.contains(&value) {
            self.error(key, "is used twice in this file", "write another one, or leave this section out");
        } else {
            seen.push(value);
        }
    }

    /// Replaces `{NAME}` at the start of `path` by the directory of that name.
    fn expanded(&self, path: &str) -> Result<PathBuf, Trouble> {
        let Some((name, rest)) = path.strip_prefix('{').and_then(|path| path.split_once('}')) else {
            return Ok(path.into());
        };
        match self.reader.directories().iter().find(|(known, _)| *known == name) {
            Some((_, directory)) if rest.is_empty() => Ok(directory.clone()),
            // Without the slash, {run_dir}x would be a sibling of the directory.
            Some((_, directory)) if rest.starts_with('/') => Ok(directory.join(rest.trim_start_matches('/'))),
            _ => {
                let remedy = match self.reader.directories() {
                    [] => "write a path without braces",
                    _ => "write {run_dir}/NAME, {state_dir}/NAME, or a path without braces",
                };
                Err(Trouble::new("begins with braces that mean nothing here", remedy))
            }
        }
    }
}

/// Reads the values of a list.
pub(crate) fn list<'a, T>(
    value: &'a DeValue<'a>,
    takes: &str,
    read: impl Fn(&'a DeValue<'a>) -> Result<T, Trouble>,
) -> Result<Vec<T>, Trouble> {
    match value {
        DeValue::Array(values) => values.iter().map(|value| read(value.get_ref())).collect(),
        other => Err(Trouble::new(format!("is {}", kind(other)), format!("write {takes}"))),
    }
}

/// Reads a whole number within its bounds.
pub(crate) fn number<T>(value: &DeValue<'_>, bounds: &RangeInclusive<T>) -> Result<T, Trouble>
where
    T: Copy + TryFrom<i64> + PartialOrd + Display,
{
    let remedy = || format!("write {}", number_takes(bounds));
    match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| Trouble::new("is out of bounds", remedy())),
        // The most frequent slip of all deserves a remedy that can be copied.
        DeValue::String(text) if text.trim().parse::<i64>().is_ok() => {
            Err(Trouble::new("is a string", format!("leave the quotes out: {}", text.trim())))
        }
        other => Err(Trouble::new(format!("is {}", kind(other)), remedy())),
    }
}

fn number_takes<T: Display>(bounds: &RangeInclusive<T>) -> String {
    format!("a whole number from {} to {}", bounds.start(), bounds.end())
}

/// Reads one of the words of `T`.
pub(crate) fn choice<T: Keyword>(value: &DeValue<'_>) -> Result<T, Trouble> {
    let remedy = || format!("write {}", choices::<T>());
    let DeValue::String(text) = value else {
        return Err(Trouble::new(format!("is {}", kind(value)), remedy()));
    };
    if let Some((_, choice)) = T::WORDS.iter().find(|(word, _)| *word == text.as_ref()) {
        return Ok(*choice);
    }
    Err(match nearest(text, T::WORDS.iter().map(|(word, _)| *word)) {
        Some(word) => Trouble::new("is not known", format!("did you mean {}?", quoted(word))),
        None => Trouble::new("is not known", remedy()),
    })
}

/// Returns the words of `T` as in a sentence: `a, b or c`.
pub(crate) fn choices<T: Keyword>() -> String {
    let words: Vec<_> = T::WORDS.iter().map(|(word, _)| format!("`\"{word}\"`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// Reads a text that `rule` permits.
pub(crate) fn text(value: &DeValue<'_>, rule: &Text) -> Result<String, Trouble> {
    match value {
        DeValue::String(text) => rule.check(text).map(|()| text.to_string()),
        other => Err(Trouble::new(format!("is {}", kind(other)), format!("write {}, in quotes", rule.takes))),
    }
}

/// Reads a path, with its `{NAME}`.
pub(crate) fn path<'a>(value: &'a DeValue<'a>) -> Result<String, Trouble> {
    let DeValue::String(text) = value else {
        return Err(Trouble::new(format!("is {}", kind(value)), "write a path in quotes"));
    };
    if text.is_empty() {
        Err(Trouble::new("is empty", "write a path, or leave the key out"))
    } else if text.len() > PATH_BYTES_MAX {
        Err(Trouble::new(format!("is longer than {PATH_BYTES_MAX} bytes"), "write a shorter path"))
    } else if text.chars().any(char::is_control) {
        Err(Trouble::new("has control characters", "write a path without them"))
    // It would silently become a folder named "~" in the working directory.
    } else if Path::new(text.as_ref()).starts_with("~") {
        Err(Trouble::new("begins with ~, which only shells know", "write the folder's full path"))
    } else {
        Ok(text.to_string())
    }
}

/// Name of a value's type, for messages.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

pub(crate) fn is_word(value: &DeValue<'_>, word: Option<&str>) -> bool {
    matches!((value, word), (DeValue::String(text), Some(word)) if text == word)
}

pub(crate) fn or_word(takes: &str, word: Option<&str>) -> String {
    word.map_or_else(|| takes.to_owned(), |word| format!("`{}` or {takes}", quoted(word)))
}

pub(crate) fn word_default(word: Option<&str>) -> KeyDefault {
    word.map_or(KeyDefault::Absent, |word| KeyDefault::Value(quoted(word)))
}
