//! When a sentence may begin to be heard while it is still being made. No I/O; the time is handed in.
//!
//! A machine that makes speech faster than it is heard starts at once, with a small cushion. One that is slower waits
//! until what is there and what will come in time last to the sentence's end, so that the pause falls between sentences
//! and never within one. Speed is learned from what was made before, and taken to be a little worse than it was.

use std::time::Duration;

/// The least sound that must be there before a sentence starts, however fast the machine is, in seconds.
const CUSHION_S: f64 = 0.1;
/// How much worse than measured the speed is taken to be.
const PESSIMISM: f64 = 1.05;
/// How much of a new measurement goes into the estimate per second of sound.
const LEARNING_PER_S: f64 = 0.25;
/// How much of an old sentence's longest gap is still expected in the one after the next.
const GAP_MEMORY: f64 = 0.8;
/// The longest a sentence waits after its first sound is there, unless told otherwise.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// Whether a sentence may begin to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Now.
    Start,
    /// Not yet; ask again when more was made, or after so long.
    Wait(Duration),
}

/// How the making of a sentence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Production {
    /// Samples of the sentence that were made.
    pub made_samples: u64,
    /// Samples it is expected to have in all; too few make a gap possible, too many a longer wait.
    pub expected_samples: u64,
    /// All of it was made.
    pub complete: bool,
    /// Samples of earlier sentences that are still to be heard before it.
    pub ahead_samples: u64,
}

/// Learns how fast speech is made, and decides when it may be heard.
#[derive(Debug, Clone)]
pub struct Pacer {
    rate_hz: f64,
    wait_max: Duration,
    /// Seconds of work for a second of sound, smoothed, and how far measurements stray from that.
    work: Option<f64>,
    stray: f64,
    /// The longest time between two pieces of sound, in seconds: in this sentence, and remembered from those before.
    gap_s: f64,
    old_gap_s: f64,
    /// The largest piece of sound that came at once, in seconds.
    piece_s: f64,
    begun_at: Duration,
    first_at: Option<Duration>,
    last_at: Duration,
    last_samples: u64,
}

impl Pacer {
    /// A pacer that knows nothing yet, for sound at `rate_hz`. A sentence never waits longer than `wait_max`.
    #[must_use]
    pub fn new(rate_hz: u32, wait_max: Duration) -> Self {
        Self {
            rate_hz: f64::from(rate_hz.max(1)),
            wait_max,
            work: None,
            stray: 0.0,
            gap_s: 0.0,
            old_gap_s: 0.0,
            piece_s: 0.0,
            begun_at: Duration::ZERO,
            first_at: None,
            last_at: Duration::ZERO,
            last_samples: 0,
        }
    }

    /// The making of a sentence begins.
    pub fn begin(&mut self, now: Duration) {
        self.old_gap_s = self.gap_s.max(self.old_gap_s * GAP_MEMORY);
        (self.gap_s, self.piece_s) = (0.0, 0.0);
        (self.begun_at, self.last_at, self.last_samples, self.first_at) = (now, now, 0, None);
    }

    /// `samples` of the sentence were made so far.
    pub fn made(&mut self, now: Duration, samples: u64) {
        let sound_s = samples.saturating_sub(self.last_samples) as f64 / self.rate_hz;
        if sound_s <= 0.0 {
            return;
        }
        self.piece_s = self.piece_s.max(sound_s);
        // The first piece comes after the preparation of a sentence, which says nothing about what follows.
        if self.first_at.is_some() {
            let gap_s = now.saturating_sub(self.last_at).as_secs_f64();
            self.gap_s = self.gap_s.max(gap_s);
            self.learn(gap_s / sound_s, sound_s);
        }
        self.first_at.get_or_insert(now);
        (self.last_at, self.last_samples) = (now, samples);
    }

    fn learn(&mut self, measured: f64, sound_s: f64) {
        let Some(work) = self.work else {
            self.work = Some(measured);
            return;
        };
        let share = (LEARNING_PER_S * sound_s).min(1.0);
        self.stray += ((measured - work).abs() - self.stray) * share;
        self.work = Some(work + (measured - work) * share);
    }

