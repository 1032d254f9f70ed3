//! Limit on reported rejections: a flood of messages must not cause a flood of reports.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crier_system::TokenBucket;
use crier_wire::LossReason;

use crate::rate_limited::{Loss, Losses};

/// Rejections reported individually in a minute. One a second is what a log or a dashboard can show legibly.
const REPORTS_PER_MINUTE: u32 = 60;
/// Interval of the summary that reports the others.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(1);

/// Counter of rejections.
#[derive(Debug)]
pub(super) struct RejectionThrottle {
    reports: TokenBucket,
    /// Number of rejections that were not published.
    unreported: u64,
    /// Rejections that were not reported to the supervisor yet.
    losses: Losses,
    due: Option<Instant>,
}

/// Rejections of one interval.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// Number of rejections that were not published individually.
    pub(super) unreported: u64,
    /// Number of all rejections since the last summary, by reason.
    pub(super) losses: BTreeMap<LossReason, Loss>,
}

impl RejectionThrottle {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            reports: TokenBucket::new(REPORTS_PER_MINUTE, now),
            unreported: 0,
            losses: Losses::default(),
            due: None,
        }
    }

    /// Counts a rejection. Returns true if it should be published individually.
    pub(super) fn add(&mut self, reason: LossReason, explanation: &str, now: Instant) -> bool {
        // Counted in any case: only the publication is limited, not the statistics.
        self.losses.add_explained(reason, explanation);
        self.due.get_or_insert(now + SUMMARY_INTERVAL);
        let tell = self.reports.pass(now);
        if !tell {
            self.unreported += 1;
        }
        tell
    }

    /// Time of the next summary; `None` without rejections.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Returns the summary if it is due.
    pub(super) fn summary(&mut self, now: Instant) -> Option<Summary> {
        self.due.take_if(|due| *due <= now)?;
        Some(Summary { unreported: std::mem::take(&mut self.unreported), losses: self.losses.take() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejection_reports_are_limited_and_all_rejections_counted() {
        let start = Instant::now();
        let mut throttle = RejectionThrottle::new(start);
        let told = (0..100_000).filter(|_| throttle.add(LossReason::RateLimited, "too many", start)).count();
        assert_eq!(told, 60);
        assert_eq!(throttle.summary(start), None);
        let due = throttle.due().unwrap();
        let losses = Loss { count: 100_000, explanation: Some("too many".to_owned()) };
        let losses = BTreeMap::from([(LossReason::RateLimited, losses)]);
        assert_eq!(throttle.summary(due), Some(Summary { unreported: 99_940, losses }));
        assert_eq!((throttle.summary(due), throttle.due()), (None, None));
    }
}
