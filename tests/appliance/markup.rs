//! Text with pauses, and SSML: what is heard, to the sample, and what is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::Value;

use crate::rig::{Appliance, Dice, SENTENCE, assert_same, crier, reference, said, terminal};

/// Sample rate of the embedded voice.
const RATE_HZ: usize = 24_000;

fn silence(ms: usize) -> Vec<i16> {
    vec![0; RATE_HZ * ms / 1000]
}

/// An appliance whose sound takes its time, as that of a sound card does.
fn paced() -> Appliance {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("heard.wav");
    Appliance::start_in(folder, &format!("[player]\noutput = \"wav\"\nwav_file = \"{}\"\n", wav.display()))
}

/// Number of silences of at least so many milliseconds.
fn silences(samples: &[i16], ms: usize) -> usize {
    samples
        .chunk_by(|a, b| (*a == 0) == (*b == 0))
        .filter(|run| run[0] == 0 && run.len() >= RATE_HZ * ms / 1000)
        .count()
}

#[test]
fn pauses_are_exact_to_the_sample_and_say_and_appliance_agree() {
    let mut appliance = Appliance::start("");
    let expected =
        [reference("The door is open."), silence(500), reference("Come in."), silence(1500)].concat();
    for text in [
        "The door is open. [pause:500ms] Come in. [pause 1.5s]",
        "<speak>The door is open.<break time='500ms'/>Come in.<break time='1.5s'/></speak>",
    ] {
        assert_same(&appliance.say(text), &expected, text);
        assert_same(&said(&[text]), &expected, text);
    }
    // Nothing but silence.
    assert_same(&appliance.say("[pause:250ms]"), &silence(250), "a pause alone");
    // At the beginning as well, though nothing is heard before the speech behind it is there.
    let expected = [silence(2000), reference("Come in.")].concat();
    assert_same(&appliance.say("[pause:2s]Come in."), &expected, "a pause before the text");
}

#[test]
fn ssml_is_spoken_alike_by_say_and_appliance() {
    let mut appliance = Appliance::start("");
    let ssml = "<speak>Gate <say-as interpret-as='characters'>AB</say-as>. <voice name='fenrir'>Now \
                <sub alias='boarding'>BRD</sub>.</voice> <prosody volume='-6dB'>Please hurry.</prosody></speak>";
    let heard = said(&["--ssml", ssml]);
    appliance.ask(&["say", "--wait", "--format", "ssml", ssml]);
    assert_same(&appliance.heard(), &heard, "what is heard");
    let loud = said(&["--ssml", &ssml.replace("-6dB", "+0dB")]);
    let level =
        |samples: &[i16]| samples.iter().rev().take(RATE_HZ / 2).map(|&s| f64::from(s).powi(2)).sum::<f64>();
    let decibels = 10.0 * (level(&heard) / level(&loud)).log10();
    assert!((decibels + 6.0).abs() < 0.1, "{decibels:.2} dB");
    assert_eq!(heard.len(), loud.len());
}

#[test]
fn engines_killed_around_pauses_lose_no_sample() {
    let text = "The door is open. [pause:300ms] Come in. [pause:200ms] The kettle is boiling.";
    let expected = reference(text);
    let mut appliance = Appliance::start("");
    for run in 0..24 {
        if run % 9 == 8 {
            appliance = Appliance::start("");
        }
        let mut dice = Dice::new(run + 1);
        let victim = appliance.stage(["vocoder", "talker", "predictor", "vocoder"][dice.below(4) as usize]);
        let mut saying = appliance.ctl().args(["say", "--wait", text]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(dice.below(300_000)));
        let _ = kill(victim, Signal::SIGKILL);
        assert!(saying.wait().unwrap().success(), "run {run}: {}", appliance.log());
        assert_same(&appliance.heard(), &expected, &format!("run {run}"));
    }
}

#[test]
fn player_killed_in_the_middle_of_a_pause_loses_or_repeats_at_most_a_period_of_it() {
    let text = "Yes. [pause:3s] Come in.";
    let expected = reference(text);
    let mut appliance = paced();
    let mut saying = appliance.ctl().args(["say", "--wait", text]).stdout(Stdio::null()).spawn().unwrap();
    appliance.wait("speaking", |status| status["state"]["mode"] == "speaking");
    std::thread::sleep(Duration::from_millis(2000));
    appliance.signal("player", Signal::SIGKILL);
    assert!(saying.wait().unwrap().success());
    let heard = appliance.heard();
    let period = RATE_HZ / 40;
    let difference = heard.len().abs_diff(expected.len());
    assert!(difference <= 2 * period, "{} samples instead of {}", heard.len(), expected.len());
    let end = heard.iter().rev().zip(expected.iter().rev()).take_while(|(a, b)| a == b).count();
    assert!(end >= reference("Come in.").len(), "only the last {end} samples are right");
}

