//! Voice files from outside: whatever stands in one, it is a voice of this model or it is refused.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use crier_bundle::{Bundle, BundleError, StoredReference, VoiceFile};
use crier_convert::{ConvertOptions, PredictorQuantisation, TalkerQuantisation, VocoderPrecision, convert};
use crier_test_checkpoint::{CheckpointKind, Preset};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn bundle(folder: &Path) -> Bundle {
    let (from, to) = (folder.join("checkpoint"), folder.join("bundle"));
    crier_test_checkpoint::write(Preset::Tiny, CheckpointKind::Base, 1, &from).unwrap();
    let options = ConvertOptions {
        talker: TalkerQuantisation::F16,
        predictor: PredictorQuantisation::F16,
        vocoder: VocoderPrecision::F16,
        onnx_predictor: false,
        enrolment: false,
        replace: false,
    };
    convert(&from, &to, &options, &mut ()).unwrap();
    Bundle::open(&to).unwrap()
}

fn voice(bundle: &Bundle, frames: usize) -> VoiceFile {
    let reference =
        (frames > 0).then(|| StoredReference { text: vec![3, 5, 8], codes: vec![[7; 16]; frames] });
    VoiceFile {
        name: "lobby \"north\"\n".to_owned(),
        model: bundle.manifest().model.clone(),
        language: Some("english".to_owned()),
        recording_s: 4.25,
        loudness_lufs: Some(-19.5),
        embedding: (0..bundle.layout().hidden).map(|n| (n as f32 * 0.37).sin() * 1e-3).collect(),
        reference,
    }
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let hash: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    [format!("crier voice 1 {hash}\n").as_bytes(), body].concat()
}

#[test]
fn voice_file_is_read_bit_for_bit_and_damaged_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path());
    let path = folder.path().join("lobby.voice");
    for frames in [0, 1, 750] {
        let voice = voice(&bundle, frames);
        voice.write(&path).unwrap();
        assert_eq!(VoiceFile::open(&path, &bundle).unwrap(), voice);
        assert!(!format!("{voice:?}").contains("0.37"), "{voice:?}");
    }
    let refuse = |change: &dyn Fn(&mut VoiceFile)| {
        let mut other = voice(&bundle, 5);
        change(&mut other);
        other.write(&path).unwrap();
        VoiceFile::open(&path, &bundle).unwrap_err()
    };
    assert!(matches!(refuse(&|v| v.model.truncate(3)), BundleError::ForeignVoice { .. }));
    for change in [
        &(|v: &mut VoiceFile| v.embedding.truncate(3)) as &dyn Fn(&mut VoiceFile),
        &|v| v.embedding[1] = f32::NAN,
        &|v| v.reference.as_mut().unwrap().codes.clear(),
        &|v| v.reference.as_mut().unwrap().codes = vec![[0; 16]; 751],
        &|v| v.reference.as_mut().unwrap().codes[0][15] = 256,
        &|v| v.reference.as_mut().unwrap().text.clear(),
        &|v| v.reference.as_mut().unwrap().text[0] = u32::MAX,
    ] {
        let error = refuse(change);
        assert!(matches!(error, BundleError::VoiceFile { .. }), "{error}");
    }
    // Nothing beside the file: it was written whole.
    let names = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("partial")));

    let whole = std::fs::read({
        voice(&bundle, 3).write(&path).unwrap();
        &path
    })
    .unwrap();
    let body_at = whole.iter().position(|&b| b == b'\n').unwrap() + 1;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(512));
    let damage = (prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), any::<bool>());
    runner
        .run(&damage, |(flips, reseal)| {
            let mut bytes = whole.clone();
            for (at, value) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            // With a hash that fits, only the checks of the contents are left.
            if reseal {
                bytes = sealed(&bytes[body_at..]);
            }
            std::fs::write(&path, &bytes).unwrap();
            match VoiceFile::open(&path, &bundle) {
                Ok(voice) => {
                    prop_assert!(reseal || bytes == whole);
                    prop_assert_eq!(voice.embedding.len(), bundle.layout().hidden);
                    prop_assert!(voice.embedding.iter().all(|v| v.is_finite()));
                    prop_assert!(voice.reference_codes().as_flattened().iter().all(|&code| code < 256));
                }
                Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
            }
            Ok(())
        })
        .unwrap();
}
