//! When a stage that died is started again: with growing patience, and not for ever.

use std::collections::VecDeque;

/// First wait, in milliseconds.
const BACKOFF_MIN_MS: u64 = 100;
/// Longest wait, in milliseconds.
const BACKOFF_MAX_MS: u64 = 10_000;
/// After so much health the first wait is the shortest again, in milliseconds.
const HEALTHY_MS: u64 = 60_000;
/// In so much time, in milliseconds ...
const WINDOW_MS: u64 = 60_000;

/// What is to be done about a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Start it again after so many milliseconds.
    After {
        /// The wait.
        wait_ms: u64,
    },
    /// Leave it dead until somebody says otherwise: it dies too often.
    Hold,
}

/// The deaths of one stage. Times are milliseconds of any clock that never goes back.
#[derive(Debug, Clone)]
pub struct RestartPolicy {
    restarts_max: usize,
    deaths: VecDeque<u64>,
    wait_ms: u64,
}

impl RestartPolicy {
    /// A stage may be started again `restarts_max` times within a minute.
    #[must_use]
    pub fn new(restarts_max: usize) -> Self {
        Self { restarts_max, deaths: VecDeque::new(), wait_ms: BACKOFF_MIN_MS }
    }

    /// It died at `now_ms`, having lived for `lived_ms`.
    pub fn died(&mut self, now_ms: u64, lived_ms: u64) -> Restart {
        if lived_ms >= HEALTHY_MS {
            self.wait_ms = BACKOFF_MIN_MS;
        }
        while self.deaths.front().is_some_and(|at_ms| at_ms.saturating_add(WINDOW_MS) <= now_ms) {
            self.deaths.pop_front();
        }
        self.deaths.push_back(now_ms);
        if self.deaths.len() > self.restarts_max {
            return Restart::Hold;
        }
        let wait_ms = self.wait_ms;
        self.wait_ms = (wait_ms * 2).min(BACKOFF_MAX_MS);
        Restart::After { wait_ms }
    }

    /// Somebody says that it may be started again: everything before is forgotten.
    pub fn release(&mut self) {
        self.deaths.clear();
        self.wait_ms = BACKOFF_MIN_MS;
    }
}

#[cfg(test)]
mod tests {
    use super::{Restart, RestartPolicy};

    fn waits(policy: &mut RestartPolicy, deaths: impl IntoIterator<Item = (u64, u64)>) -> Vec<Option<u64>> {
        let wait = |(now, lived)| match policy.died(now, lived) {
            Restart::After { wait_ms } => Some(wait_ms),
            Restart::Hold => None,
        };
        deaths.into_iter().map(wait).collect()
    }

    #[test]
    fn patience_grows_and_ends() {
        let mut policy = RestartPolicy::new(5);
        let waits = waits(&mut policy, (0..7).map(|n| (n * 1000, 10)));
        assert_eq!(waits, [Some(100), Some(200), Some(400), Some(800), Some(1600), None, None]);
    }

    #[test]
    fn deaths_that_are_far_apart_never_hold_and_waits_are_bounded() {
        let mut policy = RestartPolicy::new(5);
        let waits = waits(&mut policy, (0..20).map(|n| (n * 30_000, 20_000)));
        assert_eq!(waits.iter().max(), Some(&Some(10_000)));
        assert!(waits.iter().all(Option::is_some));
    }

    #[test]
    fn health_and_release_forgive() {
        let mut policy = RestartPolicy::new(2);
        assert_eq!(waits(&mut policy, [(0, 0), (1, 0), (2, 0)]), [Some(100), Some(200), None]);
        policy.release();
        assert_eq!(waits(&mut policy, [(3, 0), (70_000, 60_000)]), [Some(100), Some(100)]);
    }
}
