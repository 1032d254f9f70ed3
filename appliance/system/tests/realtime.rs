//! Realtime priority, locked memory and the limit on runaway threads, each in a process of its own: this file again,
//! started with one of the ignored tests. Users without the privilege see the refusal instead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use crier_system::{Ended, Spawn, limit_realtime, lock_memory, run_realtime};

/// What the child says where the user lacks the privilege.
const NO_PRIVILEGE: i32 = 77;

fn in_a_child(name: &str) -> Ended {
    let spawn = Spawn {
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", name, "--ignored", "--nocapture"].map(Into::into).to_vec(),
        ..Spawn::default()
    };
    spawn.start().unwrap().wait(Duration::from_secs(20)).unwrap().expect("the child hangs")
}

/// Field 41 of `/proc/thread-self/stat`: 0 is the usual policy, 1 is SCHED_FIFO. Field 40 is the priority.
fn policy_and_priority() -> (u32, u32) {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[38].parse().unwrap(), fields[37].parse().unwrap())
}

#[test]
#[ignore = "the child's side of `a_thread_is_realtime_alone_and_memory_stays`"]
fn realtime_thread() {
    if run_realtime(10).is_err() || lock_memory().is_err() {
        std::process::exit(NO_PRIVILEGE);
    }
    assert_eq!(policy_and_priority(), (1, 10));
    assert_eq!(std::thread::spawn(policy_and_priority).join().unwrap(), (0, 0), "not inherited");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    assert_ne!(locked.trim(), "0 kB");
}

#[test]
fn a_thread_is_realtime_alone_and_memory_stays() {
    match in_a_child("realtime_thread") {
        Ended::Exited { code: NO_PRIVILEGE } => {
            crier_test_needs::missing("the right to real-time priority", "run it as root");
        }
        ended => assert_eq!(ended, Ended::Exited { code: 0 }),
    }
}

#[test]
#[ignore = "the child's side of `a_realtime_thread_that_runs_away_is_ended`"]
fn runaway() {
    limit_realtime(Duration::from_millis(100)).unwrap();
    if run_realtime(1).is_err() {
        std::process::exit(NO_PRIVILEGE);
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_realtime_thread_that_runs_away_is_ended() {
    match in_a_child("runaway") {
        Ended::Exited { code: NO_PRIVILEGE } => {
            crier_test_needs::missing("the right to real-time priority", "run it as root");
        }
        ended => assert!(matches!(ended, Ended::Killed { signal: libc::SIGXCPU, .. }), "it ran on: {ended}"),
    }
}
