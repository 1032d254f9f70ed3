//! Files of every usual format, and damaged ones.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use crier_audio::{AudioError, Limits, Sound, read};
use hound::{SampleFormat, WavSpec, WavWriter};
use proptest::prelude::*;

const LIMITS: Limits = Limits { seconds_max: 60 };

fn flac() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/reference/windows.flac")
}

/// A wave that goes up and down once a hundred samples, as a WAV file in memory.
fn wav(channels: u16, rate: u32, bits: u16, format: SampleFormat, frames: usize) -> Vec<u8> {
    let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for frame in 0..frames {
        for channel in 0..channels {
            let value = wave(frame) * if channel == 0 { 1.0 } else { 0.5 };
            match format {
                SampleFormat::Float => writer.write_sample(value).unwrap(),
                SampleFormat::Int => {
                    let scale = f64::from(1_u32 << (bits - 1));
                    writer.write_sample((f64::from(value) * scale).round() as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn wave(frame: usize) -> f32 {
    0.5 * (frame as f32 * std::f32::consts::TAU / 100.0).sin()
}

fn read_bytes(bytes: &[u8], limits: Limits) -> Result<Sound, AudioError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    read(&path, limits)
}

#[test]
fn wav_of_every_usual_format_is_read() {
    for channels in [1, 2, 6] {
        for (bits, format, error) in [
            (8, SampleFormat::Int, 5e-3),
            (16, SampleFormat::Int, 2e-5),
            (24, SampleFormat::Int, 1e-6),
            (32, SampleFormat::Int, 1e-6),
            (32, SampleFormat::Float, 1e-7),
        ] {
            let sound = read_bytes(&wav(channels, 44_100, bits, format, 5_000), LIMITS).unwrap();
            assert_eq!((sound.rate_hz, sound.bits), (44_100, u32::from(bits)), "{channels} {bits}");
            assert_eq!(sound.samples.len(), 5_000);
            let share = (1.0 + 0.5 * f32::from(channels - 1)) / f32::from(channels);
            for (frame, sample) in sound.samples.iter().enumerate() {
                assert!((sample - wave(frame) * share).abs() <= error, "{channels} {bits} {frame}");
            }
        }
    }
}

#[test]
fn flac_is_read() {
    let sound = read(&flac(), LIMITS).unwrap();
    assert_eq!((sound.rate_hz, sound.bits, sound.samples.len()), (24_000, 16, 96_577));
    assert!(sound.samples.iter().any(|s| s.abs() > 0.1) && sound.samples.iter().all(|s| s.abs() <= 1.0));
    assert!((sound.seconds() - 4.024).abs() < 1e-3);
}

#[test]
fn recording_over_the_limit_is_refused() {
    let hour = wav(1, 8_000, 16, SampleFormat::Int, 3_600 * 8_000);
    let error = read_bytes(&hour, LIMITS).unwrap_err();
    assert!(matches!(error, AudioError::TooLong { .. }), "{error}");
    assert!(error.to_string().contains("60 s"), "{error}");
    let limit = Limits { seconds_max: 1 };
    assert!(read_bytes(&wav(1, 8_000, 16, SampleFormat::Int, 8_000), limit).is_ok());
    assert!(read_bytes(&wav(1, 8_000, 16, SampleFormat::Int, 8_001), limit).is_err());
}

#[test]
fn file_without_sound_is_refused_with_its_name() {
    let refuse = |bytes: &[u8], word: &str| {
        let error = read_bytes(bytes, LIMITS).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("recording") && !error.contains('\n'), "{error}");
    };
    refuse(b"", "no WAV or FLAC");
    refuse(b"this is text, not sound, and long enough to be looked at twice", "no WAV or FLAC");
    refuse(&wav(1, 24_000, 16, SampleFormat::Int, 0), "no samples");
    refuse(&wav(12, 24_000, 16, SampleFormat::Int, 100), "12 channels");
    refuse(&wav(1, 100, 16, SampleFormat::Int, 100), "100 Hz");
    let mut nan = wav(1, 24_000, 32, SampleFormat::Float, 5_000);
    let middle = nan.len() - 8_000;
    nan[middle..middle + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    refuse(&nan, "NaN");
    let whole = wav(1, 24_000, 16, SampleFormat::Int, 5_000);
    refuse(&whole[..whole.len() / 2], "too early");
    let flac = std::fs::read(flac()).unwrap();
    refuse(&flac[..flac.len() / 2], "too early");
    let missing = read(Path::new("/no/such/recording.wav"), LIMITS).unwrap_err();
    assert!(matches!(missing, AudioError::Read { .. }), "{missing}");
    assert!(read(Path::new("/dev/zero"), LIMITS).is_err());
    assert!(read(Path::new("/"), LIMITS).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A damaged file is read or refused; samples that are read are finite and within the limits.
    #[test]
    fn damaged_file_is_read_within_limits_or_refused(
        is_flac in any::<bool>(),
        flips in prop::collection::vec((0_usize..3_000, any::<u8>()), 0..8),
        cut in 0_usize..6_000,
    ) {
        let mut bytes = match is_flac {
            true => std::fs::read(flac()).unwrap(),
            false => wav(2, 24_000, 16, SampleFormat::Int, 1_000),
        };
        for (at, value) in flips {
            // Mostly at the beginning, where the headers are.
            let at = if at % 2 == 0 { at % 100 } else { at } % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(3_000)));
        let limits = Limits { seconds_max: 2 };
        if let Ok(sound) = read_bytes(&bytes, limits) {
            prop_assert!(sound.samples.iter().all(|s| s.is_finite()));
            prop_assert!(sound.samples.len() as u64 <= 2 * u64::from(sound.rate_hz));
        }
    }
}

#[test]
fn stream_of_unknown_length_is_read_to_its_end() {
    for (format, bits) in [(SampleFormat::Int, 16), (SampleFormat::Float, 32)] {
        let bytes = wav(1, 24_000, bits, format, 12_000);
        let expected = read_bytes(&bytes, LIMITS).unwrap();
        let data = bytes.windows(4).position(|name| name == b"data").unwrap();
        for length in [u32::MAX, 0x7FFF_FFFF, u32::MAX - 36] {
            let mut stream = bytes.clone();
            stream[4..8].copy_from_slice(&length.to_le_bytes());
            stream[data + 4..data + 8].copy_from_slice(&length.to_le_bytes());
            assert_eq!(read_bytes(&stream, LIMITS).unwrap().samples, expected.samples, "{length:x}");
            // A writer that was killed leaves a part of a sample.
            stream.truncate(stream.len() - 1);
            let cut = read_bytes(&stream, LIMITS).unwrap().samples;
            assert_eq!(cut, expected.samples[..expected.samples.len() - 1], "{length:x}");
        }
    }
}
