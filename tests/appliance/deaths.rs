//! Whatever dies, the sentence arrives whole.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::rig::{Appliance, Dice, SENTENCE, assert_same, reference};

/// Runs of the matrix; `CRIER_KILLS` asks for more.
const KILLS: u64 = 200;

const ENGINES: [&str; 3] = ["talker", "predictor", "vocoder"];

#[test]
fn what_is_heard_is_what_the_engine_makes_bit_for_bit() {
    let mut appliance = Appliance::start("");
    assert_same(&appliance.say(SENTENCE), &reference(SENTENCE), "what is heard");
    assert_same(&appliance.say("Twenty degrees."), &reference("Twenty degrees."), "what is heard");
}

#[test]
fn engines_killed_at_any_moment_lose_no_sample_and_repeat_none() {
    let kills = std::env::var("CRIER_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let expected = reference(SENTENCE);
    let mut appliance = Appliance::start("");
    let mut landed = 0;
    for run in 0..kills {
        if run % 9 == 8 {
            // Stages that die again and again are started with ever more patience, which would only be waited for.
            appliance = Appliance::start("");
        }
        let mut dice = Dice::new(run + 1);
        let stage = ENGINES[dice.below(3) as usize];
        let victim = appliance.stage(stage);
        let mut saying = appliance
            .ctl()
            .args(["say", "--wait", SENTENCE])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // A run takes about 200 ms on an idle machine.
        std::thread::sleep(Duration::from_micros(dice.below(250_000)));
        landed += u64::from(kill(victim, Signal::SIGKILL).is_ok() && saying.try_wait().unwrap().is_none());
        assert!(saying.wait().unwrap().success(), "run {run}: {}", appliance.log());
        let heard = appliance.heard();
        assert_same(&heard, &expected, &format!("run {run}, {stage} killed"));
    }
    assert!(landed * 4 >= kills, "only {landed} of {kills} kills hit an announcement");
}

#[test]
fn several_deaths_in_one_sentence_are_survived_as_well() {
    let expected = reference(SENTENCE);
    let mut appliance = Appliance::start("");
    for run in 0..6 {
        if run % 2 == 1 {
            appliance = Appliance::start("");
        }
        let mut dice = Dice::new(1000 + run);
        let mut saying = appliance
            .ctl()
            .args(["say", "--wait", SENTENCE])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while saying.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(30 + dice.below(150)));
            let status = appliance.status();
            let stages = status["stages"].as_array().cloned().unwrap_or_default();
            let pids: Vec<i64> = stages.iter().take(3).filter_map(|stage| stage["pid"].as_i64()).collect();
            if let Some(&pid) = pids.get(dice.below(3) as usize)
                && dice.below(3) == 0
            {
                let _ = kill(nix::unistd::Pid::from_raw(pid as i32), Signal::SIGKILL);
            }
        }
        let heard = appliance.heard();
        assert_same(&heard, &expected, &format!("run {run}"));
    }
}

#[test]
fn a_stage_that_hangs_is_found_and_replaced() {
    let expected = reference(SENTENCE);
    let mut appliance = Appliance::start("[supervisor]\nstage_progress_timeout_ms = 700\n");
    for stage in ENGINES {
        let before = restarts(&mut appliance, stage);
        appliance.signal(stage, Signal::SIGSTOP);
        let begin = Instant::now();
        assert_same(&appliance.say(SENTENCE), &expected, &format!("{stage} was stopped"));
        assert!(restarts(&mut appliance, stage) > before, "{stage} was replaced after {:?}", begin.elapsed());
    }
    for stage in ["player", "intake"] {
        let before = restarts(&mut appliance, stage);
        appliance.signal(stage, Signal::SIGSTOP);
        // Nothing is asked of them meanwhile: that they hang is found all the same.
        appliance.wait("replaced", |status| restarts_in(status, stage) > before);
        let evidence = appliance.status();
        let entry = entry_of(&evidence, stage);
        assert!(entry["last_end"].as_str().unwrap().contains("heartbeat"), "{entry}");
    }
    appliance.wait("open again", |status| status["device_open"] == true);
    assert_same(&appliance.say(SENTENCE), &expected, "after all of that");
}

