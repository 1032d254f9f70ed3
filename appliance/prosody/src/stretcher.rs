//! The stretcher: change of speed, then of sample rate for the pitch, with an exact length.

use std::ops::RangeInclusive;

use crier_audio::Resampler;

use crate::time_scale::{Speed, TimeScale};

/// Rates of speech, in thousandths of the usual one: slower, and repeated periods are heard; faster, and sounds are
/// lost.
pub const RATE_THOUSANDTHS: RangeInclusive<u32> = 500..=3000;
/// Changes of pitch, in cents: an octave down to an octave up.
pub const PITCH_CENTS: RangeInclusive<i32> = -1200..=1200;

/// Rate without a change, in thousandths.
const RATE_USUAL: u32 = 1000;
/// Denominator of the factor of pitch. A block of the resampler may have as many samples (20 ms at 24 kHz), so it
/// bounds the latency; its steps of 1/480 are seven cents at most, and half of that is less than is heard.
const PITCH_STEPS: u32 = 480;

/// Shortest block of the resampler: 10 ms at 24 kHz, of which its filter keeps the frequencies up to 94 % of the band.
const BLOCK_FRAMES: u32 = 240;

/// Returns the number of samples that `count` samples become at a rate: exactly those that a [`Stretcher`] makes.
#[must_use]
pub fn stretched(count: u64, rate_thousandths: u32) -> u64 {
    // By the rate alone: a change of pitch keeps the duration.
    let input = u64::from(clamped(rate_thousandths, &RATE_THOUSANDTHS));
    Speed { input, output: RATE_USUAL.into() }.output_for(count)
}

fn clamped<T: Ord + Copy>(value: T, range: &RangeInclusive<T>) -> T {
    value.clamp(*range.start(), *range.end())
}

/// Streaming change of rate and pitch of mono samples at one sample rate.
///
/// Without a change the samples pass bit for bit. Otherwise `n` samples become `n / rate`, rounded to nearest; they
/// follow the input by at most 150 ms of it.
pub struct Stretcher {
    rate_thousandths: u32,
    time_scale: Option<TimeScale>,
    resampler: Option<Resampler>,
    /// Samples between the two.
    scaled: Vec<f32>,
    taken: u64,
    given: u64,
}

impl Stretcher {
    /// Creates a stretcher for samples at `rate_hz`: `rate_thousandths` 2000 is twice as fast, `pitch_cents` 1200 is an
    /// octave higher. Values out of range are taken to its edge.
    #[must_use]
    pub fn new(rate_hz: u32, rate_thousandths: u32, pitch_cents: i32) -> Self {
        let rate_thousandths = clamped(rate_thousandths, &RATE_THOUSANDTHS);
        let factor = (f64::from(clamped(pitch_cents, &PITCH_CENTS)) / 1200.0).exp2();
        let pitch = (f64::from(PITCH_STEPS) * factor).round() as u32;
        // Only the ratio counts. Both rates are multiples of the unit, which keeps the resampler's blocks short.
        let unit_hz = (rate_hz / PITCH_STEPS).max(1);
        let resampler = (pitch != PITCH_STEPS)
            .then(|| Resampler::new(unit_hz * pitch, unit_hz * PITCH_STEPS, BLOCK_FRAMES));
        let resampler = resampler.flatten();
        // The resampler changes the length by the factor of pitch, and the change of speed before it makes up for that.
        let pitch = if resampler.is_some() { pitch } else { PITCH_STEPS };
        let speed = Speed {
            input: u64::from(rate_thousandths) * u64::from(PITCH_STEPS),
            output: u64::from(RATE_USUAL) * u64::from(pitch),
        };
        // A pitch alone needs it, too: what a higher pitch shortens has to be made longer before.
        let time_scale = (speed.input != speed.output).then(|| TimeScale::new(rate_hz, speed));
        Self { rate_thousandths, time_scale, resampler, scaled: Vec::new(), taken: 0, given: 0 }
    }

