//! Languages asked for at every door, by every name, are heard in the voice or refused with the reason.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crier_test_checkpoint::{CheckpointKind, Preset};
use nix::sys::signal::{Signal, kill};

use crate::blocking::{Delayed, OPEN};
use crate::rig::{Appliance, PATIENCE, assert_same, crier, reference, said, terminal, write_config};

/// Talker and predictor in 32 bits: of a model this small, fewer leave nothing that would speak.
const EXACT: [&str; 4] = ["--talker", "f32", "--predictor", "f32"];
const RUSSIAN: &str = "Дверь открыта.";

/// A small bundle of the ten languages of Qwen3-TTS, made once.
fn bundle() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, bundle) = (folder.path().join("checkpoint"), folder.path().join("bundle"));
        crier_test_checkpoint::write(Preset::Tiny, CheckpointKind::CustomVoice, 1, &checkpoint).unwrap();
        let output = crier().arg("convert").arg(&checkpoint).arg(&bundle).args(EXACT).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (folder, bundle)
    });
    &made.1
}

/// What the ten-language voice makes of a text.
fn ten(language: &str, text: &str) -> Vec<i16> {
    said(&["--voice", bundle().to_str().unwrap(), "--language", language, text])
}

/// A serial port, whose answers are collected in the background.
pub(crate) struct Port {
    master: File,
    path: PathBuf,
    answers: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    _slave: OwnedFd,
}

impl Port {
    pub(crate) fn new() -> Self {
        let (master, path, slave) = terminal();
        let answers = std::sync::Arc::<std::sync::Mutex<Vec<u8>>>::default();
        let (mut reader, collected) = (master.try_clone().unwrap(), std::sync::Arc::clone(&answers));
        std::thread::spawn(move || {
            let mut block = [0; 256];
            while let Ok(count @ 1..) = reader.read(&mut block) {
                collected.lock().unwrap().extend_from_slice(&block[..count]);
            }
        });
        Self { master, path, answers, _slave: slave }
    }

    pub(crate) fn section(&self, dialect: &str) -> String {
        format!("[[serial]]\ndevice = \"{}\"\ndialect = \"{dialect}\"\n", self.path.display())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.answers.lock().unwrap().clear();
        self.master.write_all(bytes).unwrap();
    }

