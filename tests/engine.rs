//! What `crier` promises about conversion and speech, whatever the voice says.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crier_bundle::Bundle;
use crier_speech::{EmbeddingTables, GROUPS};

use common::{EXACT, checkpoint, crier, fail, read_codes, read_wav, scratch, succeed, voice};
use crier_test_checkpoint::{CheckpointKind, Precision, Preset, Synthetic};

fn tiny() -> std::path::PathBuf {
    voice(Preset::Tiny, CheckpointKind::CustomVoice, 1, &EXACT)
}

#[test]
fn the_same_seed_gives_the_same_samples_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let say = |name: &str, seed: &str| {
        let wav = folder.path().join(name);
        let mut say = crier();
        say.args(["say", "--max-frames", "12", "--seed", seed, "--voice"]).arg(tiny()).arg("--wav").arg(&wav);
        succeed(say.arg("Once more, the same."));
        std::fs::read(wav).unwrap()
    };
    assert_eq!(say("a.wav", "5"), say("b.wav", "5"));
    assert_ne!(say("a.wav", "5"), say("c.wav", "6"));
}

#[test]
fn every_quantisation_is_written_and_speaks() {
    let folder = tempfile::tempdir().unwrap();
    for (talker, predictor, vocoder) in
        [("q4_k_m", "q4_0", "f32"), ("q8_0", "q8_0", "f16"), ("q4_0", "iq4_nl", "f32"), ("f16", "f16", "f32")]
    {
        let options = ["--talker", talker, "--predictor", predictor, "--vocoder", vocoder];
        let bundle = voice(Preset::Kq, CheckpointKind::CustomVoice, 1, &options);
        for backend in ["ggml", "onnx"] {
            let (wav, codes) = (folder.path().join("q.wav"), folder.path().join("q.csv"));
            let mut say = crier();
            say.args(["say", "--max-frames", "6", "--wav-format", "f32", "--predictor-backend", backend]);
            say.arg("--voice").arg(&bundle).arg("--wav").arg(&wav).arg("--codes").arg(&codes);
            succeed(say.arg("Numbers of few bits."));
            let samples = read_wav(&wav);
            assert_eq!(samples.len(), read_codes(&codes).len() * 1920, "{options:?} {backend}");
            assert!(samples.iter().all(|s| s.is_finite() && s.abs() <= 1.0), "{options:?} {backend}");
        }
        succeed(crier().args(["voice", "verify"]).arg(&bundle));
        let info = succeed(crier().args(["voice", "info"]).arg(&bundle));
        let info = String::from_utf8(info.stdout).unwrap();
        assert!(info.contains(talker) && info.contains("english"), "{info}");
    }
}

#[test]
fn rows_of_eight_bits_are_the_exact_ones_to_half_a_step() {
    let open =
        |options: &[&str]| Bundle::open(&voice(Preset::Kq, CheckpointKind::CustomVoice, 1, options)).unwrap();
    let (exact, eight_bits) = (open(&EXACT), open(&["--talker", "q8_0", "--predictor", "q8_0"]));
    assert_eq!(exact.manifest().model, eight_bits.manifest().model);
    let layout = exact.layout();
    let compare = |name: &str, add: &dyn Fn(&Bundle, &mut [f32])| {
        let rows = [&exact, &eight_bits].map(|bundle| {
            let mut row = vec![0.0; layout.hidden];
            add(bundle, &mut row);
            row
        });
        for (wanted, found) in rows[0].chunks(32).zip(rows[1].chunks(32)) {
            let step = wanted.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0;
            let off = wanted.iter().zip(found).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(off <= 0.6 * step, "{name}: off by {off}, a step is {step}");
        }
        assert!(rows[0] != rows[1] && rows[0].iter().any(|x| *x != 0.0), "{name}");
    };
    for id in 0..layout.text_vocab as u32 {
        compare(&format!("text {id}"), &|bundle, row| bundle.add_text(id, row));
    }
    for id in 0..layout.codec_vocab as u32 {
        compare(&format!("code {id}"), &|bundle, row| bundle.add_codec(id, row));
    }
    for code in 0..layout.codebook_size as u16 {
        for group in 0..GROUPS {
            compare(&format!("code {code} of {group}"), &|bundle, row| {
                bundle.add_predictor(group, code, row);
            });
        }
    }
}

