//! `[log]`: level of the log.

use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::values::words;

/// Configuration of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogSettings {
    /// Lines of this level and above are written.
    pub level: LogLevel,
}

/// Severity of a log line.
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

words!(LogLevel { "error" => Error, "warn" => Warn, "info" => Info, "debug" => Debug, "trace" => Trace });

impl LogSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let level = section.choice("level", LogLevel::Info);
        if level > LogLevel::Info {
            section.warn(
                "level",
                "writes announced texts into the log",
                "write \"info\" when the fault is found",
            );
        }
        Self { level }
    }
}