    /// Waits until the answers since the last message are these.
    #[track_caller]
    pub(crate) fn expect(&self, expected: &[u8]) {
        let begin = Instant::now();
        let answers = || self.answers.lock().unwrap().clone();
        while answers() != expected {
            assert!(begin.elapsed() < PATIENCE, "{:?}, not {expected:?}", answers());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(crate) fn xfs5152(text: &str) -> Vec<u8> {
    // Encoding 3 is UTF-16.
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut frame = vec![0xfd, 0, u8::try_from(units.len() + 2).unwrap(), 1, 3];
    frame.extend_from_slice(&units);
    frame
}

struct Doors {
    appliance: Appliance,
    emic2: Port,
    xfs5152: Port,
    dectalk: Port,
    line: Port,
    finished: u64,
}

impl Doors {
    fn open(config: &str) -> Self {
        let [emic2, xfs5152, dectalk, line] = [(); 4].map(|()| Port::new());
        let sections = [
            emic2.section("emic2"),
            xfs5152.section("xfs5152"),
            dectalk.section("dectalk"),
            line.section("line"),
            "[[fifo]]\npath = \"{run_dir}/say\"\nmode = \"0600\"\n".to_owned(),
        ];
        let mut appliance = Appliance::start(&format!("{config}\n{}", sections.concat()));
        appliance.wait_for_inputs(5);
        Self { appliance, emic2, xfs5152, dectalk, line, finished: 0 }
    }

    fn fifo(&self, line: &str) {
        std::fs::write(self.appliance.path("run/say"), line).unwrap();
    }

    /// Waits for the end of one more announcement, and compares what was heard.
    #[track_caller]
    fn heard(&mut self, expected: &[i16], what: &str) {
        self.finished += 1;
        self.appliance.wait_for("finished", self.finished);
        assert_same(&self.appliance.heard(), expected, what);
    }

    #[track_caller]
    fn refused(&mut self, count: u64, log: &str) {
        self.appliance.wait("refused", |status| {
            let inputs = status["inputs"].as_object().unwrap();
            let rejected = inputs.values().filter_map(|input| input["losses"]["rejected"].as_u64());
            rejected.sum::<u64>() == count
        });
        self.appliance.wait_log(log, 1);
    }
}

#[test]
fn language_commands_of_every_dialect_are_heard_from_the_embedded_voice_or_refused() {
    let mut doors = Doors::open("");
    let hello = reference("Hello.");
    doors.emic2.send(b"L0\n");
    doors.emic2.expect(b":");
    doors.emic2.send(b"SHello.\n");
    doors.heard(&hello, "L0");
    doors.emic2.expect(b":");
    for demonstration in ["D0\n", "D1\n"] {
        doors.emic2.send(demonstration.as_bytes());
        doors.heard(&reference("Hello. Everything that you write can be heard."), demonstration);
    }
    doors.xfs5152.send(&xfs5152("[g2]Hello."));
    doors.heard(&hello, "[g2]");
    doors.xfs5152.expect(&[0x41, 0x4f]);
    for word in ["us", "uk", "en"] {
        doors.dectalk.send(format!("[:lang {word}]Hello.\x0b").as_bytes());
        doors.heard(&hello, word);
    }
    for tag in ["english", "en", "en-US", "EN_us.UTF-8", "auto"] {
        doors.line.send(format!("{{\"text\":\"Hello.\",\"language\":\"{tag}\"}}\n").as_bytes());
        doors.heard(&hello, tag);
        doors.fifo(&format!("{{\"text\":\"Hello.\",\"language\":\"{tag}\"}}\n"));
        doors.heard(&hello, tag);
        doors.appliance.ask(&["say", "--wait", "--language", tag, "Hello."]);
        doors.heard(&hello, tag);
        assert_same(&said(&["--language", tag, "Hello."]), &hello, tag);
    }

    doors.emic2.send(b"L1\n");
    doors.emic2.expect(b":");
    doors.emic2.send(b"SHola.\n");
    doors.emic2.expect(b"?:");
    doors.emic2.send(b"D2\n");
    doors.emic2.expect(b"?:");
    doors.xfs5152.send(&xfs5152("[g1]Hello."));
    doors.xfs5152.expect(&[0x45]);
    doors.xfs5152.send(&xfs5152("[d]直行"));
    doors.xfs5152.expect(&[0x45]);
    doors.dectalk.send(b"[:lang gr]Hallo.\x0b");
    doors.refused(5, "this voice does not speak 'german'");
    doors.line.send(b"{\"text\":\"Hello.\",\"language\":\"de-DE\"}\n");
    doors.line.expect(b"error: this voice does not speak 'german'; it speaks: english, auto\r\n");
    doors.line.send(b"{\"text\":\"Hello.\",\"language\":\"klingon\"}\n");
    doors.refused(7, "'klingon' is no such language");
    doors.fifo("{\"text\":\"Hello.\",\"language\":\"zh-CN\"}\n");
    doors.refused(8, "this voice does not speak 'chinese'");
    let refused = doors.appliance.try_ask(&["say", "--language", "fr", "Bonjour."]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not speak 'french'"), "{refused:?}");
    // Letters of a language that has no name here.
    let refused = doors.appliance.try_ask(&["say", "שלום"]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("reads English only"), "{refused:?}");
    assert_eq!(doors.appliance.count("failed"), 0, "nothing was accepted and then failed");
}

#[test]
fn ten_languages_are_heard_by_name_and_tag_from_a_voice_that_has_them() {
    let voice = format!("[voice]\nbundle = \"{}\"\nfallback = false\n", bundle().display());
    let mut doors = Doors::open(&voice);
    for (name, tag, text) in [
        ("chinese", "zh-CN", "你好。"),
        ("english", "en_US.UTF-8", "Hello."),
        ("french", "fr", "Bonjour."),
        ("german", "de-DE", "Hallo."),
        ("italian", "ITA", "Ciao."),
        ("japanese", "ja-JP", "こんにちは。"),
        ("korean", "ko", "안녕하세요."),
        ("portuguese", "pt-BR", "Bom dia."),
        ("russian", "Russian", "Привет."),
        ("spanish", "es_MX", "Hola."),
        ("beijing_dialect", "Beijing_Dialect", "你好。"),
    ] {
        let expected = ten(name, text);
        doors.fifo(&format!("{{\"text\":\"{text}\",\"language\":\"{tag}\"}}\n"));
        doors.heard(&expected, tag);
        doors.line.send(format!("{{\"text\":\"{text}\",\"language\":\"{name}\"}}\n").as_bytes());
        doors.heard(&expected, name);
    }
    let hola = ten("spanish", "Hola.");
    for command in ["L1\n", "L2\n"] {
        doors.emic2.send(command.as_bytes());
        doors.emic2.expect(b":");
        doors.emic2.send(b"SHola.\n");
        doors.heard(&hola, command);
        doors.emic2.expect(b":");
    }
    doors.emic2.send(b"L0\nSHello.\n");
    doors.heard(&ten("english", "Hello."), "L0");
    doors.emic2.send(b"D2\n");
    doors.heard(&ten("spanish", "Hola. Todo lo que usted escribe se puede oír."), "D2");
    doors.xfs5152.send(&xfs5152("[g1]你好。"));
    doors.heard(&ten("chinese", "你好。"), "[g1]");
    doors.xfs5152.send(&xfs5152("[g2]Hello."));
    doors.heard(&ten("english", "Hello."), "[g2]");
    for (word, name) in
        [("gr", "german"), ("fr", "french"), ("it", "italian"), ("sp", "spanish"), ("ru", "russian")]
    {
        doors.dectalk.send(format!("[:lang {word}]Hallo.\x0b").as_bytes());
        doors.heard(&ten(name, "Hallo."), word);
    }
}

#[test]
fn configured_language_that_the_voice_lacks_is_told_at_validation_start_and_door() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), "[voice]\nlanguage = \"de-DE\"\n");
    let file = folder.path().join("crier.toml");
    let validated = crier().arg("validate").arg(&file).output().unwrap();
    let error = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert_eq!(validated.status.code(), Some(78), "{error}");
    assert!(error.contains("voice.language") && error.contains("write one of english or auto"), "{error}");
    let line =
        1 + std::fs::read_to_string(&file).unwrap().lines().position(|line| line.contains("de-DE")).unwrap();
    assert!(error.contains(&format!("crier.toml:{line}:")), "{error}");

    let mut appliance = Appliance::start_in(folder, "[voice]\nlanguage = \"de-DE\"\n");
    let status = appliance.wait("told", |status| status["state"]["problems"].to_string().contains("german"));
    assert!(status["state"]["problems"].to_string().contains("it speaks: english, auto"), "{status:#}");
    appliance.wait_log("the voice cannot speak as it is configured", 1);
    let refused = appliance.try_ask(&["say", "Hello."]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not speak 'german'"), "{refused:?}");
    appliance.ask(&["say", "--wait", "--language", "en", "Hello."]);
    assert_same(&appliance.heard(), &reference("Hello."), "a language that the voice has");
}

#[test]
fn speaker_or_file_that_the_voice_lacks_is_told_and_another_speaks() {
    let config = "[voice]\nspeaker = \"ryan\"\n";
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), config);
    let validated = crier().arg("validate").arg(folder.path().join("crier.toml")).output().unwrap();
    let error = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert_eq!(validated.status.code(), Some(78), "{error}");
    assert!(error.contains("voice.speaker") && error.contains("write one of heart"), "{error}");

