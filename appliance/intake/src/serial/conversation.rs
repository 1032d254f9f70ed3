//! Conversation on a port: requests of the dialect to the supervisor, answers and events back.

use std::collections::BTreeSet;
use std::future;
use std::io;
use std::time::{Duration, Instant};

use crier_announce::{Draft, EventKind};
use crier_wire::{AnnouncementEvent, Command, LossReason};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::HubClosed;
use crate::backlog::{Backlog, READ_AHEAD_BYTES_MAX};
use crate::rate_limited::{RateLimitedHandle, RequestOutcome};
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::serial::port::Port;

/// Bytes read at once; their requests are served before more are read.
const READ_BYTES: usize = 4096;
/// Replies that wait for a peer that does not read; more are dropped, as on a wire without a listener.
const REPLY_BYTES_MAX: usize = 4096;
/// Announcements of this port whose end is awaited; the queue holds no more by default.
const UNFINISHED_MAX: usize = 1000;
/// Interval of the reports of losses, so that a flood of messages is no flood of reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Longest time for replies to leave before a change of speed; a reply of a few bytes takes less at 300 baud.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Conversation on one port, over all its openings.
pub(crate) struct SerialConversation {
    dialect: Box<dyn Dialect>,
    limited: RateLimitedHandle,
    events: broadcast::Receiver<AnnouncementEvent>,
    backlog: Backlog<DialectRequest>,
    unfinished: BTreeSet<u64>,
    replies: Vec<u8>,
}

impl SerialConversation {
    pub(crate) fn new(dialect: Box<dyn Dialect>, limited: RateLimitedHandle) -> Self {
        let events = limited.handle().events();
        let backlog = Backlog::new(limited.handle().input(), READ_AHEAD_BYTES_MAX);
        Self { dialect, limited, events, backlog, unfinished: BTreeSet::new(), replies: Vec::new() }
    }

