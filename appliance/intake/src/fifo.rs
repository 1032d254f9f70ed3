//! Input from programs on the same machine: a FIFO with lines of text, of JSON, or commands.
//!
//! A line ends with a newline, or when the last writer closes the FIFO. A FIFO has no way back to its writers: what is
//! refused is counted and logged. Lines of several writers do not mix if each is one `write` of at most `PIPE_BUF`
//! (4096) bytes.

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
use crate::submitter::Submitter;
use crate::{HubClosed, InputHandle, descriptor};

/// Bytes read at once: `PIPE_BUF`, the longest line that is written whole.
const READ_BYTES: usize = 4096;
/// Capacity of a pipe, `pipe(7)`.
const PIPE_BYTES: usize = 64 * 1024;
/// Interval of the check that the FIFO is still at its path, and of the reports of losses. Nothing wakes a reader whose
/// FIFO was deleted.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Error of opening a FIFO.
#[derive(Debug, thiserror::Error)]
pub enum FifoError {
    /// Another kind of file is at the path. It is not deleted: it may be somebody's data.
    #[error("{} is there and is no FIFO; move it away or choose another `path`", path.display())]
    NotAFifo {
        /// The path.
        path: PathBuf,
    },
    /// There is no such group.
    #[error("there is no group {group}; make it with `addgroup {group}` or change `group`")]
    NoGroup {
        /// Name of the group.
        group: String,
    },
    /// Error of the operating system.
    #[error("{} cannot be {done}: {source}; does its folder exist, and may this user write there?", path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// The operation, as a participle.
        done: &'static str,
        /// The error.
        source: io::Error,
    },
}

/// Reads the FIFO until the hub is closed. Creates it anew when it is deleted or replaced.
pub async fn run(settings: FifoSettings, handle: InputHandle) {
    let HubClosed = match serve(&settings, &handle).await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
}

async fn serve(settings: &FifoSettings, handle: &InputHandle) -> Result<std::convert::Infallible, HubClosed> {
    let defaults = Defaults { priority: settings.priority, ..Defaults::default() };
    let submitter = Submitter::new(handle.clone(), settings.max_per_minute, READ_AHEAD_BYTES_MAX);
    let mut reader =
        FifoReader { defaults, lines: LineSplitter::default(), object_is_stale: false, submitter };
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
    /// True if an object of JSON was open at the last look, and nothing has come since.
    object_is_stale: bool,
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
                    self.finish_stale_object().await?;
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

    /// Ends an object of JSON that has stayed open for a whole interval: its writer has made a mistake, and what the
    /// next one writes must not become a part of it.
    async fn finish_stale_object(&mut self) -> Result<(), HubClosed> {
        let mut lines = Vec::new();
        if std::mem::replace(&mut self.object_is_stale, self.lines.awaits_more()) && self.lines.awaits_more()
        {
            self.lines.finish_object(|line| lines.push(line));
            self.object_is_stale = false;
        }
        self.accept(lines).await
    }

    /// Reads what is left in a FIFO that is no longer at its path.
    async fn drain(&mut self, fifo: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> Result<(), HubClosed> {
        // Writers may still have it open and go on, so that it is read for one capacity of a pipe only.
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
        self.object_is_stale = false;
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

/// Creates the FIFO if it does not exist, sets mode and group, and opens it for reading.
fn open_file(settings: &FifoSettings) -> Result<OwnedFd, FifoError> {
    let path = settings.path.as_path();
    let group = settings.group.as_deref().map(group_of).transpose()?;
    // For the owner alone at first; mode and group are set on the open descriptor below.
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(nix::Error::EEXIST) => {}
        Err(error) => return Err(system(path, "made", error.into())),
    }
    // Opening something else could have effects; the check after the opening is the one that counts.
    let there = std::fs::symlink_metadata(path).map_err(|error| system(path, "looked at", error))?;
    if !there.file_type().is_fifo() {
        return Err(FifoError::NotAFifo { path: path.into() });
    }
    // O_NONBLOCK opens a FIFO without a writer at once; O_NOFOLLOW keeps a link in a folder that others may write to
    // from leading elsewhere.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = rustix::fs::open(path, flags, rustix::fs::Mode::empty());
    let file = std::fs::File::from(opened.map_err(|error| system(path, "opened", error.into()))?);
    // On the descriptor: between the check of the path and the opening, another file may have taken its place.
    let metadata = file.metadata().map_err(|error| system(path, "looked at", error))?;
    if !metadata.file_type().is_fifo() {
        return Err(FifoError::NotAFifo { path: path.into() });
    }
    let owned = |error| system(path, "given its group", error);
    // Only if it differs: a user who is not root may not change the group of a FIFO that is as it should be.
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

/// Returns true if `path` still leads to the open FIFO.
fn is_same(path: &Path, fifo: &AsyncFd<OwnedFd>) -> bool {
    // Missing counts as replaced: it is made anew.
    let Ok(there) = std::fs::symlink_metadata(path) else { return false };
    rustix::fs::fstat(fifo.get_ref())
        .is_ok_and(|ours| ours.st_dev == there.dev() && ours.st_ino == there.ino())
}

fn system(path: &Path, done: &'static str, source: io::Error) -> FifoError {
    FifoError::System { path: path.into(), done, source }
}