    let mut appliance = Appliance::start_in(folder, config);
    appliance.wait("told", |status| status["state"]["problems"].to_string().contains("'ryan'"));
    assert_same(&appliance.say("Hello."), &reference("Hello."), "the speaker of the voice inside");
    drop(appliance);

    let mut appliance = Appliance::start("[voice]\nfile = \"/nonexistent.voice\"\n");
    assert_same(&appliance.say("Hello."), &reference("Hello."), "the speaker of the voice inside");
}

#[test]
fn text_waits_for_the_voice_that_speaks_its_language() {
    let folder = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::start_in(folder, "");
    let refused = appliance.try_ask(&["say", RUSSIAN]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not speak 'russian'"), "{refused:?}");

    // Each of its files but the manifest is opened three seconds late, so that the large voice takes its time to load.
    let files = std::fs::read_dir(bundle()).unwrap().map(|entry| entry.unwrap().path().display().to_string());
    let files: Vec<String> = files.filter(|file| !file.ends_with(".toml")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let Some(delayed) = Delayed::attach(appliance.pid(), OPEN, &files) else { return };
    write_config(appliance.folder(), &format!("[voice]\nbundle = \"{}\"\n", bundle().display()));
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    appliance.wait_log("configuration reloaded", 1);
    appliance.ask(&["say", "--wait", "Hello."]);
    assert_same(&appliance.heard(), &reference("Hello."), "the embedded voice speaks English meanwhile");
    let mut saying = appliance.ctl().args(["say", "--wait", RUSSIAN]).spawn().unwrap();
    appliance.wait_for("started", 2);
    drop(delayed);
    assert!(saying.wait().unwrap().success(), "{}", appliance.log());
    assert_same(&appliance.heard(), &ten("auto", RUSSIAN), "the voice that was loading");
}

#[test]
fn text_of_a_broken_voice_waits_for_its_restart_and_fails_loudly_without_one() {
    let mut appliance = Appliance::start(&format!("[voice]\nbundle = \"{}\"\n", bundle().display()));
    let expected = ten("auto", RUSSIAN);
    appliance.wait("loaded", |status| status.to_string().contains("default/talker"));
    appliance.stage("default/talker");
    appliance.signal("default/talker", Signal::SIGKILL);
    appliance.ask(&["say", "--wait", RUSSIAN]);
    assert_same(&appliance.heard(), &expected, "the voice after its restart");

    appliance.ask(&["pause"]);
    appliance.ask(&["say", "--id", "kept", RUSSIAN]);
    appliance.ask(&["hold", "default/talker"]);
    appliance
        .wait("held", |status| status["state"]["problems"].to_string().contains("default/talker is held"));
    let refused = appliance.try_ask(&["say", RUSSIAN]);
    let reason = "no voice speaks russian now: default/talker is held";
    assert!(String::from_utf8_lossy(&refused.stderr).contains(reason), "{refused:?}");
    appliance.ask(&["resume"]);
    appliance.wait_for("failed", 1);
    let history = appliance.ask(&["history"]);
    assert!(history.contains("failed: the default/talker is held"), "{history}");
    appliance.wait_log("an announcement cannot be spoken", 1);
    assert!(appliance.status()["state"]["problems"].to_string().contains("default/talker is held"));
    // What the backup voice says of it, unless the text took precedence of it, and everything else in English.
    appliance.wait("the end of the notice", |status| {
        let count = |event: &str| status["events"][event].as_u64().unwrap_or(0);
        count("finished") + count("cancelled") == 2
    });
    appliance.heard();
    appliance.ask(&["say", "--wait", "Hello."]);
    assert_same(&appliance.heard(), &reference("Hello."), "the embedded voice");
}
