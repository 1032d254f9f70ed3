//! The thread that reaps the processes of dropped [`Child`](super::Child)s.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Interval between attempts while a killed process has not ended. Most end within a few milliseconds; one that hangs
/// in a device driver may take for ever, and ten attempts per second cost nothing.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(100);

/// Has a killed process reaped as soon as it has ended; returns at once. The caller must not wait for it any more.
pub(super) fn reap(pid: Pid) {
    static REAPER: OnceLock<Option<Sender<Pid>>> = OnceLock::new();
    // Without the thread the process stays a zombie, which the kernel removes when this process ends.
    if let Some(reaper) = REAPER.get_or_init(start) {
        let _ = reaper.send(pid);
    }
}

fn start() -> Option<Sender<Pid>> {
    let (sender, pids) = channel();
    std::thread::Builder::new().name("reaper".into()).spawn(move || run(&pids)).ok()?;
    Some(sender)
}

fn run(pids: &Receiver<Pid>) {
    let mut pending: Vec<Pid> = Vec::new();
    loop {
        let next = match pending.is_empty() {
            true => pids.recv().map_err(RecvTimeoutError::from),
            false => pids.recv_timeout(ATTEMPT_INTERVAL),
        };
        match next {
            Ok(pid) => pending.push(pid),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // A number is not used again before its process is reaped, and only this thread reaps these.
        pending.retain(|&pid| {
            matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
        });
    }
}
