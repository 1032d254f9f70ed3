//! What all dialects are: bytes in, requests out; answers and events in, reply bytes out. No I/O and no clock.

use std::time::Instant;

use crier_announce::{Draft, EventKind};
use crier_config::{DialectName, SerialSettings};
use crier_wire::{Command, LossReason};

use crate::backlog;
use crate::message::Defaults;
use crate::rate_limited::RequestOutcome;

/// What the other side wants.
#[derive(Debug, Clone, PartialEq)]
pub enum DialectRequest {
    /// Speak this.
    Say(Box<Draft>),
    /// Do this.
    Command(Command),
    /// Cancel the announcements of this port, and no others.
    StopSource,
    /// Tell whether something of this port is still to be spoken.
    Query,
    /// Go on at another speed, after the answer.
    Baud(u32),
    /// Tell when everything before this has been spoken.
    Mark(u16),
    /// Send this back.
    Reply(Vec<u8>),
    /// This was no message of the dialect: the reason for the count, and an explanation for people.
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

/// One way to speak on a serial line.
///
/// How the bytes are cut into calls of [`read`](Self::read) changes nothing, but for silences, and what is kept
/// between calls is bounded.
pub trait Dialect: Send {
    /// Takes bytes that came at `now` and adds what they ask for, in order.
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>);

    /// When a silence that lasts till then means something.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Nothing came until `now`.
    fn silence(&mut self, _now: Instant, _requests: &mut Vec<DialectRequest>) {}

    /// What the other side is told when the port opens.
    fn greeting(&self) -> &'static [u8] {
        b""
    }

    /// Forgets what was begun: the port was closed in between.
    fn reset(&mut self);

    /// What the other side is told of what became of `request`; `queue` includes it.
    fn answer(
        &mut self,
        request: &DialectRequest,
        outcome: &RequestOutcome,
        queue: PortQueue,
        reply: &mut Vec<u8>,
    );

    /// What the other side is told when something happens to announcement `sequence` of this port; `queue` does not
    /// count it any more if this is its end.
    fn event(&mut self, sequence: u64, kind: &EventKind, queue: PortQueue, reply: &mut Vec<u8>);

    /// Returns true if [`answer`](Self::answer) tells the other side that it has to send a text again. Otherwise the
    /// port is not read while the queue is full.
    fn answers_busy(&self) -> bool {
        true
    }

    /// Adds what makes the other side wait or go on, if the dialect has flow control.
    fn pace(&mut self, _queue: PortQueue, _reply: &mut Vec<u8>) {}

    /// Bytes held between calls.
    fn held(&self) -> usize;
}

/// The dialect that `settings` name.
#[must_use]
pub fn dialect(settings: &SerialSettings) -> Box<dyn Dialect> {
    let defaults = Defaults {
        priority: settings.priority,
        language: settings.language.clone(),
        voice: settings.voice.clone(),
        encoding: settings.encoding,
    };
    match settings.dialect {
        DialectName::Line => Box::new(super::line::LineDialect::new(defaults, settings.replies)),
        DialectName::Emic2 => Box::new(super::emic2::Emic2::new(defaults)),
        DialectName::Syn6288 => Box::new(super::syn6288::Syn6288::new(defaults)),
        DialectName::Xfs5152 => Box::new(super::xfs5152::Xfs5152::new(defaults)),
        DialectName::Dectalk => Box::new(super::dectalk::Dectalk::new(defaults)),
    }
}
