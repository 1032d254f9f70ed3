//! Loudness after EBU R 128 (ITU-R BS.1770), and gain that keeps peaks below full scale.

use ebur128::{EbuR128, Mode};

/// Magnitude up to which [`amplify`] does nothing but multiply (-3.7 dBFS). Speech at -23 LUFS stays below it.
const KNEE: f32 = 0.65;
/// Magnitude that [`amplify`] never exceeds (-2.5 dBFS). Between two samples the sound may be higher than at either: of
/// tones that are 12 dB too loud by 1.1 dB, and -1 dBTP is what R 128 permits.
const CEILING: f32 = 0.75;
/// Shortest sound that can be measured, in milliseconds: one block of BS.1770. A shorter one is followed by silence.
const BLOCK_MS: u64 = 400;
/// Largest gain of [`equalise`], in decibels: what needs more is nearly silent, and would be noise.
const GAIN_DB_MAX: f64 = 20.0;

/// Meter of the integrated loudness of mono sound, silence left out.
pub struct LoudnessMeter {
    meter: Option<EbuR128>,
    rate_hz: u32,
    samples: u64,
}

impl LoudnessMeter {
    /// Creates a meter for samples at `rate_hz`.
    #[must_use]
    pub fn new(rate_hz: u32) -> Self {
        // It fails only for rates beyond those of sound cards; then nothing is measured.
        Self { meter: EbuR128::new(1, rate_hz, Mode::I | Mode::HISTOGRAM).ok(), rate_hz, samples: 0 }
    }

    /// Takes samples.
    pub fn push(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        // Fails only for a number of channels that is not that of the meter.
        let _ = self.meter.as_mut().map(|meter| meter.add_frames_f32(samples));
    }

    /// Returns the loudness so far in LUFS; `None` for silence.
    #[must_use]
    pub fn lufs(mut self) -> Option<f64> {
        // Without a whole block the meter says nothing, and a beep of a tenth of a second is a chime, too.
        let block = u64::from(self.rate_hz) * BLOCK_MS / 1000;
        if self.samples < block {
            let silence = usize::try_from(block - self.samples).unwrap_or(0);
            self.push(&vec![0.0; silence]);
        }
        self.meter?.loudness_global().ok().filter(|lufs| lufs.is_finite())
    }
}

/// Gives a whole sound the loudness `target_lufs`. Silence stays as it is.
pub fn equalise(rate_hz: u32, samples: &mut [f32], target_lufs: f64) {
    let mut meter = LoudnessMeter::new(rate_hz);
    meter.push(samples);
    let Some(lufs) = meter.lufs() else { return };
    // One gain for the whole sound: a running one would pump, and its samples would depend on what came before.
    let gain_db = (target_lufs - lufs).min(GAIN_DB_MAX);
    amplify(samples, 10_f64.powf(gain_db / 20.0) as f32);
}

/// Multiplies samples by a factor. Peaks are bent so that they stay below -1 dBFS; a factor of 1 changes nothing.
pub fn amplify(samples: &mut [f32], factor: f32) {
    // Bit for bit: sound that is loud already is not limited without need.
    if factor == 1.0 {
        return;
    }
    for sample in samples {
        *sample = soft_limit(*sample * factor, KNEE, CEILING);
    }
}

/// Applies a soft-knee limiter without memory: identity up to `knee`, then bent so that `ceiling` is never exceeded.
/// NaN and infinities become silence.
#[must_use]
pub fn soft_limit(sample: f32, knee: f32, ceiling: f32) -> f32 {
    let magnitude = sample.abs();
    if magnitude <= knee {
        return sample;
    }
    if !sample.is_finite() {
        return 0.0;
    }
    let headroom = ceiling - knee;
    // The hyperbolic tangent continues the identity with the same slope: the curve has no edge at the knee.
    (knee + headroom * ((magnitude - knee) / headroom).tanh()).min(ceiling).copysign(sample)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use ebur128::{EbuR128, Mode};

    use super::*;

    const RATE_HZ: u32 = 24_000;

    fn tone(hz: f64, seconds: f64, amplitude: f64) -> Vec<f32> {
        let sample = |n: u32| (amplitude * (TAU * hz * f64::from(n) / f64::from(RATE_HZ)).sin()) as f32;
        (0..(f64::from(RATE_HZ) * seconds) as u32).map(sample).collect()
    }

    fn lufs(samples: &[f32]) -> Option<f64> {
        let mut meter = LoudnessMeter::new(RATE_HZ);
        samples.chunks(1000).for_each(|piece| meter.push(piece));
        meter.lufs()
    }

    #[test]
    fn loudness_is_that_of_the_standard() {
        // BS.1770: a sine of 997 Hz at full scale in one channel has -3.01 LUFS.
        let loudness = lufs(&tone(997.0, 3.0, 1.0)).unwrap();
        assert!((loudness + 3.01).abs() < 0.1, "{loudness}");
        assert_eq!(lufs(&vec![0.0; 48_000]), None);
        assert_eq!(lufs(&[]), None);
        assert!(lufs(&tone(997.0, 0.1, 0.5)).is_some(), "shorter than a block");
    }

    #[test]
    fn sounds_of_any_level_and_length_are_made_equally_loud() {
        for (seconds, amplitude) in [(0.2, 0.5), (0.5, 0.02), (2.0, 0.9), (5.0, 0.1)] {
            let mut samples = tone(700.0, seconds, amplitude);
            equalise(RATE_HZ, &mut samples, -23.0);
            let loudness = lufs(&samples).unwrap();
            assert!((loudness + 23.0).abs() < 0.3, "{seconds} s at {amplitude}: {loudness}");
        }
        let mut silence = vec![0.0; 24_000];
        equalise(RATE_HZ, &mut silence, -23.0);
        assert_eq!(silence, vec![0.0; 24_000]);
    }

    #[test]
    fn true_peak_stays_below_minus_one_decibel() {
        for factor in [0.9, 2.0, 4.0] {
            let mut samples: Vec<f32> =
                tone(330.0, 1.0, 0.6).iter().zip(tone(1_730.0, 1.0, 0.4)).map(|(a, b)| a + b).collect();
            amplify(&mut samples, factor);
            let mut meter = EbuR128::new(1, RATE_HZ, Mode::TRUE_PEAK).unwrap();
            meter.add_frames_f32(&samples).unwrap();
            let peak_db = 20.0 * meter.true_peak(0).unwrap().log10();
            assert!(peak_db <= -1.0, "{factor}: {peak_db} dBTP");
        }
    }

    #[test]
    fn samples_are_unchanged_without_gain() {
        let mut samples = vec![1.5, f32::NAN, -0.9];
        amplify(&mut samples, 1.0);
        assert_eq!(samples[0].to_bits(), 1.5_f32.to_bits());
        assert!(samples[1].is_nan());
    }
}
