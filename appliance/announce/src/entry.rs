//! Entry of the queue.

use crate::{Announcement, Priority, Sequence};

/// Accepted or pending announcement that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: Sequence,
    /// Time of submission, in milliseconds of journal time.
    pub(crate) accepted_ms: u64,
    pub(crate) announcement: Announcement,
    /// Length of its journal record, in bytes.
    pub(crate) journal_bytes: usize,
    /// Number of runs of the appliance in which speaking began.
    pub(crate) attempts: u32,
    /// True if speaking began in this run.
    pub(crate) begun: bool,
    /// True for a progress announcement that had to wait. It is the last of its series, since a newer one would have
    /// cancelled it, and is spoken with the priority of a message.
    pub(crate) last_of_series: bool,
}

impl Entry {
    pub(crate) fn new(
        sequence: Sequence,
        accepted_ms: u64,
        announcement: Announcement,
        journal_bytes: usize,
    ) -> Self {
        Self {
            sequence,
            accepted_ms,
            announcement,
            journal_bytes,
            attempts: 0,
            begun: false,
            last_of_series: false,
        }
    }

    /// Id given by the sender, or `#N`.
    pub(crate) fn id(&self) -> String {
        self.announcement.id().map_or_else(|| self.sequence.to_string(), str::to_owned)
    }

    /// Effective priority: the last progress announcement of a series counts as a message.
    pub(crate) fn spoken_priority(&self) -> Priority {
        if self.last_of_series { Priority::Message } else { self.announcement.priority() }
    }

    /// Sort key of the order of speaking: priority, then order of submission.
    pub(crate) fn order_key(&self) -> (Priority, Sequence) {
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
