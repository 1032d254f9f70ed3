//! Children as the supervisor starts them, with real processes. Some of them are this very file, started again with
//! one of the ignored tests, which are the child's side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unsafe_code)]

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use crier_system::{CHANNEL_FD, Channel, Child, Ended, Spawn, User, is_root, own_processors};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// `/bin/sh -c SCRIPT`.
fn shell(script: &str) -> Spawn {
    Spawn {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        ..Spawn::default()
    }
}

/// This file again, running one of its ignored tests.
fn this_test(name: &str, channel: Channel) -> Spawn {
    let arguments = ["--exact", name, "--ignored", "--nocapture"];
    Spawn {
        program: std::env::current_exe().unwrap(),
        arguments: arguments.map(OsString::from).to_vec(),
        channel: Some(channel),
        ..Spawn::default()
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait(child: &mut Child) -> Ended {
    child.wait(PATIENCE).unwrap().expect("the child has not ended")
}

/// All that the child writes to standard error until it and its children have closed it.
fn read_stderr(child: &mut Child) -> String {
    let mut pipe = File::from(child.take_stderr().unwrap());
    let mut text = String::new();
    loop {
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        assert_ne!(
            poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).unwrap(),
            0,
            "got so far: {text}"
        );
        let mut part = [0; 4096];
        match pipe.read(&mut part).unwrap() {
            0 => return text,
            bytes => text.push_str(std::str::from_utf8(&part[..bytes]).unwrap()),
        }
    }
}

/// The first line that the child writes to standard error, as a number.
fn read_number(child: &mut Child) -> i32 {
    let mut pipe = File::from(child.take_stderr().unwrap());
    let mut text = Vec::new();
    until("a line on standard error", || {
        let mut part = [0; 64];
        let bytes = pipe.read(&mut part).unwrap_or(0);
        text.extend_from_slice(&part[..bytes]);
        text.ends_with(b"\n")
    });
    String::from_utf8(text).unwrap().trim().parse().unwrap()
}

/// Returns true if the process exists, be it as a zombie.
fn exists(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Returns true if the process exists and is not a zombie.
fn runs(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next())
        .is_some_and(|state| state != 'Z' && state != 'X')
}

fn status_line(pid: i32, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim_start_matches(':').trim().into()
}

#[test]
#[ignore = "the child's side of `packets_go_both_ways_over_the_inherited_channel`"]
fn stage_that_answers() {
    let channel = Channel::from_inherited(CHANNEL_FD).unwrap();
    let mut packet = Vec::new();
    while channel.receive(&mut packet).unwrap().is_some() {
        packet.reverse();
        channel.send(&packet).unwrap();
    }
}

#[test]
fn packets_go_both_ways_over_the_inherited_channel() {
    let (here, there) = Channel::pair().unwrap();
    let mut child = this_test("stage_that_answers", there).start().unwrap();
    assert_eq!(child.refusals(), []);
    let mut packet = Vec::new();
    let longest: Vec<u8> = (0..crier_system::PACKET_BYTES_MAX).map(|at| (at % 7) as u8).collect();
    for sent in [&b"abc"[..], &longest] {
        here.send(sent).unwrap();
        assert_eq!(here.receive(&mut packet).unwrap(), Some(sent.len()));
        assert!(packet.iter().rev().eq(sent));
    }
    drop(here);
    assert_eq!(wait(&mut child), Ended::Exited { code: 0 }, "a stage sees that the supervisor is gone");
}

#[test]
fn the_death_of_a_child_ends_its_channel() {
    let (here, there) = Channel::pair().unwrap();
    let child = this_test("stage_that_answers", there).start().unwrap();
    child.kill().unwrap();
    assert_eq!(here.receive(&mut Vec::new()).unwrap(), None);
}

#[test]
#[ignore = "the middle process of `a_child_dies_with_its_parent`"]
fn parent_to_be_killed() {
    let channel = Channel::from_inherited(CHANNEL_FD).unwrap();
    // The thread that starts the child ends long before the process does.
    let user = if is_root() { User::find("nobody").unwrap() } else { None };
    let start = || Spawn { user, ..shell("exec sleep 1000") }.start().unwrap();
    let child = std::thread::spawn(start).join().unwrap();
    channel.send(&child.pid().to_ne_bytes()).unwrap();
    // Until it is killed.
    channel.receive(&mut Vec::new()).unwrap();
}

#[test]
fn a_child_dies_with_its_parent_and_not_with_the_thread_that_started_it() {
    let (here, there) = Channel::pair().unwrap();
    let mut middle = this_test("parent_to_be_killed", there).start().unwrap();
    let mut packet = Vec::new();
    here.receive(&mut packet).unwrap();
    let grandchild = i32::from_ne_bytes(packet.as_slice().try_into().unwrap());
    std::thread::sleep(Duration::from_millis(50));
    assert!(runs(grandchild), "it must outlive the thread that started it");
    middle.signal(Signal::SIGKILL).unwrap();
    assert_eq!(wait(&mut middle), Ended::Killed { signal: libc::SIGKILL, core: false });
    until("the grandchild is gone", || !runs(grandchild));
}

#[test]
fn nothing_but_standard_streams_and_channel_is_inherited() {
    let leaky: OwnedFd = nix::unistd::dup(File::open("/dev/zero").unwrap()).unwrap();
    let (_here, there) = Channel::pair().unwrap();
    let child = Spawn { channel: Some(there), ..shell("exec sleep 1000") }.start().unwrap();
    until("the shell has become sleep", || status_line(child.pid(), "Name") == "sleep");
    let fds = std::fs::read_dir(format!("/proc/{}/fd", child.pid())).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let target = std::fs::read_link(&path).unwrap().display().to_string();
        format!("{} {}", path.file_name().unwrap().display(), target.split('[').next().unwrap())
    });
    let mut fds: Vec<String> = fds.collect();
    fds.sort();
    assert_eq!(fds, ["0 /dev/null", "1 /dev/null", "2 pipe:", "3 socket:"]);
    drop(leaky);
}

