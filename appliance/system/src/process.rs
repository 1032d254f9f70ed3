//! Child processes that cannot leak: each dies with this process, is identified by a descriptor instead of a number
//! that may be used again, and leaves no process of its own behind.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::{Channel, SystemError, User};

mod exec;
mod reaper;
mod spawner;

/// A process to start. The child
/// * gets exactly `arguments` and `environment` (nothing is inherited), empty signal masks and default handlers,
/// * has `/dev/null` as standard input and output, a pipe to [`Child::take_stderr`] as standard error, the channel as
///   descriptor [`CHANNEL_FD`](crate::CHANNEL_FD), and no other descriptor,
/// * leads a process group of its own,
/// * gets no new privileges by running a program, such as those of a set-user-ID file,
/// * is killed by the kernel as soon as this process has ended for any reason.
///
/// Linux binds that last guarantee to the *thread* that forked. All children are therefore forked by one thread,
/// which is started by the first [`Spawn::start`] and lives as long as the process, so that any thread may call it.
/// Attributes that a child inherits from a thread (scheduling policy, nice value and CPUs, where not given here) are
/// those of the first caller. A child that changes its user by itself loses the guarantee and has to renew it
/// (`prctl(2)`, `PR_SET_PDEATHSIG`); one that is started as another user keeps it.
#[derive(Debug, Default)]
pub struct Spawn {
    /// Path of the program; `PATH` is not searched.
    pub program: PathBuf,
    /// Arguments after the program's name.
    pub arguments: Vec<OsString>,
    /// Complete environment of the child.
    pub environment: Vec<(OsString, OsString)>,
    /// User of the child, with this user's groups and no others; `None`: the user of this process. Another user needs
    /// root.
    pub user: Option<User>,
    /// Child's end of a channel.
    pub channel: Option<Channel>,
    /// CPUs on which all threads of the child may run; `None`: those of this process.
    pub processors: Option<Vec<usize>>,
    /// Preference of the kernel for killing this process when memory runs out, `-1000..=1000`; a value below the
    /// current one needs `CAP_SYS_RESOURCE`.
    pub oom_score_adjust: Option<i16>,
    /// Nice value, `-20..=19`; a value below the current one needs `CAP_SYS_NICE` or `RLIMIT_NICE`.
    pub nice: Option<i32>,
}

/// Setting of a child that the system refused; the child runs without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the refused setting.
    pub step: &'static str,
    /// Error of the system.
    pub errno: i32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.step, Errno::from_raw(self.errno))
    }
}

