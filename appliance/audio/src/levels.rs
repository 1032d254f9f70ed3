//! Levels of a recording: loud and quiet parts, peak and clipping.

/// Frames whose loudness is measured, per second: 10 ms are shorter than a syllable and longer than a period of any
/// voice.
pub(crate) const FRAMES_PER_SECOND: usize = 100;
/// Distance from the loud parts within which a frame counts as sound, in dB: the dynamic range of speech, with weak
/// consonants.
const RANGE_DB: f32 = 40.0;
/// Level below which a frame is silence, in dB of full scale: the noise of a poor microphone.
const SILENCE_DB: f32 = -60.0;
/// Magnitude of clipped samples: converters and codecs may stop slightly below 1.
const FULL_SCALE: f32 = 0.999;

/// Levels of a recording, in dB of full scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// Largest sample.
    pub peak_db: f32,
    /// Loud parts: nine of ten frames of 10 ms are not louder.
    pub loud_db: f32,
    /// Quiet parts: one of ten frames is not louder. In speech without pauses this is speech, too.
    pub quiet_db: f32,
    /// Share of clipped samples, 0 to 1.
    pub clipped: f32,
}

impl Levels {
    /// Measures samples.
    #[must_use]
    pub(crate) fn of(samples: &[f32], rate_hz: u32) -> Self {
        let frame = (rate_hz as usize / FRAMES_PER_SECOND).max(1);
        let mut frames: Vec<f32> = samples.chunks(frame).map(loudness_db).collect();
        frames.sort_by(f32::total_cmp);
        // Percentiles, because one click or one pause must not decide about a recording.
        let at = |share: f32| {
            frames.get((frames.len() as f32 * share) as usize).copied().unwrap_or(f32::NEG_INFINITY)
        };
        let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        let clipped = samples.iter().filter(|s| s.abs() >= FULL_SCALE).count();
        Self {
            peak_db: decibel(peak),
            loud_db: at(0.9),
            quiet_db: at(0.1),
            clipped: clipped as f32 / samples.len().max(1) as f32,
        }
    }

    /// Returns true if even the loud parts are silence.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        // Without samples there is no level at all.
        self.loud_db.is_nan() || self.loud_db < SILENCE_DB
    }

    /// Returns true if a frame is sound, not background.
    pub(crate) fn is_sound(&self, frame: &[f32]) -> bool {
        loudness_db(frame) > (self.loud_db - RANGE_DB).max(SILENCE_DB)
    }
}

fn loudness_db(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|s| s * s).sum();
    decibel((sum / samples.len().max(1) as f32).sqrt())
}

/// Returns an amplitude in decibels; minus infinity for silence.
fn decibel(amplitude: f32) -> f32 {
    20.0 * amplitude.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(samples: &[f32]) -> Levels {
        Levels::of(samples, 16_000)
    }

    #[test]
    fn silence_speech_and_clipping_are_recognized() {
        assert!(levels(&[0.0; 1600]).is_silent());
        assert!(levels(&[]).is_silent());
        assert!(levels(&[1e-4; 1600]).is_silent());
        let mut half: Vec<f32> = (0..16_000).map(|n| 0.1 * (n as f32 * 0.3).sin()).collect();
        half[8_000..].iter_mut().for_each(|s| *s *= 0.01);
        let measured = levels(&half);
        assert!(!measured.is_silent() && measured.clipped == 0.0);
        assert!((measured.peak_db + 20.0).abs() < 0.1, "{measured:?}");
        assert!((measured.loud_db - measured.quiet_db - 40.0).abs() < 1.0, "{measured:?}");
        let square: Vec<f32> = (0..16_000).map(|n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(levels(&square).clipped, 1.0);
    }
}