    /// Takes samples and appends those that no later one can change.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.taken += samples.len() as u64;
        let before = out.len();
        match &mut self.time_scale {
            Some(time_scale) => time_scale.push(samples, &mut self.scaled),
            None if self.resampler.is_none() => out.extend_from_slice(samples),
            None => self.scaled.extend_from_slice(samples),
        }
        self.pass_on(out);
        self.given += (out.len() - before) as u64;
    }

    /// Ends the stream: appends what is missing to its exact length.
    pub fn finish(mut self, out: &mut Vec<f32>) {
        let before = out.len();
        if let Some(time_scale) = &mut self.time_scale {
            time_scale.finish(&mut self.scaled);
        }
        self.pass_on(out);
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(out);
        }
        // The last sample is repeated rather than a zero appended, which could be heard as a click.
        // Each of the two rounds its length, so both together may miss the exact one by a sample or two.
        let missing = stretched(self.taken, self.rate_thousandths).saturating_sub(self.given);
        let last = out.last().copied().unwrap_or_default();
        out.resize(before + usize::try_from(missing).unwrap_or(0), last);
    }

    /// Passes on what was scaled in time.
    fn pass_on(&mut self, out: &mut Vec<f32>) {
        match &mut self.resampler {
            Some(resampler) => resampler.push(&self.scaled, out),
            None => out.extend_from_slice(&self.scaled),
        }
        self.scaled.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    const RATE_HZ: u32 = 24_000;

    fn stretch(samples: &[f32], rate_thousandths: u32, pitch_cents: i32, piece: usize) -> Vec<f32> {
        let mut stretcher = Stretcher::new(RATE_HZ, rate_thousandths, pitch_cents);
        let mut out = Vec::new();
        for piece in samples.chunks(piece) {
            stretcher.push(piece, &mut out);
        }
        stretcher.finish(&mut out);
        out
    }

    /// Sound with the overtones of a voice.
    fn voice(hz: f64, seconds: f64) -> Vec<f32> {
        let sample = |n: u32| {
            let overtone = |k: u32| (TAU * hz * f64::from(k) * f64::from(n) / f64::from(RATE_HZ)).sin();
            (1..=12).map(|k| overtone(k) / f64::from(k)).sum::<f64>() as f32 * 0.25
        };
        (0..(f64::from(RATE_HZ) * seconds) as u32).map(sample).collect()
    }

    fn speech() -> Vec<f32> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audio/heart.wav");
        let mut reader = hound::WavReader::open(file).unwrap();
        reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
    }

    /// Fundamental frequency of the middle: the best autocorrelation from 50 to 500 Hz, between samples by a parabola.
    fn fundamental_hz(samples: &[f32]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let score = |lag: usize| {
            let pairs = || middle.iter().zip(&middle[lag..]);
            let (product, energy) = pairs().fold((0.0, 1e-9), |(product, energy), (a, b)| {
                (product + f64::from(a * b), energy + f64::from(a * a + b * b) / 2.0)
            });
            product / energy
        };
        let scores: Vec<f64> = (0..=480).map(|lag| if lag < 47 { 0.0 } else { score(lag) }).collect();
        let most = scores.iter().copied().fold(0.0, f64::max);
        // The first of equal peaks: at twice the period the correlation is as high.
        let lag = (48..480)
            .find(|&n| scores[n] > 0.97 * most && scores[n] >= scores[n - 1] && scores[n] >= scores[n + 1])
            .unwrap();
        let (before, at, after) = (scores[lag - 1], scores[lag], scores[lag + 1]);
        let offset = 0.5 * (before - after) / (before - 2.0 * at + after);
        f64::from(RATE_HZ) / (lag as f64 + offset)
    }

    fn largest_step(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    fn level_db(samples: &[f32]) -> f64 {
        let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        10.0 * (energy / samples.len() as f64).log10()
    }

    #[test]
    fn samples_pass_bit_for_bit_without_a_change() {
        let samples: Vec<f32> =
            (0..5_000_u32).map(|n| f32::from_bits(n.wrapping_mul(2_654_435_761))).collect();
        let out = stretch(&samples, 1000, 0, 700);
        let bits = |samples: &[f32]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&out), bits(&samples));
    }

    #[test]
    fn rate_keeps_the_fundamental_frequency() {
        for hz in [85.0, 130.0, 220.0, 310.0] {
            let samples = voice(hz, 2.0);
            for rate in [500, 700, 900, 1100, 1500, 2000, 2500, 3000] {
                let heard = fundamental_hz(&stretch(&samples, rate, 0, 1920));
                assert!((heard / hz - 1.0).abs() < 0.005, "{hz} Hz at {rate}: {heard}");
            }
        }
    }

    #[test]
    fn pitch_moves_by_the_asked_interval_and_keeps_the_duration() {
        let samples = voice(160.0, 2.0);
        for (rate, cents) in
            [(1000, -1200), (1000, -500), (1000, 50), (1000, 400), (1000, 1200), (2000, 300), (700, -300)]
        {
            let out = stretch(&samples, rate, cents, 1920);
            assert_eq!(out.len() as u64, stretched(samples.len() as u64, rate));
            let heard = 1200.0 * (fundamental_hz(&out) / 160.0).log2();
            assert!((heard - f64::from(cents)).abs() < 10.0, "{cents} cents at {rate}: {heard}");
        }
    }

    #[test]
    fn speech_has_no_clicks_and_keeps_its_level() {
        let speech = speech();
        let step = largest_step(&speech);
        let peak = speech.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        for (rate, cents) in
            [(500, 0), (800, 0), (1500, 0), (2000, 0), (3000, 0), (1000, 700), (1000, -700), (1500, 200)]
        {
            let out = stretch(&speech, rate, cents, 7680);
            // A shift up makes every slope steeper.
            let steeper = (f64::from(cents.max(0)) / 1200.0).exp2() as f32;
            assert!(
                largest_step(&out) <= 1.2 * step * steeper,
                "{rate} {cents}: {} {step}",
                largest_step(&out)
            );
            let out_peak = out.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(out_peak <= 1.15 * peak, "{rate} {cents}: {out_peak} {peak}");
            let level = level_db(&out) - level_db(&speech);
            assert!(level.abs() < 1.0, "{rate} {cents}: {level} dB");
        }
    }

    #[test]
    fn output_follows_the_input_within_150_ms() {
        let speech = speech();
        for (rate, cents) in [(500, 0), (1000, 1200), (1000, -1200), (3000, 0), (3000, -1200), (500, 1200)] {
            let mut stretcher = Stretcher::new(RATE_HZ, rate, cents);
            let (mut out, mut taken) = (Vec::new(), 0);
            for piece in speech.chunks(480) {
                stretcher.push(piece, &mut out);
                taken += piece.len() as u64;
                let late = stretched(taken, rate).saturating_sub(out.len() as u64);
                assert!(
                    late * u64::from(rate) / 1000 <= u64::from(RATE_HZ) * 150 / 1000,
                    "{rate} {cents}: {late} samples"
                );
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_where_it_is() {
        let mut samples = voice(160.0, 1.0);
        (samples[9_000], samples[9_001], samples[9_002]) = (f32::NAN, f32::INFINITY, 1e30);
        for (rate, cents) in [(2000, 0), (500, 0), (1000, 300)] {
            let out = stretch(&samples, rate, cents, 1920);
            assert!(out.iter().all(|sample| sample.is_finite()), "{rate} {cents}");
            assert!(largest_step(&out[out.len() * 3 / 4..]) < 0.5, "{rate} {cents}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn length_is_exact_and_pieces_have_no_effect(
            count in 0_usize..9_000, rate in 500_u32..=3000, cents in -1200_i32..=1200,
            pieces in (1_usize..3_000, 1_usize..3_000), neutral in 0..3_u8,
        ) {
            let (rate, cents) = (if neutral == 1 { 1000 } else { rate }, if neutral == 2 { 0 } else { cents });
            let samples: Vec<f32> =
                (0..count).map(|n| ((n * n % 977) as f32 / 977.0 - 0.5) * (n as f32 * 0.05).sin()).collect();
            let out = stretch(&samples, rate, cents, pieces.0);
            prop_assert_eq!(out.len() as u64, stretched(count as u64, rate));
            prop_assert!(out.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
            let other = stretch(&samples, rate, cents, pieces.1);
            prop_assert!(out.iter().zip(&other).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}
