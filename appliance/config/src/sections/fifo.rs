//! `[[fifo]]`: text from programs on the same machine.

use std::path::PathBuf;

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

/// One FIFO; a line written to it, of text or of JSON, is an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fifo {
    /// Where it is made.
    pub path: PathBuf,
    /// Its permissions, as `chmod` takes them; written `"0620"`.
    pub mode: u32,
    /// Its group, by name; `None`: that of the appliance.
    pub group: Option<String>,
    /// Priority of what comes in here.
    pub priority: Priority,
    /// Announcements taken in a minute; more wait in the FIFO, and so do their writers.
    pub max_per_minute: u32,
}

impl Fifo {
    /// A FIFO with every other key at its default.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), mode: 0o620, group: None, priority: Priority::Message, max_per_minute: 600 }
    }
}
