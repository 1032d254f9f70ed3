//! `crier say` when something dies: an engine, or the command itself.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::rig::{SENTENCE, crier};

const PATIENCE: Duration = Duration::from_secs(60);

/// About a minute and a half of speech: far more than the pipe and all buffers hold.
fn long_text() -> String {
    [SENTENCE; 20].join(" ")
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Processes of the stages that a command has started: name of the stage, process.
fn stages(parent: &Child) -> Vec<(String, Pid)> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", parent.id())).unwrap();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    let pids: Vec<i32> = children
        .flat_map(|pids| pids.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    let name = |pid: i32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        Some((line.split('\0').nth(2)?.to_owned(), Pid::from_raw(pid)))
    };
    pids.into_iter().filter_map(name).collect()
}

/// Starts to speak into a pipe, and returns once the first samples have arrived. Nobody reads on, so that the command
/// stands in the middle of the text.
fn speak_into_pipe(text: &str) -> (Child, ChildStdout, Vec<u8>) {
    let mut child = crier().args(["say", "--wav", "-", text]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut begin = vec![0; 4096];
    out.read_exact(&mut begin).unwrap();
    (child, out, begin)
}

/// Starts to speak into `wav`, and returns once the file is being written.
fn speak_into_file(wav: &Path) -> Child {
    let child = crier().args(["say", "--wav"]).arg(wav).arg(long_text()).spawn().unwrap();
    let begin = Instant::now();
    while files(wav.parent().unwrap()).is_empty() {
        assert!(begin.elapsed() < PATIENCE, "no file was begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn say_loses_no_sample_when_an_engine_is_killed() {
    let text = long_text();
    let expected = crier().args(["say", "--wav", "-", &text]).output().unwrap();
    assert!(expected.status.success());
    for engine in ["talker", "predictor", "vocoder"] {
        let (mut child, mut out, mut heard) = speak_into_pipe(&text);
        let victim = stages(&child).into_iter().find(|(name, _)| name == engine).unwrap().1;
        kill(victim, Signal::SIGKILL).unwrap();
        out.read_to_end(&mut heard).unwrap();
        assert!(child.wait().unwrap().success(), "{engine}");
        assert!(
            heard == expected.stdout,
            "{engine} killed: {} bytes of {}",
            heard.len(),
            expected.stdout.len()
        );
    }
}

#[test]
fn say_that_is_interrupted_leaves_no_file_and_exits_as_shells_expect() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = speak_into_file(&folder.path().join("speech.wav"));
        kill(pid(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new(), "{signal}");
    }
}

#[test]
fn say_that_is_killed_leaves_no_half_file_under_its_name_and_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("speech.wav");
    std::fs::write(&wav, "what was there before").unwrap();
    let mut child = crier().args(["say", "--wav"]).arg(&wav).arg(long_text()).spawn().unwrap();
    let begin = Instant::now();
    while files(folder.path()).len() < 2 {
        assert!(begin.elapsed() < PATIENCE, "no file was begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    let stages = stages(&child);
    assert_eq!(stages.len(), 3, "{stages:?}");
    kill(pid(&child), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    assert_eq!(std::fs::read(&wav).unwrap(), b"what was there before");
    let begin = Instant::now();
    for (name, pid) in stages {
        while kill(pid, None).is_ok() {
            assert!(begin.elapsed() < PATIENCE, "{name} is still there");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
