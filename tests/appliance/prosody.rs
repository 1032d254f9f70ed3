//! Rate, pitch and loudness, from every input to the sound.

use std::path::Path;

use crier_prosody::LoudnessMeter;
use nix::sys::signal::{Signal, kill};

use crate::languages::{Port, xfs5152};
use crate::rig::{Appliance, Dice, SENTENCE, assert_same, reference, said};

/// Kills of each process while stretched speech is rendered or played.
const KILLS_EACH: u64 = 4;

fn lufs(samples: &[i16]) -> f64 {
    let mut meter = LoudnessMeter::new(24_000);
    meter.push(&samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect::<Vec<_>>());
    meter.lufs().unwrap()
}

#[test]
fn rate_changes_the_length_exactly_and_pitch_does_not() {
    let usual = said(&["Twenty degrees."]).len();
    for (rate, length) in [("0.5", usual * 2), ("2", usual / 2), ("3", usual / 3)] {
        // One sentence is one unit: rounding happens once.
        assert!(said(&["--rate", rate, "Twenty degrees."]).len().abs_diff(length) <= 1, "{rate}");
    }
    let higher = said(&["--pitch", "4", "Twenty degrees."]);
    assert_eq!(higher.len(), usual);
    assert!(higher != said(&["Twenty degrees."]), "another pitch");
    assert_same(&said(&["--rate", "1", "--pitch", "0", SENTENCE]), &reference(SENTENCE), "no change");
}

#[test]
fn stretched_speech_is_what_say_makes_and_survives_every_death() {
    let manner = ["--rate", "0.8", "--pitch", "-2.5"];
    let expected = said(&[&manner[..], &[SENTENCE]].concat());
    let mut appliance = Appliance::start("");
    for run in 0..3 * KILLS_EACH {
        if run % 6 == 5 {
            appliance = Appliance::start("");
        }
        let mut dice = Dice::new(run + 1);
        let stage = ["talker", "predictor", "vocoder"][(run % 3) as usize];
        let victim = appliance.stage(stage);
        let mut saying = appliance.ctl().args(["say", "--wait"]).args(manner).arg(SENTENCE).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(dice.below(250_000)));
        let _ = kill(victim, Signal::SIGKILL);
        assert!(saying.wait().unwrap().success(), "run {run}: {}", appliance.log());
        assert_same(&appliance.heard(), &expected, &format!("run {run}, {stage} killed"));
    }
}

#[test]
fn rate_and_pitch_of_message_and_voice_reach_the_sound() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[voice]\nrate = 1.5\n[[fifo]]\npath = \"{run_dir}/say\"\nmode = \"0600\"\n";
    let mut appliance = Appliance::start_in(folder, config);
    appliance.wait_for_inputs(1);
    let faster = said(&["--rate", "1.5", SENTENCE]);
    assert_same(&appliance.say(SENTENCE), &faster, "rate of the voice");
    let json = format!("{{\"text\":\"{SENTENCE}\",\"rate\":0.7,\"pitch\":3}}\n");
    std::fs::write(appliance.path("run/say"), json).unwrap();
    appliance.wait_for("finished", 2);
    assert_same(
        &appliance.heard(),
        &said(&["--rate", "0.7", "--pitch", "3", SENTENCE]),
        "those of a message",
    );
}

#[test]
fn speeds_and_voices_of_every_dialect_are_heard() {
    let [mut emic2, mut xfs, mut dectalk] = [(); 3].map(|()| Port::new());
    let sections = [emic2.section("emic2"), xfs.section("xfs5152"), dectalk.section("dectalk")];
    let mut appliance = Appliance::start(&sections.concat());
    appliance.wait_for_inputs(3);
    let (usual, text) = (reference("Twenty degrees."), "Twenty degrees.");
    let (fast, slow) = (said(&["--rate", "2", text]), said(&["--rate", "0.5", text]));
    let harry = said(&["--pitch", "-2.73", text]);
    let mut finished = 0;
    let mut heard = |appliance: &mut Appliance, expected: &[i16], what: &str| {
        finished += 1;
        appliance.wait_for("finished", finished);
        assert_same(&appliance.heard(), expected, what);
    };
    for (command, expected) in
        [("W400", &fast), ("W100", &slow), ("W200", &usual), ("N1", &harry), ("R", &usual)]
    {
        emic2.send(format!("{command}\n").as_bytes());
        emic2.expect(b":");
        emic2.send(format!("S{text}\n").as_bytes());
        heard(&mut appliance, expected, command);
        emic2.expect(b":");
    }
    for (tags, expected) in [("[s9]", &fast), ("[s0]", &slow), ("[s5][t5]", &usual), ("[s9][d]", &usual)] {
        xfs.send(&xfs5152(&format!("{tags}{text}")));
        heard(&mut appliance, expected, tags);
    }
    let deep = said(&["--pitch", "-4", text]);
    xfs.send(&xfs5152(&format!("[m51]{text}")));
    heard(&mut appliance, &deep, "[m51]");
    for (command, expected) in
        [("[:rate 360]", &fast), ("[:ra 90]", &slow), ("[:ra 180][:nh]", &harry), ("[:np]", &usual)]
    {
        dectalk.send(format!("{command}{text}\x0b").as_bytes());
        heard(&mut appliance, expected, command);
    }
}

fn write_chime(path: &Path, amplitude: f64) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..24_000 {
        wav.write_sample(((f64::from(n) * 0.2).sin() * amplitude * 32_767.0) as i16).unwrap();
    }
    wav.finalize().unwrap();
}

#[test]
fn speakers_and_chimes_are_equally_loud_unless_that_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let chimes = folder.path().join("chimes");
    std::fs::create_dir(&chimes).unwrap();
    write_chime(&chimes.join("loud.wav"), 0.9);
    write_chime(&chimes.join("soft.wav"), 0.02);
    let text =
        [SENTENCE, "The next train to the harbour leaves from platform two in seven minutes."].join(" ");
    let config = |more: &str| format!("[player]\nchimes_dir = \"{}\"\n{more}", chimes.display());
    let mut appliance = Appliance::start(&config(""));
    for arguments in [
        ["--speaker", "heart", &text],
        ["--speaker", "fenrir", &text],
        ["--chime", "loud", ""],
        ["--chime", "soft", ""],
    ] {
        let mut saying = appliance.ctl();
        saying.args(["say", "--wait"]).args(arguments.iter().filter(|argument| !argument.is_empty()));
        assert!(saying.status().unwrap().success());
        let loudness = lufs(&appliance.heard());
        assert!((loudness + 23.0).abs() <= 1.0, "{arguments:?}: {loudness}");
    }
    let mut appliance = Appliance::start(&config("loudness = \"off\"\n"));
    assert_same(&appliance.say(SENTENCE), &said(&["--loudness", "off", SENTENCE]), "off");
    appliance.ask(&["say", "--wait", "--chime", "loud"]);
    assert!(lufs(&appliance.heard()) > -6.0, "as loud as its file");
}
