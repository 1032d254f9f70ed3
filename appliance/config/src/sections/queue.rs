//! `[queue]`: capacity of the queue.

use serde::{Deserialize, Serialize};

use crate::section::Section;

/// Capacity of the queue; what exceeds it is refused with an error, never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSettings {
    /// Announcements at most.
    pub entries_max: usize,
    /// Journal bytes of all of them at most.
    pub bytes_max: usize,
}

impl QueueSettings {
    /// The same as the queue itself takes them.
    #[must_use]
    pub fn limits(self) -> crier_announce::QueueLimits {
        crier_announce::QueueLimits { entries: self.entries_max, bytes: self.bytes_max }
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        let limits = crier_announce::QueueLimits::default();
        Self { entries_max: limits.entries, bytes_max: limits.bytes }
    }
}

impl QueueSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            entries_max: section.number("entries_max", default.entries_max, 1..=100_000),
            // The least holds the longest announcement that is valid.
            bytes_max: section.number("bytes_max", default.bytes_max, 1024 * 1024..=1024 * 1024 * 1024),
        }
    }
}

const _: () = assert!(crier_announce::RECORD_BYTES_MAX < 1024 * 1024);
