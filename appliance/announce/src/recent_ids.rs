//! Ids of the last 24 hours, for deduplication.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::{ID_MEMORY_MS, IDS_MAX};

/// Ids of the last [`ID_MEMORY_MS`], at most [`IDS_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecentIds {
    /// Time of each id, in milliseconds of journal time.
    came_ms: BTreeMap<String, u64>,
    /// The same in the order of insertion.
    order: VecDeque<(u64, String)>,
    /// Total length of the ids, in bytes.
    bytes: usize,
}

impl RecentIds {
    /// Inserts an id. One that is present keeps its time, or repetition would extend deduplication without end.
    pub(crate) fn insert(&mut self, id: &str, at_ms: u64) {
        if self.came_ms.contains_key(id) {
            return;
        }
        // The oldest gives way rather than the new one: senders repeat within seconds, not after hours.
        if self.order.len() >= IDS_MAX {
            self.remove_oldest();
        }
        self.came_ms.insert(id.to_owned(), at_ms);
        self.order.push_back((at_ms, id.to_owned()));
        self.bytes += id.len();
    }

    /// Removes ids that are 24 hours old or older.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        while self.order.front().is_some_and(|(at_ms, _)| at_ms.saturating_add(ID_MEMORY_MS) <= now_ms) {
            self.remove_oldest();
        }
    }

    /// Returns true if `id` was inserted within the last 24 hours.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.came_ms.contains_key(id)
    }

    /// Ids and their times, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.order.iter().map(|(at_ms, id)| (id.as_str(), *at_ms))
    }

    /// Approximate length of the ids' records in the journal, in bytes.
    pub(crate) fn journal_bytes(&self) -> usize {
        // Frame head, JSON keys and a time of 13 digits; exactness does not matter for the choice to compact.
        const REMEMBERED_RECORD_BYTES: usize = 64;
        self.bytes + self.order.len() * REMEMBERED_RECORD_BYTES
    }

    fn remove_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.came_ms.remove(&id);
            self.bytes -= id.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RecentIds;
    use crate::limits::{ID_MEMORY_MS, IDS_MAX};

    #[test]
    fn id_is_remembered_for_24_hours_from_its_first_use() {
        let mut recent_ids = RecentIds::default();
        recent_ids.insert("a", 10);
        recent_ids.insert("a", 500);
        recent_ids.advance(10 + ID_MEMORY_MS - 1);
        assert!(recent_ids.contains("a"));
        recent_ids.advance(10 + ID_MEMORY_MS);
        assert!(!recent_ids.contains("a"));
        assert_eq!(recent_ids, RecentIds::default());
    }

    #[test]
    fn oldest_id_is_removed_when_limit_is_reached() {
        let mut recent_ids = RecentIds::default();
        for n in 0..=IDS_MAX {
            recent_ids.insert(&n.to_string(), 0);
        }
        assert!(!recent_ids.contains("0"));
        assert!(recent_ids.contains("1"));
        assert_eq!(recent_ids.iter().count(), IDS_MAX);
    }
}
