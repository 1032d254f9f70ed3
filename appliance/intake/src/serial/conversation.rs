//! A dialect over a port: requests to the handle, answers and events back.

use std::collections::BTreeSet;
use std::future;
use std::io;
use std::time::{Duration, Instant};

use crier_announce::EventKind;
use crier_wire::{AnnouncementEvent, Command};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::HubClosed;
use crate::rate_limited::{RateLimitedHandle, RequestOutcome};
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::serial::port::Port;

/// Bytes read at once; what they ask for is answered before more are read.
const READ_BYTES: usize = 4096;
/// Replies that wait because the other side does not read; more are dropped.
const REPLY_BYTES_MAX: usize = 4096;
/// Announcements of this port whose end is awaited; the queue holds no more.
const UNFINISHED_MAX: usize = 1000;
/// How often refusals are told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What is said on one port, from its first opening on.
pub(crate) struct SerialConversation {
    dialect: Box<dyn Dialect>,
    limited: RateLimitedHandle,
    events: broadcast::Receiver<AnnouncementEvent>,
    unfinished: BTreeSet<u64>,
    replies: Vec<u8>,
}

impl SerialConversation {
    pub(crate) fn new(dialect: Box<dyn Dialect>, limited: RateLimitedHandle) -> Self {
        let events = limited.handle().events();
        Self { dialect, limited, events, unfinished: BTreeSet::new(), replies: Vec::new() }
    }

    /// Goes on until the port fails, which is what it gives.
    pub(crate) async fn hold(&mut self, port: &Port) -> Result<io::Error, HubClosed> {
        self.dialect.reset();
        self.replies.clear();
        self.replies.extend_from_slice(self.dialect.greeting());
        let handle = self.limited.handle().clone();
        let mut buffer = vec![0; READ_BYTES];
        let mut requests = Vec::new();
        let mut tell = tokio::time::interval(TELL_EVERY);
        tell.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let silence = until(self.dialect.deadline());
            tokio::select! {
                () = handle.closed() => return Err(HubClosed),
                read = port.read(&mut buffer) => match read {
                    Ok(0) => return Ok(io::Error::other("the other side hung up")),
                    Ok(bytes) => self.dialect.read(&buffer[..bytes], Instant::now(), &mut requests),
                    Err(error) => return Ok(error),
                },
                written = write(port, &self.replies) => match written {
                    Ok(bytes) => drop(self.replies.drain(..bytes)),
                    Err(error) => return Ok(error),
                },
                told = self.events.recv() => self.told(told),
                () = silence => self.dialect.silence(Instant::now(), &mut requests),
                _ = tell.tick() => self.limited.report_losses().await?,
            }
            for request in requests.drain(..) {
                self.serve(request, port).await?;
            }
        }
    }

    async fn serve(&mut self, request: DialectRequest, port: &Port) -> Result<(), HubClosed> {
        let outcome = match &request {
            DialectRequest::Say(draft) => self.say(draft.as_ref().clone()).await?,
            DialectRequest::Command(command) => self.limited.command(command.clone()).await?,
            DialectRequest::StopSource => self.stop_source().await?,
            DialectRequest::Reply(bytes) => {
                self.reply(bytes);
                return Ok(());
            }
            DialectRequest::Refuse(reason, explanation) => {
                self.limited.count(*reason);
                RequestOutcome::Refused(explanation.clone())
            }
            DialectRequest::Query | DialectRequest::Mark(_) | DialectRequest::Baud(_) => RequestOutcome::Done,
        };
        let mut reply = Vec::new();
        self.dialect.answer(&request, &outcome, self.queue(), &mut reply);
        self.reply(&reply);
        if let DialectRequest::Baud(baud) = request {
            self.change_baud(port, baud).await;
        }
        Ok(())
    }

    async fn say(&mut self, draft: crier_announce::Draft) -> Result<RequestOutcome, HubClosed> {
        let outcome = if self.dialect.answers_busy() {
            self.limited.say(draft).await?
        } else {
            self.limited.say_when_there_is_room(draft).await?
        };
        if let RequestOutcome::Accepted { sequence, .. } = outcome {
            if self.unfinished.len() >= UNFINISHED_MAX {
                self.unfinished.pop_first();
            }
            self.unfinished.insert(sequence);
        }
        Ok(outcome)
    }

    /// Cancels the announcements of this port, and no others.
    async fn stop_source(&mut self) -> Result<RequestOutcome, HubClosed> {
        // The supervisor is asked even if nothing is known to be unfinished here: an earlier intake may have
        // submitted it.
        self.catch_up();
        let source = self.limited.handle().input().to_owned();
        self.limited.command(Command::StopSource { source }).await
    }

    /// The answer goes out at the old speed, what comes then is read at the new one.
    async fn change_baud(&mut self, port: &Port, baud: u32) {
        while let Ok(Ok(bytes)) = tokio::time::timeout(TELL_EVERY, write(port, &self.replies)).await {
            self.replies.drain(..bytes);
            if self.replies.is_empty() {
                break;
            }
        }
        if let Err(error) = port.set_baud(baud).await {
            tracing::warn!(input = self.limited.handle().input(), baud, %error, "the speed stays");
        }
    }

    /// Takes the events that have come, so that what is known is what is so.
    fn catch_up(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(told) => self.told(Ok(told)),
                Err(broadcast::error::TryRecvError::Lagged(missed)) => {
                    self.told(Err(RecvError::Lagged(missed)));
                }
                Err(_) => return,
            }
        }
    }

    fn told(&mut self, told: Result<AnnouncementEvent, RecvError>) {
        match told {
            Ok(told) => self.event(told.sequence, &told.event.kind),
            // Ends may be among the events that were missed: better an end too early than one that never comes.
            Err(RecvError::Lagged(_)) => {
                while let Some(sequence) = self.unfinished.first().copied() {
                    self.event(sequence, &EventKind::Finished);
                }
            }
            Err(RecvError::Closed) => {}
        }
    }

    fn event(&mut self, sequence: u64, kind: &EventKind) {
        if !self.unfinished.contains(&sequence) {
            return;
        }
        if kind.is_end() {
            self.unfinished.remove(&sequence);
        }
        let mut reply = Vec::new();
        self.dialect.event(sequence, kind, self.queue(), &mut reply);
        self.reply(&reply);
    }

    fn queue(&self) -> PortQueue {
        PortQueue { unfinished: self.unfinished.len(), latest: self.unfinished.last().copied() }
    }

    fn reply(&mut self, bytes: &[u8]) {
        if self.replies.len() + bytes.len() <= REPLY_BYTES_MAX {
            self.replies.extend_from_slice(bytes);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => future::pending().await,
    }
}

async fn write(port: &Port, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() { future::pending().await } else { port.write(bytes).await }
}
