//! The program under test, and voices made of synthetic checkpoints: each is converted once per test process.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use crier_test_checkpoint::{CheckpointKind, Preset};

/// The program, as a user starts it: it bounds its threads' waiting itself. Where ONNX Runtime is, `.cargo/config.toml`
/// says.
pub(crate) fn crier() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
    for variable in ["CRIER_VOICE", "CRIER_LOG", "GOMP_SPINCOUNT"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the program, which must succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs the program, which must end with `code`, one line on standard error that has all of `words`, and no panic.
#[track_caller]
pub(crate) fn fail(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{error}");
    assert!(error.starts_with("crier: "), "{command:?}\n{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{command:?}\n{error}");
    for word in words {
        assert!(error.contains(word), "'{word}' is missing: {error}");
    }
}

/// A folder that lives as long as the tests.
pub(crate) fn scratch() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// The folder of a synthetic checkpoint.
pub(crate) fn checkpoint(preset: Preset, kind: CheckpointKind, seed: u64) -> PathBuf {
    let folder = scratch().join(format!("{preset:?}-{kind:?}-{seed}"));
    if !folder.exists() {
        crier_test_checkpoint::write(preset, kind, seed, &folder).unwrap();
    }
    folder
}

/// A voice, converted with `options`.
pub(crate) fn voice(preset: Preset, kind: CheckpointKind, seed: u64, options: &[&str]) -> PathBuf {
    static MADE: OnceLock<Mutex<HashMap<String, PathBuf>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    let name = format!("{preset:?}-{kind:?}-{seed}{}", options.concat());
    made.entry(name.clone())
        .or_insert_with(|| {
            let bundle = scratch().join(format!("{name}.bundle"));
            succeed(crier().arg("convert").arg(checkpoint(preset, kind, seed)).arg(&bundle).args(options));
            bundle
        })
        .clone()
}

/// The folder of the recordings that voices are made of.
pub(crate) fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reference")
}

/// A voice file, made of a recording for a bundle.
pub(crate) fn enrolled(bundle: &Path, recording: &str, text: Option<&str>) -> PathBuf {
    static MADE: OnceLock<Mutex<HashMap<String, PathBuf>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    let name = format!("{}-{recording}-{}", bundle.file_name().unwrap().display(), text.is_some());
    made.entry(name.clone())
        .or_insert_with(|| {
            let voice = scratch().join(format!("{name}.voice"));
            let mut enroll = crier();
            enroll.args(["voice", "enroll", "--voice"]).arg(bundle).arg(recordings().join(recording));
            // As the official package does it, whose codes the goldens are.
            enroll.args(["--tail-silence-ms", "0"]);
            enroll.args(text.into_iter().flat_map(|text| ["--text", text])).arg("-o").arg(&voice);
            succeed(&mut enroll);
            voice
        })
        .clone()
}

/// Talker and predictor in 32 bits: nothing but rounding differs from the official implementation.
pub(crate) const EXACT: [&str; 4] = ["--talker", "f32", "--predictor", "f32"];

/// The codes that `crier say --codes` wrote.
pub(crate) fn read_codes(path: &Path) -> Vec<Vec<u16>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(|code| code.parse().unwrap()).collect()).collect()
}

/// The samples of a WAV file of 32-bit floats.
pub(crate) fn read_wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (24_000, 1));
    reader.samples::<f32>().map(Result::unwrap).collect()
}
