//! Volume on a perceptual scale, and changes of it without a click.

use std::f32::consts::PI;

/// Highest volume, in percent: samples are not changed.
pub const VOLUME_PERCENT_MAX: u8 = 100;
/// Half a decibel per percent: 50 % sounds about a quarter as loud, 1 % is just not silence.
const DECIBELS_PER_PERCENT: f32 = 0.5;
/// Duration of a change of volume, in milliseconds: long enough not to click, short enough to seem immediate.
const RAMP_MS: u32 = 20;

/// Returns the level of a volume in decibels: 0 dB at 100 %, half a decibel less per percent, `None` for silence at 0
/// %.
#[must_use]
pub fn volume_db(percent: u8) -> Option<f32> {
    let below = VOLUME_PERCENT_MAX - percent.min(VOLUME_PERCENT_MAX);
    (percent > 0).then(|| -DECIBELS_PER_PERCENT * f32::from(below))
}

/// Returns the factor of a volume; exactly 1 at 100 % and above, exactly 0 at 0 %.
#[must_use]
pub fn volume_factor(percent: u8) -> f32 {
    // The ends are exact, whatever the machine's `powf` rounds to: at 100 % samples must pass bit for bit.
    volume_db(percent).map_or(0.0, |db| if db == 0.0 { 1.0 } else { 10_f32.powf(db / 20.0) })
}

/// Factor that moves to its target along half a cosine instead of in a step.
#[derive(Debug, Clone)]
pub struct GainRamp {
    from: f32,
    target: f32,
    /// Frames of the ramp that are done; `ramp_frames` when it is complete.
    done: u32,
    ramp_frames: u32,
}

impl GainRamp {
    /// Creates a gain at `factor`, for sound at `rate_hz`.
    #[must_use]
    pub fn new(factor: f32, rate_hz: u32) -> Self {
        let ramp_frames = (rate_hz / 1000 * RAMP_MS).max(1);
        Self { from: factor, target: factor, done: ramp_frames, ramp_frames }
    }

    /// Starts a ramp to `factor` from the current value.
    pub fn glide_to(&mut self, factor: f32) {
        // Setting the same volume again must not restart the ramp.
        if factor != self.target {
            // From the current value: a ramp from the old target would begin with a step if the last ramp is not
            // complete.
            self.from = self.factor();
            self.target = factor;
            self.done = 0;
        }
    }

    /// Sets the gain to `factor` at once: for the start of a stream, where there is no sound yet to click.
    pub fn jump_to(&mut self, factor: f32) {
        (self.from, self.target, self.done) = (factor, factor, self.ramp_frames);
    }

    /// Applies the gain; at rest and at unity the samples are not touched.
    pub fn apply(&mut self, samples: &mut [f32]) {
        for sample in samples {
            if self.done == self.ramp_frames {
                // Even a product with 1 would change a signalling NaN, and it costs time.
                if self.target == 1.0 {
                    return;
                }
                *sample *= self.target;
            } else {
                *sample *= self.factor();
                self.done += 1;
            }
        }
    }

    fn factor(&self) -> f32 {
        if self.done == self.ramp_frames {
            return self.target;
        }
        let way = rise(self.done, self.ramp_frames);
        self.from + (self.target - self.from) * way
    }
}

/// Half a cosine from 0 to 1: its value at the middle of step `step` of `steps`.
pub(crate) fn rise(step: u32, steps: u32) -> f32 {
    0.5 - 0.5 * (PI * (step as f32 + 0.5) / steps.max(1) as f32).cos()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{GainRamp, volume_db, volume_factor};

    #[test]
    fn volume_curve_is_in_decibels_with_exact_ends() {
        assert_eq!(volume_factor(100).to_bits(), 1.0_f32.to_bits());
        assert_eq!(volume_factor(255).to_bits(), 1.0_f32.to_bits());
        assert_eq!(volume_factor(0).to_bits(), 0.0_f32.to_bits());
        assert_eq!((volume_db(80), volume_db(50), volume_db(0)), (Some(-10.0), Some(-25.0), None));
        assert!((volume_factor(60) - 0.1).abs() < 1e-6);
        assert!((1..=100_u8).all(|p| volume_factor(p) > volume_factor(p - 1)));
    }

    #[test]
    fn samples_are_unchanged_at_unity() {
        let mut samples: Vec<f32> = (0..1000).map(|i| f32::from_bits(i * 7919)).collect();
        samples.push(f32::from_bits(0x7fa0_0001)); // a signalling NaN would be changed by any arithmetic
        let before: Vec<u32> = samples.iter().map(|s| s.to_bits()).collect();
        GainRamp::new(1.0, 24_000).apply(&mut samples);
        assert_eq!(before, samples.iter().map(|s| s.to_bits()).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn gain_changes_without_steps(
            targets in prop::collection::vec((0_u8..=100, 1_usize..2000), 1..8)
        ) {
            let mut gain = GainRamp::new(1.0, 24_000);
            let mut heard = Vec::new();
            for &(percent, samples) in &targets {
                gain.glide_to(volume_factor(percent));
                let mut ones = vec![1.0; samples];
                gain.apply(&mut ones);
                heard.extend(ones);
            }
            let limit = std::f32::consts::PI / 2.0 / 480.0 * 1.01;
            prop_assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= limit));
            let mut last = vec![1.0; 481];
            gain.apply(&mut last);
            prop_assert_eq!(last[480], volume_factor(targets.last().unwrap().0));
        }
    }
}
