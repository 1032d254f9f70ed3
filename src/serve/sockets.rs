//! Control socket of `crier ctl`, and the socket that metrics are read from.
//!
//! The mode of a socket's file says who may connect: the kernel checks it against all groups of a client, supplementary
//! ones too.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crier_announce::Sequence;
use crier_wire::{Answer, Told};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, umask};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Supervisor;
use crate::control::{REQUEST_BYTES_MAX, Request, Response};
use crate::error::CrierError;

/// Requests answered at the same time. A permit is taken before a connection is accepted, so that further clients wait in
/// the kernel's backlog instead of being dropped.
const REQUESTS_MAX: usize = 16;
/// Clients that wait for the end of an announcement, on a budget of their own: it may take hours, and must not keep
/// `crier ctl stop` out. One costs a descriptor and some KiB.
const WAITERS_MAX: usize = 64;
/// Time for a request to arrive, and for a response to be taken. Generous for a person who types JSON into socat.
const PATIENCE: Duration = Duration::from_secs(5);
/// Interval at which a client that sends no more, but may still read, is checked for having gone.
const HANG_UP_CHECK: Duration = Duration::from_secs(5);
/// Pause after a failed accept. Too many open files, mostly: waiting helps, ending does not.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Opens a socket in the place of one that a dead supervisor has left.
pub(crate) fn listen(path: &Path, mode: u32, group: Option<u32>) -> Result<UnixListener, CrierError> {
    let failed = |source| CrierError::Socket { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => return Err(failed(io::Error::from(io::ErrorKind::AddrInUse))),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)?;
        }
        Err(_) => {}
    }
    // Nobody may connect before owner and mode are right. The umask belongs to the whole process, but no other thread
    // makes files yet.
    let before = umask(Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO);
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener.map_err(failed)?;
    if group.is_some() {
        std::os::unix::fs::chown(path, None, group).map_err(failed)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(listener)
}

/// Answers `crier ctl`, for ever.
pub(crate) async fn control(supervisor: Rc<Supervisor>, listener: UnixListener) {
    let (requests, waiters) = (Arc::new(Semaphore::new(REQUESTS_MAX)), Arc::new(Semaphore::new(WAITERS_MAX)));
    loop {
        // Fails only when the semaphore is closed, which nothing does.
        let Ok(permit) = Arc::clone(&requests).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let client = ControlClient::new(stream, permit, Arc::clone(&waiters));
        let supervisor = Rc::clone(&supervisor);
        tokio::task::spawn_local(async move {
            if let Err(error) = client.serve(&supervisor).await {
                tracing::debug!(%error, "a control connection ended");
            }
        });
    }
}

/// Sends metrics to each client, for ever; reads nothing.
pub(crate) async fn metrics(supervisor: Rc<Supervisor>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let text = super::metrics::text(&supervisor);
                // One at a time is enough, and a client that does not read is left.
                let _ = timeout(PATIENCE, stream.write_all(text.as_bytes())).await;
            }
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
}

/// Connection of one client, which makes one request.
struct ControlClient {
    reader: Take<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    request: OwnedSemaphorePermit,
    waiters: Arc<Semaphore>,
}