#[test]
fn pause_in_the_middle_is_paused_resumed_and_stopped() {
    let mut appliance = paced();
    let mut saying = appliance
        .ctl()
        .args(["say", "--wait", "Yes. [pause:60s] No."])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    appliance.wait("speaking", |status| status["state"]["mode"] == "speaking");
    std::thread::sleep(Duration::from_millis(1500));
    appliance.ask(&["pause"]);
    std::thread::sleep(Duration::from_millis(300));
    let before = appliance.wav_bytes();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(appliance.wav_bytes(), before, "silence does not go on while it is paused");
    appliance.ask(&["resume"]);
    std::thread::sleep(Duration::from_millis(700));
    assert!(appliance.wav_bytes() > before, "and goes on afterwards");
    let begin = Instant::now();
    appliance.ask(&["stop"]);
    assert!(!saying.wait().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(10), "a stop does not wait for the end of the silence");
}

#[test]
fn broken_ssml_is_refused_at_the_door_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let config = format!("[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n", fifo.display());
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait_for_inputs(1);
    let refused = appliance.try_ask(&["say", "--format", "ssml", "<speak>\n one <blink/></speak>"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && error.contains("line 2, column 6"), "{error}");
    std::fs::write(&fifo, "{\"format\":\"ssml\",\"text\":\"<speak>a</speek>\"}\n").unwrap();
    let status =
        appliance.wait("refused", |status| status["inputs"].to_string().contains("last_refusal\":\""));
    assert!(status["inputs"].to_string().contains("line 1, column 9"), "{}", status["inputs"]);
    // A speaker and a language that the voice has not, in a part of the text.
    for (part, word) in
        [("<voice name='nobody'>b</voice>", "heart"), ("<lang xml:lang='de'>b</lang>", "english")]
    {
        let refused = appliance.try_ask(&["say", &format!("<speak>a {part}</speak>")]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains(word), "{part}: {refused:?}");
    }
    assert_eq!(appliance.count("accepted"), 0);
    // Without a format it is what it always was: text, whose tags are not read.
    let text = format!("<speak>{SENTENCE}");
    assert_same(&appliance.say(&text), &reference(&text), "text that looks like SSML");
    // And SSML by the same way is spoken.
    std::fs::write(&fifo, "{\"format\":\"ssml\",\"text\":\"<speak>Yes.<break time='100ms'/></speak>\"}\n")
        .unwrap();
    appliance.wait_for("finished", 2);
    assert_same(&appliance.heard(), &[reference("Yes."), silence(100)].concat(), "SSML from the FIFO");
}

#[test]
fn validate_tells_where_a_text_of_the_configuration_cannot_be_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crier.toml");
    std::fs::write(
        &file,
        "[supervisor]\nready_announcement = \"Ready. [pause:99s]\"\n[[button]]\nkey = \"KEY_A\"\n\
         press = { say = \"<speak>Dinner <brake/></speak>\" }\nlong_press = { say = \"Lunch. [pause:1s]\" }\n",
    )
    .unwrap();
    let validated = crier().arg("validate").arg(&file).output().unwrap();
    let error = String::from_utf8_lossy(&validated.stderr).into_owned();
    assert_eq!(validated.status.code(), Some(78), "{error}");
    for words in [
        "crier.toml:2:22",
        "`supervisor.ready_announcement` cannot be spoken",
        "a pause has at most",
        "crier.toml:5:17",
        "`button.0.press.say` cannot be spoken",
        "<brake> is no element",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(!error.contains("long_press"), "{error}");
}

