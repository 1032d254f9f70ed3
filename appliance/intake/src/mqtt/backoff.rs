//! Pauses between attempts to connect.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first pause.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one. One that did not may be fought for with another client.
const GOOD_AFTER: Duration = Duration::from_secs(60);

/// Pauses that double, from 1 s to 60 s, each up to a quarter shorter than that by chance: many appliances do not come
/// back to a broker at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { pause: PAUSE_MIN }
    }

    /// The connection ended after this time.
    pub(super) fn lasted(&mut self, time: Duration) {
        if time >= GOOD_AFTER {
            self.pause = PAUSE_MIN;
        }
    }

    /// The next pause.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        pause.mul_f64(1.0 - chance() / 4.0)
    }
}

/// A number from 0 to 1, by chance.
pub(super) fn chance() -> f64 {
    // What the standard library mixes into its maps is random for each of them.
    RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_one_second_to_sixty_and_begin_anew_after_a_good_connection() {
        let mut backoff = Backoff::new();
        for whole in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let pause = backoff.next().as_secs_f64();
            assert!((whole * 0.75..=whole).contains(&pause), "{pause} of {whole}");
        }
        backoff.lasted(Duration::from_secs(5));
        assert!(backoff.next() > Duration::from_secs(40));
        backoff.lasted(Duration::from_secs(60));
        assert!(backoff.next() <= Duration::from_secs(1));
    }

    #[test]
    fn chance_differs() {
        let numbers: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number < 0.5) && numbers.iter().any(|number| *number > 0.5));
    }
}
