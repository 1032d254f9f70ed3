//! Server: one task per client on the event loop of the supervisor.

use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crier_announce::{Draft, Sequence};
use crier_wire::{AnnouncementEvent, Answer};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::protocol::{
    ControlRequest, ControlResponse, ErrorCode, ErrorReport, REQUEST_BYTES_MAX, ResponseLine, VERSION,
    parse_request,
};
use crate::socket::ACCEPT_RETRY;

/// Maximum number of concurrent requests. A permit is acquired before a connection is accepted, so that further clients
/// wait in the kernel's backlog instead of being dropped. 16 are more than a machine's scripts and operators send at
/// once, and bound the memory for requests of the greatest length to 10 MB.
const REQUESTS_MAX: usize = 16;
/// Maximum number of clients that wait for the end of an announcement. They have a limit of their own, since they may
/// wait for hours and must not block `crier ctl stop`. Each costs a descriptor and a few KiB.
const WAITERS_MAX: usize = 64;
/// Time for a request to arrive, sufficient for one that is pasted into `socat`.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a response to be sent. A client that does not read must not keep its permit.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Interval of checks for a hang-up after a client has closed its sending half. `--cancel-on-exit` may take that long.
const HANG_UP_CHECK: Duration = Duration::from_secs(5);

/// Implementation of the verbs.
pub trait ControlHandler: 'static {
    /// Executes a request other than `say`.
    fn request(self: &Rc<Self>, request: ControlRequest) -> impl Future<Output = ControlResponse>;

    /// Submits an announcement and returns once it may be acknowledged.
    fn submit(self: &Rc<Self>, draft: Draft) -> impl Future<Output = Answer>;

    /// Subscribes to the events of all announcements.
    fn events(&self) -> Receiver<AnnouncementEvent>;

    /// Cancels an announcement, if it has not ended.
    fn cancel(&self, sequence: Sequence);
}

/// Serves clients for ever.
pub async fn serve<H: ControlHandler>(handler: Rc<H>, listener: UnixListener) {
    let (requests, waiters) = (Arc::new(Semaphore::new(REQUESTS_MAX)), Arc::new(Semaphore::new(WAITERS_MAX)));
    loop {
        // Fails only for a closed semaphore, and this one is never closed.
        let Ok(permit) = Arc::clone(&requests).acquire_owned().await else { return };
        // Errors belong to one connection or to a lack of descriptors; neither is a reason to end the server.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let session = Session::new(stream, permit, Arc::clone(&waiters));
        let handler = Rc::clone(&handler);
        tokio::task::spawn_local(async move {
            if let Err(error) = session.run(&handler).await {
                tracing::debug!(%error, "control connection failed");
            }
        });
    }
}

/// Connection of one client, which makes one request.
struct Session {
    reader: Take<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    request: OwnedSemaphorePermit,
    waiters: Arc<Semaphore>,
}

impl Session {
    fn new(stream: UnixStream, request: OwnedSemaphorePermit, waiters: Arc<Semaphore>) -> Self {
        let (reader, writer) = stream.into_split();
        // One more byte than the limit distinguishes a request that is too long from one that just fits.
        let reader = BufReader::new(reader).take(REQUEST_BYTES_MAX as u64 + 1);
        Self { reader, writer, request, waiters }
    }

    async fn run<H: ControlHandler>(mut self, handler: &Rc<H>) -> io::Result<()> {
        let mut line = Vec::new();
        let Ok(read) = timeout(REQUEST_TIMEOUT, self.reader.read_until(b'\n', &mut line)).await else {
            return self.refuse(ErrorCode::Timeout, "no complete request came; send one line of JSON").await;
        };
        read?;
        if line.is_empty() {
            // A supervisor that starts connects and hangs up, to find out whether another one is running.
            return Ok(());
        }
        if line.len() > REQUEST_BYTES_MAX {
            let message =
                format!("the request is longer than {REQUEST_BYTES_MAX} bytes; send the text in parts");
            return self.refuse(ErrorCode::TooLong, &message).await;
        }
        // The permit is held until the response is sent, so that 16 requests at most are in memory.
        let response = match parse_request(&line) {
            Ok(ControlRequest::Say { draft, wait: true, cancel_on_exit }) => {
                return self.say_and_wait(handler, *draft, cancel_on_exit).await;
            }
            Ok(ControlRequest::Say { draft, .. }) => ControlResponse::Answer(handler.submit(*draft).await),
            Ok(request) => handler.request(request).await,
            Err(report) => ControlResponse::Error(report),
        };
        send(&mut self.writer, response).await
    }

