//! Errors and warnings of a configuration, with remedies.

use std::fmt;
use std::path::PathBuf;

/// Reason for refusing a configuration, with place and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; does it exist, and may you read it?", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The file is too long to be a configuration.
    #[error("{file} has more than {limit} bytes; is it the right file?")]
    TooLong {
        /// The file.
        file: String,
        /// Bytes that are taken.
        limit: usize,
    },
    /// Something at a place in the file is wrong.
    #[error("{0}")]
    At(Finding),
    /// More problems than are shown.
    #[error("{file}: {count} further problems are not shown; mend these first")]
    More {
        /// The file.
        file: String,
        /// Number of problems not shown.
        count: usize,
    },
}

/// Something that is allowed but hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub Finding);

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A place in the file and what is to be said about it. Shown on one line; [`crate::report`] shows the place as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself, or the part of it around the place; control characters are replaced.
    pub excerpt: String,
    /// Start of the place in `excerpt`, in characters from 0.
    pub caret: usize,
    /// Characters of `excerpt` that are meant, at least 1.
    pub width: usize,
    /// The key, such as `queue.entries_max`; empty where the file is not TOML.
    pub key: String,
    /// Problem.
    pub problem: String,
    /// Remedy.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, problem, remedy, .. } = self;
        // The form that editors and terminals turn into a link.
        write!(formatter, "{file}:{line}:{column}: ")?;
        if !self.key.is_empty() {
            write!(formatter, "`{}` ", self.key)?;
        }
        write!(formatter, "{problem}; {remedy}")
    }
}
