//! Changes of a unit's samples after the vocoder: rate, pitch, gain.

use crier_announce::{Gain, Prosody};
use crier_prosody::{Stretcher, amplify, stretched};

use crate::TokenizedText;

/// Manner in which a text is rendered, besides its style: what the samples of the vocoder are made into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RenderManner {
    /// Rate, pitch and gain.
    pub prosody: Prosody,
    /// Loudness that every speaker is brought to, in LUFS; `None` leaves each as loud as it is.
    pub target_lufs: Option<i8>,
}

impl RenderManner {
    /// Returns the rate, the pitch and the whole gain of a text. The gain is one number for all of the text, so that
    /// the same text has the same samples.
    pub(crate) fn prosody_of(self, text: &TokenizedText) -> Prosody {
        let levelled = match (self.target_lufs, text.loudness_lufs) {
            (Some(target), Some(measured)) => Gain::from_decibels(f64::from(target) - f64::from(measured)),
            // Nothing is known of the speaker, and a guess could make it worse.
            _ => Gain::default(),
        };
        Prosody { gain: self.prosody.gain.and(levelled), ..self.prosody }
    }
}

/// Changes the samples of one unit. Without a change they pass bit for bit.
pub(crate) struct Shaper {
    stretcher: Stretcher,
    factor: f32,
}

impl Shaper {
    pub(crate) fn new(rate_hz: u32, prosody: Prosody) -> Self {
        let stretcher = Stretcher::new(rate_hz, prosody.rate.thousandths(), prosody.pitch.cents());
        Self { stretcher, factor: prosody.gain.factor() }
    }

    /// Takes samples and returns those that are ready.
    pub(crate) fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(samples.len());
        self.stretcher.push(samples, &mut out);
        // After the stretcher, which chooses by likeness: a gain makes no difference to it, the limiter might.
        amplify(&mut out, self.factor);
        out
    }

    /// Returns the rest of the unit, up to its exact length.
    pub(crate) fn finish(self) -> Vec<f32> {
        let mut out = Vec::new();
        self.stretcher.finish(&mut out);
        amplify(&mut out, self.factor);
        out
    }
}

/// Returns the number of samples that a unit of so many frames takes.
pub(crate) fn expected_samples(frames: u32, samples_per_frame: usize, prosody: Prosody) -> u64 {
    stretched(u64::from(frames) * samples_per_frame as u64, prosody.rate.thousandths())
}

#[cfg(test)]
mod tests {
    use crier_announce::{PitchShift, SpeechRate};

    use super::*;

    fn shape(samples: &[f32], prosody: Prosody) -> Vec<f32> {
        let mut shaper = Shaper::new(24_000, prosody);
        let mut out: Vec<f32> = samples.chunks(1920).flat_map(|piece| shaper.push(piece)).collect();
        out.extend(shaper.finish());
        out
    }

    #[test]
    fn unit_without_a_change_passes_bit_for_bit() {
        let samples: Vec<f32> = (0..9_000_u32).map(|n| (n as f32 * 0.37).sin() * 1.3).collect();
        assert_eq!(shape(&samples, Prosody::default()), samples);
    }

    #[test]
    fn expected_samples_are_those_that_a_unit_has() {
        for (rate, semitones) in [(0.5, 0.0), (1.0, -3.0), (1.37, 2.5), (3.0, 0.0)] {
            let (rate, pitch) = (SpeechRate::from_factor(rate), PitchShift::from_semitones(semitones));
            let prosody = Prosody { rate, pitch, gain: Gain::from_decibels(-6.0) };
            let made = shape(&vec![0.1; 7 * 1920], prosody).len() as u64;
            assert_eq!(made, expected_samples(7, 1920, prosody), "{rate:?} {pitch:?}");
        }
    }
}
