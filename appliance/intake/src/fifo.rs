//! Text from programs on the same machine: a FIFO, and in it lines of text, of JSON, or commands.
//!
//! A line ends with a newline, or with the last writer closing the FIFO. There is no way back: what is refused is
//! counted and logged. Writers that write one line with one `write` of at most `PIPE_BUF` (4096) bytes do not mix.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crier_config::FifoSettings;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Group, mkfifo};
use rustix::fs::OFlags;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;

use crate::backlog::READ_AHEAD_BYTES_MAX;
use crate::input_status::InputStatus;
use crate::lines::{InputLine, LineSplitter};
use crate::message::{Defaults, Message};
use crate::submitter::{RefusalLog, Submitter};
use crate::{HubClosed, InputHandle, descriptor};

/// Bytes read at once.
const READ_BYTES: usize = 4096;
/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;
/// How often it is looked after: whether the FIFO is still there, and refusals to tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a FIFO cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FifoError {
    /// Something else is there, and it is not for us to delete it.
    #[error("{} is there and is no FIFO; move it away or choose another `path`", path.display())]
    NotAFifo {
        /// Where.
        path: PathBuf,
    },
    /// There is no such group.
    #[error("there is no group {group}; make it with `addgroup {group}` or change `group`")]
    NoGroup {
        /// Its name.
        group: String,
    },
    /// The system does not let us.
    #[error("{} cannot be {done}: {source}; does its folder exist, and may this user write there?", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// What was tried.
        done: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads the FIFO until the hub is closed. If somebody deletes or replaces it, it is made anew.
pub async fn run(settings: FifoSettings, handle: InputHandle) {
    let HubClosed = match serve(&settings, &handle).await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
}

async fn serve(settings: &FifoSettings, handle: &InputHandle) -> Result<std::convert::Infallible, HubClosed> {
    let defaults = Defaults { priority: settings.priority, ..Defaults::default() };
    let submitter =
        Submitter::new(handle.clone(), settings.max_per_minute, READ_AHEAD_BYTES_MAX, RefusalLog::Debug);
    let mut reader = FifoReader { defaults, lines: LineSplitter::default(), submitter };
    let mut status = InputStatus::new();
    loop {
        let problem = match open(settings).await {
            Ok(fifo) => {
                status.up(handle, format!("mode {:04o}", settings.mode)).await?;
                reader.read(settings, handle, fifo).await?
            }
            Err(error) => error,
        };
        let wait = status.down(handle, problem.to_string()).await?;
        tokio::select! {
            () = handle.closed() => return Err(HubClosed),
            paused = reader.submitter.pause(wait) => paused?,
        }
    }
}

/// Reason to open a FIFO anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReopenReason {
    /// The last writer has closed it. Without a new descriptor, `poll` would report the hang-up for ever.
    LastWriter,
    /// Its path leads to another file, or to none.
    Replaced,
}

struct FifoReader {
    defaults: Defaults,
    lines: LineSplitter,
    submitter: Submitter,
}

