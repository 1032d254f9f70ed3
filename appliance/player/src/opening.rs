//! The opening of a device that is under way, as other threads see it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time for which an opening of the device counts as progress. A card that resets itself over USB takes seconds; one
/// that takes longer hangs, and a new process may find it working.
const OPENING_MAX: Duration = Duration::from_secs(10);

/// Beginning of the opening of the device that is under way. alsa-lib opens a device in the thread that plays, which
/// cannot answer heartbeats meanwhile.
#[derive(Debug, Default)]
pub struct Opening(Mutex<Option<Instant>>);

impl Opening {
    /// Runs what opens the device.
    pub fn during<T>(&self, open: impl FnOnce() -> T) -> T {
        self.set(Some(Instant::now()));
        let opened = open();
        self.set(None);
        opened
    }

    fn set(&self, begin: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = begin;
    }

    /// Returns true if the device is being opened and does not take too long.
    #[must_use]
    pub fn is_progress(&self) -> bool {
        let begin = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begin.is_some_and(|begin| begin.elapsed() < OPENING_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_is_progress_for_a_limited_time() {
        let opening = Opening::default();
        assert!(!opening.is_progress());
        assert!(opening.during(|| opening.is_progress()));
        assert!(!opening.is_progress());
        opening.set(Instant::now().checked_sub(OPENING_MAX));
        assert!(!opening.is_progress());
    }
}
