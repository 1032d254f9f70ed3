//! What people tell the appliance to do, and what it does.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::rig::{Appliance, SENTENCE, assert_same, crier, reference, write_config};

/// At the pace of a sound card, so that there is time to say something in the middle.
fn paced() -> Appliance {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("heard.wav");
    let config = format!("[player]\noutput = \"wav\"\nwav_file = \"{}\"\n", wav.display());
    Appliance::start_in(folder, &config)
}

fn speaking(appliance: &mut Appliance) {
    appliance.wait("speaking", |status| status["state"]["mode"] == "speaking");
    // Into the sentence.
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn verbose_version_is_the_hash_of_the_program_and_its_libraries() {
    use sha2::Digest as _;
    let output = crier().args(["--version", "--verbose"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with(concat!("crier ", env!("CARGO_PKG_VERSION"), "\n")));
    let hash = sha2::Sha256::digest(std::fs::read(env!("CARGO_BIN_EXE_crier")).unwrap());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    for known in [hash.as_str(), std::env::consts::ARCH, "ONNX Runtime  1.", "= 1"] {
        assert!(text.contains(known), "{known}: {text}");
    }
    let short = crier().arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(short.stdout).unwrap().lines().count(), 1);
}

#[test]
fn board_report_tells_what_the_machine_is_and_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.md");
    let mut report = crier();
    report
        .args(["board-report", "--quick", "--serial", "/dev/no-such-port", "--state-dir"])
        .arg(folder.path());
    let output = report.arg("--output").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(&file).unwrap();
    let sections = ["Program", "Processor", "Hardware", "Sound", "Start", "Serial port", "Memory", "Disk"];
    for section in sections {
        assert!(report.contains(&format!("\n## {section}\n")), "{section}: {report}");
    }
    for part in ["| sha256 | ", "| write, with fsync | ", " GB/s |", "| /dev/no-such-port | *absent: "] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the report is left");
}

#[test]
fn a_stop_is_heard_at_once_and_fades() {
    let mut appliance = paced();
    appliance.ask(&["say", SENTENCE]);
    speaking(&mut appliance);
    appliance.ask(&["stop"]);
    appliance.wait("idle", |status| status["state"]["mode"] == "idle");
    // What the device still holds.
    std::thread::sleep(Duration::from_millis(300));
    let heard = appliance.heard();
    let expected = reference(SENTENCE);
    assert!(heard.len() < expected.len() * 3 / 4, "{} of {} samples", heard.len(), expected.len());
    assert_eq!(appliance.count("cancelled"), 1);
    let last: Vec<u16> = heard.iter().rev().take(24).map(|sample| sample.unsigned_abs()).collect();
    assert!(last.iter().all(|&sample| sample < 600), "the end is a fade, not a cut: {last:?}");
}

#[test]
fn stop_all_empties_the_queue() {
    let mut appliance = paced();
    for _ in 0..5 {
        appliance.ask(&["say", SENTENCE]);
    }
    speaking(&mut appliance);
    assert_eq!(appliance.ask(&["queue"]).lines().count(), 6);
    appliance.ask(&["stop", "--all"]);
    appliance.wait_for("cancelled", 5);
    assert_eq!(appliance.ask(&["queue"]), "The queue is empty.\n");
}

#[test]
fn what_is_paused_goes_on_where_it_was() {
    let mut appliance = paced();
    let saying = appliance
        .ctl()
        .args(["say", "--wait", SENTENCE])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    speaking(&mut appliance);
    appliance.ask(&["pause"]);
    appliance.wait("paused", |status| status["state"]["mode"] == "paused");
    std::thread::sleep(Duration::from_millis(400));
    let first = appliance.heard().len();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(appliance.heard().len(), 0, "a pause is silent");
    appliance.ask(&["resume"]);
    assert!(saying.wait_with_output().unwrap().status.success());
    let second = appliance.heard();
    let expected = reference(SENTENCE);
    // The faded part is said again, so that no sound is lost.
    assert!(first + second.len() >= expected.len(), "{first} and {} of {}", second.len(), expected.len());
    assert!(first + second.len() < expected.len() + 24_000 / 2);
    let end = second.iter().rev().zip(expected.iter().rev()).take_while(|(a, b)| a == b).count();
    assert!(end * 10 >= second.len() * 8, "{end} of the last {} samples are those expected", second.len());
}

#[test]
fn something_important_comes_first() {
    let mut appliance = paced();
    appliance.ask(&["say", "--id", "long", SENTENCE]);
    speaking(&mut appliance);
    let alarm = appliance.ask(&["say", "--wait", "--priority", "important", "--id", "alarm", "Fire."]);
    assert!(alarm.contains("alarm: finished"), "{alarm}");
    // Of SSIP's rules: what is interrupted by something important is cancelled.
    assert_eq!((appliance.count("cancelled"), appliance.count("finished")), (1, 1));
    let heard = appliance.heard();
    let fire = reference("Fire.");
    assert!(heard.windows(fire.len()).any(|window| window == fire), "the alarm is heard whole");
}

