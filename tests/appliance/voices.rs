//! Voices made of recordings, as the appliance speaks with them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crier_test_checkpoint::{CheckpointKind, Preset};
use nix::sys::signal::{Signal, kill};

use crate::rig::{Appliance, crier};

/// Talker and predictor in 32 bits: of a model this small, fewer leave nothing that would speak for some seconds.
const EXACT: [&str; 4] = ["--talker", "f32", "--predictor", "f32"];
const TEXT: &str = "Good morning! Today is Monday.";
/// With this seed, it speaks for more than a second.
const SEED: &str = "3";

/// A small Base bundle, made once.
fn bundle() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, bundle) = (folder.path().join("checkpoint"), folder.path().join("bundle"));
        crier_test_checkpoint::write(Preset::Tiny, CheckpointKind::Base, 1, &checkpoint).unwrap();
        let output = crier().arg("convert").arg(&checkpoint).arg(&bundle).args(EXACT).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (folder, bundle)
    });
    &made.1
}

/// Makes a voice of a recording, with or without its words.
fn enroll(recording: &str, text: Option<&str>, file: &Path) {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reference");
    let mut enroll = crier();
    enroll.args(["voice", "enroll", "--force", "--voice"]).arg(bundle()).arg(recordings.join(recording));
    enroll.args(text.into_iter().flat_map(|text| ["--text", text])).arg("-o").arg(file);
    let output = enroll.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Sentences of which each is an utterance of its own for both voices: together they are too long for one.
const SENTENCES: [&str; 12] = [
    "The first train leaves at eight.",
    "The second train leaves at nine.",
    "The third train leaves at ten.",
    "The fourth train leaves at eleven.",
    "The fifth train leaves at noon.",
    "The sixth train leaves at one.",
    "The seventh train leaves at two.",
    "The eighth train leaves at three.",
    "The ninth train leaves at four.",
    "The tenth train leaves at five.",
    "The eleventh train leaves at six.",
    "The last train leaves at seven.",
];

/// Longer than the crossfade between two utterances, in which the samples are those of neither.
const JOIN_SAMPLES: usize = 24_000 / 20;

/// What is heard of a text whose voice is held after a second, so that the embedded one takes over.
fn heard_with_take_over(text: &str, file: &Path) -> (Appliance, Vec<i16>) {
    let config = format!(
        "[voice]\nbundle = \"{}\"\nfile = \"{}\"\nseed = {SEED}\n",
        bundle().display(),
        file.display()
    );
    let mut appliance = Appliance::start(&config);
    appliance.stage("default/talker");
    let mut saying = appliance.ctl().args(["say", "--wait", text]).spawn().unwrap();
    let begun = appliance.wav_bytes() + 2 * 24_000;
    while appliance.wav_bytes() < begun {
        assert!(saying.try_wait().unwrap().is_none(), "over before a second was heard: {}", appliance.log());
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    appliance.ask(&["hold", "default/talker"]);
    assert!(saying.wait().unwrap().success(), "{}", appliance.log());
    let heard = appliance.heard();
    (appliance, heard)
}

#[test]
fn voice_that_takes_over_in_mid_text_neither_skips_nor_repeats_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.voice");
    enroll("evening.flac", None, &file);
    let (appliance, heard) = heard_with_take_over(&SENTENCES.join(" "), &file);
    // Every sentence has the same seed, so the end of what was heard tells where in the text the embedded voice
    // began: at the first one, where a busy machine let the other voice begin to sound before it had finished a
    // sentence.
    let after = |sentence: usize| crate::rig::reference(&SENTENCES[sentence..].join(" "));
    let (first, rest) = (0..SENTENCES.len())
        .map(|sentence| (sentence, after(sentence)))
        .find(|(_, rest)| heard.ends_with(&rest[JOIN_SAMPLES..]))
        .unwrap_or_else(|| panic!("the end is not what the embedded voice says: {}", appliance.log()));
    let own = heard.len() - rest.len();
    let [complete, broken] = [first, first + 1].map(|end| match end {
        0 => Vec::new(),
        end => reference(&SENTENCES[..end].join(" "), &file),
    });
    assert!(
        heard.starts_with(&complete[..complete.len().saturating_sub(JOIN_SAMPLES)]),
        "sentences before {first} were heard"
    );
    assert!(
        own + JOIN_SAMPLES >= complete.len(),
        "no sentence is missing: {own} of {} samples",
        complete.len()
    );
    assert!(own <= broken.len() + JOIN_SAMPLES, "none is heard twice: {own} of {} samples", broken.len());
}

#[test]
fn voice_that_takes_over_between_pauses_goes_on_at_the_right_piece() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.voice");
    enroll("evening.flac", None, &file);
    let (appliance, heard) = heard_with_take_over(&SENTENCES.join(" [pause:50ms] "), &file);
    let silence = || vec![0; 24_000 / 20];
    let embedded = SENTENCES.map(|sentence| [crate::rig::reference(sentence), silence()].concat());
    let own = SENTENCES.map(|sentence| [reference(sentence, &file), silence()].concat());
    let heard = [heard, silence()].concat();
    let first =
        (0..SENTENCES.len()).find(|&first| heard.ends_with(&embedded[first..].concat()[JOIN_SAMPLES..]));
    let first =
        first.unwrap_or_else(|| panic!("the end is not what the embedded voice says: {}", appliance.log()));
    let before = own[..first].concat();
    assert!(heard.starts_with(&before), "pieces before {first} are those of the voice, pauses included");
    let audible = heard.len() - before.len() - embedded[first..].concat().len();
    assert!(audible <= own[first].len(), "{audible} samples of the broken piece were heard");
}