#[test]
fn shards_and_other_precisions_convert_to_the_same_speech() {
    let codes = |synthetic: Synthetic, name: &str| {
        let (folder, bundle) = (scratch().join(name), scratch().join(format!("{name}.bundle")));
        synthetic.write(&folder).unwrap();
        succeed(crier().arg("convert").arg(folder).arg(&bundle).args(EXACT));
        let codes = scratch().join(format!("{name}.csv"));
        let mut say = crier();
        say.args(["say", "--greedy", "--max-frames", "8", "--wav", "/dev/null", "--codes"]).arg(&codes);
        succeed(say.arg("--voice").arg(bundle).arg("Hello, how are you today?"));
        read_codes(&codes)
    };
    let published = Synthetic::new(Preset::Tiny, CheckpointKind::CustomVoice, 1);
    let one_file = codes(published, "one-file");
    assert_eq!(one_file, codes(Synthetic { shards: 3, ..published }, "shards"));
    assert!(!one_file.is_empty());
    let single = Synthetic { precision: Precision::F32, ..published };
    assert!(!codes(single, "single").is_empty());
}

#[test]
fn speech_streams_to_standard_output() {
    let output = succeed(
        crier().args(["say", "--max-frames", "5", "--wav", "-", "--voice"]).arg(tiny()).arg("Into the pipe."),
    );
    assert_eq!(&output.stdout[..4], b"RIFF");
    assert!(output.stdout.len() > 44 + 1920 * 2);
}

#[test]
fn text_comes_from_standard_input_too() {
    let mut child = crier()
        .args(["say", "--max-frames", "3", "--json", "--wav", "/dev/null", "--voice"])
        .arg(tiny())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"\n\nFrom a pipe.\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["sentences"], 1);
}

#[test]
fn bench_reports_every_number() {
    let output = succeed(crier().args(["bench", "--frames", "8", "--json", "--voice"]).arg(tiny()));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in [
        "talker_ms_per_step",
        "predictor_ms_per_frame",
        "vocoder_ms_per_frame",
        "rtf",
        "first_audio_ms",
        "load_ms",
        "peak_rss_bytes",
    ] {
        assert!(report[key].as_f64().is_some_and(|value| value > 0.0), "{key} in {report}");
    }
    assert_eq!(report["frames"], 8);
    succeed(crier().args(["bench", "--frames", "64", "--voice"]).arg(tiny()));
}

