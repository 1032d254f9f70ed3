//! The weights are those of the reference, bit for bit: hashes of whole files that the Python generator behind
//! `tests/golden` wrote.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use crier_test_checkpoint::{CheckpointKind, Precision, Preset, Synthetic};
use sha2::{Digest, Sha256};

fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(std::fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn whole_files_equal_those_of_the_reference() {
    for (preset, kind, seed, main, codec) in [
        (
            Preset::Tiny,
            CheckpointKind::CustomVoice,
            1,
            "54e47a11b0618ad097ed078851e6d8a3a4b72bd52d0e87f61a12c604b3cd2404",
            "e20579343a0e1b040098acf19f21b8e1cf95c03217421b319c541f745a88ea30",
        ),
        (
            Preset::Tiny,
            CheckpointKind::Base,
            1,
            "1a8015fabf98d25efd4bb983c930bc80bf208ac0f6affa0c3e20a68f85a27683",
            "e20579343a0e1b040098acf19f21b8e1cf95c03217421b319c541f745a88ea30",
        ),
        (
            Preset::Tiny17,
            CheckpointKind::CustomVoice,
            1,
            "09c12dbee9d81e75f7e930922dc1e508429a71d507ace6dbd5b51176619d42fe",
            "e20579343a0e1b040098acf19f21b8e1cf95c03217421b319c541f745a88ea30",
        ),
        (
            Preset::Tiny17,
            CheckpointKind::VoiceDesign,
            1,
            "09c12dbee9d81e75f7e930922dc1e508429a71d507ace6dbd5b51176619d42fe",
            "e20579343a0e1b040098acf19f21b8e1cf95c03217421b319c541f745a88ea30",
        ),
        (
            Preset::Kq,
            CheckpointKind::CustomVoice,
            1,
            "b6d38ab348a6c888cca99da7bef9b55ee77c38dbabc84ea3fc6bd05ce0c2eafa",
            "e20579343a0e1b040098acf19f21b8e1cf95c03217421b319c541f745a88ea30",
        ),
        (
            Preset::Tiny,
            CheckpointKind::CustomVoice,
            7,
            "bbb1aff34bad12b70f607c1657c82bc19da1c1c2a9aef3e01e408e3df4a096ab",
            "19e2f2b864e0292e8dbdaaa4337d1ff3d40609f5a8b4d3d9e7e84605859423ab",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        crier_test_checkpoint::write(preset, kind, seed, folder.path()).unwrap();
        let name = format!("{preset:?} {kind:?} {seed}");
        assert_eq!(sha256(&folder.path().join("model.safetensors")), main, "{name}");
        assert_eq!(sha256(&folder.path().join("speech_tokenizer/model.safetensors")), codec, "{name}");
        assert_eq!(
            sha256(&folder.path().join("vocab.json")),
            "2df40030e54eec1364d47e51c76e3cdbc2307e0ddbe093a52c6079270025eeb5"
        );
        assert_eq!(
            sha256(&folder.path().join("merges.txt")),
            "4df5d751d7cf3c41b6b6ee05b57ee35331475d2cca63d2af2055c2dbbca33c30"
        );
    }
}

#[test]
fn shards_hold_together_what_one_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Synthetic::new(Preset::Tiny, CheckpointKind::CustomVoice, 1);
    whole.write(&folder.path().join("whole")).unwrap();
    Synthetic { shards: 3, ..whole }.write(&folder.path().join("shards")).unwrap();
    let data = |path: &str| {
        let bytes = std::fs::read(folder.path().join(path)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    let parts = (1..=3).flat_map(|i| data(&format!("shards/model-{i:05}-of-00003.safetensors")));
    assert_eq!(parts.collect::<Vec<u8>>(), data("whole/model.safetensors"));
    assert!(!folder.path().join("shards/model.safetensors").exists());
    let index = std::fs::read(folder.path().join("shards/model.safetensors.index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["weight_map"]["talker.model.norm.weight"], "model-00003-of-00003.safetensors");
}

#[test]
fn other_precisions_change_the_size_only() {
    let folder = tempfile::tempdir().unwrap();
    let main = |precision, name: &str| {
        let folder = folder.path().join(name);
        Synthetic { precision, ..Synthetic::new(Preset::Tiny, CheckpointKind::CustomVoice, 1) }
            .write(&folder)
            .unwrap();
        std::fs::metadata(folder.join("model.safetensors")).unwrap().len()
    };
    let (half, single) = (main(Precision::F16, "f16"), main(Precision::F32, "f32"));
    assert!(single > half + 2_000_000 && half > 2_000_000, "{half} {single}");
}
