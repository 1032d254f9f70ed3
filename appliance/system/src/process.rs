//! Child processes that cannot be lost: each dies with this process, is known by a descriptor instead of a number that
//! may be used again, and leaves no process of its own behind.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::{Channel, SystemError, User};

mod exec;
mod spawner;

/// How long [`Child`]'s drop waits for a killed process, which may hang in a device driver.
const DROP_WAIT_MS: u16 = 2000;

/// A process to start. The child
/// * gets exactly `arguments` and `environment` (nothing is inherited), empty signal masks and default handlers,
/// * has `/dev/null` as standard input and output, a pipe to [`Child::take_stderr`] as standard error, the channel as
///   descriptor [`CHANNEL_FD`](crate::CHANNEL_FD), and no other descriptor,
/// * leads a process group of its own,
/// * gets no new privileges by running a program, such as those of a set-user-ID file,
/// * is killed by the kernel as soon as this process is gone, however it went.
///
/// Linux binds that last promise to the *thread* that forked. All children are therefore forked by one thread that is
/// started by the first [`Spawn::start`] and lives as long as the process, so any thread may call it. What a child
/// inherits from a thread (scheduling policy, nice value and processors, where not given here) is what the first
/// caller had. A child that changes its user by itself loses the promise, and has to make it anew (`prctl(2)`,
/// `PR_SET_PDEATHSIG`); one that is started as another user keeps it.
#[derive(Debug, Default)]
pub struct Spawn {
    /// Path of the program; `PATH` is not searched.
    pub program: PathBuf,
    /// Arguments after the program's name.
    pub arguments: Vec<OsString>,
    /// The whole environment of the child.
    pub environment: Vec<(OsString, OsString)>,
    /// Who the child is, with this user's groups and no others; `None`: who this process is. Another user needs root.
    pub user: Option<User>,
    /// The child's end of a channel.
    pub channel: Option<Channel>,
    /// Processors that all threads of the child may use; `None`: those of this process.
    pub processors: Option<Vec<usize>>,
    /// How readily the kernel takes this process when memory runs out, `-1000..=1000`; below the current value it
    /// needs `CAP_SYS_RESOURCE`.
    pub oom_score_adjust: Option<i16>,
    /// Nice value, `-20..=19`; below the current value it needs `CAP_SYS_NICE` or `RLIMIT_NICE`.
    pub nice: Option<i32>,
}

/// Something that a child was to have and that the system refused; the child runs without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused.
    pub step: &'static str,
    /// What the system said.
    pub errno: i32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.step, Errno::from_raw(self.errno))
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Exited {
        /// Exit code.
        code: i32,
    },
    /// By a signal.
    Killed {
        /// Number of the signal.
        signal: i32,
        /// Whether a core file was written.
        core: bool,
    },
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exited { code } => write!(formatter, "exited with code {code}"),
            Self::Killed { signal, core } => {
                match Signal::try_from(signal) {
                    Ok(known) => write!(formatter, "killed by {known}")?,
                    Err(_) => write!(formatter, "killed by signal {signal}")?,
                }
                formatter.write_str(if core { " (core dumped)" } else { "" })
            }
        }
    }
}

/// A started process. When it is dropped the process and its group are killed and reaped.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    stderr: Option<OwnedFd>,
    refusals: Vec<Refusal>,
    ended: Option<Ended>,
}

impl Spawn {
    /// Starts the process; returns when it runs its program, which takes milliseconds.
    ///
    /// # Errors
    /// [`SystemError::Spawn`] names the step that failed; nothing is left behind then. Processors, nice value and
    /// [`Spawn::oom_score_adjust`] are wishes: what the system refuses of them is in [`Child::refusals`].
    pub fn start(self) -> Result<Child, SystemError> {
        spawner::start(self)
    }
}

impl Child {
    /// Process number, for people and logs. Signals go through this type, which cannot hit a stranger.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// What the process was to have and does not.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The reading end of the process's standard error; it does not block. Read it, or the process blocks once the
    /// pipe is full. `None` when it was already taken.
    pub fn take_stderr(&mut self) -> Option<OwnedFd> {
        self.stderr.take()
    }