#[test]
fn wrong_wishes_are_refused_with_a_remedy_and_leave_nothing() {
    let wav = scratch().join("never.wav");
    let say = |arguments: &[&str], code: i32, words: &[&str]| {
        fail(
            crier().arg("say").arg("--voice").arg(tiny()).arg("--wav").arg(&wav).args(arguments),
            code,
            words,
        );
        assert!(!wav.exists(), "{arguments:?} left a file");
    };
    say(&["--speaker", "nobody", "Hi."], 65, &["nobody"]);
    say(&["--language", "klingon", "Hi."], 65, &["klingon"]);
    say(&[" \n\t "], 65, &[]);
    say(&["\u{1}\u{2}"], 65, &[]);
    // Two arguments: the system limits each to 128 kB.
    let long = "word ".repeat(14_000);
    say(&[&long, &long], 65, &["100"]);
    let output = crier().args(["say", "--max-frames", "0", "Hi."]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    fail(
        crier().args(["say", "--voice", "/nonexistent", "--wav", "/dev/null", "Hi."]),
        66,
        &["/nonexistent"],
    );
    let mut unwritable = crier();
    unwritable
        .args(["say", "--max-frames", "2", "--wav", "/nonexistent/x.wav", "--voice"])
        .arg(tiny())
        .arg("Hi.");
    fail(&mut unwritable, 74, &["/nonexistent/x.wav"]);
    let mut library = crier();
    library.env("ORT_DYLIB_PATH", "/nonexistent.so").arg("say").arg("--voice").arg(tiny());
    fail(library.arg("--wav").arg(&wav).arg("Hi."), 69, &["/nonexistent.so"]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn damaged_checkpoints_are_refused_by_name_and_leave_no_bundle() {
    let whole = checkpoint(Preset::Tiny, CheckpointKind::CustomVoice, 1);
    for (index, (file, keep)) in [
        ("model.safetensors", 1000),
        ("model.safetensors", 4),
        ("speech_tokenizer/model.safetensors", 100_000),
        ("config.json", 100),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = scratch().join(format!("damaged-{index}"));
        copy(&whole, &folder);
        let path = folder.join(file);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..keep]).unwrap();
        let bundle = scratch().join(format!("damaged-{index}.bundle"));
        let mut convert = crier();
        convert.arg("convert").arg(&folder).arg(&bundle);
        fail(&mut convert, 65, &[path.file_name().unwrap().to_str().unwrap()]);
        assert!(!bundle.exists(), "{file}");
    }
    let missing = scratch().join("no-such-checkpoint");
    let mut convert = crier();
    convert.arg("convert").arg(&missing).arg(scratch().join("never.bundle"));
    fail(&mut convert, 66, &["no-such-checkpoint"]);
}

#[test]
fn damaged_bundles_do_not_speak() {
    let whole = tiny();
    for file in
        ["talker.gguf", "predictor.gguf", "vocoder.onnx", "vocoder.bin", "text_embedding.bin", "voice.toml"]
    {
        for truncate in [true, false] {
            let bundle = scratch().join(format!("damaged-{file}-{truncate}"));
            copy(&whole, &bundle);
            let path = bundle.join(file);
            let mut bytes = std::fs::read(&path).unwrap();
            if truncate {
                bytes.truncate(bytes.len() / 2);
            } else {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x55;
            }
            std::fs::write(&path, bytes).unwrap();
            let wav = scratch().join(format!("damaged-{file}-{truncate}.wav"));
            let mut say = crier();
            say.args(["say", "--max-frames", "3", "--voice"]).arg(&bundle).arg("--wav").arg(&wav).arg("Hi.");
            fail(&mut say, 65, &[file]);
            assert!(!wav.exists(), "{file}");
        }
    }
}

#[test]
fn a_manifest_of_another_format_or_of_no_model_is_refused_with_a_remedy() {
    let manifest = std::fs::read_to_string(tiny().join("voice.toml")).unwrap();
    let model = manifest.lines().find(|line| line.starts_with("model = ")).unwrap();
    assert!(manifest.starts_with("format = 2\n"), "{manifest}");
    let cases = [
        ("older", manifest.replacen("format = 2", "format = 1", 1), "convert the checkpoint again"),
        ("newer", manifest.replacen("format = 2", "format = 3\nunknown = true", 1), "reads format 2"),
        ("nameless", manifest.replacen(model, "", 1), "missing field `model`"),
        ("short", manifest.replacen(model, "model = \"5eed\"", 1), "model is not 64 hexadecimal digits"),
    ];
    for (name, text, reason) in cases {
        let bundle = scratch().join(format!("manifest-{name}"));
        copy(&tiny(), &bundle);
        std::fs::write(bundle.join("voice.toml"), text).unwrap();
        for command in [["voice", "verify"], ["voice", "info"]] {
            fail(crier().args(command).arg(&bundle), 65, &["voice.toml", reason]);
        }
    }
}

#[test]
fn show_text_prints_what_would_be_spoken() {
    let show = |arguments: &[&str]| {
        let output = succeed(crier().args(["say", "--show-text"]).args(arguments));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = show(&["It is 5 °C. Then 你好!"]);
    for part in [
        "language  english",
        "written   It is 5 °C.",
        "spoken    it is five degrees",
        "sounds",
        "left out  你好",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = show(&["--json", "It is 5 °C."]);
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(shown["sentences"].as_array().map(Vec::len), Some(1));
    assert!(shown["sentences"][0]["sounds"].as_str().is_some_and(|sounds| !sounds.is_empty()), "{json}");
    let bundle = tiny().display().to_string();
    let text = show(&["--voice", &bundle, "--language", "de-DE", "Hallo."]);
    assert!(text.contains("language  german") && !text.contains("sounds"), "{text}");
    let text = show(&["--voice", &bundle, "Hello 5."]);
    assert!(text.contains("language  auto") && text.contains("spoken    Hello 5."), "{text}");
    fail(crier().args(["say", "--show-text", "--language", "de", "Hallo."]), 65, &["does not speak 'de'"]);
}

#[test]
fn wav_goes_to_pipes_devices_and_links_and_removes_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let say = |wav: &Path| {
        let mut say = crier();
        say.args(["say", "--max-frames", "3", "--voice"]).arg(tiny()).arg("--wav").arg(wav).arg("Hi.");
        say
    };
    succeed(&mut say(&at("plain.wav")));
    let plain = std::fs::read(at("plain.wav")).unwrap();
    // A pipe gets a header that says "until the end".
    let piped = succeed(&mut say(Path::new("/dev/stdout"))).stdout;
    assert_eq!(&piped[44..], &plain[44..], "the samples");
    assert_eq!((&piped[4..8], &piped[40..44]), (&[0xFF; 4][..], &[0xFF; 4][..]), "the lengths");
    assert_eq!(succeed(&mut say(Path::new("-"))).stdout, piped);
    assert!(Path::new("/dev/stdout").exists());
    std::os::unix::fs::symlink("target.wav", at("link.wav")).unwrap();
    succeed(&mut say(&at("link.wav")));
    assert!(std::fs::symlink_metadata(at("link.wav")).unwrap().is_symlink());
    assert_eq!(std::fs::read(at("target.wav")).unwrap(), plain);
    fail(&mut say(Path::new("/dev/full")), 74, &["/dev/full"]);
    assert!(Path::new("/dev/full").exists());
    // What cannot be done is told before anything is spoken, and an older file stays.
    std::fs::write(at("good.wav"), "good").unwrap();
    fail(say(&at("good.wav")).args(["--codes", "/no/such/codes.csv"]), 74, &["/no/such/codes.csv"]);
    assert_eq!(std::fs::read(at("good.wav")).unwrap(), b"good");
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["good.wav", "link.wav", "plain.wav", "target.wav"]);
}

#[test]
fn interrupted_conversion_leaves_nothing() {
    use nix::sys::signal::{Signal, kill};
    let source = checkpoint(Preset::Kq, CheckpointKind::CustomVoice, 1);
    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let voice = folder.path().join("voice");
    // On a busy machine a conversion may be done before the signal arrives; then another one is interrupted.
    let interrupt_one = || {
        let mut convert = crier().arg("convert").arg(&source).arg(&voice).spawn().unwrap();
        let begin = std::time::Instant::now();
        while files() == 0 {
            assert!(begin.elapsed().as_secs() < 60, "nothing is written");
            std::thread::yield_now();
        }
        kill(nix::unistd::Pid::from_raw(convert.id().cast_signed()), Signal::SIGINT).unwrap();
        convert.wait().unwrap().code()
    };
    let mut codes = (0..50).map(|_| {
        let code = interrupt_one();
        if code == Some(0) {
            std::fs::remove_dir_all(&voice).unwrap();
        }
        code
    });
    assert_eq!(codes.find(|code| *code != Some(0)), Some(Some(130)));
    assert_eq!(files(), 0);
}

#[test]
fn missing_input_has_one_exit_code_whatever_the_verb() {
    for arguments in [
        &["validate", "/no/such/crier.toml"][..],
        &["validate", "--json", "/no/such/crier.toml"],
        &["serve", "--config", "/no/such/crier.toml"],
        &["tune", "--config", "/no/such/crier.toml"],
        &["voice", "info", "/no/such/bundle"],
    ] {
        let output = crier().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(66), "{arguments:?}: {output:?}");
    }
}