#[test]
fn a_player_killed_in_mid_sentence_is_replaced_and_at_most_a_period_is_lost_or_repeated() {
    // At the pace of a sound card, so that there is a middle.
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("heard.wav");
    let config = format!("[player]\noutput = \"wav\"\nwav_file = \"{}\"\n", wav.display());
    let mut appliance = Appliance::start_in(folder, &config);
    let expected = reference(SENTENCE);
    let mut saying = appliance
        .ctl()
        .args(["say", "--wait", SENTENCE])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    appliance.wait("speaking", |status| status["state"]["mode"] == "speaking");
    std::thread::sleep(Duration::from_millis(700));
    appliance.signal("player", Signal::SIGKILL);
    assert!(saying.wait().unwrap().success());
    let heard = appliance.heard();
    let period = 24_000 / 40;
    let difference = heard.len().abs_diff(expected.len());
    assert!(difference <= 2 * period, "{} samples instead of {}", heard.len(), expected.len());
    // The beginning is untouched, and so is the end.
    let begin = heard.iter().zip(&expected).take_while(|(a, b)| a == b).count();
    let end = heard.iter().rev().zip(expected.iter().rev()).take_while(|(a, b)| a == b).count();
    assert!(begin >= 24_000 / 4, "only the first {begin} samples are those expected");
    assert!(begin + end + 4 * period >= expected.len(), "{begin} and {end} of {} samples", expected.len());
}

#[test]
fn a_killed_supervisor_takes_its_stages_along_and_the_next_one_says_what_was_not_said() {
    // At the pace of a sound card, so that it can be killed in the middle.
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("heard.wav");
    let paced = format!("[player]\noutput = \"wav\"\nwav_file = \"{}\"\n", wav.display());
    let mut appliance = Appliance::start_in(folder, &paced);
    let stages: Vec<_> =
        ["talker", "predictor", "vocoder", "player", "intake"].map(|stage| appliance.stage(stage)).to_vec();
    appliance.ask(&["say", SENTENCE]);
    appliance.ask(&["say", "--id", "second", "Twenty degrees."]);
    appliance.wait("speaking", |status| status["state"]["mode"] == "speaking");
    let folder = appliance.kill();
    let begin = Instant::now();
    let alive = |pid| kill(pid, None).is_ok();
    while stages.iter().any(|&pid| alive(pid) && !is_zombie(pid)) {
        assert!(begin.elapsed() < Duration::from_secs(2), "stages outlive their supervisor");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_file(folder.path().join("heard.wav")).unwrap();
    let mut next = Appliance::start_in(folder, "");
    next.wait_for("finished", 2);
    let both = [reference(SENTENCE), reference("Twenty degrees.")].concat();
    let wav = hound::WavReader::open(next.path("heard.wav")).unwrap();
    let heard: Vec<i16> = wav.into_samples::<i16>().map(Result::unwrap).collect();
    assert_same(&heard, &both, "after the restart");
    // What was said is not said again.
    let (_, folder) = next.terminate();
    let next = Appliance::start_in(folder, "");
    assert_eq!(next.count("started"), 0);
    assert!(next.ask(&["say", "--id", "second", "Twenty degrees."]).contains("duplicate"));
}

#[test]
fn a_stage_that_dies_too_often_is_held_told_and_released() {
    let mut appliance = Appliance::start("[supervisor]\nstage_restarts_max = 2\n");
    for _ in 0..3 {
        appliance.signal("vocoder", Signal::SIGKILL);
        appliance.wait("noticed", |status| entry_of(status, "vocoder")["condition"] != "running");
        let held = |status: &serde_json::Value| entry_of(status, "vocoder")["condition"] == "held";
        if appliance.wait("settled", |status| {
            ["running", "held"]
                .contains(&entry_of(status, "vocoder")["condition"].as_str().unwrap_or_default())
        })["state"]["mode"]
            == "fault"
            || held(&appliance.status())
        {
            break;
        }
    }
    let status = appliance.wait("held", |status| entry_of(status, "vocoder")["condition"] == "held");
    assert_eq!(status["state"]["mode"], "fault");
    assert!(status["state"]["problems"].to_string().contains("vocoder is held"), "{status:#}");
    // What cannot be spoken is told so, and the appliance goes on.
    let output = appliance.try_ask(&["say", "--wait", SENTENCE]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("held"), "{output:?}");
    appliance.ask(&["release", "vocoder"]);
    appliance.stage("vocoder");
    assert_same(&appliance.say(SENTENCE), &reference(SENTENCE), "what is heard");
}

fn entry_of(status: &serde_json::Value, stage: &str) -> serde_json::Value {
    let stages = status["stages"].as_array().cloned().unwrap_or_default();
    let is = |entry: &serde_json::Value| {
        let name = entry["name"].as_str().unwrap_or_default();
        name == stage || name.ends_with(&format!("/{stage}"))
    };
    stages.into_iter().find(is).unwrap_or_default()
}

fn restarts_in(status: &serde_json::Value, stage: &str) -> u64 {
    entry_of(status, stage)["restarts"].as_u64().unwrap_or(0)
}

fn restarts(appliance: &mut Appliance, stage: &str) -> u64 {
    restarts_in(&appliance.status(), stage)
}

/// A killed child of a killed parent stays as a zombie where nobody reaps it.
fn is_zombie(pid: nix::unistd::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}