    /// Seconds of work that a second of sound is taken to need: the pessimistic estimate, once there is one.
    #[must_use]
    pub fn work_per_sound(&self) -> Option<f64> {
        let first = || {
            let first_at = self.first_at?;
            let sound_s = self.last_samples as f64 / self.rate_hz;
            Some(first_at.saturating_sub(self.begun_at).as_secs_f64() / sound_s)
        };
        // Before anything was learned, preparation and all: too slow rather than too fast.
        self.work.map(|work| work + self.stray).or_else(first).map(|work| work * PESSIMISM)
    }

    /// Whether the sentence may begin to be heard now.
    #[must_use]
    pub fn decide(&self, now: Duration, production: Production) -> Decision {
        let seconds = |samples: u64| samples as f64 / self.rate_hz;
        let (made, ahead) = (seconds(production.made_samples), seconds(production.ahead_samples));
        let Some((first_at, work)) = self.first_at.zip(self.work_per_sound()) else {
            return if production.complete { Decision::Start } else { Decision::Wait(self.wait_max) };
        };
        let waited = now.saturating_sub(first_at);
        if production.complete || waited >= self.wait_max {
            return Decision::Start;
        }
        let whole = seconds(production.expected_samples).max(made);
        let gap = self.gap_s.max(self.old_gap_s).max(self.piece_s * work);
        // The next piece must come before what is there was heard.
        let bridges_gap = made + ahead >= gap.max(CUSHION_S);
        // And the last piece before all others were, even if the longest gap happens once more.
        let extra_gap = gap - (self.piece_s * work).min(gap);
        let work_left = (whole - made) * work + extra_gap;
        let lasts = (whole - self.piece_s).max(made) + ahead;
        if bridges_gap && work_left <= lasts {
            Decision::Start
        } else {
            Decision::Wait(self.wait_max.saturating_sub(waited))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Decision, Pacer, Production, WAIT_MAX};

    const RATE_HZ: u32 = 24_000;

    /// A sentence as it is made: when each piece was there, and the samples made until then.
    #[derive(Debug, Clone)]
    struct Curve {
        begun_s: f64,
        pieces: Vec<(f64, u64)>,
    }

    impl Curve {
        /// `stall`: before which piece the machine stands still, and for how long.
        fn new(begun_s: f64, prepare_s: f64, work: f64, piece: u64, total: u64, stall: (usize, f64)) -> Self {
            let (mut at_s, mut made, mut pieces) = (begun_s + prepare_s, 0, Vec::new());
            while made < total {
                let next = piece.min(total - made);
                at_s += next as f64 / f64::from(RATE_HZ) * work;
                // At the first piece it would be preparation.
                at_s += if pieces.len() == stall.0.max(1) { stall.1 } else { 0.0 };
                made += next;
                pieces.push((at_s, made));
            }
            Self { begun_s, pieces }
        }

        fn total(&self) -> u64 {
            self.pieces.last().unwrap().1
        }

        fn end_s(&self) -> f64 {
            self.pieces.last().unwrap().0
        }

        /// When the pacer lets it start.
        fn start_s(&self, pacer: &mut Pacer, expected_samples: u64) -> f64 {
            let time = Duration::from_secs_f64;
            pacer.begin(time(self.begun_s));
            let mut started = None;
            let mut ask_at: Option<f64> = None;
            for &(at_s, made_samples) in &self.pieces {
                if let (None, Some(ask)) = (started, ask_at.filter(|ask| *ask < at_s)) {
                    started = Some(ask);
                }
                pacer.made(time(at_s), made_samples);
                let complete = made_samples == self.total();
                let production = Production { made_samples, expected_samples, complete, ahead_samples: 0 };
                match pacer.decide(time(at_s), production) {
                    Decision::Start => started = started.or(Some(at_s)),
                    Decision::Wait(most) => ask_at = Some(at_s + most.as_secs_f64()),
                }
            }
            started.unwrap()
        }

        /// The longest silence within the sentence when it starts at a time, in seconds.
        fn silence_s(&self, start_s: f64) -> f64 {
            let mut late_s: f64 = 0.0;
            let mut before = 0;
            for &(at_s, made) in &self.pieces {
                let due_s = start_s + before as f64 / f64::from(RATE_HZ);
                late_s = late_s.max(at_s - due_s);
                before = made;
            }
            late_s
        }
    }

    #[test]
    fn a_fast_machine_starts_with_its_first_piece() {
        for work in [0.1, 0.3, 0.6, 0.8] {
            let curve = Curve::new(0.0, 0.05, work, 7680, 120_000, (0, 0.0));
            let mut pacer = Pacer::new(RATE_HZ, WAIT_MAX);
            let first_s = curve.start_s(&mut pacer, 120_000);
            // At 0.8 the first sentence may wait for its second piece: nobody knows yet what was preparation.
            assert!(work > 0.7 || first_s == curve.pieces[0].0, "{work}");
            assert_eq!(curve.start_s(&mut pacer, 120_000), curve.pieces[0].0, "{work}");
        }
    }

    #[test]
    fn nothing_starts_before_there_is_sound() {
        let pacer = Pacer::new(RATE_HZ, WAIT_MAX);
        let nothing =
            Production { made_samples: 0, expected_samples: 9, complete: false, ahead_samples: 99_999 };
        assert_eq!(pacer.decide(Duration::ZERO, nothing), Decision::Wait(WAIT_MAX));
        assert_eq!(pacer.decide(Duration::ZERO, Production { complete: true, ..nothing }), Decision::Start);
    }

    #[test]
    fn what_is_still_to_be_heard_before_shortens_the_wait() {
        let mut pacer = Pacer::new(RATE_HZ, WAIT_MAX);
        pacer.begin(Duration::ZERO);
        pacer.made(Duration::from_secs(2), 24_000);
        let production =
            Production { made_samples: 24_000, expected_samples: 96_000, complete: false, ahead_samples: 0 };
        let now = Duration::from_secs(2);
        assert!(matches!(pacer.decide(now, production), Decision::Wait(_)));
        let ahead = Production { ahead_samples: 96_000, ..production };
        assert_eq!(pacer.decide(now, ahead), Decision::Start);
    }

    #[test]
    fn a_wrong_prediction_costs_at_most_the_longest_wait() {
        let curve = Curve::new(0.0, 0.1, 1.5, 1920, 480_000, (0, 0.0));
        let mut pacer = Pacer::new(RATE_HZ, Duration::from_secs(5));
        let start_s = curve.start_s(&mut pacer, u64::MAX);
        assert!(start_s <= curve.pieces[0].0 + 5.001, "{start_s}");
    }

    proptest! {
        #[test]
        fn no_gap_within_a_sentence_whose_length_is_known(
            work in 0.3..4.0_f64, frames in 1_u64..9, total in 2_000_u64..240_000, prepare_s in 0.0..0.5_f64,
        ) {
            let curve = Curve::new(1.0, prepare_s, work, frames * 1920, total, (0, 0.0));
            let mut pacer = Pacer::new(RATE_HZ, Duration::from_secs(120));
            // The first sentence of a machine nobody knows, and one when it is known.
            for _ in 0..2 {
                let start_s = curve.start_s(&mut pacer, total);
                prop_assert!(curve.silence_s(start_s) <= 1e-6, "{} s", curve.silence_s(start_s));
                // Not longer than the pessimism explains.
                let best_s = curve.end_s() - total as f64 / f64::from(RATE_HZ);
                let slack_s = 0.06 * total as f64 / f64::from(RATE_HZ) * work
                    + 2.0 * (frames as f64 * 0.08 * work.max(1.0)) + prepare_s * 8.0 + 0.2;
                prop_assert!(start_s <= best_s.max(curve.pieces[0].0) + slack_s, "{} {}", start_s, best_s);
            }
        }

        #[test]
        fn no_gap_when_the_machine_stalls_as_it_did_before(
            work in 0.3..3.0_f64, frames in 1_u64..9, totals in (48_000_u64..240_000, 48_000_u64..240_000),
            stall_s in 0.0..0.8_f64, places in (1_usize..20, 1_usize..60), share in 0.0..1.0_f64,
        ) {
            let mut pacer = Pacer::new(RATE_HZ, Duration::from_secs(120));
            let pieces = (totals.0 / (frames * 1920)) as usize;
            let known = Curve::new(0.0, 0.1, work, frames * 1920, totals.0, (places.0.min(pieces.max(2) - 1), stall_s));
            known.start_s(&mut pacer, totals.0);
            let next = Curve::new(known.end_s(), 0.1, work, frames * 1920, totals.1, (places.1, stall_s * share));
            let start_s = next.start_s(&mut pacer, totals.1);
            prop_assert!(next.silence_s(start_s) <= 1e-6, "{} s", next.silence_s(start_s));
        }
    }
}
