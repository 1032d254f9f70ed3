//! Rendering of a stream's samples as the device's frames: sample rate, fade-in, volume, limiter. Samples that none of
//! them has a reason to change come out bit for bit.

use crier_audio::Resampler;

use super::parameters::RESAMPLER_BLOCK_FRAMES;
use crate::gain::{GainRamp, rise};
use crate::limiter::limit;

/// Renderer of one device; its stages keep their state within a run of sound.
pub(super) struct Renderer {
    device_rate_hz: u32,
    resampler: Option<Resampler>,
    pub(super) gain: GainRamp,
    fade_in_frames: u32,
    fade_in_done: u32,
}

impl Renderer {
    pub(super) fn new(device_rate_hz: u32) -> Self {
        let gain = GainRamp::new(1.0, device_rate_hz);
        Self { device_rate_hz, resampler: None, gain, fade_in_frames: 0, fade_in_done: 0 }
    }

    /// Begins a run of sound at a stream's rate, with a fade-in. `false` if the rate cannot be converted.
    pub(super) fn begin(&mut self, rate_hz: u32, fade_in_ms: u32) -> bool {
        self.fade_in_frames = self.device_rate_hz / 1000 * fade_in_ms;
        self.fade_in_done = 0;
        // Bit for bit at the device's own rate: even an ideal filter would round.
        if rate_hz == self.device_rate_hz {
            self.resampler = None;
            return true;
        }
        match &mut self.resampler {
            // A new resampler computes its filter, which takes too long in the thread that feeds the device.
            Some(resampler) if resampler.rates_hz() == (rate_hz, self.device_rate_hz) => resampler.reset(),
            other => *other = Resampler::new(rate_hz, self.device_rate_hz, RESAMPLER_BLOCK_FRAMES),
        }
        self.resampler.is_some()
    }

    /// Renders samples and appends the frames to `out`.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let begin = out.len();
        match &mut self.resampler {
            Some(resampler) => resampler.push(samples, out),
            None => out.extend_from_slice(samples),
        }
        self.apply_fade_in_and_gain(&mut out[begin..]);
    }

    /// Ends the run: renders what the resampler still holds.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let begin = out.len();
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(out);
        }
        self.apply_fade_in_and_gain(&mut out[begin..]);
    }

    fn apply_fade_in_and_gain(&mut self, frames: &mut [f32]) {
        for frame in &mut *frames {
            if self.fade_in_done >= self.fade_in_frames {
                break;
            }
            *frame *= rise(self.fade_in_done, self.fade_in_frames);
            self.fade_in_done += 1;
        }
        // The limiter comes last: a gain behind it could exceed full scale again.
        self.gain.apply(frames);
        for frame in frames {
            *frame = limit(*frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Renderer;

    #[test]
    fn samples_at_unity_and_the_same_rate_are_unchanged() {
        let samples: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.05).sin() * 0.9).collect();
        let mut renderer = Renderer::new(24_000);
        let mut out = Vec::new();
        assert!(renderer.begin(24_000, 0));
        renderer.push(&samples, &mut out);
        renderer.finish(&mut out);
        assert_eq!(out, samples);
    }

    #[test]
    fn fade_in_ends_after_its_duration() {
        let mut renderer = Renderer::new(24_000);
        let mut out = Vec::new();
        assert!(renderer.begin(24_000, 5));
        renderer.push(&[0.5; 300], &mut out);
        assert!(out[0] < 0.001 && out[119] < 0.5 && out[119] > 0.499);
        assert!(out.windows(2).all(|pair| pair[1] >= pair[0]));
        assert!(out[120..].iter().all(|&frame| frame == 0.5));
    }

    #[test]
    fn rate_out_of_range_is_refused() {
        assert!(!Renderer::new(24_000).begin(3, 0));
    }
}
