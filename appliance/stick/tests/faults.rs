//! A stick that is pulled out, and a program that is killed, at every step: what is on the data partition is old or
//! new.

#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crier_bundle::{MANIFEST_NAME, Manifest, Role, TableFormat, VoiceFile};
use crier_stick::{
    DataPartition, FileOwner, Plan, Stick, StickAction, StickError, Taken, plan, stage_update,
    take_certificate, take_configuration, take_voice_bundle, take_voice_file, update_fingerprint,
};
use sha2::{Digest, Sha256};

/// Rows of Q8_0 have one block, so that the bundle is small and each step of it is tried.
const HIDDEN: usize = 32;

/// A bundle with the default voice's manifest and small tables; `seed` tells two of them apart.
fn write_bundle(folder: &Path, seed: u8) {
    std::fs::create_dir_all(folder).unwrap();
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../voices/default").join(MANIFEST_NAME);
    let mut manifest: Manifest = toml::from_str(&std::fs::read_to_string(default).unwrap()).unwrap();
    manifest.voice.hidden = HIDDEN;
    for entry in &mut manifest.file {
        let rows = match entry.role {
            Role::TextEmbedding => manifest.voice.text_vocab,
            Role::CodecEmbedding => manifest.voice.codec_vocab,
            Role::PredictorEmbedding => 15 * manifest.voice.codebook_size,
            _ => 0,
        };
        if rows > 0 {
            entry.format = Some(TableFormat::Q8_0);
        }
        let bytes = vec![seed; (rows * TableFormat::Q8_0.row_bytes(HIDDEN)).max(7)];
        entry.bytes = bytes.len() as u64;
        entry.sha256 = crier_bundle::hexadecimal(&Sha256::digest(&bytes));
        std::fs::write(folder.join(&entry.path), bytes).unwrap();
    }
    std::fs::write(folder.join(MANIFEST_NAME), toml::to_string(&manifest).unwrap()).unwrap();
}

fn write_voice_file(path: &Path, seed: u8) {
    let voice = VoiceFile {
        name: "Anna".to_owned(),
        model: "0".repeat(64),
        language: None,
        recording_s: 3.0,
        loudness_lufs: None,
        embedding: vec![f32::from(seed); 8],
        reference: None,
    };
    voice.write(path).unwrap();
}

/// Writes one of everything; on the data partition MQTT's files have another folder.
fn write_all(root: &Path, certificates: &str, seed: u8) {
    for folder in [certificates, "voices"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::write(root.join("crier.toml"), format!("[appliance]\nname = \"Number {seed}\"\n")).unwrap();
    std::fs::write(root.join(certificates).join("ca.pem"), format!("-----BEGIN CERTIFICATE-----\n{seed}\n"))
        .unwrap();
    write_voice_file(&root.join("voices/anna.voice"), seed);
    write_bundle(&root.join("voices/large"), seed);
}

/// All files below a folder with their content, but for what lies in the staging folder.
fn snapshot(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if name == "stick" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The part of a snapshot that is replaced as a whole.
fn part(files: &BTreeMap<String, Vec<u8>>, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    files
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, bytes)| (name.clone(), bytes.clone()))
        .collect()
}

fn take_all(stick: &Path, data: &mut DataPartition<'_>) -> Result<Vec<Taken>, StickError> {
    let stick = Stick::open(stick).unwrap();
    data.clear_staging()?;
    let mut taken = Vec::new();
    for action in plan(&stick.list(Plan::is_folder_wanted).unwrap()).actions {
        taken.push(match &action {
            StickAction::Certificate(path) => {
                take_certificate(&stick, data, path, FileOwner { user: None, mode: 0o400 })?
            }
            StickAction::VoiceFile(path) => take_voice_file(&stick, data, path)?,
            StickAction::VoiceBundle(path) => take_voice_bundle(&stick, data, path)?,
            StickAction::Configuration(path) => take_configuration(&stick, data, path, |_| Ok(()))?.taken,
            StickAction::Update(path) => {
                stage_update(&stick, data, path)?;
                Taken::New
            }
            StickAction::Diagnose => continue,
        });
    }
    Ok(taken)
}

