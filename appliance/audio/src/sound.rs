//! Mono sound in memory.

use crate::error::AudioError;
use crate::levels::{FRAMES_PER_SECOND, Levels};
use crate::resample::Resampler;

/// Block of the resampler: long, because latency does not matter here and the encoders use the highest frequencies.
const RESAMPLER_BLOCK_FRAMES: u32 = 2048;
/// Silence that is kept before the first and after the last sound, in seconds: weak consonants may lie in it.
const MARGIN_S: f32 = 0.1;

/// Mono sound: finite samples, of which -1 to 1 is the full range.
#[derive(Clone, PartialEq)]
pub struct Sound {
    /// Samples.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate_hz: u32,
    /// Bits of a sample in the file.
    pub bits: u32,
}

impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Speech of a person does not belong into a log, not even as numbers.
        f.debug_struct("Sound")
            .field("seconds", &self.seconds())
            .field("rate_hz", &self.rate_hz)
            .field("bits", &self.bits)
            .finish_non_exhaustive()
    }
}

impl Sound {
    /// Measures the levels of the sound.
    #[must_use]
    pub fn levels(&self) -> Levels {
        Levels::of(&self.samples, self.rate_hz)
    }

    /// Duration in seconds.
    #[must_use]
    pub fn seconds(&self) -> f32 {
        self.samples.len() as f32 / self.rate_hz as f32
    }

    /// Returns the same sound at another sample rate, of the same duration to a sample.
    ///
    /// # Errors
    /// [`AudioError::Resample`] if a rate is outside [`crate::RESAMPLER_RATES_HZ`].
    pub fn resampled(&self, rate_hz: u32) -> Result<Self, AudioError> {
        // Bit for bit, as the filter would round and cut the highest frequencies.
        if rate_hz == self.rate_hz {
            return Ok(self.clone());
        }
        let mut resampler = Resampler::new(self.rate_hz, rate_hz, RESAMPLER_BLOCK_FRAMES)
            .ok_or(AudioError::Resample { from_hz: self.rate_hz, to_hz: rate_hz })?;
        let mut samples = Vec::new();
        resampler.push(&self.samples, &mut samples);
        resampler.finish(&mut samples);
        Ok(Self { samples, rate_hz, bits: self.bits })
    }

    /// Returns the sound without the silence at either end, except for a tenth of a second.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        let levels = self.levels();
        let frame = (self.rate_hz as usize / FRAMES_PER_SECOND).max(1);
        let loud: Vec<bool> = self.samples.chunks(frame).map(|f| levels.is_sound(f)).collect();
        // Only the ends are searched: pauses inside belong to the rhythm of a speaker.
        let (Some(first), Some(last)) = (loud.iter().position(|&l| l), loud.iter().rposition(|&l| l)) else {
            return Self { samples: Vec::new(), ..self.clone() };
        };
        let margin = (MARGIN_S * self.rate_hz as f32) as usize;
        let start = (first * frame).saturating_sub(margin);
        let end = ((last + 1) * frame + margin).min(self.samples.len());
        Self { samples: self.samples[start..end].to_vec(), rate_hz: self.rate_hz, bits: self.bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate_hz: u32, seconds: f32, hz: f32) -> Sound {
        let length = (rate_hz as f32 * seconds) as usize;
        let at = |n: usize| 0.5 * (std::f32::consts::TAU * hz * n as f32 / rate_hz as f32).sin();
        Sound { samples: (0..length).map(at).collect(), rate_hz, bits: 16 }
    }

    #[test]
    fn tone_keeps_time_and_level_from_every_usual_rate() {
        for from in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000] {
            let (before, expected) = (tone(from, 0.5, 440.0), tone(24_000, 0.5, 440.0));
            let after = before.resampled(24_000).unwrap();
            assert!(after.samples.len().abs_diff(expected.samples.len()) <= 1, "{from}");
            // Inside, where no edge is heard, and in step: not earlier, not later.
            for (found, expected) in after.samples.iter().zip(&expected.samples).take(10_000).skip(2_000) {
                assert!((found - expected).abs() < 1e-4, "{from}: {found} {expected}");
            }
        }
    }

    #[test]
    fn frequencies_above_the_new_band_are_removed() {
        let after = tone(48_000, 0.5, 15_000.0).resampled(24_000).unwrap();
        assert!(after.samples[1_000..11_000].iter().all(|s| s.abs() < 1e-3));
    }

    #[test]
    fn same_rate_changes_nothing_and_rate_out_of_range_is_refused() {
        let sound = tone(24_000, 0.1, 300.0);
        assert_eq!(sound.resampled(24_000).unwrap(), sound);
        assert!(sound.resampled(0).is_err() && sound.resampled(u32::MAX).is_err());
    }

    #[test]
    fn silence_is_trimmed_at_both_ends_only() {
        let mut sound = tone(24_000, 1.0, 300.0);
        assert_eq!(sound.trimmed(), sound);
        // A pause inside stays.
        sound.samples[8_000..16_000].fill(0.0);
        let spoken = sound.samples.clone();
        let mut padded = vec![0.0; 24_000];
        padded.extend(&spoken);
        padded.extend(vec![1e-5; 12_000]);
        sound.samples = padded;
        let trimmed = sound.trimmed();
        assert_eq!(trimmed.samples[2_400..26_400], spoken);
        assert!(trimmed.samples.len() <= 24_000 + 2 * 2_400 + 480);
        assert_eq!(trimmed.trimmed(), trimmed);
        sound.samples.fill(0.0);
        assert!(sound.trimmed().samples.is_empty());
    }
}