#[test]
fn a_child_of_another_user_has_nothing_of_root() {
    if !is_root() {
        return crier_test_needs::missing("root", "run the tests as root");
    }
    let start = |user| {
        let wishes = Spawn { user, oom_score_adjust: Some(-10), nice: Some(-3), ..shell("exec sleep 1000") };
        wishes.start().unwrap()
    };
    let child = start(User::find("nobody").unwrap());
    assert_eq!(child.refusals(), start(None).refusals(), "what only root may do is done before");
    let own = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let all = |id: String| [id.as_str(); 4].join("\t");
    assert_eq!(status_line(child.pid(), "Uid"), all(own.uid.to_string()));
    assert_eq!(status_line(child.pid(), "Gid"), all(own.gid.to_string()));
    assert_eq!(status_line(child.pid(), "Groups"), own.gid.to_string());
    assert_eq!(status_line(child.pid(), "CapPrm"), "0000000000000000");
    assert_eq!(User::find("no-such-user").unwrap(), None);
}

#[test]
fn no_child_gets_new_privileges() {
    let child = shell("exec sleep 1000").start().unwrap();
    assert_eq!(status_line(child.pid(), "NoNewPrivs"), "1");
}

#[test]
fn the_environment_is_what_was_given_and_nothing_else() {
    let environment = vec![("CRIER_TEST".into(), "a b".into())];
    let mut child = Spawn { environment, ..shell("cat /proc/self/environ >&2") }.start().unwrap();
    let text = read_stderr(&mut child);
    let variables: Vec<&str> = text.split_terminator('\0').filter(|v| !v.starts_with("PWD=")).collect();
    assert_eq!(variables, ["CRIER_TEST=a b"], "{text:?}");
}

