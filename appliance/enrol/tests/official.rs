//! What the encoders hear equals what the official package hears: `tests/golden/reference/encoders.json` holds its
//! embeddings and codes (`qwen-tts` 0.1.1, in 32 bits) for recordings beside it and synthetic checkpoints.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use crier_audio::{Limits, read};
use crier_bundle::Bundle;
use crier_convert::{ConvertOptions, PredictorQuantisation, TalkerQuantisation, VocoderPrecision, convert};
use crier_enrol::{CodecEncoder, SpeakerEncoder};
use crier_test_checkpoint::{CheckpointKind, Preset};
use serde_json::Value;

fn bundle(folder: &Path, checkpoint: &Value) -> Bundle {
    let preset = match checkpoint["preset"].as_str().unwrap() {
        "tiny" => Preset::Tiny,
        "tiny17" => Preset::Tiny17,
        "kq" => Preset::Kq,
        other => panic!("preset {other}"),
    };
    let seed = checkpoint["seed"].as_u64().unwrap();
    let (from, to) =
        (folder.join(format!("{preset:?}-{seed}")), folder.join(format!("{preset:?}-{seed}.bundle")));
    if !to.exists() {
        crier_test_checkpoint::write(preset, CheckpointKind::Base, seed, &from).unwrap();
        let options = ConvertOptions {
            talker: TalkerQuantisation::F16,
            predictor: PredictorQuantisation::F16,
            vocoder: VocoderPrecision::F16,
            onnx_predictor: false,
            enrolment: true,
            replace: false,
        };
        convert(&from, &to, &options, &mut ()).unwrap();
    }
    Bundle::open(&to).unwrap()
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/reference")
}

#[test]
fn embeddings_and_codes_equal_those_of_the_official_package() {
    let goldens: Vec<Value> =
        serde_json::from_slice(&std::fs::read(recordings().join("encoders.json")).unwrap()).unwrap();
    assert!(goldens.len() >= 21);
    let folder = tempfile::tempdir().unwrap();
    let mut largest = 0.0_f32;
    for golden in &goldens {
        let bundle = bundle(folder.path(), &golden["checkpoint"]);
        let recording = golden["recording"].as_str().unwrap();
        let name = format!("{} {recording}", golden["checkpoint"]);
        let sound = read(&recordings().join(recording), Limits { seconds_max: 60 }).unwrap();

        let expected: Vec<Vec<u16>> = serde_json::from_value(golden["codes"].clone()).unwrap();
        let codes = CodecEncoder::load(&bundle, 1).unwrap().encode(&sound.samples).unwrap();
        assert_eq!(codes.len(), expected.len(), "{name}");
        for (frame, (found, expected)) in codes.iter().zip(&expected).enumerate() {
            assert_eq!(found[..], expected[..], "{name} frame {frame}");
        }

        let expected: Vec<f32> = serde_json::from_value(golden["embedding"].clone()).unwrap();
        let embedding = SpeakerEncoder::load(&bundle, 2).unwrap().embed(&sound.samples).unwrap();
        assert_eq!(embedding.len(), expected.len(), "{name}");
        for (found, expected) in embedding.iter().zip(&expected) {
            largest = largest.max((found - expected).abs());
            assert!((found - expected).abs() <= 1e-5, "{name}: {found} {expected}");
        }
    }
    eprintln!("largest difference of embeddings: {largest:e}");
}
