//! Speech equals that of the official package: `golden/` holds its codes and samples for synthetic checkpoints
//! (`qwen-tts` 0.1.1, greedy, in 32 bits, on the checkpoints of `checkpoint/`).

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;

use common::{EXACT, crier, enrolled, read_codes, read_wav, succeed, voice};
use crier_test_checkpoint::{CheckpointKind, Preset};
use serde_json::Value;

/// Largest difference between samples, of a full scale of 1.
const SAMPLE_TOLERANCE: f32 = 1e-4;

struct Golden {
    name: String,
    value: Value,
    samples: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path.with_extension("wav.f32")).unwrap();
        Golden {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            value: serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
            samples: bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        }
    };
    paths.iter().map(read).collect()
}

fn bundle(golden: &Value) -> std::path::PathBuf {
    let checkpoint = &golden["checkpoint"];
    let preset = match checkpoint["preset"].as_str().unwrap() {
        "tiny" => Preset::Tiny,
        "tiny17" => Preset::Tiny17,
        "kq" => Preset::Kq,
        other => panic!("preset {other}"),
    };
    let kind = match checkpoint["kind"].as_str().unwrap() {
        "custom_voice" => CheckpointKind::CustomVoice,
        "voice_design" => CheckpointKind::VoiceDesign,
        "base" => CheckpointKind::Base,
        other => panic!("kind {other}"),
    };
    voice(preset, kind, checkpoint["seed"].as_u64().unwrap(), &EXACT)
}

/// Speaks every golden with `options` and compares.
fn compare_all(options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (codes, wav) = (folder.path().join("codes.csv"), folder.path().join("speech.wav"));
    let goldens = goldens();
    assert!(goldens.len() >= 35);
    for golden in &goldens {
        let value = &golden.value;
        let text = |key: &str| value[key].as_str();
        let mut say = crier();
        // The official package reads the text as it is written, and speaks as loud as its networks do.
        say.args(["say", "--greedy", "--normalise", "off", "--loudness", "off", "--wav-format", "f32"])
            .args(options);
        say.arg("--voice").arg(bundle(value)).arg("--codes").arg(&codes).arg("--wav").arg(&wav);
        say.arg("--max-frames").arg(value["max_frames"].to_string());
        say.args([
            "--text-mode",
            text("text_mode").unwrap(),
            "--language",
            text("language").unwrap_or("auto"),
        ]);
        let reference = &value["reference"];
        if let Some(recording) = reference["recording"].as_str() {
            let voice = enrolled(&bundle(value), recording, reference["text"].as_str());
            say.arg("--speaker").arg(voice);
        }
        for (option, key) in [("--speaker", "speaker"), ("--instruct", "instruct")] {
            say.args(text(key).into_iter().flat_map(|value| [option, value]));
        }
        succeed(say.arg("--").arg(text("text").unwrap()));

        let expected: Vec<Vec<u16>> = serde_json::from_value(value["codes"].clone()).unwrap();
        assert_eq!(read_codes(&codes), expected, "{} {options:?}", golden.name);
        let samples = read_wav(&wav);
        assert_eq!(samples.len(), expected.len() * 1920, "{}", golden.name);
        // Only every so many samples are kept of most goldens.
        let stride = value["wav_stride"].as_u64().unwrap() as usize;
        for (index, (found, expected)) in samples.iter().step_by(stride).zip(&golden.samples).enumerate() {
            let difference = (found - expected).abs();
            assert!(difference < SAMPLE_TOLERANCE, "{} sample {index}: {difference}", golden.name);
        }
        assert_eq!(samples.len().div_ceil(stride), golden.samples.len(), "{}", golden.name);
    }
}

#[test]
fn frame_by_frame() {
    compare_all(&["--chunk", "1"]);
}

#[test]
fn three_frames_at_a_time() {
    compare_all(&["--chunk", "3"]);
}

#[test]
fn in_long_chunks_with_several_threads() {
    compare_all(&["--chunk", "64", "--threads", "2"]);
}

#[test]
fn with_the_predictor_on_onnx_runtime() {
    compare_all(&["--predictor-backend", "onnx"]);
}