#[test]
fn processors_memory_rank_nice_value_and_group_are_as_asked() {
    let last = *own_processors().unwrap().last().unwrap();
    let spawn = shell("exec sleep 1000");
    let child = Spawn { processors: Some(vec![last]), oom_score_adjust: Some(500), nice: Some(7), ..spawn }
        .start()
        .unwrap();
    assert_eq!(child.refusals(), []);
    let pid = child.pid();
    assert_eq!(status_line(pid, "Cpus_allowed_list"), last.to_string());
    assert_eq!(std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim(), "500");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[2], pid.to_string(), "leads its own group");
    assert_eq!(fields[16], "7", "nice value");
}

#[test]
fn what_is_not_vital_and_refused_is_told_and_the_child_runs() {
    let spawn = shell("exit 3");
    let mut child =
        Spawn { processors: Some(vec![1000]), oom_score_adjust: Some(5000), ..spawn }.start().unwrap();
    let told: Vec<String> = child.refusals().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("processors: EINVAL") && told[1].starts_with("oom_score_adj: EINVAL"),
        "{told:?}"
    );
    assert_eq!(wait(&mut child), Ended::Exited { code: 3 });
}

#[test]
fn signals_are_as_a_fresh_program_expects_them() {
    // The test harness, as every Rust program, ignores SIGPIPE; and here one more signal is blocked.
    let mut blocked = nix::sys::signal::SigSet::empty();
    blocked.add(Signal::SIGUSR1);
    blocked.thread_block().unwrap();
    let child = shell("exec sleep 1000").start().unwrap();
    assert_eq!(status_line(child.pid(), "SigBlk"), "0000000000000000");
    assert_eq!(status_line(child.pid(), "SigIgn"), "0000000000000000");
}

#[test]
fn how_a_child_ended_is_told_by_code_and_by_signal() {
    assert_eq!(wait(&mut shell("exit 125").start().unwrap()), Ended::Exited { code: 125 });
    let ended = wait(&mut shell("kill -TERM $$").start().unwrap());
    assert_eq!(ended, Ended::Killed { signal: libc::SIGTERM, core: false });
    assert_eq!(ended.to_string(), "killed by SIGTERM");
    // A realtime signal has no name, and is told nevertheless.
    let ended = wait(&mut shell("kill -40 $$").start().unwrap());
    assert_eq!(ended.to_string(), "killed by signal 40");
    let ended = wait(&mut shell("ulimit -c 0; kill -SEGV $$").start().unwrap());
    assert!(matches!(ended, Ended::Killed { signal: libc::SIGSEGV, .. }), "{ended}");
}

#[test]
fn the_descriptor_tells_the_end_and_asking_never_waits() {
    let mut child = shell("exec sleep 1000").start().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(child.wait(Duration::from_millis(10)).unwrap(), None);
    child.signal(Signal::SIGSTOP).unwrap();
    until("the child is stopped", || status_line(child.pid(), "State").starts_with('T'));
    assert_eq!(child.try_wait().unwrap(), None, "to be stopped is not to end");
    child.kill().unwrap();
    let mut fds = [PollFd::new(child.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).unwrap(), 1);
    let ended = Ended::Killed { signal: libc::SIGKILL, core: false };
    assert_eq!(child.try_wait().unwrap(), Some(ended));
    assert_eq!(child.try_wait().unwrap(), Some(ended), "asked again, the answer is the same");
    child.kill().unwrap();
    child.signal(Signal::SIGTERM).unwrap();
}

#[test]
fn reaping_on_another_thread_returns_the_end_and_kills_the_rest_of_the_group() {
    let mut child = shell("sleep 1000 & echo $! >&2; exit 3").start().unwrap();
    let grandchild = read_number(&mut child);
    let mut fds = [PollFd::new(child.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).unwrap(), 1);
    let reaping = child.reap();
    assert_eq!(child.try_wait().unwrap(), None, "the other thread has not said anything yet");
    child.kill().unwrap();
    let ended = std::thread::spawn(move || reaping.run()).join().unwrap().unwrap();
    assert_eq!(ended, Some(Ended::Exited { code: 3 }));
    until("the grandchild is gone", || !runs(grandchild));
    child.reaped(ended);
    assert_eq!(child.try_wait().unwrap(), ended);
}

