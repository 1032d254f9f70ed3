//! The flood limit of an input: a token bucket.

use std::time::{Duration, Instant};

/// Lets through so many messages a minute, and as many at once after a minute of silence.
#[derive(Debug, Clone)]
pub struct Flood {
    per_minute: u32,
    /// Messages that may pass now, and the part of the next one.
    tokens: f64,
    last: Instant,
}

impl Flood {
    /// A limit of `per_minute` messages, full at `now`.
    #[must_use]
    pub fn new(per_minute: u32, now: Instant) -> Self {
        Self { per_minute, tokens: f64::from(per_minute), last: now }
    }

    /// Whether one more message may pass at `now`.
    pub fn pass(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.last).as_secs_f64();
        let rate = f64::from(self.per_minute) / Duration::from_secs(60).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate).min(f64::from(self.per_minute));
        self.last = self.last.max(now);
        let passes = self.tokens >= 1.0;
        if passes {
            self.tokens -= 1.0;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_a_trickle_passes() {
        let start = Instant::now();
        let mut flood = Flood::new(60, start);
        assert_eq!((0..1000).filter(|_| flood.pass(start)).count(), 60);
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!((1..200).all(|second| flood.pass(later(second))), "one a second is within sixty a minute");
        assert!(!flood.pass(later(199)));
    }

    #[test]
    fn time_that_goes_back_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(100);
        let mut flood = Flood::new(1, start);
        assert!(flood.pass(start));
        assert!(!flood.pass(start - Duration::from_secs(90)));
        assert!(!flood.pass(start));
    }
}
