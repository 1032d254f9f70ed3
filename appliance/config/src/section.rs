//! A table of the file while it is read. Each known key is read once; keys left over are unknown.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::key::{Key, KeyDefault};
use crate::reader::{Reader, Trouble};
use crate::suggest::nearest;

/// A table while it is read.
pub(crate) struct Section<'r, 'a> {
    pub(crate) reader: &'r mut Reader<'a>,
    /// `None`: the file does not have it.
    table: Option<&'a DeTable<'a>>,
    /// Place of its heading, for errors about missing keys.
    span: Range<usize>,
    /// As it stands in the file: `[queue]`.
    label: String,
    /// Prefix of its keys in messages: `queue.`
    prefix: String,
    asked: Vec<&'static str>,
}

impl<'r, 'a> Section<'r, 'a> {
    /// The file itself.
    pub(crate) fn root(reader: &'r mut Reader<'a>, table: Option<&'a DeTable<'a>>) -> Self {
        Self { reader, table, span: 0..0, label: String::new(), prefix: String::new(), asked: Vec::new() }
    }

    /// Reports every key that was not read.
    pub(crate) fn finish(self) {
        let Some(table) = self.table else { return };
        let all_keys = self.reader.all_keys();
        // The remedy is worked out only if the error will be shown: a hostile file may hold ten thousand unknown
        // keys, and each would be compared with all that there are.
        for key in table.keys().filter(|key| !self.asked.contains(&key.get_ref().as_ref())) {
            let shown = format!("{}{}", self.prefix, shortened(key.get_ref()));
            let trouble = || unknown(key.get_ref(), &self.label, &self.asked, all_keys);
            self.reader.error_with(key.span(), &shown, trouble);
        }
    }

