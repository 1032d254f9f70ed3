//! Chimes: short sounds before an announcement, or instead of one.

use std::path::{Path, PathBuf};

use crier_audio::{AudioError, Limits, Sound};

/// Length of the longest chime, in seconds. A chime is decoded as a whole, so this also bounds its memory: 30 s at
/// 48 kHz are 6 MB.
const SECONDS_MAX: u32 = 30;
/// Endings that are tried after the name of a chime, in this order.
const ENDINGS: [&str; 3] = ["", ".wav", ".flac"];

/// Reasons why a chime cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ChimeError {
    /// No file has the name.
    #[error("there is no chime {}.wav; put it there, or name another", path.display())]
    Missing {
        /// Path of the chime without an ending.
        path: PathBuf,
    },
    /// The file cannot be read or decoded.
    #[error(transparent)]
    Audio(#[from] AudioError),
}

/// Reads and decodes a chime, resampled to `rate_hz` and, with a target, made as loud as that. `path` is the path of
/// its file, with or without `.wav` or
/// `.flac`. Blocks for as long as the disk takes.
///
/// # Errors
/// [`ChimeError`]: no such file, or one that cannot be decoded.
pub fn read_chime(path: &Path, rate_hz: u32, target_lufs: Option<i8>) -> Result<Sound, ChimeError> {
    let with_ending = |ending: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    // `is_file` keeps FIFOs and devices out, whose `open` could block for ever.
    let file = ENDINGS.iter().map(with_ending).find(|file| file.is_file());
    let file = file.ok_or_else(|| ChimeError::Missing { path: path.to_owned() })?;
    let mut sound = crier_audio::read(&file, Limits { seconds_max: SECONDS_MAX })?.resampled(rate_hz)?;
    // Measured at each reading: a chime is short, and its file may be replaced at any time.
    if let Some(target_lufs) = target_lufs {
        crier_prosody::equalise(sound.rate_hz, &mut sound.samples, target_lufs.into());
    }
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_tone(path: &Path, rate_hz: u32) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for n in 0..rate_hz / 2 {
            writer.write_sample(((f64::from(n) * 0.1).sin() * 8_000.0) as i16).unwrap();
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn a_chime_is_found_without_its_ending_and_resampled() {
        let folder = tempfile::tempdir().unwrap();
        write_tone(&folder.path().join("gong.wav"), 48_000);
        for name in ["gong", "gong.wav"] {
            let sound = read_chime(&folder.path().join(name), 24_000, None).unwrap();
            assert_eq!(sound.rate_hz, 24_000);
            assert!(sound.samples.len().abs_diff(12_000) < 100, "{} samples", sound.samples.len());
        }
    }

    #[test]
    fn chimes_of_any_level_are_made_equally_loud() {
        let folder = tempfile::tempdir().unwrap();
        write_tone(&folder.path().join("gong.wav"), 24_000);
        let loudness = |target_lufs| {
            let sound = read_chime(&folder.path().join("gong"), 24_000, target_lufs).unwrap();
            let mut meter = crier_prosody::LoudnessMeter::new(24_000);
            meter.push(&sound.samples);
            meter.lufs().unwrap()
        };
        assert!((loudness(Some(-23)) + 23.0).abs() < 0.3);
        assert!((loudness(Some(-30)) + 30.0).abs() < 0.3);
        assert!(loudness(None) > -20.0, "as it is in the file");
    }

    #[test]
    fn a_missing_or_undecodable_chime_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_chime(&folder.path().join("gong"), 24_000, None).unwrap_err();
        assert!(matches!(missing, ChimeError::Missing { .. }) && missing.to_string().contains("gong.wav"));
        std::fs::write(folder.path().join("noise.wav"), b"RIFF, or so it says").unwrap();
        let damaged = read_chime(&folder.path().join("noise"), 24_000, None).unwrap_err();
        assert!(matches!(damaged, ChimeError::Audio(_)) && damaged.to_string().contains("noise.wav"));
    }
}