#[test]
fn marks_are_told_when_playback_reaches_them() {
    let appliance = paced();
    let text = "<speak><mark name='begin'/>Yes.<mark name='before'/><break time='1500ms'/>\
                <mark name='after'/>No.<mark name='end'/></speak>";
    let mut saying = appliance
        .ctl()
        .args(["say", "--wait", "--json", "--id", "m", "--format", "ssml", text])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(saying.stdout.take().unwrap()).lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let event = event.get("event").filter(|event| event.is_object()).cloned().unwrap_or(event);
        let name = event["name"].as_str().or(event["event"].as_str()).unwrap_or_default().to_owned();
        seen.push((name, Instant::now()));
    }
    assert!(saying.wait().unwrap().success());
    let order: Vec<&str> =
        seen.iter().map(|(name, _)| name.as_str()).filter(|name| !name.is_empty()).collect();
    assert_eq!(order, ["accepted", "started", "begin", "before", "after", "end", "finished"]);
    let at = |name: &str| seen.iter().find(|(seen, _)| seen == name).unwrap().1;
    let between = at("after") - at("before");
    assert!((1300..1900).contains(&between.as_millis()), "{between:?} instead of 1.5 s");
    assert_eq!(appliance.count("mark"), 4);
}

#[test]
fn serial_line_that_sent_marks_is_told_of_them() {
    let (mut master, path, _slave) = terminal();
    let config = format!("[[serial]]\ndevice = \"{}\"\nbaud = 115200\n", path.display());
    let mut appliance = Appliance::start(&config);
    appliance.wait_for_inputs(1);
    let json = r#"{"id":"x","format":"ssml","text":"<speak>Yes.<mark name='door 1'/> No.</speak>"}"#;
    master.write_all(format!("{json}\r\n").as_bytes()).unwrap();
    appliance.wait_for("finished", 1);
    let mut reply = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&reply).contains("end x finished") {
        master.read_exact(&mut byte).unwrap();
        reply.push(byte[0]);
    }
    let reply = String::from_utf8_lossy(&reply).into_owned();
    assert!(reply.contains("mark x door 1\r\n"), "{reply:?}");
}

#[test]
fn shown_text_has_pauses_marks_and_sounds() {
    let text = "<speak>At 5.<break time='2s'/><mark name='m'/><audio src='gong.wav'>Gong.</audio></speak>";
    let appliance = Appliance::start("");
    let own: Value = {
        let output = crier().args(["say", "--show-text", "--json", text]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let told: Value = serde_json::from_str(&appliance.ask(&["say", "--show-text", "--json", text])).unwrap();
    for shown in [&own, &told] {
        let entries = shown["sentences"].as_array().unwrap();
        assert_eq!(entries.len(), 4, "{shown:#}");
        assert_eq!(entries[0]["spoken"], "at five.");
        assert_eq!((&entries[1]["pause_ms"], &entries[2]["mark"]), (&Value::from(2000), &Value::from("m")));
        assert_eq!(entries[3]["sound"], "gong.wav");
    }
    assert!(appliance.ask(&["say", "--show-text", text]).contains("pause     2000 ms"));
}

#[test]
fn text_stands_in_for_a_sound_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let chimes = folder.path().join("chimes");
    std::fs::create_dir_all(&chimes).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut gong = hound::WavWriter::create(chimes.join("gong.wav"), spec).unwrap();
    (0..RATE_HZ).for_each(|_| gong.write_sample(1000_i16).unwrap());
    gong.finalize().unwrap();
    let mut appliance =
        Appliance::start_in(folder, &format!("[player]\nchimes_dir = \"{}\"\n", chimes.display()));
    let text =
        |name: &str| format!("<speak><audio src='{name}'>Gong.</audio><break time='50ms'/>Yes.</speak>");
    let expected = [reference("Gong."), silence(50), reference("Yes.")].concat();
    assert_same(&appliance.say(&text("nowhere.wav")), &expected, "without the sound");
    let heard = appliance.say(&text("gong.wav"));
    assert_eq!(heard.len(), RATE_HZ + silence(50).len() + reference("Yes.").len(), "with the sound");
}

#[test]
fn two_thousand_words_with_markup_are_spoken_whole() {
    let sentence = "<s>The front door is open and the light is on.</s><break time='100ms'/><mark name='m'/>";
    let text = format!("<speak>{}</speak>", sentence.repeat(200));
    let mut appliance = Appliance::start("");
    let heard = appliance.say(&text);
    let one = reference("The front door is open and the light is on.").len() + silence(100).len();
    assert_eq!((heard.len(), silences(&heard, 100)), (200 * one, 200));
    assert_eq!(appliance.count("mark"), 200);
}
