//! List of all keys, produced by the code that reads them, so that it cannot be out of date.

/// A key of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The section as it stands in the file, such as `[queue]`, `[voices.NAME]` or `[[serial]]`.
    pub section: String,
    /// The key.
    pub name: &'static str,
    /// Type and bounds, in words.
    pub takes: String,
    /// Value if the file does not have the key.
    pub default: KeyDefault,
}

/// Value of a key that the file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyDefault {
    /// This, written as in the file.
    Value(String),
    /// Nothing.
    Absent,
    /// The key must be there.
    Required,
}

/// `text` as a string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            other if other.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(other))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
