//! Limit on reported rejections: a flood of messages must not become a flood of rejections.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crier_system::TokenBucket;
use crier_wire::LossReason;

use crate::rate_limited::Losses;

/// Rejections reported one by one in a minute.
const TOLD_PER_MINUTE: u32 = 60;
/// The others are told together, once in this time.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// Counter of rejections.
#[derive(Debug)]
pub(super) struct RejectionThrottle {
    told: TokenBucket,
    /// Refused and told to nobody yet.
    untold: u64,
    /// Refused and not reported to the supervisor yet.
    losses: Losses,
    due: Option<Instant>,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// Messages that were refused without a word to those who listen.
    pub(super) untold: u64,
    /// Messages that were refused since the last summary, by reason.
    pub(super) losses: BTreeMap<LossReason, u64>,
}

impl RejectionThrottle {
    pub(super) fn new(now: Instant) -> Self {
        Self { told: TokenBucket::new(TOLD_PER_MINUTE, now), untold: 0, losses: Losses::default(), due: None }
    }

    /// One message was refused; whether to tell it by itself.
    pub(super) fn add(&mut self, reason: LossReason, now: Instant) -> bool {
        self.losses.add(reason, 1);
        self.due.get_or_insert(now + SUMMARY_EVERY);
        let tell = self.told.pass(now);
        if !tell {
            self.untold += 1;
        }
        tell
    }

    /// When there will be a summary.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The summary, if it is time.
    pub(super) fn summary(&mut self, now: Instant) -> Option<Summary> {
        self.due.take_if(|due| *due <= now)?;
        Some(Summary { untold: std::mem::take(&mut self.untold), losses: self.losses.take() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejection_reports_are_limited_and_all_rejections_counted() {
        let start = Instant::now();
        let mut throttle = RejectionThrottle::new(start);
        let told = (0..100_000).filter(|_| throttle.add(LossReason::RateLimited, start)).count();
        assert_eq!(told, 60);
        assert_eq!(throttle.summary(start), None);
        let due = throttle.due().unwrap();
        let losses = BTreeMap::from([(LossReason::RateLimited, 100_000)]);
        assert_eq!(throttle.summary(due), Some(Summary { untold: 99_940, losses }));
        assert_eq!((throttle.summary(due), throttle.due()), (None, None));
    }
}
