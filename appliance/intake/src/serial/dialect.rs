//! Interface of all dialects: bytes in, requests out; answers and events in, replies out. No I/O and no clock.

use std::time::Instant;

use crier_announce::{Draft, EventKind};
use crier_wire::{Command, LossReason};

use crate::backlog;
use crate::rate_limited::RequestOutcome;

/// Request of the other side.
#[derive(Debug, Clone, PartialEq)]
pub enum DialectRequest {
    /// Submits an announcement.
    Say(Box<Draft>),
    /// Gives a command.
    Command(Command),
    /// Cancels the announcements of this port, and no others.
    StopSource,
    /// Asks if announcements of this port have not ended.
    Query,
    /// Changes the speed, after the answer.
    Baud(u32),
    /// Asks for an index reply when everything before it has been spoken.
    Mark(u16),
    /// Asks for these bytes.
    Reply(Vec<u8>),
    /// Not a message of the dialect: the reason for the count of losses, and an explanation for people.
    Refuse(LossReason, String),
}

impl DialectRequest {
    /// Returns true if the request is served ahead of texts that wait for room in the queue.
    #[must_use]
    pub(crate) fn overtakes(&self) -> bool {
        match self {
            Self::Command(command) => backlog::overtakes(command),
            Self::StopSource | Self::Baud(_) | Self::Reply(_) | Self::Refuse(..) => true,
            // Their answers are about the texts before them.
            Self::Say(_) | Self::Query | Self::Mark(_) => false,
        }
    }

    /// Returns true if the request cancels texts that wait for room in the queue.
    #[must_use]
    pub(crate) fn cancels_waiting(&self) -> bool {
        match self {
            Self::StopSource => true,
            Self::Command(command) => backlog::cancels_waiting(command),
            _ => false,
        }
    }
}

/// Announcements of a port that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortQueue {
    /// Number of those in the queue.
    pub unfinished: usize,
    /// Sequence number of the latest of them.
    pub latest: Option<u64>,
    /// Number of requests that wait for room in the queue.
    pub waiting: usize,
}

/// Protocol of a serial line, from its parser to its answers.
///
/// The division of the bytes into calls of [`read`](Self::read) makes no difference, silences apart, and what is kept
/// between calls is bounded.
pub trait Dialect: Send {
    /// Parses bytes that arrived at `now`, and adds their requests in order.
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>);

    /// Returns the time at which a silence will end a message.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Ends a message after a silence that lasted until `now`.
    fn silence(&mut self, _now: Instant, _requests: &mut Vec<DialectRequest>) {}

    /// Returns the bytes sent when the port opens.
    fn greeting(&self) -> &'static [u8] {
        b""
    }

    /// Discards a message that was begun: the port was closed in between.
    fn reset(&mut self);

    /// Adds the answer to `request`, whose announcement `queue` includes.
    fn answer(
        &mut self,
        request: &DialectRequest,
        outcome: &RequestOutcome,
        queue: PortQueue,
        reply: &mut Vec<u8>,
    );

    /// Adds the reply to an event of announcement `sequence` of this port; `queue` excludes it if this is its end.
    fn event(&mut self, sequence: u64, kind: &EventKind, queue: PortQueue, reply: &mut Vec<u8>);

    /// Returns true if [`answer`](Self::answer) tells the other side that it has to send a text again. Otherwise the
    /// port is not read while the queue is full.
    fn answers_busy(&self) -> bool {
        true
    }

    /// Adds the bytes that make the other side wait or go on, if the dialect has flow control.
    fn pace(&mut self, _queue: PortQueue, _reply: &mut Vec<u8>) {}

    /// Returns the number of bytes held between calls.
    fn held(&self) -> usize;
}