#[test]
fn the_same_id_is_said_once_and_what_expired_is_not_said() {
    let mut appliance = paced();
    appliance.ask(&["say", "--id", "door", SENTENCE]);
    assert!(appliance.ask(&["say", "--id", "door", SENTENCE]).contains("already"));
    appliance.ask(&["say", "--expires-in-s", "1", "--id", "late", SENTENCE]);
    appliance.wait_for("expired", 1);
    appliance.wait_for("finished", 1);
    assert_eq!((appliance.count("started"), appliance.count("duplicate")), (1, 1));
}

#[test]
fn volume_mute_and_voice_are_kept_over_a_restart() {
    let appliance = Appliance::start("[voices.second]\nseed = 7\n");
    appliance.ask(&["volume", "35"]);
    appliance.ask(&["mute"]);
    appliance.ask(&["voice", "second"]);
    let refused = appliance.try_ask(&["voice", "nobody"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("default, second"), "{refused:?}");
    // They are written together, a second after the last one.
    let written = || std::fs::read_to_string(appliance.path("state/state.json")).unwrap_or_default();
    let begin = std::time::Instant::now();
    while !written().contains("second") {
        assert!(begin.elapsed() < crate::rig::PATIENCE, "never written: {}", written());
        std::thread::sleep(Duration::from_millis(20));
    }
    let folder = appliance.kill();
    let mut appliance = Appliance::start_in(folder, "[voices.second]\nseed = 7\n");
    let state = appliance.status()["state"].clone();
    assert_eq!(
        (&state["volume_percent"], &state["muted"], &state["voice"]),
        (&35.into(), &true.into(), &"second".into())
    );
    assert!(appliance.say(SENTENCE).iter().all(|&sample| sample == 0), "it is muted");
    appliance.ask(&["unmute"]);
    appliance.ask(&["volume", "100"]);
    assert!(appliance.say(SENTENCE).iter().any(|&sample| sample.unsigned_abs() > 3000), "it is loud again");
}

#[test]
fn repeat_says_it_again() {
    let mut appliance = Appliance::start("");
    let refused = appliance.try_ask(&["repeat"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing to repeat"), "{refused:?}");
    let first = appliance.say(SENTENCE);
    appliance.ask(&["repeat"]);
    appliance.wait_for("finished", 2);
    assert_same(&appliance.heard(), &first, "the repetition");
}

#[test]
fn chimes_come_before_the_text_and_may_come_alone() {
    let folder = tempfile::tempdir().unwrap();
    let chimes = folder.path().join("chimes");
    std::fs::create_dir(&chimes).unwrap();
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(chimes.join("gong.wav"), spec).unwrap();
    for index in 0..48_000_u16 {
        let sample = ((f32::from(index) * 0.05).sin() * 12_000.0) as i16;
        wav.write_sample(sample).unwrap();
        wav.write_sample(sample).unwrap();
    }
    wav.finalize().unwrap();
    let config = format!("[player]\nchimes_dir = \"{}\"\ncrossfade_ms = 0\n", chimes.display());
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.ask(&["say", "--wait", "--chime", "gong"]);
    let alone = appliance.heard();
    assert!(alone.len().abs_diff(24_000) < 100, "one second at the voice's rate: {}", alone.len());
    appliance.ask(&["say", "--wait", "--chime", "gong.wav", "Twenty degrees."]);
    let both = appliance.heard();
    let speech = reference("Twenty degrees.");
    assert_same(&both[..alone.len()], &alone, "the chime before the text");
    assert!(both.ends_with(&speech), "{} samples", both.len());
    // A missing chime fails when it is all there is, and never takes the text with it.
    let missing = appliance.try_ask(&["say", "--wait", "--chime", "bell"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("bell.wav"), "{missing:?}");
    appliance.ask(&["say", "--wait", "--chime", "bell", "Twenty degrees."]);
    assert_same(&appliance.heard(), &speech, "the text without its chime");
}

#[test]
fn an_invalid_configuration_changes_nothing_and_a_valid_one_is_taken_over() {
    let mut appliance = Appliance::start("");
    let file = appliance.path("crier.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("volume_percent = 100", "volume_percent = 400")).unwrap();
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    let begin = std::time::Instant::now();
    while !appliance.log().contains("configuration not reloaded") {
        assert!(begin.elapsed() < crate::rig::PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(appliance.status()["state"]["volume_percent"], 100);
    assert!(appliance.log().contains("volume_percent"), "{}", appliance.log());
    write_config(appliance.folder(), "[player]\nvolume_percent = 55\n[voices.other]\nseed = 3\n");
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    let status = appliance.wait("taken over", |status| status["state"]["volume_percent"] == 55);
    assert!(status["state"]["voices"].to_string().contains("other"), "{status:#}");
    appliance.say(SENTENCE);
}

#[test]
fn an_orderly_end_finishes_the_sentence_and_keeps_what_waits() {
    let mut appliance = paced();
    appliance.ask(&["say", SENTENCE]);
    appliance.ask(&["say", "--id", "waiting", "Twenty degrees."]);
    speaking(&mut appliance);
    let (code, folder) = appliance.terminate();
    assert_eq!(code, Some(0));
    let wav = hound::WavReader::open(folder.path().join("heard.wav")).unwrap();
    let heard: Vec<i16> = wav.into_samples::<i16>().map(Result::unwrap).collect();
    assert_same(&heard, &reference(SENTENCE), "the sentence was finished, nothing else was begun");
    assert!(!folder.path().join("run/control").exists());
    let mut next = Appliance::start_in(folder, "");
    next.wait_for("finished", 1);
    assert!(next.ask(&["say", "--id", "waiting", "Twenty degrees."]).contains("already"));
}

#[test]
fn a_second_appliance_in_the_same_place_is_refused() {
    let appliance = Appliance::start("");
    let second = crier().arg("serve").arg("--config").arg(appliance.path("crier.toml")).output().unwrap();
    let error = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(69), "{error}");
    assert!(error.contains("runs already"), "{error}");
}

#[test]
fn wrong_wishes_are_refused_in_words_and_change_nothing() {
    let appliance = Appliance::start("");
    for (arguments, words) in [
        (vec!["say", "--voice", "nobody", "Hello."], "no voice 'nobody'"),
        (vec!["say", "--speaker", "nobody", "Hello."], "nobody"),
        (vec!["say", "--language", "klingon", "Hello."], "klingon"),
        (vec!["say", "--volume", "200", "Hello."], "percentage"),
        (vec!["say", "--id", "#1", "Hello."], "begins with '#'"),
        (vec!["say", "\u{200b}"], "nothing"),
        (vec!["hold", "nothing"], "there is no stage"),
    ] {
        let output = appliance.try_ask(&arguments);
        let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(!output.status.success() && error.contains(words), "{arguments:?}: {error}");
    }
    assert_eq!(appliance.count("accepted"), 0);
    let nobody = crier().args(["ctl", "--socket", "/no/such/socket", "status"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("crier serve"));
}

#[test]
fn what_a_button_says_is_rendered_ahead_and_sounds_the_same() {
    let config = "[[button]]\nkey = \"KEY_PROG1\"\npress = { say = \"Somebody is at the door.\" }\n";
    let mut appliance = Appliance::start(config);
    let cached = |status: &serde_json::Value| status["cached"].as_u64().unwrap_or(0);
    // It is rendered when nothing else is to be said, some seconds after the start.
    let begin = std::time::Instant::now();
    while cached(&appliance.status()) == 0 {
        assert!(begin.elapsed() < crate::rig::PATIENCE, "never rendered ahead");
        assert_same(
            &appliance.say("Somebody is at the door."),
            &reference("Somebody is at the door."),
            "the text of a button",
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn stages_run_where_the_configuration_says() {
    let mut appliance = Appliance::start("[cpu]\nvocoder_processors = [0]\nvocoder_threads = 1\n");
    let status_of = |pid: nix::unistd::Pid| std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let vocoder = status_of(appliance.stage("vocoder"));
    assert!(vocoder.lines().any(|line| line.split_whitespace().eq(["Cpus_allowed_list:", "0"])), "{vocoder}");
    let score = |pid: nix::unistd::Pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        text.trim().parse::<i32>().unwrap()
    };
    let (talker, player) = (appliance.stage("talker"), appliance.stage("player"));
    assert!(score(talker) > score(player), "memory is taken from the engines first");
    if !nix::unistd::geteuid().is_root() {
        return crier_test_needs::missing("root", "run the tests as root");
    }
    {
        let stat = std::fs::read_to_string(format!("/proc/{player}/stat")).unwrap();
        // Behind the name: state is field 3, policy field 41, and 1 is SCHED_FIFO.
        let policy = stat.rsplit(')').next().unwrap().split_whitespace().nth(41 - 3).unwrap().to_owned();
        let locked = status_of(player).lines().any(|line| {
            line.starts_with("VmLck:") && line.split_whitespace().nth(1).is_some_and(|kib| kib != "0")
        });
        assert!(policy == "1" && locked, "policy {policy}, locked {locked}: {}", appliance.log());
    }
}

#[test]
fn tuning_measures_real_stages_and_writes_the_fastest_plan() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crier.toml");
    std::fs::write(&file, "# my own\n[queue]\nentries_max = 9\n").unwrap();
    let output = crier().args(["tune", "--json", "--config"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        result["plans"].as_array().unwrap().iter().all(|plan| plan["rtf"].as_f64().unwrap() > 0.0),
        "{result}"
    );
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# my own\n[queue]\nentries_max = 9\n") && text.contains("vocoder_threads"),
        "{text}"
    );
    assert!(crier().arg("validate").arg(&file).output().unwrap().status.success());
}
