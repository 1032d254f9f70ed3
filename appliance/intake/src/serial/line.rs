//! The dialect `line`: each line is spoken, is an announcement in JSON, or is a command that begins with `!`.
//!
//! ```text
//! Hello.          -> ok #7       it will be spoken
//! !stop           -> ok          it was done
//! anything        -> busy        not now, send it again later
//! !explode        -> error: ...  never, and why
//!                 <- end #7 finished|cancelled|expired|failed
//! ```

use std::time::{Duration, Instant};

use crier_announce::EventKind;

use crate::lines::{InputLine, LineSplitter};
use crate::message::{Defaults, Message};
use crate::rate_limited::RequestOutcome;
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};

/// Announcements whose ids are kept for `end`; the queue holds no more by default.
const IDS_MAX: usize = 1000;
/// A silence after which an object of JSON that is not closed is refused: the sender waits for an answer.
const SILENCE: Duration = Duration::from_secs(1);
/// Longest reply, in characters: reasons may quote, and a slow line should not be busy for seconds.
const REPLY_CHARACTERS_MAX: usize = 300;

pub(crate) struct LineDialect {
    defaults: Defaults,
    replies: bool,
    lines: LineSplitter,
    /// Time of the latest byte.
    last: Option<Instant>,
    ids: std::collections::BTreeMap<u64, String>,
}

impl LineDialect {
    pub(crate) fn new(defaults: Defaults, replies: bool) -> Self {
        let lines = LineSplitter::default();
        Self { defaults, replies, lines, last: None, ids: std::collections::BTreeMap::new() }
    }

    fn reply(&self, reply: &mut Vec<u8>, line: &str) {
        if !self.replies {
            return;
        }
        // An id is chosen by the sender: with a line end in it, it could forge a reply of its own.
        let shown = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REPLY_CHARACTERS_MAX);
        reply.extend_from_slice(shown.collect::<String>().as_bytes());
        reply.extend_from_slice(b"\r\n");
    }
}

fn request_of(message: Message, requests: &mut Vec<DialectRequest>) {
    requests.push(match message {
        Message::Empty => return,
        Message::Say(draft) => DialectRequest::Say(draft),
        Message::Command(command) => DialectRequest::Command(command),
        Message::Wrong(reason, explanation) => DialectRequest::Refuse(reason, explanation),
    });
}

fn request_of_line(line: InputLine, defaults: &Defaults, requests: &mut Vec<DialectRequest>) {
    match line {
        InputLine::TooLong => request_of(Message::too_long(), requests),
        InputLine::Whole(line) => request_of(Message::read(&line, defaults), requests),
    }
}

impl Dialect for LineDialect {
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>) {
        // The bytes may be read before the timer is polled; they belong to the next message all the same.
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.silence(now, requests);
        }
        self.last = Some(now);
        let defaults = &self.defaults;
        self.lines.read(bytes, |line| request_of_line(line, defaults, requests));
    }

    fn deadline(&self) -> Option<Instant> {
        self.last.filter(|_| self.lines.awaits_more()).map(|last| last + SILENCE)
    }

    fn silence(&mut self, _now: Instant, requests: &mut Vec<DialectRequest>) {
        let defaults = &self.defaults;
        self.lines.finish_object(|line| request_of_line(line, defaults, requests));
    }

    fn reset(&mut self) {
        self.lines.reset();
    }

    fn answer(
        &mut self,
        _request: &DialectRequest,
        outcome: &RequestOutcome,
        _queue: PortQueue,
        reply: &mut Vec<u8>,
    ) {
        match outcome {
            RequestOutcome::Accepted { sequence, id } => {
                if self.ids.len() >= IDS_MAX {
                    self.ids.pop_first();
                }
                self.ids.insert(*sequence, id.clone());
                self.reply(reply, &format!("ok {id}"));
            }
            RequestOutcome::Duplicate { id } => self.reply(reply, &format!("ok {id}")),
            RequestOutcome::Done => self.reply(reply, "ok"),
            RequestOutcome::Busy => self.reply(reply, "busy"),
            RequestOutcome::Refused(reason) => self.reply(reply, &format!("error: {reason}")),
        }
    }

    fn event(&mut self, sequence: u64, kind: &EventKind, _queue: PortQueue, reply: &mut Vec<u8>) {
        let end = match kind {
            EventKind::Finished => "finished",
            EventKind::Cancelled { .. } => "cancelled",
            EventKind::Expired => "expired",
            EventKind::Failed { .. } => "failed",
            EventKind::Mark { name } => {
                // Without forgetting the id: the end is still to come.
                if let Some(id) = self.ids.get(&sequence) {
                    self.reply(reply, &format!("mark {id} {name}"));
                }
                return;
            }
            _ => return,
        };
        if let Some(id) = self.ids.remove(&sequence) {
            self.reply(reply, &format!("end {id} {end}"));
        }
    }

    fn answers_busy(&self) -> bool {
        self.replies
    }

    fn held(&self) -> usize {
        self.lines.held()
    }
}
