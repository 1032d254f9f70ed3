//! Work of the thread that plays, as other threads see it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time for which work without a pause counts as progress. A card that resets itself over USB holds up any call of
/// alsa-lib for seconds; one that takes longer hangs, and a new process may find it working.
const WORK_MAX: Duration = Duration::from_secs(10);

/// Beginning of the work that is under way. No call of alsa-lib is sure not to wait for the driver, and the thread that
/// calls it cannot answer heartbeats meanwhile; others answer by this.
#[derive(Debug, Default)]
pub struct Activity(Mutex<Option<Instant>>);

impl Activity {
    /// Runs some work.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.set(Some(Instant::now()));
        let done = work();
        self.set(None);
        done
    }

    fn set(&self, begin: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = begin;
    }

    /// Returns true if the thread waits for requests, or works and does not take too long.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let begin = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begin.is_none_or(|begin| begin.elapsed() < WORK_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_progress_for_a_limited_time() {
        let activity = Activity::default();
        assert!(activity.is_healthy());
        assert!(activity.during(|| activity.is_healthy()));
        assert!(activity.is_healthy());
        activity.set(Instant::now().checked_sub(WORK_MAX));
        assert!(!activity.is_healthy());
    }
}
