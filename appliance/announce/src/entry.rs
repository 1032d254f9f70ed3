//! An announcement inside the queue.

use crate::{Announcement, Priority, Sequence};

/// One announcement that came and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: Sequence,
    /// Time of arrival, in milliseconds of journal time.
    pub(crate) accepted_ms: u64,
    pub(crate) announcement: Announcement,
    /// Bytes of its journal record.
    pub(crate) journal_bytes: usize,
    /// Runs of the appliance in which it was begun.
    pub(crate) attempts: u32,
    /// True if it was begun in this run.
    pub(crate) begun: bool,
    /// A progress announcement that had to wait: it is the last of its series, to be said as a message.
    pub(crate) held: bool,
}

impl Entry {
    pub(crate) fn new(
        sequence: Sequence,
        accepted_ms: u64,
        announcement: Announcement,
        journal_bytes: usize,
    ) -> Self {
        Self { sequence, accepted_ms, announcement, journal_bytes, attempts: 0, begun: false, held: false }
    }

    /// The sender's id, or the number where the sender gave none.
    pub(crate) fn id(&self) -> String {
        self.announcement.id().map_or_else(|| self.sequence.to_string(), str::to_owned)
    }

    /// The priority with which it is spoken: a progress announcement that was held is raised to message.
    pub(crate) fn spoken_priority(&self) -> Priority {
        if self.held { Priority::Message } else { self.announcement.priority() }
    }

    /// Its place in the order of speaking: by priority, then by arrival.
    pub(crate) fn turn(&self) -> (Priority, Sequence) {
        (self.spoken_priority(), self.sequence)
    }

    /// Time of expiry, in milliseconds of journal time.
    pub(crate) fn expires_ms(&self) -> Option<u64> {
        let seconds = self.announcement.expires_in_s()?;
        Some(self.accepted_ms.saturating_add(u64::from(seconds) * 1000))
    }

    pub(crate) fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms().is_some_and(|expires_ms| expires_ms <= now_ms)
    }
}
