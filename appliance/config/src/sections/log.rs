//! `[log]`: what is worth a line.

use serde::{Deserialize, Serialize};

/// What is worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Log {
    /// Lines of this level and above are written.
    pub level: LogLevel,
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Something that matters happened.
    #[default]
    Info,
    /// For finding faults; holds announced text.
    Debug,
    /// Everything.
    Trace,
}
