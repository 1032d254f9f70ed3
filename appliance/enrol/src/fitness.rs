//! Quality of a recording: refusal of useless ones, and advice on poor ones.

use crier_audio::{Levels, Sound};

use crate::error::EnrolError;
use crate::limits::{SAMPLE_RATE_HZ, SECONDS_MAX, SECONDS_MIN};

/// Least bits of a sample: the quantization noise of fewer is as loud as a quiet voice.
const BITS_MIN: u32 = 12;
/// Sample rate below which advice is given, in hertz: sibilants are missing.
const RATE_GOOD_HZ: u32 = 16_000;
/// Share of clipped samples above which a recording is refused: distortion would become part of the voice.
const CLIPPED_MAX: f32 = 5e-3;
/// Share of clipped samples above which advice is given: some peaks of a minute.
const CLIPPED_GOOD: f32 = 2e-4;
/// Distance of speech from the noise between words below which advice is given, in dB.
const ABOVE_NOISE_GOOD_DB: f32 = 15.0;
/// Level of speech below which advice is given, in dB of full scale.
const LOUD_GOOD_DB: f32 = -45.0;

/// Returns the recording at the encoders' rate and without silence at its ends, and advice in whole sentences.
pub(crate) fn prepare(sound: &Sound) -> Result<(Sound, Vec<String>), EnrolError> {
    if sound.bits < BITS_MIN {
        return Err(EnrolError::TooCoarse { bits: sound.bits });
    }
    let levels = sound.levels();
    if levels.is_silent() {
        return Err(EnrolError::Silent);
    }
    if levels.clipped > CLIPPED_MAX {
        return Err(EnrolError::Clipped { percent: levels.clipped * 100.0 });
    }
    // Duration is measured after trimming: a minute of silence around one word is no recording of a voice.
    let resampled = sound.resampled(SAMPLE_RATE_HZ)?.trimmed();
    let seconds = resampled.seconds();
    if seconds < SECONDS_MIN {
        return Err(EnrolError::TooShort { seconds });
    }
    if seconds > SECONDS_MAX as f32 {
        return Err(EnrolError::TooLong { seconds });
    }
    // Measured again without the silence at the ends, which says nothing about the noise behind the speech.
    // Advice on the rate and on clipping needs the original, which resampling smooths.
    Ok((resampled.clone(), advice(sound, &resampled.levels())))
}

fn advice(sound: &Sound, levels: &Levels) -> Vec<String> {
    let mut advice = Vec::new();
    let above_noise_db = levels.loud_db - levels.quiet_db;
    // Advice and no refusal: without pauses the quiet parts are speech, not noise.
    if above_noise_db < ABOVE_NOISE_GOOD_DB {
        advice.push(format!(
            "The recording seems noisy: speech is only {above_noise_db:.0} dB above its quiet parts. Record closer to \
             the microphone, in a quiet room."
        ));
    }
    if levels.loud_db < LOUD_GOOD_DB {
        advice.push(format!(
            "The recording is very quiet ({:.0} dB). Record closer to the microphone.",
            levels.loud_db
        ));
    }
    if levels.clipped > CLIPPED_GOOD {
        advice.push("Some of the recording is clipped. Record at a lower level.".to_owned());
    }
    if sound.rate_hz < RATE_GOOD_HZ {
        advice.push(format!(
            "The recording has only {} Hz, the voice will sound dull. Record at 24000 Hz or more.",
            sound.rate_hz
        ));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Syllables of a hum, with pauses between them.
    fn hum(seconds: f32, amplitude: f32, noise: f32, rate_hz: u32) -> Sound {
        let length = (seconds * rate_hz as f32) as usize;
        let mut state = 1_u32;
        let samples = (0..length).map(|n| {
            let t = n as f32 / rate_hz as f32;
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (state >> 8) as f32 / 8_388_608.0 - 1.0;
            let voiced = if t % 0.5 < 0.35 { amplitude } else { 0.0 };
            voiced * (t * 900.0).sin() + noise * hiss
        });
        Sound { samples: samples.collect(), rate_hz, bits: 16 }
    }

    #[test]
    fn good_recording_gets_no_advice() {
        for rate in [16_000, 24_000, 44_100, 48_000] {
            let (prepared, advice) = prepare(&hum(5.0, 0.3, 0.001, rate)).unwrap();
            assert!(advice.is_empty(), "{rate}: {advice:?}");
            assert_eq!(prepared.rate_hz, SAMPLE_RATE_HZ);
            assert!((prepared.seconds() - 5.0).abs() < 0.3);
        }
    }

    #[test]
    fn poor_recording_gets_advice() {
        for (sound, word) in [
            (hum(5.0, 0.3, 0.3, 24_000), "noisy"),
            (hum(5.0, 0.003, 0.0, 24_000), "quiet"),
            (hum(5.0, 0.3, 0.0, 8_000), "dull"),
        ] {
            let advice = prepare(&sound).unwrap().1;
            assert!(advice.len() == 1 && advice[0].contains(word), "{word}: {advice:?}");
        }
    }

    #[test]
    fn useless_recording_is_refused() {
        let refuse = |sound: &Sound| prepare(sound).unwrap_err().to_string();
        assert!(refuse(&hum(2.0, 0.3, 0.0, 24_000)).contains("too short"));
        assert!(refuse(&hum(10.0, 0.0, 0.0, 24_000)).contains("silent"));
        assert!(refuse(&hum(61.5, 0.3, 0.001, 24_000)).contains("too long"));
        let coarse = Sound { bits: 8, ..hum(5.0, 0.3, 0.0, 24_000) };
        assert!(refuse(&coarse).contains("8 bits"));
        let mut clipped = hum(5.0, 3.0, 0.0, 24_000);
        clipped.samples.iter_mut().for_each(|s| *s = s.clamp(-1.0, 1.0));
        assert!(refuse(&clipped).contains("clipped"));
        // Two seconds of speech among eight of silence are two seconds.
        let mut short = hum(2.0, 0.3, 0.0, 24_000);
        short.samples.extend(vec![0.0; 8 * 24_000]);
        assert!(refuse(&short).contains("too short"));
    }
}