    async fn say_and_wait<H: ControlHandler>(
        mut self,
        handler: &Rc<H>,
        draft: Draft,
        cancel_on_exit: bool,
    ) -> io::Result<()> {
        let Ok(_waiter) = Arc::clone(&self.waiters).try_acquire_owned() else {
            let reason =
                format!("{WAITERS_MAX} clients wait for announcements already; repeat it without --wait");
            let answer = Answer::Refused { reason, later: true };
            return send(&mut self.writer, ControlResponse::Answer(answer)).await;
        };
        // Before the submission, since a short announcement may end before the answer is sent.
        let events = handler.events();
        let answer = handler.submit(draft).await;
        let accepted = match &answer {
            Answer::Accepted { sequence, .. } => Some(*sequence),
            _ => None,
        };
        let sent = send(&mut self.writer, ControlResponse::Answer(answer)).await;
        let Some(number) = accepted else { return sent };
        let ended = match sent {
            Ok(()) => self.forward(events, number).await,
            Err(error) => Err(error),
        };
        // Every error is one of the connection, which is how a client leaves.
        if ended.is_err() && cancel_on_exit {
            handler.cancel(Sequence::from_number(number));
        }
        ended
    }

    /// Sends the events of an announcement until its end.
    ///
    /// # Errors
    /// The client has closed the connection, or does not read.
    async fn forward(self, mut events: Receiver<AnnouncementEvent>, number: u64) -> io::Result<()> {
        let Self { mut reader, mut writer, request, .. } = self;
        // From here on this client counts as a waiter only.
        drop(request);
        // Further input is discarded, of any length; only its end matters.
        reader.set_limit(u64::MAX);
        let (mut rest, mut half_closed) = ([0; 64], false);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                // The end of a pipe into `socat` closes only the sending half; the client still reads.
                read = reader.read(&mut rest), if !half_closed => match read {
                    Ok(0) if !is_hung_up(&writer) => {
                        half_closed = true;
                        continue;
                    }
                    Ok(0) | Err(_) => return Err(io::ErrorKind::ConnectionReset.into()),
                    Ok(_) => continue,
                },
                // The hang-up of a half-closed connection makes nothing readable, so it is polled for.
                () = tokio::time::sleep(HANG_UP_CHECK), if half_closed => {
                    if is_hung_up(&writer) {
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                    continue;
                }
            };
            match event {
                Ok(event) if event.sequence == number => {
                    let is_end = event.event.kind.is_end();
                    send(&mut writer, ControlResponse::Event(event.event)).await?;
                    // Not an error, so that `cancel_on_exit` does not cancel what has ended.
                    if is_end {
                        return Ok(());
                    }
                }
                // The end may be among the missed events, and the client must not wait for it for ever.
                Err(RecvError::Lagged(_)) => return Err(io::Error::other("too slow for the events")),
                Err(RecvError::Closed) => return Ok(()),
                Ok(_) => {}
            }
        }
    }

    async fn refuse(&mut self, code: ErrorCode, message: &str) -> io::Result<()> {
        send(&mut self.writer, ControlResponse::Error(ErrorReport::new(code, message))).await
    }
}

async fn send(writer: &mut OwnedWriteHalf, response: ControlResponse) -> io::Result<()> {
    let mut line = serde_json::to_vec(&ResponseLine { version: VERSION, response })?;
    line.push(b'\n');
    timeout(RESPONSE_TIMEOUT, writer.write_all(&line)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Returns true if the client has closed both halves of the connection.
fn is_hung_up(writer: &OwnedWriteHalf) -> bool {
    // No event is requested, as the kernel reports POLLHUP in any case.
    let mut fds = [PollFd::new(writer.as_ref().as_fd(), PollFlags::empty())];
    let polled = poll(&mut fds, PollTimeout::ZERO);
    polled.is_ok() && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}
