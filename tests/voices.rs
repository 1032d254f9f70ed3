//! Voices made of recordings: what is taken, what is refused, and that nothing half-done is left.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::{EXACT, crier, enrolled, fail, read_codes, read_wav, recordings, scratch, succeed, voice};
use crier_test_checkpoint::{CheckpointKind, Preset};
use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::Value;

const SAID: &str = "Please close all the windows tonight, it is going to rain in the city.";

fn base() -> PathBuf {
    voice(Preset::Tiny, CheckpointKind::Base, 1, &EXACT)
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A recording of `seconds`: syllables of a hum.
fn record(name: &str, channels: u16, rate: u32, bits: u16, format: SampleFormat, seconds: f32) -> PathBuf {
    let path = scratch().join(name);
    let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    for n in 0..(seconds * rate as f32) as usize {
        let t = n as f32 / rate as f32;
        let value = if t % 0.5 < 0.35 { 0.3 * (t * 900.0).sin() } else { 0.0 };
        for _ in 0..channels {
            match format {
                SampleFormat::Float => writer.write_sample(value).unwrap(),
                SampleFormat::Int => {
                    writer.write_sample((f64::from(value) * f64::from(1_u32 << (bits - 1))) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    path
}

fn enroll(recording: &Path, output: &Path, more: &[&str]) -> std::process::Command {
    let mut enroll = crier();
    enroll.args(["voice", "enroll", "--voice"]).arg(base()).arg(recording).arg("-o").arg(output).args(more);
    enroll
}

#[test]
fn the_default_voice_lends_itself_to_a_base_model() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("default.wav");
    let text = "Good morning. The heating in the kitchen was switched on at seven.";
    succeed(crier().args(["say", "--wav"]).arg(&wav).arg(text));
    let output = folder.path().join("kitchen.voice");
    let more = ["--text", text, "--language", "English", "--json"];
    let report = json(&succeed(&mut enroll(&wav, &output, &more)));
    assert_eq!((&report["name"], &report["language"]), (&Value::from("kitchen"), &Value::from("english")));
    assert!(report["reference_frames"].as_u64().unwrap() > 30, "{report}");
    let info = json(&succeed(crier().args(["voice", "info", "--json"]).arg(&output)));
    assert_eq!((&info["name"], &info["language"]), (&report["name"], &report["language"]));
    assert_eq!(info["reference_frames"], report["reference_frames"]);
    let info = String::from_utf8(succeed(crier().args(["voice", "info"]).arg(&output)).stdout).unwrap();
    assert!(info.contains("kitchen") && info.contains("english") && !info.contains("heating"), "{info}");
    // It speaks its own language, and others.
    for language in [&[][..], &["--language", "russian"], &["--language", "auto"]] {
        let spoken = folder.path().join("spoken.wav");
        let mut say = crier();
        say.args(["say", "--max-frames", "6", "--wav-format", "f32"]).args(language);
        say.arg("--voice").arg(base()).arg("--speaker").arg(&output).arg("--wav").arg(&spoken);
        succeed(say.arg("Good evening."));
        let samples = read_wav(&spoken);
        assert!(!samples.is_empty() && samples.iter().all(|s| s.is_finite()), "{language:?}");
    }
}

#[test]
fn silence_behind_the_recording_adds_codes_and_changes_none() {
    let folder = tempfile::tempdir().unwrap();
    let codes = |tail: &[&str]| {
        let output = folder.path().join("tail.voice");
        let more = [&["--text", SAID, "--force"], tail].concat();
        succeed(&mut enroll(&recordings().join("windows.flac"), &output, &more));
        let text = std::fs::read_to_string(&output).unwrap();
        let file: Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
        (file["reference"]["codes"].as_array().unwrap().clone(), file["embedding"].clone())
    };
    let (official, embedding) = codes(&["--tail-silence-ms", "0"]);
    let (usual, same_embedding) = codes(&[]);
    assert_eq!(embedding, same_embedding);
    // The last frame of the recording is not full: it is the only one that the silence may change.
    let whole = official.len() - 1;
    assert_eq!(usual[..whole], official[..whole]);
    assert!((6..=7).contains(&(usual.len() - official.len())), "{} of {}", usual.len(), official.len());
}

#[test]
fn every_usual_recording_is_taken() {
    for (channels, rate, bits, format) in [
        (1, 8_000, 16, SampleFormat::Int),
        (2, 44_100, 16, SampleFormat::Int),
        (2, 48_000, 24, SampleFormat::Int),
        (1, 96_000, 32, SampleFormat::Float),
    ] {
        let name = format!("{channels}-{rate}-{bits}.wav");
        let recording = record(&name, channels, rate, bits, format, 4.0);
        let output = scratch().join(format!("{name}.voice"));
        let report = json(&succeed(&mut enroll(&recording, &output, &["--json"])));
        assert!((report["recording_s"].as_f64().unwrap() - 4.0).abs() < 0.2, "{name}: {report}");
        assert_eq!(report["reference_frames"], 0);
        assert_eq!(report["advice"].as_array().unwrap().len(), usize::from(rate < 16_000), "{report}");
    }
}

#[test]
fn a_voice_speaks_with_every_conversion_of_its_checkpoint_and_no_other() {
    let small =
        ["--talker", "q8_0", "--predictor", "q8_0", "--without-enrolment", "--without-onnx-predictor"];
    let without = voice(Preset::Tiny, CheckpointKind::Base, 1, &small);
    let file = enrolled(&base(), "windows.flac", Some(SAID));
    let say = |bundle: &Path, file: &Path| {
        let mut say = crier();
        say.args(["say", "--max-frames", "4", "--wav", "/dev/null", "--voice"]).arg(bundle);
        say.arg("--speaker").arg(file).arg("Hello.");
        say
    };
    succeed(&mut say(&without, &file));
    let mut enroll = crier();
    enroll.args(["voice", "enroll", "--voice"]).arg(&without).arg(recordings().join("windows.flac"));
    fail(enroll.arg("-o").arg(scratch().join("never.voice")), 65, &["--without-enrolment"]);

    let other = voice(Preset::Tiny, CheckpointKind::Base, 2, &EXACT);
    fail(&mut say(&other, &file), 65, &["another model", "crier voice enroll"]);
    let design = voice(Preset::Tiny, CheckpointKind::CustomVoice, 1, &EXACT);
    fail(&mut say(&design, &file), 65, &["another model"]);
    let mut enroll = crier();
    enroll.args(["voice", "enroll", "--voice"]).arg(&design).arg(recordings().join("windows.flac"));
    fail(enroll.arg("-o").arg(scratch().join("never.voice")), 65, &["Base"]);
    // A Base model has no voice of its own.
    let mut alone = crier();
    alone.args(["say", "--wav", "/dev/null", "--voice"]).arg(base()).arg("Hello.");
    fail(&mut alone, 65, &["NAME.voice"]);

    for (bundle, word) in [(&base(), "yes"), (&without, "enrolled elsewhere"), (&design, "no")] {
        let info = succeed(crier().args(["voice", "info"]).arg(bundle));
        let info = String::from_utf8(info.stdout).unwrap();
        let line = info.lines().find(|line| line.trim_start().starts_with("enrolment")).unwrap();
        assert!(line.contains(word), "{info}");
        assert!(info.contains("russian") && !info.contains("dialect"), "{info}");
        let info = json(&succeed(crier().args(["voice", "info", "--json"]).arg(bundle)));
        assert_eq!(info["can_enrol"], word == "yes");
    }
}

#[test]
fn useless_recordings_are_refused_with_a_remedy_and_leave_nothing() {
    let output = scratch().join("useless.voice");
    let refuse = |recording: &Path, more: &[&str], code: i32, words: &[&str]| {
        fail(&mut enroll(recording, &output, more), code, words);
        let left: Vec<_> = std::fs::read_dir(scratch())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("useless.voice"))
            .collect();
        assert!(left.is_empty(), "{recording:?}: {left:?}");
    };
    let int = SampleFormat::Int;
    refuse(&record("short.wav", 1, 24_000, 16, int, 2.0), &[], 65, &["too short", "at least 3"]);
    refuse(&record("hour.wav", 1, 4_000, 16, int, 3_600.0), &[], 65, &["hour.wav", "longer than"]);
    refuse(&record("long.wav", 1, 8_000, 16, int, 65.0), &[], 65, &["too long", "60"]);
    refuse(&record("8-bit.wav", 1, 24_000, 8, int, 5.0), &[], 65, &["8 bits", "16 bits"]);
    refuse(&record("empty.wav", 1, 24_000, 16, int, 0.0), &[], 65, &["empty.wav", "no samples"]);
    let good = record("good.wav", 1, 24_000, 32, SampleFormat::Float, 5.0);
    let bytes = std::fs::read(&good).unwrap();
    let spoil = |name: &str, value: f32| {
        let mut bytes = bytes.clone();
        let samples = bytes.len() - 5 * 24_000 * 4;
        for sample in bytes[samples..].chunks_exact_mut(4).skip(24_000).take(48_000) {
            sample.copy_from_slice(&value.to_le_bytes());
        }
        let path = scratch().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    refuse(&spoil("nan.wav", f32::NAN), &[], 65, &["nan.wav", "NaN"]);
    refuse(&spoil("infinite.wav", f32::INFINITY), &[], 65, &["infinite.wav", "inf"]);
    refuse(&spoil("clipped.wav", 1.0), &[], 65, &["clipped"]);
    let silent = scratch().join("silent.wav");
    let mut quiet = bytes.clone();
    let samples = quiet.len() - 5 * 24_000 * 4;
    quiet[samples..].fill(0);
    std::fs::write(&silent, quiet).unwrap();
    refuse(&silent, &[], 65, &["silent"]);
    let cut = scratch().join("cut.wav");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    refuse(&cut, &[], 65, &["cut.wav", "too early"]);
    refuse(&base().join("voice.toml"), &[], 65, &["voice.toml", "no WAV or FLAC"]);
    refuse(Path::new("/no/such.wav"), &[], 66, &["/no/such.wav"]);
    refuse(&good, &["--language", "klingon"], 65, &["klingon", "english"]);
    refuse(&good, &["--text", " \n"], 65, &["nothing"]);
}

#[test]
fn voice_files_are_written_whole_and_never_over_another() {
    let recording = recordings().join("windows.flac");
    let wrong = scratch().join("lobby.txt");
    fail(&mut enroll(&recording, &wrong, &[]), 64, &["lobby.txt", ".voice"]);
    let output = scratch().join("written.voice");
    succeed(&mut enroll(&recording, &output, &[]));
    let before = std::fs::read(&output).unwrap();
    fail(&mut enroll(&recording, &output, &["--text", SAID]), 64, &["--force"]);
    assert_eq!(std::fs::read(&output).unwrap(), before);
    succeed(&mut enroll(&recording, &output, &["--text", SAID, "--force"]));
    assert_ne!(std::fs::read(&output).unwrap(), before);
    let nowhere = Path::new("/nonexistent/lobby.voice");
    fail(&mut enroll(&recording, nowhere, &[]), 74, &["/nonexistent/lobby.voice"]);
}

#[test]
fn damaged_voice_files_do_not_speak() {
    let whole = std::fs::read(enrolled(&base(), "windows.flac", Some(SAID))).unwrap();
    let damaged = scratch().join("damaged.voice");
    let say = |speaker: &Path, code: i32, words: &[&str]| {
        let wav = scratch().join("damaged-voice.wav");
        let mut say = crier();
        say.arg("say").arg("--voice").arg(base()).arg("--wav").arg(&wav).arg("--speaker").arg(speaker);
        fail(say.arg("Hello."), code, words);
        assert!(!wav.exists());
    };
    let check = |bytes: &[u8], words: &[&str]| {
        std::fs::write(&damaged, bytes).unwrap();
        say(&damaged, 65, words);
    };
    check(b"", &["damaged.voice", "not a voice file"]);
    fail(crier().args(["voice", "info"]).arg(&damaged), 65, &["damaged.voice", "not a voice file"]);
    check(b"crier voice 1 ", &["damaged.voice", "not a voice file"]);
    check(&whole[..whole.len() / 2], &["damaged.voice", "SHA-256"]);
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    check(&flipped, &["damaged.voice", "SHA-256"]);
    let newer = [b"crier voice 2 ", &whole[14..]].concat();
    check(&newer, &["damaged.voice", "format 2"]);
    check(&vec![b'x'; 2 << 20], &["damaged.voice", "larger"]);
    say(Path::new("/no/such.voice"), 66, &["/no/such.voice"]);
    // Hashed by somebody who knows how, and wrong all the same.
    let text = String::from_utf8(whole.clone()).unwrap();
    let body = text.split_once('\n').unwrap().1;
    let forged = |from: &str, to: &str, words: &[&str]| {
        let body = body.replacen(from, to, 1);
        assert_ne!(body, text.split_once('\n').unwrap().1, "{from}");
        let hash = sha256(&body);
        std::fs::write(&damaged, format!("crier voice 1 {hash}\n{body}")).unwrap();
        say(&damaged, 65, words);
    };
    forged("\"codes\":[[", "\"codes\":[[60000,", &["damaged.voice"]);
    forged("\"codes\":[[", "\"codes\":[[300],[", &["damaged.voice"]);
    forged("\"text\":[", "\"text\":[4000000,", &["damaged.voice", "token"]);
    forged("\"embedding\":[", "\"embedding\":[0.5,", &["damaged.voice", "embedding"]);
    forged("\"name\":", "\"surname\":", &["damaged.voice"]);
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_kept_vocoder_state_changes_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let voice = folder.path().join("kept.voice");
    let state = folder.path().join("kept.voice.state");
    succeed(&mut enroll(&recordings().join("windows.flac"), &voice, &["--text", SAID]));
    assert!(!state.exists());
    let say = || {
        let (wav, codes) = (folder.path().join("said.wav"), folder.path().join("said.csv"));
        let mut say = crier();
        say.args(["say", "--greedy", "--max-frames", "5", "--wav-format", "f32", "--voice"]).arg(base());
        say.arg("--speaker").arg(&voice).arg("--wav").arg(&wav).arg("--codes").arg(&codes);
        succeed(say.arg("Good evening. Good night."));
        (read_wav(&wav), read_codes(&codes))
    };
    let made = say();
    let kept = std::fs::read(&state).unwrap();
    assert_eq!(say(), made);
    // Made while enrolling it is the same.
    std::fs::remove_file(&state).unwrap();
    let more = ["--text", SAID, "--prepare", "--force"];
    succeed(&mut enroll(&recordings().join("windows.flac"), &voice, &more));
    assert_eq!(std::fs::read(&state).unwrap(), kept);
    // Damaged or of other contents: made again.
    let mut damaged = kept.clone();
    let end = damaged.len() - 3;
    damaged[end] ^= 0x40;
    std::fs::write(&state, damaged).unwrap();
    assert_eq!(say(), made);
    assert_eq!(std::fs::read(&state).unwrap(), kept);
    // Where it cannot be kept, the voice speaks all the same.
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    assert_eq!(say(), made);
}
