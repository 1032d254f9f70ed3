//! Conversion of sample rates without a shift in time: a stream of `n` samples becomes exactly `n · to / from` frames,
//! rounded, and the delay of the filter is taken out.

use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Rates that can be converted, in hertz: from telephone quality to the fastest rate of any sound card.
pub const RESAMPLER_RATES_HZ: RangeInclusive<u32> = 4_000..=768_000;

/// Largest magnitude of a sample: 40 dB above full scale, far above any sound and far below an overflow.
const SAMPLE_MAX: f32 = 100.0;

/// Returns the number of frames at `to_hz` that last as long as `count` samples at `from_hz`, rounded to nearest.
#[must_use]
pub fn scaled(count: u64, from_hz: u32, to_hz: u32) -> u64 {
    if from_hz == to_hz {
        return count;
    }
    let wide = (u128::from(count) * u128::from(to_hz) + u128::from(from_hz) / 2) / u128::from(from_hz.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// Returns the number of whole samples at `to_hz` within `count` frames at `from_hz`: rounded down.
#[must_use]
pub fn scaled_down(count: u64, from_hz: u32, to_hz: u32) -> u64 {
    let wide = u128::from(count) * u128::from(to_hz) / u128::from(from_hz.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// Streaming converter of mono sound from one rate to another.
pub struct Resampler {
    filter: Fft<f32>,
    from_hz: u32,
    to_hz: u32,
    /// Samples of an incomplete block.
    waiting: Vec<f32>,
    block_samples: usize,
    /// Output of one block.
    made: Vec<f32>,
    taken_samples: u64,
    given_frames: u64,
    /// Frames of the filter's delay that are still to be left out.
    delay_frames: usize,
}

impl Resampler {
    /// Creates a converter that works on blocks of at least `block_frames` at the lower of both rates. Longer blocks
    /// keep more of the highest frequencies: the cutoff is at 94 % of the band with 240, at 99 % with 2048. A block is
    /// also the latency, and rates with a small common divisor need a longer one.
    ///
    /// Returns `None` if a rate is outside [`RESAMPLER_RATES_HZ`].
    #[must_use]
    pub fn new(from_hz: u32, to_hz: u32, block_frames: u32) -> Option<Self> {
        if !RESAMPLER_RATES_HZ.contains(&from_hz) || !RESAMPLER_RATES_HZ.contains(&to_hz) {
            return None;
        }
        let divisor = greatest_common_divisor(from_hz, to_hz);
        let (unit_in, unit_out) = (from_hz / divisor, to_hz / divisor);
        let units = block_frames.div_ceil(unit_in.min(unit_out)).max(1);
        // The filter's delay is half a block of output: of an odd block it would be no whole number of frames, and what
        // comes out would be late by half a frame.
        let units = units + units * unit_out % 2;
        let block_samples = (units * unit_in) as usize;
        let filter = Fft::new(from_hz as usize, to_hz as usize, block_samples, 1, FixedSync::Both).ok()?;
        let (made, delay_frames) = (vec![0.0; filter.output_frames_max()], filter.output_delay());
        let waiting = Vec::with_capacity(block_samples);
        let (taken_samples, given_frames) = (0, 0);
        Some(Self {
            filter,
            from_hz,
            to_hz,
            waiting,
            block_samples,
            made,
            taken_samples,
            given_frames,
            delay_frames,
        })
    }

    /// Rates of the converter: from, to.
    #[must_use]
    pub fn rates_hz(&self) -> (u32, u32) {
        (self.from_hz, self.to_hz)
    }

    /// Begins a new stream.
    pub fn reset(&mut self) {
        self.filter.reset();
        self.waiting.clear();
        (self.taken_samples, self.given_frames) = (0, 0);
        self.delay_frames = self.filter.output_delay();
    }

    /// Takes samples and appends the frames that are ready.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for &sample in samples {
            // rubato panics when its transform overflows, and spreads one bad sample over a whole block.
            let sample = if sample.is_finite() { sample.clamp(-SAMPLE_MAX, SAMPLE_MAX) } else { 0.0 };
            self.waiting.push(sample);
            self.taken_samples += 1;
            if self.waiting.len() == self.block_samples {
                self.convert(u64::MAX, out);
            }
        }
    }

    /// Ends the stream: appends all frames that are missing to the stream's exact length.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let total = scaled(self.taken_samples, self.from_hz, self.to_hz);
        // The filter holds the last frames back: blocks of silence push them out, and none of the silence is
        // appended.
        while self.given_frames < total {
            let before = (self.given_frames, self.delay_frames);
            self.convert(total, out);
            if before == (self.given_frames, self.delay_frames) {
                // The filter failed; silence for the rest of the stream rather than a loop without end.
                out.resize(out.len() + (total - self.given_frames) as usize, 0.0);
                self.given_frames = total;
            }
        }
    }

    /// Converts the waiting block, completed with silence; appends no more than `total` frames in all.
    fn convert(&mut self, total: u64, out: &mut Vec<f32>) {
        self.waiting.resize(self.block_samples, 0.0);
        let capacity = self.made.len();
        let frames = match (
            SequentialSlice::new(&self.waiting, 1, self.block_samples),
            SequentialSlice::new_mut(&mut self.made, 1, capacity),
        ) {
            (Ok(input), Ok(mut output)) => {
                self.filter.process_into_buffer(&input, &mut output, None).map_or(0, |(_, made)| made)
            }
            _ => 0,
        };
        self.waiting.clear();
        let left_out = self.delay_frames.min(frames);
        self.delay_frames -= left_out;
        let ready = self.made.get(left_out..frames).unwrap_or_default();
        let allowed = usize::try_from(total - self.given_frames.min(total)).unwrap_or(usize::MAX);
        let ready = &ready[..ready.len().min(allowed)];
        out.extend_from_slice(ready);
        self.given_frames += ready.len() as u64;
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Resampler, scaled};

    fn convert(samples: &[f32], from_hz: u32, to_hz: u32, chunk: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from_hz, to_hz, 240).unwrap();
        let mut out = Vec::new();
        for piece in samples.chunks(chunk) {
            resampler.push(piece, &mut out);
        }
        resampler.finish(&mut out);
        out
    }

    /// Largest difference between a converted tone and the same tone made at the other rate, away from both ends.
    fn tone_error(hz: f64, from_hz: u32, to_hz: u32) -> f64 {
        let tone = |i: usize, rate: u32| (i as f64 * hz * std::f64::consts::TAU / f64::from(rate)).sin();
        let samples: Vec<f32> = (0..from_hz as usize / 2).map(|i| tone(i, from_hz) as f32).collect();
        let out = convert(&samples, from_hz, to_hz, 333);
        assert_eq!(out.len() as u64, scaled(samples.len() as u64, from_hz, to_hz));
        let edge = to_hz as usize / 20;
        let inner = out.iter().enumerate().skip(edge).take(out.len() - 2 * edge);
        inner.map(|(i, &sample)| (f64::from(sample) - tone(i, to_hz)).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn tone_keeps_time_and_level_at_every_usual_rate() {
        for (from_hz, to_hz) in [
            (24_000, 48_000),
            (24_000, 44_100),
            (24_000, 16_000),
            (24_000, 22_050),
            (24_000, 96_000),
            (48_000, 24_000),
            (44_100, 48_000),
            (11_025, 24_000),
        ] {
            let error = tone_error(440.0, from_hz, to_hz);
            assert!(error < 1e-4, "{from_hz} -> {to_hz}: {error}");
        }
    }

    #[test]
    fn tone_near_the_end_of_the_band_has_neither_loss_nor_image() {
        for to_hz in [44_100, 48_000, 96_000] {
            let error = tone_error(10_000.0, 24_000, to_hz);
            assert!(error < 1e-3, "{to_hz}: {error}");
        }
    }

    #[test]
    fn odd_rate_is_converted_without_a_shift() {
        let error = tone_error(440.0, 24_000, 24_038);
        assert!(error < 1e-4, "{error}");
    }

    #[test]
    fn reset_converter_equals_a_new_one() {
        let samples: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.3).sin()).collect();
        let mut resampler = Resampler::new(24_000, 48_000, 240).unwrap();
        resampler.push(&samples[..700], &mut Vec::new());
        resampler.reset();
        let mut out = Vec::new();
        resampler.push(&samples, &mut out);
        resampler.finish(&mut out);
        assert_eq!(out, convert(&samples, 24_000, 48_000, 1000));
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        assert!(Resampler::new(0, 48_000, 240).is_none());
        assert!(Resampler::new(24_000, u32::MAX, 240).is_none());
    }

    #[test]
    fn samples_that_are_no_sound_are_silenced_or_clamped() {
        let mut samples: Vec<f32> = [f32::MAX, f32::MIN, f32::NAN, f32::INFINITY, 1e30].repeat(500);
        samples.extend(vec![0.25; 4800]);
        for to_hz in [16_000, 44_100, 48_000] {
            let out = convert(&samples, 24_000, to_hz, 100);
            assert!(out.iter().all(|sample| sample.abs() < 1000.0), "{to_hz}");
            assert!((out[out.len() * 3 / 4] - 0.25).abs() < 1e-3, "{to_hz}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn lengths_are_exact_and_chunking_has_no_effect(
            length in 0_usize..3000,
            chunk in 1_usize..700,
            to_hz in prop::sample::select(vec![8_000_u32, 44_100, 48_000]),
        ) {
            let samples: Vec<f32> = (0..length).map(|i| (i as f32 * 0.11).sin()).collect();
            let out = convert(&samples, 24_000, to_hz, chunk);
            prop_assert_eq!(out.len() as u64, scaled(length as u64, 24_000, to_hz));
            prop_assert_eq!(out, convert(&samples, 24_000, to_hz, length.max(1)));
        }
    }
}
