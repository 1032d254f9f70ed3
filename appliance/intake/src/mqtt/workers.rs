//! Tasks that wait for the supervisor's answers, so that the connection is read meanwhile. One submits announcements in
//! their order, another one executes commands, so that `stop` does not wait for announcements.

use std::time::{Duration, Instant};

use crier_announce::Draft;
use crier_system::Backoff;
use crier_wire::{Answer, Command, LossReason};
use tokio::sync::mpsc;

use super::payload::PayloadError;
use super::protocol::UNACKNOWLEDGED_MAX;
use crate::InputHandle;
use crate::rate_limited::Loss;

/// Announcements that may wait: as many as a broker may send without an acknowledgement.
const PENDING_MAX: usize = UNACKNOWLEDGED_MAX as usize;
/// Commands that may wait: a dragged slider sends some ten a second, and the supervisor answers in milliseconds.
const COMMANDS_MAX: usize = 32;
/// Reports that may wait: one per loss reason and a few changes of the connection.
const REPORTS_MAX: usize = 16;
/// First pause before an announcement is submitted again that met a full queue. The broker keeps the messages, so there
/// is less haste than with a FIFO.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// Longest such pause: two or three announcements are spoken in it.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Announcement to submit.
pub(super) struct PendingSubmit {
    pub(super) request_id: u64,
    pub(super) draft: Draft,
    pub(super) received_at: Instant,
}

/// Answer of the supervisor.
pub(super) enum WorkerEvent {
    Announcement { request_id: u64, id: Option<String>, answer: Answer },
    Command { level: &'static str, answer: Answer },
}

/// Report to the supervisor, without an answer.
pub(super) enum InputReport {
    Input { up: bool, detail: String },
    Lost(LossReason, Loss),
}

/// Channels to the tasks, and the channel of their events.
pub(super) struct Workers {
    pub(super) pending: mpsc::Sender<PendingSubmit>,
    pub(super) commands: mpsc::Sender<(&'static str, Command)>,
    pub(super) reports: mpsc::Sender<InputReport>,
    pub(super) worker_events: mpsc::Receiver<WorkerEvent>,
}

impl Workers {
    /// Starts the tasks. Each ends when this is dropped or the hub is closed.
    pub(super) fn start(handle: &InputHandle) -> Self {
        let (pending, order) = mpsc::channel(PENDING_MAX);
        let (commands, command) = mpsc::channel(COMMANDS_MAX);
        let (reports, report) = mpsc::channel(REPORTS_MAX);
        // Has room for the events of all waiting requests, so that no task blocks while there is no connection to
        // read them: those in both channels, and one in each task.
        let (event_sender, worker_events) = mpsc::channel(PENDING_MAX + COMMANDS_MAX + 2);
        tokio::spawn(submit_in_order(handle.clone(), order, event_sender.clone()));
        tokio::spawn(execute_commands(handle.clone(), command, event_sender));
        tokio::spawn(forward_reports(handle.clone(), report));
        Self { pending, commands, reports, worker_events }
    }

    /// Closes the channels of announcements and commands. The events of those in the channels still come.
    pub(super) fn stop_accepting(&mut self) {
        // Replacing a sender drops it; the new one has no receiver.
        self.pending = mpsc::channel(1).0;
        self.commands = mpsc::channel(1).0;
    }
}

async fn submit_in_order(
    handle: InputHandle,
    mut pending: mpsc::Receiver<PendingSubmit>,
    worker_events: mpsc::Sender<WorkerEvent>,
) {
    while let Some(PendingSubmit { request_id, draft, received_at }) = pending.recv().await {
        let id = draft.id.clone();
        let Some(answer) = submit(&handle, draft, received_at).await else { return };
        if worker_events.send(WorkerEvent::Announcement { request_id, id, answer }).await.is_err() {
            return;
        }
    }
}

/// Returns the final answer. While the queue is full, the announcement is kept here and, unacknowledged, at the broker.
async fn submit(handle: &InputHandle, draft: Draft, received_at: Instant) -> Option<Answer> {
    // Not `later`: the broker must not redeliver an announcement whose time is over.
    let expired = || Answer::Refused { reason: PayloadError::Expired.to_string(), later: false };
    if draft.expires_in_s == Some(0) {
        return Some(expired());
    }
    let backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
    let answer = handle.submit_when_there_is_room(draft, received_at, backoff).await.ok()?;
    Some(answer.unwrap_or_else(expired))
}

async fn execute_commands(
    handle: InputHandle,
    mut commands: mpsc::Receiver<(&'static str, Command)>,
    worker_events: mpsc::Sender<WorkerEvent>,
) {
    while let Some((level, command)) = commands.recv().await {
        let Ok(answer) = handle.command(command).await else { return };
        if worker_events.send(WorkerEvent::Command { level, answer }).await.is_err() {
            return;
        }
    }
}

async fn forward_reports(handle: InputHandle, mut reports: mpsc::Receiver<InputReport>) {
    while let Some(report) = reports.recv().await {
        let sent = match report {
            InputReport::Input { up, detail } => handle.report(up, detail).await,
            InputReport::Lost(reason, loss) => handle.lost(reason, loss.count, loss.explanation).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crier_wire::{IntakeReport, IntakeRequest};

    use super::*;
    use crate::Hub;

    fn order(expires_in_s: Option<u32>) -> PendingSubmit {
        let draft = Draft { id: Some("a".into()), expires_in_s, ..Draft::plain("Hello.") };
        PendingSubmit { request_id: 7, draft, received_at: Instant::now() }
    }

    /// Answers the next submission and returns its expiry.
    async fn answer(hub: &mut Hub, answer: Answer) -> Option<u32> {
        let IntakeReport::Submit { request_id, draft } = hub.report().await else { panic!("no submission") };
        hub.request(IntakeRequest::Answer { request_id, answer });
        draft.expires_in_s
    }

    fn full() -> Answer {
        Answer::Refused { reason: "the queue is full".into(), later: true }
    }

    #[tokio::test(start_paused = true)]
    async fn announcement_is_resubmitted_while_queue_is_full() {
        let mut hub = Hub::new();
        let mut workers = Workers::start(&hub.handle("mqtt"));
        workers.pending.send(order(None)).await.unwrap();
        for _ in 0..20 {
            answer(&mut hub, full()).await;
            assert!(workers.worker_events.try_recv().is_err());
        }
        let accepted = Answer::Accepted { sequence: 1, id: "a".into(), durable: true };
        answer(&mut hub, accepted.clone()).await;
        let Some(WorkerEvent::Announcement { request_id: 7, answer, .. }) =
            workers.worker_events.recv().await
        else {
            panic!("another event")
        };
        assert_eq!(answer, accepted);
    }

    #[tokio::test]
    async fn announcement_expires_while_queue_is_full() {
        let mut hub = Hub::new();
        let mut workers = Workers::start(&hub.handle("mqtt"));
        workers.pending.send(order(Some(1))).await.unwrap();
        assert_eq!(answer(&mut hub, full()).await, Some(1));
        let Some(WorkerEvent::Announcement { answer: Answer::Refused { later: false, .. }, .. }) =
            workers.worker_events.recv().await
        else {
            panic!("not refused for good")
        };
    }
}
