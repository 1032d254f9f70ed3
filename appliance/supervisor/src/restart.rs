//! Restart policy of a stage: exponential back-off, and an end to it.

use std::collections::VecDeque;
use std::time::Duration;

use crier_system::Backoff;

/// First wait. Short, since most crashes are single events and an announcement may be waiting.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait: a stage that needs an operator should not load the machine, yet come back soon after the cause is
/// mended (a disk that is full, a device that is plugged in again).
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Lifetime after which an instance counts as healthy, so that the next wait is the shortest again.
const HEALTHY_MS: u64 = 60_000;
/// Window in which restarts are counted against the limit of the configuration ("restarts within a minute").
const WINDOW_MS: u64 = 60_000;

/// Decision after the death of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Spawn the next instance after a wait.
    After {
        /// The wait, in milliseconds.
        wait_ms: u64,
    },
    /// Leave the stage ended until it is released: it dies too often.
    Hold,
}

/// Record of the deaths of one stage. Times are milliseconds of a monotonic clock.
#[derive(Debug, Clone)]
pub struct RestartPolicy {
    restarts_max: usize,
    deaths_ms: VecDeque<u64>,
    backoff: Backoff,
}

impl RestartPolicy {
    /// Policy that allows `restarts_max` restarts within a minute.
    #[must_use]
    pub fn new(restarts_max: usize) -> Self {
        Self { restarts_max, deaths_ms: VecDeque::new(), backoff: Backoff::new(BACKOFF_MIN, BACKOFF_MAX) }
    }

    /// Changes the limit; the record is kept.
    pub fn set_restarts_max(&mut self, restarts_max: usize) {
        self.restarts_max = restarts_max;
    }

    /// Records a death at `now_ms` of an instance that lived for `lived_ms`, and decides about the next one.
    pub fn died(&mut self, now_ms: u64, lived_ms: u64) -> Restart {
        if lived_ms >= HEALTHY_MS {
            self.backoff.reset();
        }
        while self.deaths_ms.front().is_some_and(|at_ms| at_ms.saturating_add(WINDOW_MS) <= now_ms) {
            self.deaths_ms.pop_front();
        }
        self.deaths_ms.push_back(now_ms);
        // Counted in the window, not in a row: a stage that lives for some seconds each time never gets healthy.
        if self.deaths_ms.len() > self.restarts_max {
            return Restart::Hold;
        }
        let wait = self.backoff.next_delay();
        Restart::After { wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Forgets the record, as after a release by an operator.
    pub fn release(&mut self) {
        self.deaths_ms.clear();
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{Restart, RestartPolicy};

    fn waits_ms(
        policy: &mut RestartPolicy,
        deaths: impl IntoIterator<Item = (u64, u64)>,
    ) -> Vec<Option<u64>> {
        let wait = |(now_ms, lived_ms)| match policy.died(now_ms, lived_ms) {
            Restart::After { wait_ms } => Some(wait_ms),
            Restart::Hold => None,
        };
        deaths.into_iter().map(wait).collect()
    }

    #[test]
    fn wait_doubles_until_the_stage_is_held() {
        let mut policy = RestartPolicy::new(5);
        let waits = waits_ms(&mut policy, (0..7).map(|n| (n * 1000, 10)));
        assert_eq!(waits, [Some(100), Some(200), Some(400), Some(800), Some(1600), None, None]);
    }

    #[test]
    fn rare_deaths_never_hold_and_the_wait_is_bounded() {
        let mut policy = RestartPolicy::new(5);
        let waits = waits_ms(&mut policy, (0..20).map(|n| (n * 30_000, 20_000)));
        assert_eq!(waits.iter().max(), Some(&Some(10_000)));
        assert!(waits.iter().all(Option::is_some));
    }

    #[test]
    fn healthy_lifetime_and_release_reset_the_wait() {
        let mut policy = RestartPolicy::new(2);
        assert_eq!(waits_ms(&mut policy, [(0, 0), (1, 0), (2, 0)]), [Some(100), Some(200), None]);
        policy.release();
        assert_eq!(waits_ms(&mut policy, [(3, 0), (70_000, 60_000)]), [Some(100), Some(100)]);
    }
}