impl ControlClient {
    fn new(stream: UnixStream, request: OwnedSemaphorePermit, waiters: Arc<Semaphore>) -> Self {
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader).take(REQUEST_BYTES_MAX as u64), writer, request, waiters }
    }

    async fn serve(mut self, supervisor: &Rc<Supervisor>) -> io::Result<()> {
        let mut line = Vec::new();
        if timeout(PATIENCE, self.reader.read_until(b'\n', &mut line)).await.is_err() {
            let reason = "no request came; send one line of JSON".to_owned();
            return self.send(&Response::Error(reason)).await;
        }
        let response = match serde_json::from_slice::<Request>(&line) {
            Ok(Request::Say { draft, wait: true, cancel_on_exit }) => {
                return self.say_and_wait(supervisor, *draft, cancel_on_exit).await;
            }
            Ok(request) => supervisor.request(request).await,
            Err(error) => Response::Error(format!("not a request: {error}")),
        };
        self.send(&response).await
    }

    async fn say_and_wait(
        mut self,
        supervisor: &Rc<Supervisor>,
        draft: crier_announce::Draft,
        cancel_on_exit: bool,
    ) -> io::Result<()> {
        let Ok(_waiter) = Arc::clone(&self.waiters).try_acquire_owned() else {
            let reason =
                format!("{WAITERS_MAX} clients wait for announcements already; try again without --wait");
            return self.send(&Response::Answer(Answer::Refused { reason, later: true })).await;
        };
        // Subscribed before it is submitted: a short announcement may end before the answer is sent.
        let events = supervisor.appliance.events();
        let answer = supervisor.appliance.submit(draft).await;
        let accepted = match &answer {
            Answer::Accepted { sequence, .. } => Some(*sequence),
            _ => None,
        };
        let sent = self.send(&Response::Answer(answer)).await;
        let Some(number) = accepted else { return sent };
        let ended = match sent {
            Ok(()) => self.forward(events, number).await,
            Err(error) => Err(error),
        };
        if ended.is_err() && cancel_on_exit {
            supervisor.appliance.cancel(Sequence::from_number(number));
        }
        ended
    }

    /// Sends the events of an announcement until its end.
    ///
    /// # Errors
    /// The client has gone.
    async fn forward(self, mut events: Receiver<Told>, number: u64) -> io::Result<()> {
        let Self { mut reader, mut writer, request, .. } = self;
        // From here on this client is on the budget of those who wait.
        drop(request);
        let (mut rest, mut half_closed) = ([0; 64], false);
        loop {
            let told = tokio::select! {
                told = events.recv() => told,
                // Nothing more is expected of it but the end. A pipe into `socat` only ends its sending half.
                read = reader.read(&mut rest), if !half_closed => match read {
                    Ok(0) if !is_hung_up(&writer) => {
                        half_closed = true;
                        continue;
                    }
                    Ok(0) | Err(_) => return Err(io::ErrorKind::ConnectionReset.into()),
                    Ok(_) => continue,
                },
                () = tokio::time::sleep(HANG_UP_CHECK), if half_closed => {
                    if is_hung_up(&writer) {
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                    continue;
                }
            };
            match told {
                Ok(told) if told.sequence == number => {
                    let is_end = told.event.kind.is_end();
                    send(&mut writer, &Response::Event(told.event)).await?;
                    if is_end {
                        return Ok(());
                    }
                }
                // The end may be among the events that were missed; the client must not wait for it for ever.
                Err(RecvError::Lagged(_)) => return Err(io::Error::other("too slow for the events")),
                Err(RecvError::Closed) => return Ok(()),
                Ok(_) => {}
            }
        }
    }

    async fn send(&mut self, response: &Response) -> io::Result<()> {
        send(&mut self.writer, response).await
    }
}

async fn send(writer: &mut OwnedWriteHalf, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    timeout(PATIENCE, writer.write_all(&line)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Returns true if the client has closed both halves of its connection.
fn is_hung_up(writer: &OwnedWriteHalf) -> bool {
    // No event is asked for: the kernel reports POLLHUP in any case.
    let mut fds = [PollFd::new(writer.as_ref().as_fd(), PollFlags::empty())];
    let polled = poll(&mut fds, PollTimeout::ZERO);
    polled.is_ok() && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

/// Returns the number of a group.
pub(crate) fn group_id(name: &str) -> Result<u32, CrierError> {
    let unknown =
        || CrierError::Usage(format!("there is no group '{name}'; create it, or name another in [control]"));
    let group = nix::unistd::Group::from_name(name).ok().flatten().ok_or_else(unknown)?;
    Ok(group.gid.as_raw())
}

/// Removes the file of a socket.
pub(crate) fn remove(path: &PathBuf) {
    // It may be gone already.
    let _ = std::fs::remove_file(path);
}
