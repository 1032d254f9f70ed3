//! `[queue]`: how many announcements may wait.

use serde::{Deserialize, Serialize};

/// How many announcements may wait; what comes beyond is refused with an error, never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Announcements at most.
    pub entries_max: usize,
    /// Journal bytes of all of them at most.
    pub bytes_max: usize,
}

impl Queue {
    /// The same as the queue itself takes them.
    #[must_use]
    pub fn limits(self) -> crier_announce::Limits {
        crier_announce::Limits { entries: self.entries_max, bytes: self.bytes_max }
    }
}

impl Default for Queue {
    fn default() -> Self {
        let limits = crier_announce::Limits::default();
        Self { entries_max: limits.entries, bytes_max: limits.bytes }
    }
}
