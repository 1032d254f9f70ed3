//! From a stream's samples to the device's frames: rate, fade-in, volume, limiter. What none of them has a reason to
//! change comes out bit for bit.

use crier_audio::Resampler;

use crate::gain::{Gain, rise};
use crate::limiter::limit;

/// Block of the resampler: 10 ms of speech, a tenth of what is buffered before playback starts.
pub(crate) const RESAMPLER_BLOCK_FRAMES: u32 = 240;

/// See the module's description.
pub(super) struct Renderer {
    device_rate_hz: u32,
    resampler: Option<Resampler>,
    pub(super) gain: Gain,
    fade_in_frames: u32,
    fade_in_done: u32,
}

impl Renderer {
    pub(super) fn new(device_rate_hz: u32) -> Self {
        let gain = Gain::new(1.0, device_rate_hz);
        Self { device_rate_hz, resampler: None, gain, fade_in_frames: 0, fade_in_done: 0 }
    }

    /// A new run of sound at a stream's rate, which fades in. `false` when the rate cannot be converted.
    pub(super) fn begin(&mut self, rate_hz: u32, fade_in_ms: u32) -> bool {
        self.fade_in_frames = self.device_rate_hz / 1000 * fade_in_ms;
        self.fade_in_done = 0;
        if rate_hz == self.device_rate_hz {
            self.resampler = None;
            return true;
        }
        match &mut self.resampler {
            Some(resampler) if resampler.rates_hz() == (rate_hz, self.device_rate_hz) => resampler.reset(),
            other => *other = Resampler::new(rate_hz, self.device_rate_hz, RESAMPLER_BLOCK_FRAMES),
        }
        self.resampler.is_some()
    }

    /// Renders samples onto the end of `out`.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let begin = out.len();
        match &mut self.resampler {
            Some(resampler) => resampler.push(samples, out),
            None => out.extend_from_slice(samples),
        }
        self.shape(&mut out[begin..]);
    }

    /// The run ends: renders what the rate converter still holds.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let begin = out.len();
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(out);
        }
        self.shape(&mut out[begin..]);
    }

    fn shape(&mut self, frames: &mut [f32]) {
        for frame in &mut *frames {
            if self.fade_in_done >= self.fade_in_frames {
                break;
            }
            *frame *= rise(self.fade_in_done, self.fade_in_frames);
            self.fade_in_done += 1;
        }
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
    fn at_unity_and_the_same_rate_nothing_changes() {
        let samples: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.05).sin() * 0.9).collect();
        let mut renderer = Renderer::new(24_000);
        let mut out = Vec::new();
        assert!(renderer.begin(24_000, 0));
        renderer.push(&samples, &mut out);
        renderer.finish(&mut out);
        assert_eq!(out, samples);
    }

    #[test]
    fn a_fade_in_ends_exactly_where_it_should() {
        let mut renderer = Renderer::new(24_000);
        let mut out = Vec::new();
        assert!(renderer.begin(24_000, 5));
        renderer.push(&[0.5; 300], &mut out);
        assert!(out[0] < 0.001 && out[119] < 0.5 && out[119] > 0.499);
        assert!(out.windows(2).all(|pair| pair[1] >= pair[0]));
        assert!(out[120..].iter().all(|&frame| frame == 0.5));
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        assert!(!Renderer::new(24_000).begin(3, 0));
    }
}
