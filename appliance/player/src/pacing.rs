//! Start of a sentence that is still being synthesized. No I/O; the time is a parameter.
//!
//! A machine that synthesizes faster than real time starts at once, with a small prebuffer. A slower one waits until
//! the buffered sound and the sound that will arrive in time last to the end of the sentence, so that the pause falls
//! between sentences and never within one. The speed is estimated from earlier sound, with a margin.

use std::time::Duration;

/// Least sound that must be buffered before a sentence starts, however fast the machine is, in seconds: the player's
/// prebuffer.
const PREBUFFER_S_MIN: f64 = 0.1;
/// Margin on the measured speed: 5 % cover the usual variation of a busy machine.
const PESSIMISM: f64 = 1.05;
/// Weight of a new measurement in the estimate, per second of sound: after four seconds mostly the new speed counts.
const LEARNING_PER_S: f64 = 0.25;
/// Share of an old sentence's longest gap that is expected in the sentence after the next: a rare stall is forgotten
/// after some sentences.
const GAP_MEMORY: f64 = 0.8;
/// Default of the longest time between the first sound of a sentence and its start: beyond it silence is worse than a
/// gap.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// Decision on the start of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Now.
    Start,
    /// Not yet; to be asked again when there is more sound, or after this time.
    Wait(Duration),
}

/// Progress of a sentence's synthesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Production {
    /// Samples of the sentence so far.
    pub made_samples: u64,
    /// Expected number of all its samples; too few make a gap possible, too many a longer wait.
    pub expected_samples: u64,
    /// True if no samples follow.
    pub complete: bool,
    /// Samples of earlier sentences that are still to be played before it.
    pub ahead_samples: u64,
}

/// Estimate of the speed of synthesis, and the decision that follows from it.
#[derive(Debug, Clone)]
pub struct Pacer {
    rate_hz: f64,
    wait_max: Duration,
    /// Real-time factor, smoothed, and the mean deviation of measurements from it.
    work: Option<f64>,
    stray: f64,
    /// Longest time between two pieces of sound, in seconds: in this sentence, and in those before.
    gap_s: f64,
    old_gap_s: f64,
    /// Largest piece of sound that arrived at once, in seconds.
    piece_s: f64,
    begun_at: Duration,
    first_at: Option<Duration>,
    last_at: Duration,
    last_samples: u64,
}

impl Pacer {
    /// Creates a pacer without measurements, for sound at `rate_hz`. A sentence never waits longer than `wait_max`.
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

    /// Begins a sentence.
    pub fn begin(&mut self, now: Duration) {
        self.old_gap_s = self.gap_s.max(self.old_gap_s * GAP_MEMORY);
        (self.gap_s, self.piece_s) = (0.0, 0.0);
        (self.begun_at, self.last_at, self.last_samples, self.first_at) = (now, now, 0, None);
    }

    /// Records that `samples` of the sentence exist so far.
    pub fn made(&mut self, now: Duration, samples: u64) {
        let sound_s = samples.saturating_sub(self.last_samples) as f64 / self.rate_hz;
        // A report without new samples says nothing about the speed.
        if sound_s <= 0.0 {
            return;
        }
        self.piece_s = self.piece_s.max(sound_s);
        // The first piece includes the preparation of the sentence (the prompt), which says nothing about the speed.
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
        // Weighted by duration: short pieces measure the scheduler more than the synthesis.
        let share = (LEARNING_PER_S * sound_s).min(1.0);
        self.stray += ((measured - work).abs() - self.stray) * share;
        self.work = Some(work + (measured - work) * share);
    }

    /// Real-time factor to reckon with: the estimate and its margin, once there is a measurement.
    #[must_use]
    pub fn work_per_sound(&self) -> Option<f64> {
        let first = || {
            let first_at = self.first_at?;
            let sound_s = self.last_samples as f64 / self.rate_hz;
            Some(first_at.saturating_sub(self.begun_at).as_secs_f64() / sound_s)
        };
        // Before any measurement the preparation counts as well: too slow an estimate costs a wait, too fast a one a
        // gap.
        self.work.map(|work| work + self.stray).or_else(first).map(|work| work * PESSIMISM)
    }

    /// Decides if the sentence may start now.
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
        // The prediction may be too short; the sound that exists is a lower bound.
        let whole = seconds(production.expected_samples).max(made);
        let gap = self.gap_s.max(self.old_gap_s).max(self.piece_s * work);
        // The next piece must arrive before the buffered sound was played.
        let bridges_gap = made + ahead >= gap.max(PREBUFFER_S_MIN);
        // And the last piece before all others were played, even if the longest gap happens once more.
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
    fn fast_machine_starts_with_its_first_piece() {
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
    fn sentence_without_sound_waits() {
        let pacer = Pacer::new(RATE_HZ, WAIT_MAX);
        let nothing =
            Production { made_samples: 0, expected_samples: 9, complete: false, ahead_samples: 99_999 };
        assert_eq!(pacer.decide(Duration::ZERO, nothing), Decision::Wait(WAIT_MAX));
        assert_eq!(pacer.decide(Duration::ZERO, Production { complete: true, ..nothing }), Decision::Start);
    }

    #[test]
    fn sound_of_earlier_sentences_shortens_the_wait() {
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
    fn wrong_prediction_waits_no_longer_than_the_maximum() {
        let curve = Curve::new(0.0, 0.1, 1.5, 1920, 480_000, (0, 0.0));
        let mut pacer = Pacer::new(RATE_HZ, Duration::from_secs(5));
        let start_s = curve.start_s(&mut pacer, u64::MAX);
        assert!(start_s <= curve.pieces[0].0 + 5.001, "{start_s}");
    }

    #[test]
    fn speech_at_twice_the_rate_waits_as_on_a_machine_of_half_the_speed() {
        // The engines are fast enough for speech at its own rate, and too slow for it at twice the rate.
        let own = Curve::new(0.0, 0.05, 0.7, 7680, 120_000, (0, 0.0));
        let mut stretched = own.clone();
        stretched.pieces.iter_mut().for_each(|(_, made)| *made /= 2);
        let (mut pacer, mut faster) = (Pacer::new(RATE_HZ, WAIT_MAX), Pacer::new(RATE_HZ, WAIT_MAX));
        for _ in 0..2 {
            let start_s = stretched.start_s(&mut faster, 60_000);
            assert!(own.start_s(&mut pacer, 120_000) < start_s, "later than at its own rate");
            assert!(stretched.silence_s(start_s) <= 1e-6, "no gap: {} s", stretched.silence_s(start_s));
        }
    }

    proptest! {
        #[test]
        fn no_gap_within_a_sentence_of_known_length(
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
        fn no_gap_after_a_stall_as_long_as_an_earlier_one(
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
