//! SIGHUP: what a new configuration changes, and what it must leave alone.

use std::collections::BTreeMap;

use nix::sys::signal::{Signal, kill};
use serde_json::Value;

use crate::rig::{Appliance, write_config};

/// Names of the five stages at the least.
const STAGES: [&str; 5] = ["talker", "predictor", "vocoder", "player", "intake"];

/// CPUs that the kernel lets each stage use, by the stage's name.
fn cpus(appliance: &mut Appliance) -> BTreeMap<&'static str, String> {
    let list = |pid: nix::unistd::Pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        line.trim().to_owned()
    };
    STAGES.into_iter().map(|name| (name, list(appliance.stage(name)))).collect()
}

/// Sends SIGHUP and waits until the log says what became of it.
#[track_caller]
fn reload(appliance: &mut Appliance, config: &str, outcome: &str) {
    write_config(appliance.folder(), config);
    let before = appliance.log().matches(outcome).count();
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    appliance.wait_log(outcome, before + 1);
}

fn restarts(status: &Value) -> BTreeMap<String, u64> {
    let stages = status["stages"].as_array().unwrap();
    stages.iter().map(|stage| (stage["name"].to_string(), stage["restarts"].as_u64().unwrap())).collect()
}

#[test]
fn reload_leaves_every_stage_on_its_cpus_and_takes_a_new_plan() {
    let pinned = "[cpu]\nsupervisor_processors = [1]\n";
    let mut appliance = Appliance::start(pinned);
    let before = cpus(&mut appliance);
    let counts = restarts(&appliance.status());
    reload(&mut appliance, pinned, "configuration reloaded");
    assert_eq!(cpus(&mut appliance), before);
    assert_eq!(restarts(&appliance.status()), counts, "nothing has changed, so nothing was restarted");

    // What `crier tune` writes: CPUs outside those that the supervisor has pinned itself to.
    let tuned = "[cpu]\nsupervisor_processors = [1]\ntalker_processors = [0]\nvocoder_processors = [0]\n";
    reload(&mut appliance, tuned, "configuration reloaded");
    let wanted = appliance.wait("on its new CPUs", |status| {
        status["cpu_plan"].as_str().is_some_and(|plan| plan.contains("vocoder 1 thread on 0"))
    });
    appliance.ask(&["say", "--wait", "On the new CPUs."]);
    let after = cpus(&mut appliance);
    assert_eq!((after["talker"].as_str(), after["vocoder"].as_str()), ("0", "0"), "{wanted}");
    assert_eq!(after["player"], before["player"]);

    reload(&mut appliance, "[cpu]\ntalker_processors = [900]\n", "configuration not reloaded");
    assert!(appliance.log().contains("900"), "the refusal names the CPU");
    assert_eq!(cpus(&mut appliance), after);
}

#[test]
fn held_stage_stays_held_through_a_reload_and_speaks_after_its_release() {
    let mut appliance = Appliance::start("");
    let condition = |status: &Value, name: &str| {
        let stages = status["stages"].as_array().cloned().unwrap_or_default();
        let is = |stage: &&Value| stage["name"].as_str().is_some_and(|known| known.ends_with(name));
        stages
            .iter()
            .find(is)
            .map(|stage| (stage["condition"].clone(), stage["restarts"].as_u64().unwrap_or(0)))
    };
    for stage in ["vocoder", "talker", "player", "intake"] {
        let (_, restarts) = condition(&appliance.status(), stage).unwrap();
        appliance.ask(&["hold", stage]);
        appliance.wait("held", |status| condition(status, stage).is_some_and(|(state, _)| state == "held"));
        reload(&mut appliance, "[queue]\nentries_max = 7\n", "configuration reloaded");
        reload(
            &mut appliance,
            "[queue]\nentries_max = 8\n[player]\nbuffer_ms = 300\n",
            "configuration reloaded",
        );
        std::thread::sleep(std::time::Duration::from_millis(700));
        let (state, count) = condition(&appliance.status(), stage).unwrap();
        assert_eq!((state, count), (Value::from("held"), restarts), "{stage}");
        appliance.ask(&["release", stage]);
        appliance
            .wait("running", |status| condition(status, stage).is_some_and(|(state, _)| state == "running"));
        assert_eq!(condition(&appliance.status(), stage).unwrap().1, restarts + 1, "{stage}");
        reload(&mut appliance, "", "configuration reloaded");
    }
    appliance.wait("open", |status| status["device_open"] == true);
    appliance.ask(&["say", "--wait", "Released."]);
}

#[test]
fn new_queue_limits_are_in_force_at_once() {
    let mut appliance = Appliance::start("");
    reload(&mut appliance, "[queue]\nentries_max = 3\n", "configuration reloaded");
    appliance.ask(&["pause"]);
    for text in ["One.", "Two.", "Three."] {
        appliance.ask(&["say", text]);
    }
    assert_eq!(appliance.try_ask(&["say", "Four."]).status.code(), Some(75), "the queue is full");
}

#[test]
fn change_that_needs_a_start_of_the_program_is_named_and_not_in_force() {
    let mut appliance = Appliance::start("");
    let name = appliance.status()["name"].clone();
    reload(&mut appliance, "[metrics]\nsocket = \"/nowhere/metrics\"\n", "configuration reloaded");
    assert!(appliance.log().contains("key=metrics"), "{}", appliance.log());
    reload(&mut appliance, "[metrics]\nsocket = \"/nowhere/metrics\"\n", "configuration reloaded");
    assert!(appliance.log().matches("key=metrics").count() == 2, "still a difference at the next reload");
    assert_eq!(appliance.status()["name"], name);
}
