//! The only thread that forks; see [`Spawn`](super::Spawn) for the reason.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sched::CpuSet;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, pipe2};

use super::exec::{self, Image, Report, STEP_BYTES};
use super::{Child, Refusal, Spawn};
use crate::{CHANNEL_FD, SystemError, User};

/// Request to the forking thread.
struct SpawnRequest {
    prepared: Prepared,
    reply: SyncSender<Result<Child, SystemError>>,
}

/// Everything that a child needs, allocated before the fork, with every descriptor above its final number in the child.
struct Prepared {
    program: PathBuf,
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    user: Option<User>,
    processors: Option<CpuSet>,
    oom_score_adjust: Option<String>,
    nice: Option<i32>,
    descriptors: Descriptors,
}

struct Descriptors {
    null: OwnedFd,
    channel: Option<OwnedFd>,
    stderr_reader: OwnedFd,
    stderr_writer: OwnedFd,
}

/// Has the forking thread start the process, and waits for the result.
pub(super) fn start(spawn: Spawn) -> Result<Child, SystemError> {
    static SPAWNER: OnceLock<Option<Sender<SpawnRequest>>> = OnceLock::new();
    let program = spawn.program.clone();
    let refused =
        |source| SystemError::Spawn { program: program.clone(), step: "the forking thread", source };
    let prepared = prepare(spawn)?;
    let sender = SPAWNER.get_or_init(run_spawner).as_ref().ok_or_else(|| refused(Errno::EAGAIN))?;
    let (reply, answer) = sync_channel(1);
    sender.send(SpawnRequest { prepared, reply }).map_err(|_| refused(Errno::ESRCH))?;
    answer.recv().map_err(|_| refused(Errno::ESRCH))?
}

fn run_spawner() -> Option<Sender<SpawnRequest>> {
    let (sender, requests) = channel::<SpawnRequest>();
    let run = move || {
        // A signal handler of this process must never run in a child, which inherits this thread's signal mask.
        let _ = SigSet::all().thread_block();
        for request in requests {
            let _ = request.reply.send(fork_and_exec(request.prepared));
        }
    };
    std::thread::Builder::new().name("spawner".into()).spawn(run).ok()?;
    Some(sender)
}

fn prepare(spawn: Spawn) -> Result<Prepared, SystemError> {
    let Spawn { program, arguments, environment, user, channel, processors, oom_score_adjust, nice } = spawn;
    let refused = |step| {
        let program = program.clone();
        move |source| SystemError::Spawn { program, step, source }
    };
    let zero_byte = |_| SystemError::ZeroByte { program: program.clone() };
    let path = CString::new(program.as_os_str().as_bytes()).map_err(zero_byte)?;
    let mut texts = vec![path.clone()];
    for argument in arguments {
        texts.push(CString::new(argument.into_vec()).map_err(zero_byte)?);
    }
    let mut variables = Vec::with_capacity(environment.len());
    for (name, value) in environment {
        let variable = [name.as_bytes(), b"=", value.as_bytes()].concat();
        variables.push(CString::new(variable).map_err(zero_byte)?);
    }
    let processors = processors.as_deref().map(crate::processors::cpu_set).transpose()?;
    let descriptors = descriptors(channel).map_err(refused("descriptors"))?;
    Ok(Prepared {
        path,
        arguments: texts,
        environment: variables,
        user,
        processors,
        oom_score_adjust: oom_score_adjust.map(|adjust| adjust.to_string()),
        nice,
        descriptors,
        program,
    })
}