/// What the in-process engine makes of a text with a voice.
fn reference(text: &str, file: &Path) -> Vec<i16> {
    let wav = file.with_extension("wav");
    let mut say = crier();
    say.args(["say", "--seed", SEED, "--voice"])
        .arg(bundle())
        .arg("--speaker")
        .arg(file)
        .arg("--wav")
        .arg(&wav)
        .arg(text);
    let output = say.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hound::WavReader::open(&wav).unwrap().samples::<i16>().map(Result::unwrap).collect()
}

#[test]
fn a_voice_of_a_recording_is_heard_as_the_engine_makes_it_whoever_dies() {
    let folder = tempfile::tempdir().unwrap();
    let [spoken, sound] = ["spoken.voice", "sound.voice"].map(|name| folder.path().join(name));
    enroll("windows.flac", Some("Please close all the windows tonight."), &spoken);
    enroll("evening.flac", None, &sound);
    let config = format!(
        "[voice]\nbundle = \"{bundle}\"\nfile = \"{}\"\nfallback = false\nseed = {SEED}\n\n[voices.sound]\nfile = \"{}\"\n",
        spoken.display(),
        sound.display(),
        bundle = bundle().display(),
    );
    let (with_words, without) = (reference(TEXT, &spoken), reference(TEXT, &sound));
    assert!(!with_words.is_empty() && with_words != without);
    let mut appliance = Appliance::start(&config);
    // One after the other on the same stages, each from its own beginning.
    for _ in 0..2 {
        assert!(appliance.say(TEXT) == with_words, "{}", appliance.log());
        appliance.ask(&["say", "--wait", "--voice", "sound", TEXT]);
        assert!(appliance.heard() == without, "{}", appliance.log());
    }
    for stage in ["default/talker", "default/vocoder", "default/vocoder"] {
        let victim = appliance.stage(stage);
        let mut saying = appliance.ctl().args(["say", "--wait", TEXT]).spawn().unwrap();
        kill(victim, Signal::SIGKILL).unwrap();
        assert!(saying.wait().unwrap().success(), "{}", appliance.log());
        assert!(appliance.heard() == with_words, "{stage} killed: {}", appliance.log());
    }
    // A message may choose a voice of the configuration, and no file.
    let path = spoken.display().to_string();
    let refused = appliance.try_ask(&["say", "--wait", "--speaker", &path, TEXT]);
    assert!(!refused.status.success());
    assert!(appliance.heard().is_empty());
}

#[test]
fn a_voice_that_was_enrolled_again_speaks_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.voice");
    enroll("windows.flac", Some("Please close all the windows tonight."), &file);
    let config = format!(
        "[voice]\nbundle = \"{}\"\nfile = \"{}\"\nfallback = false\nseed = {SEED}\n",
        bundle().display(),
        file.display()
    );
    let mut appliance = Appliance::start(&config);
    let before = reference(TEXT, &file);
    assert!(appliance.say(TEXT) == before, "{}", appliance.log());
    enroll("evening.flac", Some("Good evening."), &file);
    let after = reference(TEXT, &file);
    assert!(after != before);
    let vocoder = appliance.stage("default/vocoder");
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    appliance.wait("other stages", |status| {
        let stages = status["stages"].as_array().cloned().unwrap_or_default();
        stages.iter().all(|stage| stage["pid"].as_i64() != Some(i64::from(vocoder.as_raw())))
    });
    assert!(appliance.say(TEXT) == after, "{}", appliance.log());
}

#[test]
fn where_a_voice_file_is_damaged_the_embedded_voice_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.voice");
    enroll("evening.flac", None, &file);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let config = format!("[voice]\nbundle = \"{}\"\nfile = \"{}\"\n", bundle().display(), file.display());
    let mut appliance = Appliance::start(&config);
    assert!(appliance.say("Twenty degrees.") == crate::rig::reference("Twenty degrees."));
    assert!(appliance.log().contains("house.voice"), "{}", appliance.log());
}
