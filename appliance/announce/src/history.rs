//! The ids that came within the last 24 hours.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::{ID_MEMORY_MS, IDS_MAX};

/// Remembers ids for [`ID_MEMORY_MS`], at most [`IDS_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// When each id came, in milliseconds of journal time.
    came_ms: BTreeMap<String, u64>,
    /// The same in the order of arrival.
    order: VecDeque<(u64, String)>,
    /// Bytes of all ids.
    bytes: usize,
}

impl History {
    /// Notes that `id` came; an id that is known keeps its first time.
    pub(crate) fn remember(&mut self, id: &str, at_ms: u64) {
        if self.came_ms.contains_key(id) {
            return;
        }
        if self.order.len() >= IDS_MAX {
            self.forget_oldest();
        }
        self.came_ms.insert(id.to_owned(), at_ms);
        self.order.push_back((at_ms, id.to_owned()));
        self.bytes += id.len();
    }

    /// Forgets what came 24 hours ago or earlier.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        while self.order.front().is_some_and(|(at_ms, _)| at_ms.saturating_add(ID_MEMORY_MS) <= now_ms) {
            self.forget_oldest();
        }
    }

    /// True if `id` came within the last 24 hours.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.came_ms.contains_key(id)
    }

    /// Ids and when they came, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.order.iter().map(|(at_ms, id)| (id.as_str(), *at_ms))
    }

    /// About what the ids weigh in the journal, in bytes.
    pub(crate) fn journal_bytes(&self) -> usize {
        const REMEMBERED_RECORD_BYTES: usize = 64;
        self.bytes + self.order.len() * REMEMBERED_RECORD_BYTES
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.came_ms.remove(&id);
            self.bytes -= id.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::limits::{ID_MEMORY_MS, IDS_MAX};

    #[test]
    fn an_id_is_known_for_a_day() {
        let mut history = History::default();
        history.remember("a", 10);
        history.remember("a", 500);
        history.advance(10 + ID_MEMORY_MS - 1);
        assert!(history.knows("a"));
        history.advance(10 + ID_MEMORY_MS);
        assert!(!history.knows("a"));
        assert_eq!(history, History::default());
    }

    #[test]
    fn the_oldest_goes_first_when_there_are_too_many() {
        let mut history = History::default();
        for n in 0..=IDS_MAX {
            history.remember(&n.to_string(), 0);
        }
        assert!(!history.knows("0"));
        assert!(history.knows("1"));
        assert_eq!(history.iter().count(), IDS_MAX);
    }
}
