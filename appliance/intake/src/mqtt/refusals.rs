//! Refusals are told, but a flood of messages must not become a flood of refusals.

use std::time::{Duration, Instant};

use crier_system::TokenBucket;

/// Refusals that are told one by one in a minute.
const TOLD_PER_MINUTE: u32 = 60;
/// The others are told together, once in this time.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// Counts refusals.
#[derive(Debug)]
pub(super) struct Refusals {
    told: TokenBucket,
    /// Refused and told to nobody yet.
    untold: u64,
    /// Refused and not told to the supervisor yet.
    uncounted: u64,
    due: Option<Instant>,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// Messages that were refused without a word to those who listen.
    pub(super) untold: u64,
    /// Messages that were refused altogether since the last summary.
    pub(super) count: u64,
}

impl Refusals {
    pub(super) fn new(now: Instant) -> Self {
        Self { told: TokenBucket::new(TOLD_PER_MINUTE, now), untold: 0, uncounted: 0, due: None }
    }

    /// One message was refused; whether to tell it by itself.
    pub(super) fn add(&mut self, now: Instant) -> bool {
        self.uncounted += 1;
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
        let summary = Summary { untold: self.untold, count: self.uncounted };
        (self.untold, self.uncounted) = (0, 0);
        Some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_told_in_few_words_and_counted_whole() {
        let start = Instant::now();
        let mut refusals = Refusals::new(start);
        let told = (0..100_000).filter(|_| refusals.add(start)).count();
        assert_eq!(told, 60);
        assert_eq!(refusals.summary(start), None);
        let due = refusals.due().unwrap();
        assert_eq!(refusals.summary(due), Some(Summary { untold: 99_940, count: 100_000 }));
        assert_eq!((refusals.summary(due), refusals.due()), (None, None));
    }
}