    /// Serves the port until it fails, and returns the error.
    pub(crate) async fn hold(&mut self, port: &Port) -> Result<io::Error, HubClosed> {
        // A message that was begun before the port was lost would swallow the beginning of the next.
        self.dialect.reset();
        self.replies.clear();
        self.replies.extend_from_slice(self.dialect.greeting());
        // Texts may wait since before the port was lost; the other side may not know it any more.
        self.pace();
        let handle = self.limited.handle().clone();
        let mut buffer = vec![0; READ_BYTES];
        let mut requests = Vec::new();
        let mut report = tokio::time::interval(REPORT_EVERY);
        report.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let silence = until(self.dialect.deadline());
            tokio::select! {
                () = handle.closed() => return Err(HubClosed),
                // Beyond the read-ahead the kernel's buffer fills, and its flow control holds the other side back.
                read = port.read(&mut buffer), if self.backlog.has_room() => match read {
                    // A terminal whose other side has closed reads nothing for ever; the port is opened anew instead.
                    Ok(0) => return Ok(io::Error::other("the other side hung up")),
                    Ok(bytes) => self.dialect.read(&buffer[..bytes], Instant::now(), &mut requests),
                    Err(error) => return Ok(error),
                },
                written = write(port, &self.replies) => match written {
                    Ok(bytes) => drop(self.replies.drain(..bytes)),
                    Err(error) => return Ok(error),
                },
                event = self.events.recv() => self.received(event),
                () = silence => self.dialect.silence(Instant::now(), &mut requests),
                () = self.backlog.due() => self.serve_waiting().await?,
                _ = report.tick() => self.limited.report_losses().await?,
            }
            for request in requests.drain(..) {
                self.accept(request, port).await?;
            }
        }
    }

    /// Waits for `duration` while there is no port, and submits meanwhile what finds room in the queue.
    pub(crate) async fn pause(&mut self, duration: Duration) -> Result<(), HubClosed> {
        let end = tokio::time::Instant::now() + duration;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return Ok(()),
                () = self.backlog.due() => self.serve_waiting().await?,
            }
        }
    }

    /// Serves a request, behind the texts that wait for room in the queue unless it overtakes them.
    async fn accept(&mut self, request: DialectRequest, port: &Port) -> Result<(), HubClosed> {
        if request.cancels_waiting() {
            // A voice is a setting and no announcement: it holds for the texts after the stop, too.
            let outlives =
                |waiting: &DialectRequest| matches!(waiting, DialectRequest::Command(Command::Voice { .. }));
            let cancelled = self.backlog.cancel(outlives);
            self.limited.count_many(LossReason::Cancelled, cancelled);
            self.backlog.report(self.limited.handle()).await?;
        }
        let text_bytes = match &request {
            DialectRequest::Reply(bytes) => {
                self.reply(bytes);
                return Ok(());
            }
            // Counted on arrival, so that a text that waits is not refused later for those that came after it.
            DialectRequest::Say(_) if !self.limited.admit() => {
                self.answer(&request, &RequestOutcome::Busy);
                return Ok(());
            }
            DialectRequest::Say(draft) => draft.text.len(),
            _ => 0,
        };
        if !request.overtakes() {
            self.backlog.push(request, text_bytes);
            return self.serve_waiting().await;
        }
        if let Some(outcome) = self.outcome(&request, Instant::now()).await? {
            self.answer(&request, &outcome);
        }
        if let DialectRequest::Baud(baud) = request {
            self.change_baud(port, baud).await;
        }
        Ok(())
    }

    /// Serves the requests that wait, until one finds the queue full.
    async fn serve_waiting(&mut self) -> Result<(), HubClosed> {
        while let Some((request, offered)) = self.backlog.next() {
            // Carrying it out changes the state that it was borrowed from.
            let request = request.clone();
            let Some(outcome) = self.outcome(&request, offered).await? else {
                self.backlog.postpone();
                break;
            };
            self.backlog.pop();
            self.answer(&request, &outcome);
        }
        self.pace();
        self.backlog.report(self.limited.handle()).await
    }

    /// Carries out a request. Returns `None` if it has to wait for room in the queue.
    async fn outcome(
        &mut self,
        request: &DialectRequest,
        offered: Instant,
    ) -> Result<Option<RequestOutcome>, HubClosed> {
        Ok(Some(match request {
            DialectRequest::Say(draft) => return self.say(draft, offered).await,
            DialectRequest::Command(command) => self.limited.command(command.clone()).await?,
            DialectRequest::StopSource => self.stop_source().await?,
            DialectRequest::Refuse(reason, explanation) => {
                self.limited.count_refused(*reason, explanation);
                RequestOutcome::Refused(explanation.clone())
            }
            DialectRequest::Query
            | DialectRequest::Mark(_)
            | DialectRequest::Baud(_)
            | DialectRequest::Reply(_) => RequestOutcome::Done,
        }))
    }

    async fn say(&mut self, draft: &Draft, offered: Instant) -> Result<Option<RequestOutcome>, HubClosed> {
        let outcome = self.limited.try_say(draft, offered).await?;
        // The sender repeats it, so that it must not wait here as well: it would be spoken twice.
        if outcome.is_none() && self.dialect.answers_busy() {
            self.limited.count(LossReason::QueueFull);
            return Ok(Some(RequestOutcome::Busy));
        }
        if let Some(RequestOutcome::Accepted { sequence, .. }) = outcome {
            // The oldest has ended most likely, with an event that was missed.
            if self.unfinished.len() >= UNFINISHED_MAX {
                self.unfinished.pop_first();
            }
            self.unfinished.insert(sequence);
        }
        Ok(outcome)
    }

    /// Cancels the announcements of this port, and no others: noise on the line must not silence an alarm.
    async fn stop_source(&mut self) -> Result<RequestOutcome, HubClosed> {
        // The supervisor is asked even if nothing is known to be unfinished here: an earlier intake may have
        // submitted it.
        self.catch_up();
        let source = self.limited.handle().input().to_owned();
        self.limited.command(Command::StopSource { source }).await
    }

    /// Changes the speed after the answer, which goes out at the old one.
    async fn change_baud(&mut self, port: &Port, baud: u32) {
        while let Ok(Ok(bytes)) = tokio::time::timeout(DRAIN_MAX, write(port, &self.replies)).await {
            self.replies.drain(..bytes);
            if self.replies.is_empty() {
                break;
            }
        }
        // Not an error of the port: some speeds of the original are beyond an adapter, and the old one still works.
        if let Err(error) = port.set_baud(baud).await {
            tracing::warn!(input = self.limited.handle().input(), baud, %error, "the speed stays");
        }
    }

    /// Handles the events that have arrived, so that the answer to a stop counts no announcement that has ended.
    fn catch_up(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(event) => self.received(Ok(event)),
                Err(broadcast::error::TryRecvError::Lagged(missed)) => {
                    self.received(Err(RecvError::Lagged(missed)));
                }
                Err(_) => return,
            }
        }
    }

    fn received(&mut self, event: Result<AnnouncementEvent, RecvError>) {
        match event {
            Ok(event) => self.event(event.sequence, &event.event.kind),
            // Ends may be among the events that were missed: better an end too early than one that never comes.
            Err(RecvError::Lagged(_)) => {
                while let Some(sequence) = self.unfinished.first().copied() {
                    self.event(sequence, &EventKind::Finished);
                }
            }
            // The hub is gone; `hold` ends by `closed`.
            Err(RecvError::Closed) => {}
        }
    }

    fn event(&mut self, sequence: u64, kind: &EventKind) {
        // Events of all inputs come here; those of others must not be answered on this port.
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

    fn answer(&mut self, request: &DialectRequest, outcome: &RequestOutcome) {
        let mut reply = Vec::new();
        self.dialect.answer(request, outcome, self.queue(), &mut reply);
        self.reply(&reply);
    }

    fn pace(&mut self) {
        let mut reply = Vec::new();
        self.dialect.pace(self.queue(), &mut reply);
        self.reply(&reply);
    }

    fn queue(&self) -> PortQueue {
        PortQueue {
            unfinished: self.unfinished.len(),
            latest: self.unfinished.last().copied(),
            waiting: self.backlog.len(),
        }
    }

    fn reply(&mut self, bytes: &[u8]) {
        // Whole replies only: half of one could be read as another.
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
    // A write of nothing returns at once, and the loop would turn.
    if bytes.is_empty() { future::pending().await } else { port.write(bytes).await }
}
