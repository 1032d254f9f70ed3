//! Exponential back-off between attempts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Delays that double from a minimum to a maximum. Holds no clock; the caller waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    /// Largest fraction by which a delay is shortened at random.
    jitter: f64,
    delay: Duration,
}

impl Backoff {
    /// Returns a back-off that doubles from `min` to `max`.
    #[must_use]
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, jitter: 0.0, delay: min }
    }

    /// Shortens each delay at random by up to `fraction` of it, so that many appliances do not come back to the same
    /// server at the same moment.
    #[must_use]
    pub const fn with_jitter(self, fraction: f64) -> Self {
        Self { jitter: fraction.clamp(0.0, 1.0), ..self }
    }

    /// Returns the next delay and lengthens the one after it.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = delay.saturating_mul(2).min(self.max);
        if self.jitter > 0.0 { delay.mul_f64(1.0 - self.jitter * random_fraction()) } else { delay }
    }

    /// Starts again at the minimum, after an attempt that succeeded for good.
    pub fn reset(&mut self) {
        self.delay = self.min;
    }
}

/// Returns a random number from 0 to 1. Good enough to spread attempts; not for secrets.
#[must_use]
pub fn random_fraction() -> f64 {
    // The keys of `RandomState` are random and differ from one instance to the next: no generator has to be kept.
    RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_up_to_the_maximum_and_reset_to_the_minimum() {
        let mut backoff = Backoff::new(SECOND, 60 * SECOND);
        let delays: Vec<_> = (0..8).map(|_| backoff.next_delay().as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next_delay(), SECOND);
    }

    #[test]
    fn jitter_only_shortens_a_delay_and_by_no_more_than_its_fraction() {
        let mut backoff = Backoff::new(SECOND, SECOND).with_jitter(0.25);
        let delays: Vec<_> = (0..100).map(|_| backoff.next_delay().as_secs_f64()).collect();
        assert!(delays.iter().all(|delay| (0.75..=1.0).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay < 0.875) && delays.iter().any(|delay| *delay > 0.875));
    }
}