/// Names of the steps of a run without faults.
fn steps(stick: &Path, old: &Path) -> Vec<&'static str> {
    let names = RefCell::new(Vec::new());
    let data = tempfile::tempdir().unwrap();
    copy(old, data.path());
    take_all(
        stick,
        &mut DataPartition::with_steps(data.path(), |name| {
            names.borrow_mut().push(name);
            Ok(())
        }),
    )
    .unwrap();
    names.into_inner()
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in snapshot(from) {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn gone() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// Holds the data partition to: each item wholly old or new, the configuration before kept, and nothing else.
fn assert_old_or_new(found: &Path, old: &Path, new: &Path, when: &str) {
    let (found, old, new) = (snapshot(found), snapshot(old), snapshot(new));
    for item in ["crier.toml", "mqtt/ca.pem", "voices/anna.voice", "voices/large/"] {
        // `crier.toml.old` begins with the name of another item.
        let without_old = |files| -> BTreeMap<_, _> {
            part(files, item).into_iter().filter(|(name, _)| !name.ends_with(".old")).collect()
        };
        let (now, before, after) = (without_old(&found), without_old(&old), without_old(&new));
        assert!(now == before || now == after, "{item} is mixed {when}");
    }
    if let Some(kept) = found.get("crier.toml.old") {
        assert_eq!(kept, &old["crier.toml"], "{when}");
    } else {
        assert_eq!(found["crier.toml"], old["crier.toml"], "the old configuration is lost {when}");
    }
    let known = |name: &String| new.contains_key(name) || name == "crier.toml.old";
    assert!(found.keys().all(known), "{when}: {:?}", found.keys());
}

struct Rig {
    stick: tempfile::TempDir,
    old: tempfile::TempDir,
    new: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let [stick, old, new] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
        write_all(stick.path(), "certificates", 2);
        std::fs::create_dir(stick.path().join("update")).unwrap();
        std::fs::write(stick.path().join("update/new.raucb"), vec![9; 3 << 20]).unwrap();
        write_all(old.path(), "mqtt", 1);
        write_all(new.path(), "mqtt", 2);
        Self { stick, old, new }
    }

    /// Takes the stick with a fault from step `at` on, of the steps that `hit` selects, and once more without.
    fn with_fault(&self, at: usize, hit: impl Fn(&str) -> bool) {
        let data = tempfile::tempdir().unwrap();
        copy(self.old.path(), data.path());
        let count = Cell::new(0);
        let mut partition = DataPartition::with_steps(data.path(), |name| {
            count.set(count.get() + 1);
            if count.get() > at && hit(name) { Err(gone()) } else { Ok(()) }
        });
        let result = take_all(self.stick.path(), &mut partition);
        let when = format!("after a fault at step {at}: {result:?}");
        drop(partition);
        assert_old_or_new(data.path(), self.old.path(), self.new.path(), &when);
        take_all(self.stick.path(), &mut DataPartition::new(data.path())).unwrap();
        let mut expected = snapshot(self.new.path());
        let old = std::fs::read(self.old.path().join("crier.toml")).unwrap();
        expected.insert("crier.toml.old".to_owned(), old);
        assert!(snapshot(data.path()) == expected, "plugged in once more {when}");
    }
}

#[test]
fn killed_at_any_step_leaves_old_or_new_and_the_next_time_completes_it() {
    let rig = Rig::new();
    let steps = steps(rig.stick.path(), rig.old.path());
    assert!(steps.contains(&"exchange") && steps.len() > 40, "{steps:?}");
    for at in 0..steps.len() {
        rig.with_fault(at, |_| true);
    }
}

#[test]
fn stick_pulled_out_at_any_read_leaves_old_or_new_and_the_next_time_completes_it() {
    let rig = Rig::new();
    for at in 0..steps(rig.stick.path(), rig.old.path()).len() {
        rig.with_fault(at, |name| name == "read");
    }
}