/// Opens `/dev/null` and the pipe for standard error, and moves them and the channel out of the way.
fn descriptors(channel: Option<crate::Channel>) -> Result<Descriptors, Errno> {
    let null = above(open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?)?;
    let channel = channel.map(|channel| above(channel.into())).transpose()?;
    let (stderr_reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    // The reader's end is for an event loop. The writer's end stays blocking: programs do not expect EAGAIN on it.
    fcntl(&stderr_reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(Descriptors { null, channel, stderr_reader, stderr_writer: above(writer)? })
}

/// Moves a descriptor to a number above [`CHANNEL_FD`], so that the child's `dup2` calls cannot overwrite it.
fn above(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > CHANNEL_FD {
        return Ok(fd);
    }
    let copy = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(CHANNEL_FD + 1))?;
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    #[allow(unsafe_code)]
    let owned = unsafe { OwnedFd::from_raw_fd(copy) };
    Ok(owned)
}

fn fork_and_exec(prepared: Prepared) -> Result<Child, SystemError> {
    let program = prepared.program.clone();
    let refused = move |step| {
        let program = program.clone();
        move |source| SystemError::Spawn { program, step, source }
    };
    let (report_reader, report_writer) = pipe2(OFlag::O_CLOEXEC)
        .and_then(|(reader, writer)| Ok((reader, above(writer)?)))
        .map_err(refused("descriptors"))?;
    let descriptors = &prepared.descriptors;
    let arguments = pointers(&prepared.arguments);
    let environment = pointers(&prepared.environment);
    let image = Image {
        path: &prepared.path,
        arguments: &arguments,
        environment: &environment,
        user: prepared.user.as_ref(),
        processors: prepared.processors.as_ref(),
        oom_score_adjust: prepared.oom_score_adjust.as_deref().map(str::as_bytes),
        nice: prepared.nice,
        null: descriptors.null.as_raw_fd(),
        channel: descriptors.channel.as_ref().map(AsRawFd::as_raw_fd),
        stderr: descriptors.stderr_writer.as_raw_fd(),
        report: Report(report_writer.as_raw_fd()),
        parent: getpid().as_raw(),
    };
    // SAFETY: other threads may hold any lock at this moment, so the child must not allocate or lock; `exec::run` makes
    // only system calls, on memory that was prepared above, and never returns.
    #[allow(unsafe_code)]
    let forked = unsafe { fork() };
    let pid = match forked.map_err(refused("fork"))? {
        ForkResult::Child => exec::run(&image),
        ForkResult::Parent { child } => child,
    };
    // Only the child may hold the writing end now: the end of the report is its end of file.
    drop(report_writer);
    let pidfd = pidfd_open(pid).map_err(|source| {
        give_up(pid);
        refused("pidfd_open")(source)
    })?;
    let refusals = read_report(report_reader, &prepared.program).inspect_err(|_| give_up(pid))?;
    Ok(Child::new(pid, pidfd, prepared.descriptors.stderr_reader, refusals))
}

/// Returns the array of pointers for `execve`, terminated by a null pointer.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Kills and reaps a child that no [`Child`] owns yet, so that its number is still valid.
fn give_up(pid: Pid) {
    let _ = kill(pid, Signal::SIGKILL);
    while waitpid(pid, None) == Err(Errno::EINTR) {}
}

fn pidfd_open(pid: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: no memory is passed.
    #[allow(unsafe_code)]
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just created this descriptor (close-on-exec), and nothing else owns it.
    #[allow(unsafe_code)]
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    Ok(owned)
}

/// Reads the child's report, which ends when exec closes the pipe. Returns the steps that failed without being fatal.
fn read_report(reader: OwnedFd, program: &Path) -> Result<Vec<Refusal>, SystemError> {
    let failed = |step, source| SystemError::Spawn { program: program.to_path_buf(), step, source };
    let mut bytes = Vec::new();
    File::from(reader)
        .read_to_end(&mut bytes)
        .map_err(|error| failed("report", Errno::from_raw(error.raw_os_error().unwrap_or(0))))?;
    let mut refusals = Vec::new();
    for record in bytes.chunks_exact(STEP_BYTES) {
        let (step, errno) = exec::decode(record);
        if step.is_fatal() {
            return Err(failed(step.name(), Errno::from_raw(errno)));
        }
        refusals.push(Refusal { step: step.name(), errno });
    }
    Ok(refusals)
}
