//! Requests of an input that wait for room in the queue, in their order.
//!
//! While a text waits, the input is read on to a small limit, so that a stop command behind the text is found. Beyond
//! the limit it is not read, and the pipe or the line holds the sender back.

use std::collections::VecDeque;
use std::future;
use std::time::{Duration, Instant};

use crier_system::Backoff;
use crier_wire::Command;
use tokio::time::{self, sleep_until};

use crate::{HubClosed, InputHandle};

/// Bytes of text read ahead of the queue. Small, because they are lost if the intake ends: they are not in the journal.
pub(crate) const READ_AHEAD_BYTES_MAX: usize = 16 * 1024;
/// Requests read ahead; the bytes bound those with text, this the others.
const REQUESTS_MAX: usize = 256;
/// First pause before a text is offered again that met a full queue. The queue reports no free place, so it is polled.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause: short enough that speech does not stop when the queue drains faster than it is filled.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Requests of one input that wait, oldest first.
#[derive(Debug)]
pub(crate) struct Backlog<R> {
    /// Name of the input, for the log.
    input: String,
    waiting: VecDeque<Waiting<R>>,
    bytes: usize,
    bytes_max: usize,
    backoff: Backoff,
    /// Time of the next attempt; `None` if the first request was not refused yet.
    retry_at: Option<time::Instant>,
    /// Length that the supervisor knows.
    reported: usize,
}

#[derive(Debug)]
struct Waiting<R> {
    request: R,
    bytes: usize,
    offered: Instant,
}

impl<R> Backlog<R> {
    /// Returns an empty backlog that has room until it holds `bytes_max`.
    pub(crate) fn new(input: &str, bytes_max: usize) -> Self {
        let backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
        Self {
            input: input.to_owned(),
            waiting: VecDeque::new(),
            bytes: 0,
            bytes_max,
            backoff,
            retry_at: None,
            reported: 0,
        }
    }

    /// Reports the length by the handle of the input, if it has changed since the last report. The supervisor counts
    /// what waits as lost when the intake dies, so it must know the length at any time.
    pub(crate) async fn report(&mut self, handle: &InputHandle) -> Result<(), HubClosed> {
        let len = self.waiting.len();
        if std::mem::replace(&mut self.reported, len) == len {
            return Ok(());
        }
        handle.waiting(len as u64).await
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns true if the input may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < self.bytes_max && self.waiting.len() < REQUESTS_MAX
    }

    /// Appends a request that holds `bytes` of text. Takes it even without room: what was read has to go somewhere, and
    /// one read is bounded.
    pub(crate) fn push(&mut self, request: R, bytes: usize) {
        self.bytes += bytes;
        self.waiting.push_back(Waiting { request, bytes, offered: Instant::now() });
    }

    /// Returns the oldest request and the time of its arrival, unless it is too early for another attempt.
    pub(crate) fn next(&self) -> Option<(&R, Instant)> {
        let first = self.waiting.front()?;
        let due = self.retry_at.is_none_or(|at| time::Instant::now() >= at);
        due.then_some((&first.request, first.offered))
    }

    /// Removes the oldest request, which was served.
    pub(crate) fn pop(&mut self) -> Option<R> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.bytes;
        self.reset();
        Some(first.request)
    }

    /// Postpones the oldest request, for which the queue has no room.
    pub(crate) fn postpone(&mut self) {
        self.retry_at = Some(time::Instant::now() + self.backoff.next_delay());
    }

    /// Removes all requests but those that `keep` selects, and returns their number.
    pub(crate) fn cancel(&mut self, keep: impl Fn(&R) -> bool) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| keep(&waiting.request));
        self.bytes = self.waiting.iter().map(|waiting| waiting.bytes).sum();
        self.reset();
        before - self.waiting.len()
    }

    /// Waits for the time of the next attempt; for ever if nothing waits.
    pub(crate) async fn due(&self) {
        match self.retry_at {
            Some(at) if !self.waiting.is_empty() => sleep_until(at).await,
            Some(_) => future::pending().await,
            None if self.waiting.is_empty() => future::pending().await,
            None => {}
        }
    }

    fn reset(&mut self) {
        self.backoff.reset();
        self.retry_at = None;
    }
}

impl<R> Drop for Backlog<R> {
    fn drop(&mut self) {
        // The input ends, as at a reload of its section. The supervisor reads no more reports: only the log is left.
        if !self.waiting.is_empty() {
            let (input, count) = (&self.input, self.waiting.len());
            let message = "messages that waited for room in the queue are lost with the end of the input";
            tracing::warn!(input, count, "{message}");
        }
    }
}

/// Returns true if `command` takes effect ahead of texts that wait for room. A stop or resume that waited for room
/// would wait for what only it can bring about.
pub(crate) fn overtakes(command: &Command) -> bool {
    match command {
        Command::Stop | Command::StopAll | Command::StopSource { .. } => true,
        Command::Pause | Command::Resume | Command::PauseToggle => true,
        Command::Volume { .. } | Command::VolumeStep { .. } | Command::Mute { .. } => true,
        // The voice is that of the texts behind the command, not before it; a repetition needs room itself.
        Command::Voice { .. } | Command::RepeatLast => false,
    }
}

/// Returns true if `command` cancels texts that wait for room: it would have cancelled them in the queue.
pub(crate) fn cancels_waiting(command: &Command) -> bool {
    matches!(command, Command::StopAll | Command::StopSource { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ends_with_bytes_or_requests() {
        let mut backlog = Backlog::new("test", 100);
        backlog.push("a", 99);
        assert!(backlog.has_room());
        backlog.push("b", 1);
        assert!(!backlog.has_room());
        assert_eq!(backlog.pop(), Some("a"));
        assert!(backlog.has_room());
        for _ in 1..REQUESTS_MAX {
            backlog.push("c", 0);
        }
        assert!(!backlog.has_room());
    }

    #[test]
    fn cancelled_requests_free_their_room() {
        let mut backlog = Backlog::new("test", 100);
        for text in ["keep", "drop", "drop"] {
            backlog.push(text, 40);
        }
        backlog.postpone();
        assert!(backlog.next().is_none() && !backlog.has_room());
        assert_eq!(backlog.cancel(|request| *request == "keep"), 2);
        assert!(backlog.has_room());
        assert_eq!(backlog.next().map(|(request, _)| *request), Some("keep"), "tried again at once");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_request_is_due_after_growing_pauses() {
        let mut backlog = Backlog::new("test", 100);
        backlog.push("a", 1);
        let start = time::Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            backlog.due().await;
            assert!(backlog.next().is_some());
            pauses.push(start.elapsed().as_millis() / 100 * 100);
            backlog.postpone();
            assert!(backlog.next().is_none());
        }
        assert_eq!(pauses, [0, 100, 300, 700, 1500, 2500]);
    }
}