#[test]
fn second_time_changes_nothing() {
    let rig = Rig::new();
    std::fs::remove_dir_all(rig.stick.path().join("update")).unwrap();
    let mut data = DataPartition::new(rig.old.path());
    assert_eq!(take_all(rig.stick.path(), &mut data).unwrap(), [Taken::New; 4]);
    assert_eq!(take_all(rig.stick.path(), &mut data).unwrap(), [Taken::Unchanged; 4]);
}

#[test]
fn damaged_contents_are_refused_by_name_and_change_nothing() {
    let rig = Rig::new();
    let write = |name: &str, text: &str| std::fs::write(rig.stick.path().join(name), text).unwrap();
    write("crier.toml", "[appliance]\nname = \"x\"\n\n[player]\nvolume_percent = 200\n");
    write("certificates/ca.pem", "hello");
    write("voices/anna.voice", "crier voice 1 0\n{}");
    // The same length, another content: only the hash can tell.
    let table = std::fs::read(rig.stick.path().join("voices/large/talker.gguf")).unwrap();
    std::fs::write(rig.stick.path().join("voices/large/talker.gguf"), vec![7; table.len()]).unwrap();
    let stick = Stick::open(rig.stick.path()).unwrap();
    let mut data = DataPartition::new(rig.old.path());
    let before = snapshot(rig.old.path());
    let mut texts = Vec::new();
    for action in plan(&stick.list(Plan::is_folder_wanted).unwrap()).actions {
        let error = match &action {
            StickAction::Certificate(path) => {
                take_certificate(&stick, &mut data, path, FileOwner::PRIVATE).err()
            }
            StickAction::VoiceFile(path) => take_voice_file(&stick, &mut data, path).err(),
            StickAction::VoiceBundle(path) => take_voice_bundle(&stick, &mut data, path).err(),
            StickAction::Configuration(path) => {
                let error = take_configuration(&stick, &mut data, path, |_| Ok(())).err();
                assert!(matches!(error, Some(StickError::Configuration { line: Some(5), .. })), "{error:?}");
                error
            }
            _ => continue,
        };
        texts.push(error.unwrap().to_string());
    }
    let words =
        ["certificates/ca.pem: is no certificate", "voices/anna.voice: ", "voices/large: ", "crier.toml:5:"];
    for (text, word) in texts.iter().zip(words) {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(texts.len(), words.len());
    assert!(snapshot(rig.old.path()) == before);
}

#[test]
fn configuration_that_does_not_fit_the_machine_is_refused() {
    let rig = Rig::new();
    let stick = Stick::open(rig.stick.path()).unwrap();
    let mut data = DataPartition::new(rig.old.path());
    let before = snapshot(rig.old.path());
    let path = crier_stick::StickPath::root("crier.toml");
    let error = take_configuration(&stick, &mut data, &path, |_| {
        Err(StickError::Configuration { report: "there is no CPU 99".to_owned(), line: None })
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "there is no CPU 99");
    assert!(snapshot(rig.old.path()) == before);
}

#[test]
fn fingerprint_tells_updates_apart_by_their_size_and_end() {
    let rig = Rig::new();
    let stick = Stick::open(rig.stick.path()).unwrap();
    let mut data = DataPartition::new(rig.old.path());
    let path = crier_stick::StickPath::new("update", "new.raucb");
    let mut of = |bytes: &[u8]| {
        std::fs::write(rig.stick.path().join("update/new.raucb"), bytes).unwrap();
        update_fingerprint(&stick, &mut data, &path).unwrap()
    };
    let mut bytes = vec![1; 1 << 20];
    let first = of(&bytes);
    assert_eq!(first, of(&bytes));
    *bytes.last_mut().unwrap() = 2;
    assert_ne!(first, of(&bytes));
    assert_ne!(of(&bytes), of(&bytes[1..]));
}