#[test]
fn a_killed_child_takes_its_children_along() {
    let mut child = shell("sleep 1000 & echo $! >&2; wait").start().unwrap();
    let grandchild = read_number(&mut child);
    assert!(runs(grandchild));
    child.kill().unwrap();
    until("the grandchild is gone", || !runs(grandchild));
    assert_eq!(wait(&mut child), Ended::Killed { signal: libc::SIGKILL, core: false });
}

#[test]
fn a_child_that_ends_by_itself_leaves_no_children_behind() {
    let mut child = shell("sleep 1000 & echo $! >&2; exit 4").start().unwrap();
    let grandchild = read_number(&mut child);
    assert_eq!(wait(&mut child), Ended::Exited { code: 4 });
    until("the grandchild is gone", || !runs(grandchild));
}

#[test]
fn a_dropped_child_is_killed_and_reaped() {
    let child = shell("trap '' TERM; sleep 1000").start().unwrap();
    let pid = child.pid();
    drop(child);
    until("the process is reaped", || !exists(pid));
}

#[test]
#[ignore = "the tracee of `dropping_a_child_that_cannot_be_reaped_yet_does_not_wait`"]
fn process_that_may_be_traced() {
    let channel = Channel::from_inherited(CHANNEL_FD).unwrap();
    // Yama lets only ancestors trace a process unless it agrees; this constant is missing in libc.
    let anyone: libc::c_ulong = libc::c_ulong::MAX;
    // SAFETY: no memory is passed. An error means a kernel without Yama, where nothing has to be permitted.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, anyone, 0, 0, 0) };
    channel.send(b"may be traced").unwrap();
    channel.receive(&mut Vec::new()).unwrap();
}

#[test]
#[ignore = "the tracer of `dropping_a_child_that_cannot_be_reaped_yet_does_not_wait`"]
fn tracer() {
    let channel = Channel::from_inherited(CHANNEL_FD).unwrap();
    let mut packet = Vec::new();
    channel.receive(&mut packet).unwrap();
    let pid = i32::from_ne_bytes(packet.as_slice().try_into().unwrap());
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: PTRACE_SEIZE reads no memory.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, null, null) };
    channel.send(if seized == 0 { b"traced" } else { b"refused" }).unwrap();
    // As long as the tracer lives and does not wait for the tracee, its parent cannot reap it.
    channel.receive(&mut packet).unwrap();
}

#[test]
fn dropping_a_child_that_cannot_be_reaped_yet_does_not_wait() {
    let mut packet = Vec::new();
    let (to_child, there) = Channel::pair().unwrap();
    let child = this_test("process_that_may_be_traced", there).start().unwrap();
    let pid = child.pid();
    to_child.receive(&mut packet).unwrap();
    let (to_tracer, there) = Channel::pair().unwrap();
    let _tracer = this_test("tracer", there).start().unwrap();
    to_tracer.send(&pid.to_ne_bytes()).unwrap();
    to_tracer.receive(&mut packet).unwrap();
    assert_eq!(
        packet, b"traced",
        "this machine permits no tracing of children (ptrace); allow it for the tests"
    );
    drop(child);
    assert!(exists(pid), "the tracer still holds the process");
    drop(to_tracer);
    until("the process is reaped although the drop could not wait for it", || !exists(pid));
}

#[test]
fn what_cannot_be_started_is_named_and_leaves_nothing() {
    let start = |program: &str, arguments: Vec<OsString>| {
        Spawn { program: program.into(), arguments, ..Spawn::default() }.start().unwrap_err().to_string()
    };
    let error = start("/no/such/program", vec![]);
    assert!(error.contains("/no/such/program") && error.contains("ENOENT"), "{error}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = start(file.path().to_str().unwrap(), vec![]);
    assert!(error.contains("execute: EACCES"), "{error}");
    let error = start("/bin/sh", vec!["a\0b".into()]);
    assert!(error.contains("zero byte"), "{error}");
}
