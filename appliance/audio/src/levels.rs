//! How loud a recording is, and how much of it is something else than sound worth having.

use crate::Sound;

/// Pieces whose loudness is measured: 10 ms each.
pub(crate) const FRAMES_PER_SECOND: usize = 100;
/// A frame is sound when it is no more than this below the loudest parts, in dB.
const RANGE_DB: f32 = 40.0;
/// Below this, in dB of full scale, nothing is sound.
const SILENCE_DB: f32 = -60.0;
/// Samples at or above this are at the end of the scale.
const FULL_SCALE: f32 = 0.999;

/// Levels of a recording, in dB of full scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// The largest sample.
    pub peak_db: f32,
    /// The loud parts: nine of ten pieces of 10 ms are not louder.
    pub loud_db: f32,
    /// The quiet parts: one of ten pieces is not louder. Where somebody speaks without pauses this is speech, too.
    pub quiet_db: f32,
    /// The share of samples that are at the end of the scale, 0 to 1.
    pub clipped: f32,
}

impl Levels {
    /// Measures a sound.
    #[must_use]
    pub fn of(sound: &Sound) -> Self {
        let frame = (sound.rate_hz as usize / FRAMES_PER_SECOND).max(1);
        let mut frames: Vec<f32> = sound.samples.chunks(frame).map(loudness_db).collect();
        frames.sort_by(f32::total_cmp);
        let at = |share: f32| {
            frames.get((frames.len() as f32 * share) as usize).copied().unwrap_or(f32::NEG_INFINITY)
        };
        let peak = sound.samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        let clipped = sound.samples.iter().filter(|s| s.abs() >= FULL_SCALE).count();
        Self {
            peak_db: decibel(peak),
            loud_db: at(0.9),
            quiet_db: at(0.1),
            clipped: clipped as f32 / sound.samples.len().max(1) as f32,
        }
    }

    /// Whether there is anything to hear at all.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.loud_db.is_nan() || self.loud_db < SILENCE_DB
    }

    /// Whether a piece belongs to what is to be heard.
    pub(crate) fn is_sound(&self, frame: &[f32]) -> bool {
        loudness_db(frame) > (self.loud_db - RANGE_DB).max(SILENCE_DB)
    }
}

fn loudness_db(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|s| s * s).sum();
    decibel((sum / samples.len().max(1) as f32).sqrt())
}

/// Minus infinity for silence.
fn decibel(amplitude: f32) -> f32 {
    20.0 * amplitude.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(samples: Vec<f32>) -> Levels {
        Levels::of(&Sound { samples, rate_hz: 16_000, bits: 16 })
    }

    #[test]
    fn silence_speech_and_clipping_are_told_apart() {
        assert!(levels(vec![0.0; 16_000]).is_silent());
        assert!(levels(Vec::new()).is_silent());
        assert!(levels(vec![1e-4; 16_000]).is_silent());
        let mut half: Vec<f32> = (0..16_000).map(|n| 0.1 * (n as f32 * 0.3).sin()).collect();
        half[8_000..].iter_mut().for_each(|s| *s *= 0.01);
        let measured = levels(half);
        assert!(!measured.is_silent() && measured.clipped == 0.0);
        assert!((measured.peak_db + 20.0).abs() < 0.1, "{measured:?}");
        assert!((measured.loud_db - measured.quiet_db - 40.0).abs() < 1.0, "{measured:?}");
        let square: Vec<f32> = (0..16_000).map(|n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(levels(square).clipped, 1.0);
    }
}