impl FifoReader {
    /// Reads until the FIFO cannot be opened or read any more, and returns the error.
    async fn read(
        &mut self,
        settings: &FifoSettings,
        handle: &InputHandle,
        mut fifo: AsyncFd<OwnedFd>,
    ) -> Result<FifoError, HubClosed> {
        let mut buffer = vec![0; READ_BYTES];
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let end = tokio::select! {
                () = handle.closed() => return Err(HubClosed),
                // Beyond the read-ahead the pipe fills, and its writers block: a pipe has back-pressure.
                read = descriptor::read(&fifo, &mut buffer), if self.submitter.has_room() => match read {
                    Ok(0) => Some(ReopenReason::LastWriter),
                    Ok(bytes) => {
                        self.take(&buffer[..bytes]).await?;
                        None
                    }
                    Err(error) => return Ok(system(&settings.path, "read", error)),
                },
                () = self.submitter.due() => {
                    self.submitter.submit_waiting().await?;
                    None
                }
                _ = look.tick() => {
                    self.submitter.report_losses().await?;
                    (!is_same(&settings.path, &fifo)).then_some(ReopenReason::Replaced)
                }
            };
            if let Some(end) = end {
                // The new end is opened before the old one is closed: what a writer has written meanwhile stays.
                let next = open(settings).await;
                if end == ReopenReason::Replaced {
                    self.drain(&fifo, &mut buffer).await?;
                }
                self.finish().await?;
                match next {
                    Ok(next) => fifo = next,
                    Err(error) => return Ok(error),
                }
            }
        }
    }

    /// Reads what is left in a FIFO that is no longer at its path.
    async fn drain(&mut self, fifo: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> Result<(), HubClosed> {
        // Writers may still have it open and go on; nobody is owed more than the pipe held.
        for _ in 0..=(PIPE_BYTES / READ_BYTES) {
            match rustix::io::read(fifo.get_ref(), &mut *buffer) {
                Ok(bytes) if bytes > 0 => self.take(&buffer[..bytes]).await?,
                _ => break,
            }
        }
        Ok(())
    }

    /// Takes the last line, which the writer has not ended: `printf` writes none.
    async fn finish(&mut self) -> Result<(), HubClosed> {
        let mut lines = Vec::new();
        self.lines.finish(|line| lines.push(line));
        self.accept(lines).await
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), HubClosed> {
        let mut lines = Vec::new();
        self.lines.read(bytes, |line| lines.push(line));
        self.accept(lines).await
    }

    async fn accept(&mut self, lines: Vec<InputLine>) -> Result<(), HubClosed> {
        for line in lines {
            self.submitter
                .accept(match line {
                    InputLine::Whole(line) => Message::read(&line, &self.defaults),
                    InputLine::TooLong => Message::too_long(),
                })
                .await?;
        }
        Ok(())
    }
}

/// Opens the FIFO on another thread: its group may be looked up over the network.
async fn open(settings: &FifoSettings) -> Result<AsyncFd<OwnedFd>, FifoError> {
    let path = settings.path.clone();
    let settings = settings.clone();
    let opened = match spawn_blocking(move || open_file(&settings)).await {
        Ok(opened) => opened?,
        Err(died) => return Err(system(&path, "opened", died.into())),
    };
    descriptor::watch(opened).map_err(|error| system(&path, "opened", error))
}

/// Makes the FIFO if it is not there, sets it as configured and opens our end.
fn open_file(settings: &FifoSettings) -> Result<OwnedFd, FifoError> {
    let path = settings.path.as_path();
    let group = settings.group.as_deref().map(group_of).transpose()?;
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(nix::Error::EEXIST) => {}
        Err(error) => return Err(system(path, "made", error.into())),
    }
    // Opening something else could have effects; the check after the opening is the one that counts.
    let there = std::fs::symlink_metadata(path).map_err(|error| system(path, "looked at", error))?;
    if !there.file_type().is_fifo() {
        return Err(FifoError::NotAFifo { path: path.into() });
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = rustix::fs::open(path, flags, rustix::fs::Mode::empty());
    let file = std::fs::File::from(opened.map_err(|error| system(path, "opened", error.into()))?);
    let metadata = file.metadata().map_err(|error| system(path, "looked at", error))?;
    if !metadata.file_type().is_fifo() {
        return Err(FifoError::NotAFifo { path: path.into() });
    }
    let owned = |error| system(path, "given its group", error);
    if let Some(group) = group.filter(|group| group.as_raw() != metadata.gid()) {
        std::os::unix::fs::fchown(&file, None, Some(group.as_raw())).map_err(owned)?;
    }
    if metadata.mode() & 0o7777 != settings.mode {
        let permissions = std::fs::Permissions::from_mode(settings.mode);
        file.set_permissions(permissions).map_err(|error| system(path, "given its mode", error))?;
    }
    Ok(file.into())
}

fn group_of(name: &str) -> Result<Gid, FifoError> {
    let group = Group::from_name(name).ok().flatten();
    group.map(|group| group.gid).ok_or_else(|| FifoError::NoGroup { group: name.to_owned() })
}

/// Whether what is at `path` is what was opened.
fn is_same(path: &Path, fifo: &AsyncFd<OwnedFd>) -> bool {
    let Ok(there) = std::fs::symlink_metadata(path) else { return false };
    rustix::fs::fstat(fifo.get_ref())
        .is_ok_and(|ours| ours.st_dev == there.dev() && ours.st_ino == there.ino())
}

fn system(path: &Path, done: &'static str, source: io::Error) -> FifoError {
    FifoError::System { path: path.into(), done, source }
}