    /// Sends a signal to the process alone. A process that has ended is no error.
    ///
    /// # Errors
    /// [`SystemError::Signal`]: it may not be signalled.
    pub fn signal(&self, signal: Signal) -> Result<(), SystemError> {
        // SAFETY: no memory is passed.
        #[allow(unsafe_code)]
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        self.delivered(signal, Errno::result(sent).map(drop))
    }

    /// Kills the process and every process of its group. It has still to be reaped by [`Child::try_wait`].
    ///
    /// # Errors
    /// [`SystemError::Signal`]: it may not be signalled.
    pub fn kill(&self) -> Result<(), SystemError> {
        self.kill_group()?;
        self.signal(Signal::SIGKILL)
    }

    /// How the process ended, or `None` while it runs; never waits. What is left of its group is killed then, so that
    /// the next start finds devices and files free.
    ///
    /// # Errors
    /// [`SystemError::Wait`]: somebody else has reaped it.
    pub fn try_wait(&mut self) -> Result<Option<Ended>, SystemError> {
        if self.ended.is_none() && self.state(libc::WNOWAIT)?.is_some() {
            // Until it is reaped its number, which is the group's too, belongs to nobody else.
            self.kill_group()?;
            self.ended = self.state(0)?;
        }
        Ok(self.ended)
    }

    /// Waits until the process has ended, at most for `timeout`, which is cut to a minute.
    ///
    /// # Errors
    /// As [`Child::try_wait`].
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<Ended>, SystemError> {
        let timeout_ms = u16::try_from(timeout.as_millis()).unwrap_or(u16::MAX).min(60_000);
        self.wait_ms(timeout_ms)?;
        self.try_wait()
    }

    fn wait_ms(&self, timeout_ms: u16) -> Result<(), SystemError> {
        if self.ended.is_some() {
            return Ok(());
        }
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(timeout_ms)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(source) => Err(SystemError::Wait { pid: self.pid(), source }),
        }
    }

    fn kill_group(&self) -> Result<(), SystemError> {
        if self.ended.is_some() {
            return Ok(());
        }
        self.delivered(Signal::SIGKILL, killpg(self.pid, Signal::SIGKILL))
    }

    fn delivered(&self, signal: Signal, sent: Result<(), Errno>) -> Result<(), SystemError> {
        match sent {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(source) => Err(SystemError::Signal { signal: signal.as_str(), pid: self.pid(), source }),
        }
    }

    fn state(&self, flags: libc::c_int) -> Result<Option<Ended>, SystemError> {
        loop {
            // SAFETY: all bytes zero is a valid siginfo_t, which is plain numbers.
            #[allow(unsafe_code)]
            let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
            // SAFETY: `info` is valid for writes for the length of the call.
            #[allow(unsafe_code)]
            let done = unsafe {
                libc::waitid(
                    libc::P_PIDFD,
                    self.pidfd.as_raw_fd().unsigned_abs(),
                    &raw mut info,
                    libc::WEXITED | libc::WNOHANG | flags,
                )
            };
            match Errno::result(done) {
                Ok(_) => return Ok(ended(&info)),
                Err(Errno::EINTR) => {}
                Err(source) => return Err(SystemError::Wait { pid: self.pid(), source }),
            }
        }
    }
}

/// What `waitid` told; `None` when it told nothing.
fn ended(info: &libc::siginfo_t) -> Option<Ended> {
    // SAFETY: `waitid` fills these two for every child it tells of, and they are zero when it tells of none.
    #[allow(unsafe_code)]
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    match info.si_code {
        _ if pid == 0 => None,
        libc::CLD_EXITED => Some(Ended::Exited { code: status }),
        code => Some(Ended::Killed { signal: status, core: code == libc::CLD_DUMPED }),
    }
}

/// Readable once the process has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Nothing can be done about an error here; the kernel kills and reaps it when this process ends.
            let _ = self.kill();
            let _ = self.wait_ms(DROP_WAIT_MS);
            let _ = self.try_wait();
        }
    }
}
