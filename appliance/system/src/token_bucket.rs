//! A token bucket: limits a rate and still lets a burst through.

use std::time::Instant;

/// Passes a number of messages per minute, and a burst of the same size after a quiet minute.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    per_minute: u32,
    /// Messages that may pass now; the fraction belongs to the next one.
    tokens: f64,
    last: Instant,
}

impl TokenBucket {
    /// Returns a bucket that passes `per_minute` messages per minute and is full at `now`.
    #[must_use]
    pub fn new(per_minute: u32, now: Instant) -> Self {
        Self { per_minute, tokens: f64::from(per_minute), last: now }
    }

    /// Takes a token; returns true if one more message may pass at `now`.
    pub fn pass(&mut self, now: Instant) -> bool {
        self.refill(now);
        let passes = self.tokens >= 1.0;
        if passes {
            self.tokens -= 1.0;
        }
        passes
    }

    fn refill(&mut self, now: Instant) {
        // `Instant`s of different threads may arrive out of order; a step back must not add tokens later on.
        let elapsed = now.saturating_duration_since(self.last).as_secs_f64();
        self.tokens =
            (self.tokens + elapsed * f64::from(self.per_minute) / 60.0).min(f64::from(self.per_minute));
        self.last = self.last.max(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_cut_to_the_limit_and_a_steady_rate_passes() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(60, start);
        assert_eq!((0..1000).filter(|_| bucket.pass(start)).count(), 60);
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!((1..200).all(|second| bucket.pass(later(second))), "one a second is within sixty a minute");
        assert!(!bucket.pass(later(199)));
    }

    #[test]
    fn a_clock_that_steps_back_adds_no_tokens() {
        let start = Instant::now() + Duration::from_secs(100);
        let mut bucket = TokenBucket::new(1, start);
        assert!(bucket.pass(start));
        assert!(!bucket.pass(start - Duration::from_secs(90)));
        assert!(!bucket.pass(start));
    }
}