/// End of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited by itself.
    Exited {
        /// Exit code.
        code: i32,
    },
    /// A signal killed it.
    Killed {
        /// Number of the signal.
        signal: i32,
        /// True if a core file was written.
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

/// A started process. Dropping it kills the process and its group and returns at once; another thread reaps it.
#[derive(Debug)]
pub struct Child {
    process: Arc<Process>,
    stderr: Option<OwnedFd>,
    refusals: Vec<Refusal>,
    ended: Option<Ended>,
    /// True while a [`Reaping`] may reap the process at any moment: from then on its number, which is the number of its
    /// group, too, may belong to another one.
    is_being_reaped: bool,
}

/// Number and descriptor of a process.
#[derive(Debug)]
struct Process {
    pid: Pid,
    pidfd: OwnedFd,
}

/// Reaping of a process that has ended, as work for a thread that may wait: see [`Child::reap`].
#[derive(Debug)]
pub struct Reaping(Arc<Process>);

impl Reaping {
    /// Kills the rest of the process's group and reaps the process; `None` if it has not ended. The result belongs to
    /// [`Child::reaped`].
    ///
    /// # Errors
    /// As [`Child::try_wait`].
    pub fn run(self) -> Result<Option<Ended>, SystemError> {
        self.0.try_reap()
    }
}

impl Spawn {
    /// Starts the process and returns when it runs its program, after some milliseconds.
    ///
    /// # Errors
    /// [`SystemError::Spawn`] names the step that failed; nothing is left behind then. CPUs, nice value and
    /// [`Spawn::oom_score_adjust`] are optional: if the system refuses one, it is listed in [`Child::refusals`].
    pub fn start(self) -> Result<Child, SystemError> {
        spawner::start(self)
    }
}

impl Child {
    fn new(pid: Pid, pidfd: OwnedFd, stderr: OwnedFd, refusals: Vec<Refusal>) -> Self {
        let process = Arc::new(Process { pid, pidfd });
        Self { process, stderr: Some(stderr), refusals, ended: None, is_being_reaped: false }
    }

    /// Returns the process number, for logs. Send signals by this type only, which cannot hit an unrelated process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.number()
    }

    /// Returns the settings that the system refused.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Returns the reading end of the process's standard error, which is non-blocking. It must be read: the process
    /// blocks once the pipe is full. `None` if it was taken before.
    pub fn take_stderr(&mut self) -> Option<OwnedFd> {
        self.stderr.take()
    }

    /// Sends a signal to the process only. A process that has ended is no error.
    ///
    /// # Errors
    /// [`SystemError::Signal`]: permission was denied.
    pub fn signal(&self, signal: Signal) -> Result<(), SystemError> {
        self.process.signal(signal)
    }

    /// Kills the process and every process of its group. It must still be reaped, by [`Child::try_wait`] or
    /// [`Child::reap`].
    ///
    /// # Errors
    /// [`SystemError::Signal`]: permission was denied.
    pub fn kill(&self) -> Result<(), SystemError> {
        if self.ended.is_none() && !self.is_being_reaped {
            self.process.kill_group()?;
        }
        self.signal(Signal::SIGKILL)
    }

    /// Returns the end of the process, or `None` while it runs. The rest of its group is killed then, so that the next
    /// start finds devices and files free. Waits for the kernel only, never for the process.
    ///
    /// # Errors
    /// [`SystemError::Wait`]: it was reaped elsewhere.
    pub fn try_wait(&mut self) -> Result<Option<Ended>, SystemError> {
        if self.ended.is_none() && !self.is_being_reaped {
            self.ended = self.process.try_reap()?;
        }
        Ok(self.ended)
    }

    /// Returns the work of [`Child::try_wait`] for another thread: the kernel frees what is left of the process in it,
    /// which takes time on a busy machine, and an event loop has none. To be called when the descriptor of the process
    /// has become readable; [`Child::reaped`] takes the result.
    pub fn reap(&mut self) -> Reaping {
        self.is_being_reaped = true;
        Reaping(Arc::clone(&self.process))
    }

    /// Takes the result of [`Reaping::run`].
    pub fn reaped(&mut self, ended: Option<Ended>) {
        self.is_being_reaped = false;
        self.ended = ended;
    }

    /// Waits until the process has ended or `timeout` has passed; longer timeouts than a minute are cut to a minute.
    ///
    /// # Errors
    /// As [`Child::try_wait`].
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<Ended>, SystemError> {
        let timeout_ms = u16::try_from(timeout.as_millis()).unwrap_or(u16::MAX).min(60_000);
        if self.ended.is_none() {
            self.process.wait_ms(timeout_ms)?;
        }
        self.try_wait()
    }
}

impl Process {
    fn number(&self) -> i32 {
        self.pid.as_raw()
    }

    fn signal(&self, signal: Signal) -> Result<(), SystemError> {
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

    fn kill_group(&self) -> Result<(), SystemError> {
        self.delivered(Signal::SIGKILL, killpg(self.pid, Signal::SIGKILL))
    }

    fn try_reap(&self) -> Result<Option<Ended>, SystemError> {
        if self.state(libc::WNOWAIT)?.is_none() {
            return Ok(None);
        }
        // WNOWAIT has left it unreaped: until then its number, which is the group's too, is not used again.
        self.kill_group()?;
        self.state(0)
    }

    fn wait_ms(&self, timeout_ms: u16) -> Result<(), SystemError> {
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(timeout_ms)) {
            // An early return after EINTR is harmless: the caller looks at the process's state anyway.
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(source) => Err(SystemError::Wait { pid: self.number(), source }),
        }
    }

    fn delivered(&self, signal: Signal, sent: Result<(), Errno>) -> Result<(), SystemError> {
        match sent {
            // ESRCH: the process (or group) has ended, which is what a signal may race with at any time.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(source) => Err(SystemError::Signal { signal: signal.as_str(), pid: self.number(), source }),
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
                Err(source) => return Err(SystemError::Wait { pid: self.number(), source }),
            }
        }
    }
}

/// Converts the result of `waitid`; `None` if no child has ended.
fn ended(info: &libc::siginfo_t) -> Option<Ended> {
    // SAFETY: `waitid` fills these two fields for a child that has ended, and they are zero otherwise.
    #[allow(unsafe_code)]
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    match info.si_code {
        _ if pid == 0 => None,
        libc::CLD_EXITED => Some(Ended::Exited { code: status }),
        code => Some(Ended::Killed { signal: status, core: code == libc::CLD_DUMPED }),
    }
}

/// Descriptor that becomes readable once the process has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // What is being reaped has ended, and a second wait for its number could reap another process.
        if self.ended.is_none() && !self.is_being_reaped {
            // Nothing can be done about an error here; the kernel kills and reaps it when this process ends.
            let _ = self.kill();
            // The owner may be an event loop, and a process that hangs in a device driver does not end: never wait
            // here.
            reaper::reap(self.process.pid);
        }
    }
}