    /// Reads the table `[key]`; an absent one is read as an empty one.
    pub(crate) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        self.asked.push(key);
        let found = self.find(key);
        let (table, span) = match found.map(|(_, value)| (value.get_ref(), value.span())) {
            Some((DeValue::Table(table), span)) => (Some(table), span),
            Some((other, span)) => {
                let remedy = match other {
                    DeValue::Array(_) => format!("there is only one: write [{key}] in single brackets"),
                    _ => format!("write [{key}] on a line of its own and the keys below it"),
                };
                self.reader.error(span.clone(), key, Trouble::new("is not a section", remedy));
                (None, span)
            }
            // An absent section is read all the same: defaults and required keys are known in one place only, which
            // is `read`.
            None => (None, self.span.clone()),
        };
        self.read_below(table, span, format!("[{key}]"), format!("{key}."), read)
    }

    /// Reads each table of `[[key]]`.
    pub(crate) fn sections<T>(
        &mut self,
        key: &'static str,
        tables_max: usize,
        mut read: impl FnMut(&mut Section<'_, 'a>) -> Option<T>,
    ) -> Vec<T> {
        self.asked.push(key);
        let (label, prefix) = (format!("[[{key}]]"), format!("{key}."));
        let Some((span, value)) = self.find(key).map(|(_, value)| (value.span(), value.get_ref())) else {
            if self.reader.wants_keys() {
                // Without a table nothing would be read, and the list of keys would lack this section.
                self.read_below(None, 0..0, label, prefix, read);
            }
            return Vec::new();
        };
        let wrong =
            || Trouble::new("is not a list of sections", format!("write [[{key}]] in double brackets"));
        let DeValue::Array(tables) = value else {
            self.reader.error(span, key, wrong());
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, value) in tables.iter().enumerate() {
            let DeValue::Table(table) = value.get_ref() else {
                self.reader.error(value.span(), key, wrong());
                break;
            };
            if index == tables_max {
                let trouble =
                    // One error is enough, since the others are the same mistake.
                    Trouble::new(format!("comes more than {tables_max} times"), "leave the others out");
                self.reader.error(value.span(), key, trouble);
                break;
            }
            all.extend(self.read_below(Some(table), value.span(), label.clone(), prefix.clone(), &mut read));
        }
        all
    }

    /// Reads each table `[key.NAME]`.
    pub(crate) fn named_sections<T>(
        &mut self,
        key: &'static str,
        tables_max: usize,
        mut read: impl FnMut(&mut Section<'_, 'a>) -> T,
    ) -> BTreeMap<String, T> {
        self.asked.push(key);
        let mut all = BTreeMap::new();
        let found = self.find(key).map(|(_, value)| (value.span(), value.get_ref()));
        let tables = match found {
            Some((_, DeValue::Table(tables))) => tables,
            Some((span, _)) => {
                let remedy = format!("write [{key}.NAME] on a line of its own");
                self.reader.error(span, key, Trouble::new("is not a section", remedy));
                return all;
            }
            None => {
                if self.reader.wants_keys() {
                    self.read_below(None, 0..0, format!("[{key}.NAME]"), format!("{key}.NAME."), read);
                }
                return all;
            }
        };
        for (name, value) in tables {
            let shown = format!("{key}.{}", shortened(name.get_ref()));
            if let Err(trouble) = check_name(name.get_ref()) {
                self.reader.error(name.span(), &shown, trouble);
            } else if all.len() == tables_max {
                let problem = format!("is one of more than {tables_max}");
                self.reader.error(name.span(), &shown, Trouble::new(problem, "leave some out"));
                break;
            } else if let DeValue::Table(table) = value.get_ref() {
                let one = self.read_below(
                    Some(table),
                    value.span(),
                    format!("[{shown}]"),
                    format!("{shown}."),
                    &mut read,
                );
                all.insert(name.get_ref().to_string(), one);
            } else {
                let remedy = format!("write [{shown}] on a line of its own and the keys below it");
                self.reader.error(value.span(), &shown, Trouble::new("is not a section", remedy));
            }
        }
        all
    }

    /// Reads the table that is the value of `key`, such as `{ say = "text" }`.
    pub(crate) fn inline<T>(
        &mut self,
        key: &str,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        let prefix = format!("{}{key}.", self.prefix);
        self.read_below(Some(table), span, format!("`{}{key}`", self.prefix), prefix, read)
    }

    /// Reads an empty table as if it were there, for learning its keys.
    pub(crate) fn imagined(&mut self, label: &str, read: impl FnOnce(&mut Section<'_, 'a>)) {
        if self.reader.wants_keys() {
            self.read_below(None, 0..0, label.to_owned(), String::new(), read);
        }
    }

    fn read_below<T>(
        &mut self,
        table: Option<&'a DeTable<'a>>,
        span: Range<usize>,
        label: String,
        prefix: String,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        let mut section = Section { reader: self.reader, table, span, label, prefix, asked: Vec::new() };
        // All known keys are asked for in `read`; what is left after it is unknown.
        let result = read(&mut section);
        section.finish();
        result
    }

    /// The value of `key` as `read` takes it; `None` if it is absent or wrong.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static str,
        takes: &str,
        default: KeyDefault,
        read: impl FnOnce(&Self, &'a DeValue<'a>) -> Result<T, Trouble>,
    ) -> Option<T> {
        self.asked.push(key);
        // The list of keys takes the default below.
        let required = default == KeyDefault::Required;
        let section = &self.label;
        self.reader.note(|| Key { section: section.clone(), name: key, takes: takes.to_owned(), default });
        let Some((_, value)) = self.find(key) else {
            if required {
                let remedy = format!("add `{key} = ...`: {takes}");
                let problem = format!("is missing in {}", self.label);
                self.error(key, problem, remedy);
            }
            return None;
        };
        match read(self, value.get_ref()) {
            Ok(taken) => Some(taken),
            // The caller goes on with the default, so that problems further down are found in the same run.
            Err(trouble) => {
                self.reader.error(value.span(), &format!("{}{key}", self.prefix), trouble);
                None
            }
        }
    }

    /// Returns the value of `key`, which takes more than one kind of value.
    pub(crate) fn raw(&mut self, key: &'static str, takes: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        let section = &self.label;
        let default = KeyDefault::Absent;
        self.reader.note(|| Key { section: section.clone(), name: key, takes: takes.to_owned(), default });
        self.find(key).map(|(_, value)| value)
    }

    /// Returns true if the file has `key` in this section.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Returns true if the file has a key in this section that has not been read so far.
    pub(crate) fn has_unknown(&self) -> bool {
        self.table.is_some_and(|table| table.keys().any(|key| !self.asked.contains(&key.get_ref().as_ref())))
    }

    /// Says that `key` is wrong, at its value, or at the section where it is missing.
    pub(crate) fn error(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        let (span, shown) = self.place(key);
        self.reader.error(span, &shown, Trouble::new(problem, remedy));
    }

    /// Says that `key` is hardly meant so.
    pub(crate) fn warn(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        let (span, shown) = self.place(key);
        self.reader.warning(span, &shown, Trouble::new(problem, remedy));
    }

    fn place(&self, key: &str) -> (Range<usize>, String) {
        let span = self.find(key).map_or(self.span.clone(), |(_, value)| value.span());
        (span, format!("{}{key}", self.prefix))
    }

    fn find(&self, key: &str) -> Option<(&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
        self.table?.iter().find(|(name, _)| name.get_ref() == key)
    }
}

/// Builds the error for an unknown key.
fn unknown(key: &str, label: &str, known: &[&'static str], all_keys: fn() -> Vec<Key>) -> Trouble {
    let (problem, everywhere) = if label.is_empty() {
        ("is not a section of this file".to_owned(), Vec::new())
    } else {
        (format!("is not a key of {label}"), all_keys())
    };
    // Keys of an action have a label without brackets: "it belongs below" would name no section.
    let elsewhere = everywhere.iter().find(|other| other.name == key && other.section.starts_with('['));
    let remedy = match (nearest(key, known.iter().copied()), elsewhere) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(other)) => format!("it belongs below {}", other.section),
        (None, None) => {
            let kind = if label.is_empty() { "sections" } else { "keys" };
            format!("the {kind} are {}", known.join(", "))
        }
    };
    Trouble::new(problem, remedy)
}

/// Names that can be chosen from outside.
fn check_name(name: &str) -> Result<(), Trouble> {
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    // "default" chooses [voice] in every other place.
    if name == "default" {
        Err(Trouble::new("is the name of [voice]", "write another name"))
    } else if (1..=32).contains(&name.chars().count()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(Trouble::new("is not a good name", "write 1 to 32 letters, digits, `-` and `_`"))
    }
}

/// A key from the file, fit for a message.
fn shortened(key: &str) -> String {
    let mut short: String = key
        .chars()
        // A key may be as long as the file, and hold escape sequences for the terminal of the reader.
        .take(40)
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect();
    if key.chars().nth(40).is_some() {
        short.push_str("...");
    }
    short
}
