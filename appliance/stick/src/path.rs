//! Names of files on a stick.

use std::fmt;

/// A file on the stick.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StickPath {
    /// Folder, with `/` between its parts; none for the root.
    pub folder: Option<String>,
    /// Name in that folder.
    pub name: String,
}

impl StickPath {
    /// Path of a file in a folder.
    #[must_use]
    pub fn new(folder: &str, name: &str) -> Self {
        Self { folder: Some(folder.to_owned()), name: name.to_owned() }
    }

    /// Path of a file in the root.
    #[must_use]
    pub fn root(name: &str) -> Self {
        Self { folder: None, name: name.to_owned() }
    }

    /// Path of a file in this folder.
    #[must_use]
    pub fn within(&self, name: &str) -> Self {
        Self::new(&self.to_string(), name)
    }
}

impl fmt::Display for StickPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(folder) = &self.folder {
            write!(formatter, "{folder}/")?;
        }
        formatter.write_str(&self.name)
    }
}
