//! Journal time: milliseconds that never go back, independent of the wall clock, which a machine without a battery sets
//! only some time after its boot.
//!
//! Within one boot of the machine it is the uptime (`CLOCK_BOOTTIME`) plus an offset in the journal, and so remains
//! exact over a crash of the program. After a reboot the time without power is unknown: journal time continues where
//! the journal ends, and every announcement with an expiry counts as expired.

/// Relation of uptime and journal time in one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    boot: String,
    offset_ms: u64,
    now_ms: u64,
}

impl Timeline {
    /// Continues a journal that was last used in boot `previous` (id, offset) and ends at `latest_ms`.
    pub(crate) fn after(previous: Option<(String, u64)>, latest_ms: u64, boot: &str, uptime_ms: u64) -> Self {
        let offset_ms = match previous {
            Some((id, offset_ms)) if id == boot => offset_ms,
            // Saturating: an empty journal begins at the uptime, not at a negative offset.
            _ => latest_ms.saturating_sub(uptime_ms),
        };
        let mut timeline = Self { boot: boot.to_owned(), offset_ms, now_ms: latest_ms };
        timeline.advance(uptime_ms);
        timeline
    }

    /// Returns journal time at an uptime; never less than before.
    pub(crate) fn advance(&mut self, uptime_ms: u64) -> u64 {
        // The maximum, because a caller may have read its clock before the caller of the previous command did.
        self.now_ms = self.now_ms.max(uptime_ms.saturating_add(self.offset_ms));
        self.now_ms
    }

    /// Returns journal time at the last [`advance`](Self::advance).
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    pub(crate) fn offset_ms(&self) -> u64 {
        self.offset_ms
    }
}

#[cfg(test)]
mod tests {
    use super::Timeline;

    #[test]
    fn journal_time_is_exact_across_restart_within_a_boot() {
        let first = Timeline::after(None, 0, "a", 5_000);
        assert_eq!(first.now_ms(), 5_000);
        let second = Timeline::after(Some(("a".into(), first.offset_ms())), 6_000, "a", 9_000);
        assert_eq!(second.now_ms(), 9_000);
    }

    #[test]
    fn journal_time_continues_at_journal_end_after_reboot() {
        let mut timeline = Timeline::after(Some(("a".into(), 0)), 60_000, "b", 4_000);
        assert_eq!(timeline.now_ms(), 60_000);
        assert_eq!(timeline.advance(5_000), 61_000);
    }

    #[test]
    fn journal_time_never_goes_back() {
        let mut timeline = Timeline::after(None, 0, "a", 100);
        assert_eq!(timeline.advance(200), 200);
        assert_eq!(timeline.advance(50), 200);
        assert_eq!(timeline.advance(u64::MAX), u64::MAX);
    }
}
