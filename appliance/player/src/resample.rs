//! From a stream's rate to the device's, sample-exact in time: the filter's delay is taken out, and a stream of `n`
//! samples becomes exactly `n · to / from` frames, rounded.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// Input samples that are converted at a time: 10 ms of speech.
const CHUNK_SAMPLES: usize = 240;
/// Length of the filter, in input samples.
const FILTER_SAMPLES: usize = 128;
/// Rates beyond this are no sound, in Hz.
pub(crate) const RATE_HZ_MAX: u32 = 768_000;
/// Slowest rate of a stream or a device, in Hz.
pub(crate) const RATE_HZ_MIN: u32 = 4_000;

/// Frames at `to_hz` that last as long as `count` samples at `from_hz`, rounded to nearest.
#[must_use]
pub fn scaled(count: u64, from_hz: u32, to_hz: u32) -> u64 {
    if from_hz == to_hz {
        return count;
    }
    let wide = (u128::from(count) * u128::from(to_hz) + u128::from(from_hz) / 2) / u128::from(from_hz.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// Samples at `to_hz` that are over for certain after `count` frames at `from_hz`: rounded down.
pub(crate) fn scaled_down(count: u64, from_hz: u32, to_hz: u32) -> u64 {
    let wide = u128::from(count) * u128::from(to_hz) / u128::from(from_hz.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// A streaming converter of mono sound from one rate to another.
pub struct Resampler {
    filter: Async<f32>,
    from_hz: u32,
    to_hz: u32,
    /// Input that waits for a whole chunk.
    waiting: Vec<f32>,
    made: Vec<f32>,
    taken_samples: u64,
    given_frames: u64,
    /// Frames of the filter's delay that are still to be left out.
    delay_frames: usize,
}

impl Resampler {
    /// A converter between two rates; `None` when a rate is none that sound has, or the filter cannot be made.
    #[must_use]
    pub fn new(from_hz: u32, to_hz: u32) -> Option<Self> {
        let sane = RATE_HZ_MIN..=RATE_HZ_MAX;
        if !sane.contains(&from_hz) || !sane.contains(&to_hz) {
            return None;
        }
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let parameters = SincInterpolationParameters::new(FILTER_SAMPLES, WindowFunction::BlackmanHarris2)
            .interpolation(SincInterpolationType::Cubic);
        let filter = Async::new_sinc(ratio, 1.0, &parameters, CHUNK_SAMPLES, 1, FixedAsync::Input).ok()?;
        let made = vec![0.0; filter.output_frames_max()];
        let waiting = Vec::with_capacity(CHUNK_SAMPLES);
        let (taken_samples, given_frames, delay_frames) = (0, 0, delay_frames(ratio));
        Some(Self { filter, from_hz, to_hz, waiting, made, taken_samples, given_frames, delay_frames })
    }

    /// The rates this converter was made for: from, to.
    #[must_use]
    pub fn rates_hz(&self) -> (u32, u32) {
        (self.from_hz, self.to_hz)
    }

    /// Samples taken so far.
    #[must_use]
    pub fn taken_samples(&self) -> u64 {
        self.taken_samples
    }

    /// Begins a new stream.
    pub fn reset(&mut self) {
        self.filter.reset();
        self.waiting.clear();
        (self.taken_samples, self.given_frames) = (0, 0);
        self.delay_frames = delay_frames(f64::from(self.to_hz) / f64::from(self.from_hz));
    }

    /// Takes samples and appends the frames that are ready.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for &sample in samples {
            // The filter would carry one bad sample into a hundred good ones.
            self.waiting.push(if sample.is_finite() { sample } else { 0.0 });
            self.taken_samples += 1;
            if self.waiting.len() == CHUNK_SAMPLES {
                self.convert(u64::MAX, out);
            }
        }
    }

    /// Ends the stream: appends all frames that are missing to the stream's exact length.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let total = scaled(self.taken_samples, self.from_hz, self.to_hz);
        while self.given_frames < total {
            let before = (self.given_frames, self.delay_frames);
            self.convert(total, out);
            if before == (self.given_frames, self.delay_frames) {
                // The filter refused; the rest of the stream is silence rather than a loop without end.
                out.resize(out.len() + (total - self.given_frames) as usize, 0.0);
                self.given_frames = total;
            }
        }
    }

    /// Converts what waits, with silence after it where that is less than a chunk; never more than `total` frames.
    fn convert(&mut self, total: u64, out: &mut Vec<f32>) {
        let real = self.waiting.len();
        self.waiting.resize(CHUNK_SAMPLES, 0.0);
        let capacity = self.made.len();
        let indexing = Indexing::new().partial_len(real);
        let frames = match (
            SequentialSlice::new(&self.waiting, 1, CHUNK_SAMPLES),
            SequentialSlice::new_mut(&mut self.made, 1, capacity),
        ) {
            (Ok(input), Ok(mut output)) => self
                .filter
                .process_into_buffer(&input, &mut output, Some(&indexing))
                .map_or(0, |(_, made)| made),
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

/// The filter's true delay, to the nearest frame: the library's own figure is a frame more, for its first output
/// stands one step after the beginning of the input.
fn delay_frames(ratio: f64) -> usize {
    (FILTER_SAMPLES as f64 / 2.0 * ratio - 1.0).round() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Resampler, scaled};

    fn convert(samples: &[f32], from_hz: u32, to_hz: u32, chunk: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let mut out = Vec::new();
        for piece in samples.chunks(chunk) {
            resampler.push(piece, &mut out);
        }
        resampler.finish(&mut out);
        out
    }

    #[test]
    fn a_tone_stays_in_place() {
        for (from_hz, to_hz, slack) in
            [(24_000, 48_000, 1e-3), (24_000, 44_100, 0.032), (48_000, 24_000, 1e-3)]
        {
            let tone =
                |i: usize, rate: u32| (i as f64 * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin();
            let samples: Vec<f32> = (0..12_000).map(|i| tone(i, from_hz) as f32).collect();
            let out = convert(&samples, from_hz, to_hz, 333);
            assert_eq!(out.len() as u64, scaled(12_000, from_hz, to_hz));
            for (i, &sample) in out.iter().enumerate().skip(400).take(out.len() - 800) {
                let off = (f64::from(sample) - tone(i, to_hz)).abs();
                assert!(off < slack, "{from_hz} -> {to_hz} at {i}: {off}");
            }
        }
    }

    #[test]
    fn a_reset_converter_is_as_new() {
        let samples: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.3).sin()).collect();
        let mut resampler = Resampler::new(24_000, 48_000).unwrap();
        resampler.push(&samples[..700], &mut Vec::new());
        resampler.reset();
        let mut out = Vec::new();
        resampler.push(&samples, &mut out);
        resampler.finish(&mut out);
        assert_eq!(out, convert(&samples, 24_000, 48_000, 1000));
    }

    #[test]
    fn rates_that_are_none_are_refused() {
        assert!(Resampler::new(0, 48_000).is_none());
        assert!(Resampler::new(24_000, u32::MAX).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn lengths_are_exact_and_chunks_do_not_matter(
            length in 0_usize..3000, chunk in 1_usize..700, to_hz in prop::sample::select(vec![8_000_u32, 44_100, 48_000])
        ) {
            let samples: Vec<f32> = (0..length).map(|i| (i as f32 * 0.11).sin()).collect();
            let out = convert(&samples, 24_000, to_hz, chunk);
            prop_assert_eq!(out.len() as u64, scaled(length as u64, 24_000, to_hz));
            prop_assert_eq!(out, convert(&samples, 24_000, to_hz, length.max(1)));
        }
    }
}
