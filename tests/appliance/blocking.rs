//! The event loop never blocks: with system calls delayed by seconds, status is answered, stages keep their heartbeats,
//! and playback has no underrun.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::rig::{Appliance, PATIENCE};

/// Delay of each system call: an SD card that erases blocks, a child stuck in the kernel.
const DELAY: Duration = Duration::from_secs(3);
/// Time in which the status has to be answered, start of the client included.
const ANSWER: Duration = Duration::from_millis(100);
/// Factor on [`ANSWER`] for a machine that builds and tests other things: still a third of a single [`DELAY`].
const LOADED: u32 = 10;
/// Some seconds of speech, so that it goes on while calls are delayed.
const LONG: &str = "The front door is open. The kitchen light is on. The washing machine has finished. \
                    The next train leaves at eight fifteen from platform four. Dinner is ready.";

/// A strace that delays system calls of every thread of one process, each by itself: other threads run on meanwhile.
struct Delayed(Child);

impl Delayed {
    fn attach(pid: Pid, calls: &str, paths: &[&str]) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e"]);
        command.arg(format!("inject={calls}:delay_enter={}", DELAY.as_micros()));
        for path in paths {
            command.args(["-P", path]);
        }
        let started = command.args(["-p", &pid.to_string()]).stderr(Stdio::null()).spawn();
        let Ok(child) = started else {
            crier_test_needs::missing("strace", "run scripts/setup.sh");
            return None;
        };
        let traced = || {
            let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            tasks.all(|task| {
                let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            })
        };
        let begin = Instant::now();
        while !traced() {
            assert!(begin.elapsed() < PATIENCE, "strace cannot attach");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self(child))
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        // SIGTERM makes it detach; SIGKILL would leave the process stopped.
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Asks for the status again and again for `time`, and returns the longest time to an answer.
fn longest_answer(appliance: &Appliance, time: Duration) -> Duration {
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    while begin.elapsed() < time {
        let asked = Instant::now();
        assert!(appliance.status().is_object(), "{}", appliance.log());
        longest = longest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    longest
}

#[track_caller]
fn assert_undisturbed(appliance: &Appliance, longest: Duration, restarts: u64) {
    assert!(longest < ANSWER * LOADED, "a status took {longest:?}\n{}", appliance.log());
    let status = appliance.status();
    assert_eq!(status["state"]["restarts"].as_u64(), Some(restarts), "{status:#}\n{}", appliance.log());
    assert_eq!(status["underruns"].as_u64(), Some(0), "{status:#}");
}

#[test]
fn slow_files_of_a_reload_delay_neither_status_nor_playback() {
    let appliance = Appliance::start("");
    let config = appliance.path("crier.toml").display().to_string();
    appliance.ask(&["say", LONG]);
    let Some(_delayed) = Delayed::attach(appliance.pid(), "open,openat", &[&config]) else { return };
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
}
