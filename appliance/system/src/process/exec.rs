//! Child process between fork and exec. Locks of other threads may be held for ever here, so nothing in this file
//! allocates, locks or unwinds: only system calls on prepared memory.

use std::ffi::CStr;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid, setgid, setgroups, setpgid, setuid};

use crate::{CHANNEL_FD, User};

/// Length of one step in a report, in bytes: the step and the errno.
pub(super) const STEP_BYTES: usize = 5;

/// Program image and attributes of the child, borrowed from the parent's memory, of which the child has a copy.
pub(super) struct Image<'a> {
    pub(super) path: &'a CStr,
    /// Ends with a null pointer.
    pub(super) arguments: &'a [*const libc::c_char],
    /// Ends with a null pointer.
    pub(super) environment: &'a [*const libc::c_char],
    pub(super) user: Option<&'a User>,
    pub(super) processors: Option<&'a CpuSet>,
    pub(super) oom_score_adjust: Option<&'a [u8]>,
    pub(super) nice: Option<i32>,
    pub(super) null: RawFd,
    pub(super) channel: Option<RawFd>,
    pub(super) stderr: RawFd,
    pub(super) report: Report,
    pub(super) parent: i32,
}

/// Pipe by which the child reports failed steps.
pub(super) struct Report(pub(super) RawFd);

/// Step that a child takes before it runs its program.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Group,
    Descriptors,
    Processors,
    Nice,
    OutOfMemory,
    User,
    Privileges,
    ParentDeath,
    Execute,
}

impl Step {
    const ALL: [Self; 9] = [
        Self::Group,
        Self::Descriptors,
        Self::Processors,
        Self::Nice,
        Self::OutOfMemory,
        Self::User,
        Self::Privileges,
        Self::ParentDeath,
        Self::Execute,
    ];

    /// Returns true if the child must not run its program without this step.
    pub(super) fn is_fatal(self) -> bool {
        !matches!(self, Self::Processors | Self::Nice | Self::OutOfMemory)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Group => "process group",
            Self::ParentDeath => "death with the parent",
            Self::Descriptors => "descriptors",
            Self::Processors => "processors",
            Self::Nice => "nice value",
            Self::OutOfMemory => "oom_score_adj",
            Self::User => "another user",
            Self::Privileges => "no new privileges",
            Self::Execute => "execute",
        }
    }
}

/// Decodes one step of a report, as [`Report::tell`] writes it.
pub(super) fn decode(record: &[u8]) -> (Step, i32) {
    let (step, errno) = record.split_first().unwrap_or((&0, &[]));
    let step = Step::ALL.get(usize::from(*step)).copied().unwrap_or(Step::Execute);
    (step, errno.try_into().map_or(0, i32::from_ne_bytes))
}

impl Report {
    fn tell(&self, step: Step, errno: Errno) {
        let [a, b, c, d] = (errno as i32).to_ne_bytes();
        let record = [step as u8, a, b, c, d];
        // SAFETY: `record` is valid for its length. A write of so few bytes (< PIPE_BUF) is atomic.
        #[allow(unsafe_code)]
        unsafe {
            libc::write(self.0, record.as_ptr().cast(), record.len());
        }
    }

    fn check(&self, step: Step, done: Result<(), Errno>) {
        if let Err(errno) = done {
            self.tell(step, errno);
            if step.is_fatal() {
                leave();
            }
        }
    }
}

/// Executes the program, or reports the reason to the parent.
pub(super) fn run(image: &Image<'_>) -> ! {
    let report = &image.report;
    reset_handlers();
    report.check(Step::Group, setpgid(Pid::from_raw(0), Pid::from_raw(0)));
    report.check(Step::Descriptors, place_descriptors(image));
    if let Some(processors) = image.processors {
        report.check(Step::Processors, sched_setaffinity(Pid::from_raw(0), processors));
    }
    if let Some(nice) = image.nice {
        // SAFETY: no memory is passed.
        #[allow(unsafe_code)]
        let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
        report.check(Step::Nice, Errno::result(done).map(drop));
    }
    if let Some(adjust) = image.oom_score_adjust {
        report.check(Step::OutOfMemory, write_oom_score_adjust(adjust));
    }
    if let Some(user) = image.user {
        report.check(Step::User, become_user(user));
    }
    report.check(Step::Privileges, set_no_new_privs());
    // After the change of user, which resets it.
    report.check(Step::ParentDeath, set_pdeathsig(Signal::SIGKILL));
    if getppid().as_raw() != image.parent {
        // The parent died before PR_SET_PDEATHSIG was set, so the signal will never come.
        leave();
    }
    let unblocked = SigSet::empty().thread_set_mask();
    report.check(Step::Execute, unblocked);
    // SAFETY: the path ends with a zero byte and both arrays end with a null pointer; all live until here.
    #[allow(unsafe_code)]
    unsafe {
        libc::execve(image.path.as_ptr(), image.arguments.as_ptr(), image.environment.as_ptr());
    }
    report.tell(Step::Execute, Errno::last());
    leave()
}

/// Ends the child without running exit handlers or flushing buffers of the parent.
fn leave() -> ! {
    // SAFETY: ends the process.
    #[allow(unsafe_code)]
    unsafe {
        libc::_exit(127)
    }
}

/// Exec resets handlers but keeps ignored signals ignored; a stage must not inherit that (Rust ignores SIGPIPE).
fn reset_handlers() {
    // The C library reserves two signals and refuses to change them, hence the system call itself.
    let default_action = [0_u64; 8];
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: all bytes zero is the kernel's `sigaction` for the default action, and is longer than it on every
        // machine; a set of signals has 64 bits. The kernel refuses the numbers that cannot be changed.
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default_action.as_ptr(),
                std::ptr::null::<libc::c_void>(),
                size_of::<u64>(),
            );
        }
    }
}

fn place_descriptors(image: &Image<'_>) -> Result<(), Errno> {
    // dup2 also clears close-on-exec, so that exactly these descriptors survive exec.
    let places = [(image.null, 0), (image.null, 1), (image.stderr, 2)];
    let channel = image.channel.map(|channel| (channel, CHANNEL_FD));
    for (from, to) in places.into_iter().chain(channel) {
        // SAFETY: `from` is open and above every `to`, so nothing that is still needed is closed.
        #[allow(unsafe_code)]
        Errno::result(unsafe { libc::dup2(from, to) })?;
    }
    let first = if image.channel.is_some() { CHANNEL_FD + 1 } else { CHANNEL_FD };
    // Close-on-exec instead of closing: the pipe of the report is among them and must stay open until exec.
    // SAFETY: no memory is passed.
    #[allow(unsafe_code)]
    Errno::result(unsafe {
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })?;
    Ok(())
}

/// Sets groups before the user, since only root may change them; none of the caller's groups remains. The C library
/// changes all threads of a process; the child has one, and `fork` has corrected the library's list of threads.
fn become_user(user: &User) -> Result<(), Errno> {
    setgroups(&user.groups)?;
    setgid(user.gid)?;
    setuid(user.uid)
}

fn write_oom_score_adjust(adjust: &[u8]) -> Result<(), Errno> {
    // SAFETY: the path ends with a zero byte, `adjust` is valid for its length; the descriptor is closed by exec.
    #[allow(unsafe_code)]
    unsafe {
        let fd = Errno::result(libc::open(
            c"/proc/self/oom_score_adj".as_ptr(),
            libc::O_WRONLY | libc::O_CLOEXEC,
        ))?;
        Errno::result(libc::write(fd, adjust.as_ptr().cast(), adjust.len())).map(drop)
    }
}
