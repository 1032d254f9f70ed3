//! Someone at the hub who takes what is well formed, as the supervisor does, and tells what the test wants told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crier_announce::{CancelReason, Draft, EventKind, Priority, QueueEvent, Sequence};
use crier_intake::{Hub, InputHandle};
use crier_wire::{AnnouncementEvent, Answer, Command, IntakeReport, IntakeRequest, LossReason};
use tokio::sync::mpsc;

/// Longer than anything here takes, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A text for which the queue has no room until [`Supervisor::make_room`].
pub(crate) const FULL: &str = "the one too many";

/// What was handed in.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful of them lives in a test")]
pub(crate) enum Seen {
    /// An announcement and its number; 0 if there was no room for it.
    Draft(u64, Draft),
    /// A command.
    Command(Command),
    /// An input works or does not.
    Input(bool, String),
    /// Number of messages that are not spoken, and the reason.
    Lost(LossReason, u64),
}

pub(crate) struct Supervisor {
    pub(crate) handle: InputHandle,
    seen: mpsc::UnboundedReceiver<(String, Seen)>,
    requests: mpsc::UnboundedSender<IntakeRequest>,
    /// Seen and not asked for yet.
    kept: VecDeque<(String, Seen)>,
    hub: tokio::task::JoinHandle<()>,
    has_room: Arc<AtomicBool>,
    handles: mpsc::UnboundedSender<(String, tokio::sync::oneshot::Sender<InputHandle>)>,
}

impl Supervisor {
    pub(crate) fn new(input: &str) -> Self {
        let hub = Hub::new();
        let handle = hub.handle(input);
        let (seen_by, seen) = mpsc::unbounded_channel();
        let (requests, to_tell) = mpsc::unbounded_channel();
        let (handles, wanted) = mpsc::unbounded_channel();
        let has_room = Arc::new(AtomicBool::new(false));
        let hub = tokio::spawn(attend(hub, seen_by, to_tell, wanted, Arc::clone(&has_room)));
        Self { handle, seen, requests, kept: VecDeque::new(), hub, has_room, handles }
    }

    /// From now on there is room for [`FULL`] as well.
    pub(crate) fn make_room(&self) {
        self.has_room.store(true, Ordering::SeqCst);
    }

    /// Waits for the next accepted announcement that `text` is the text of, past attempts that found the queue full.
    pub(crate) async fn accepted(&mut self, text: &str) {
        let input = self.handle.input().to_owned();
        let pick = |seen: &Seen| match seen {
            Seen::Draft(sequence, draft) if *sequence > 0 => Some((*sequence, draft.text.clone())),
            _ => None,
        };
        assert_eq!(self.next_of(&input, pick).await.1, text);
    }

    /// Waits for the report of a loss and returns it.
    pub(crate) async fn lost(&mut self) -> (LossReason, u64) {
        let input = self.handle.input().to_owned();
        let pick = |seen: &Seen| match seen {
            Seen::Lost(reason, count) => Some((*reason, *count)),
            _ => None,
        };
        self.next_of(&input, pick).await
    }

    /// Another handle at the same hub.
    pub(crate) async fn handle(&self, input: &str) -> InputHandle {
        let (give, given) = tokio::sync::oneshot::channel();
        self.handles.send((input.to_owned(), give)).unwrap();
        given.await.unwrap()
    }

    /// The next of `input` that `pick` takes; what else comes is kept.
    pub(crate) async fn next_of<T>(&mut self, input: &str, pick: impl Fn(&Seen) -> Option<T>) -> T {
        for at in 0..self.kept.len() {
            if self.kept[at].0 == input
                && let Some(picked) = pick(&self.kept[at].1)
            {
                self.kept.remove(at);
                return picked;
            }
        }
        let coming = async {
            loop {
                let (from, seen) = self.seen.recv().await.expect("the hub is attended");
                if from == input
                    && let Some(picked) = pick(&seen)
                {
                    return picked;
                }
                self.kept.push_back((from, seen));
            }
        };
        let waited = tokio::time::timeout(PATIENCE, coming).await;
        waited.unwrap_or_else(|_| panic!("nothing came from {input}"))
    }

    pub(crate) async fn draft(&mut self) -> (u64, Draft) {
        let input = self.handle.input().to_owned();
        self.draft_of(&input).await
    }

    pub(crate) async fn draft_of(&mut self, input: &str) -> (u64, Draft) {
        let pick = |seen: &Seen| match seen {
            Seen::Draft(sequence, draft) => Some((*sequence, draft.clone())),
            _ => None,
        };
        self.next_of(input, pick).await
    }

    pub(crate) async fn text(&mut self) -> String {
        self.draft().await.1.text
    }

    /// The next command; commands do not say where they come from.
    pub(crate) async fn command(&mut self) -> Command {
        let pick = |seen: &Seen| match seen {
            Seen::Command(command) => Some(command.clone()),
            _ => None,
        };
        self.next_of("", pick).await
    }

    /// Waits until the input says that it works, or does not; gives its words.
    pub(crate) async fn input(&mut self, wanted: bool) -> String {
        let input = self.handle.input().to_owned();
        let pick = |seen: &Seen| match seen {
            Seen::Input(up, detail) if *up == wanted => Some(detail.clone()),
            _ => None,
        };
        self.next_of(&input, pick).await
    }

    /// How many were refused, once there are as many as `expected`: in how many reports they are told depends on the
    /// clock.
    pub(crate) async fn refused(&mut self, expected: u64) -> u64 {
        let input = self.handle.input().to_owned();
        let pick = |seen: &Seen| match seen {
            Seen::Lost(_, count) => Some(*count),
            _ => None,
        };
        let mut refused = 0;
        while refused < expected {
            refused += self.next_of(&input, pick).await;
        }
        refused
    }

    /// How often the input has said whether it works and was not asked for.
    pub(crate) fn unread_reports(&mut self) -> usize {
        while let Ok(seen) = self.seen.try_recv() {
            self.kept.push_back(seen);
        }
        self.kept.iter().filter(|(_, seen)| matches!(seen, Seen::Input(..))).count()
    }

    /// Number of reports of losses that were not asked for.
    pub(crate) fn unread_losses(&mut self) -> usize {
        while let Ok(seen) = self.seen.try_recv() {
            self.kept.push_back(seen);
        }
        self.kept.iter().filter(|(_, seen)| matches!(seen, Seen::Lost(..))).count()
    }

    pub(crate) fn tell(&self, sequence: u64, kind: EventKind) {
        let event = QueueEvent {
            sequence: Sequence::default(),
            id: format!("#{sequence}"),
            source: None,
            priority: Priority::Message,
            kind,
        };
        let _ = self.requests.send(IntakeRequest::Event(AnnouncementEvent { sequence, event }));
    }

    pub(crate) fn stopped(&self, sequence: u64) {
        self.tell(sequence, EventKind::Cancelled { reason: CancelReason::Stopped });
    }

    /// Goes away.
    pub(crate) fn leave(self) {
        self.hub.abort();
    }
}

async fn attend(
    mut hub: Hub,
    seen: mpsc::UnboundedSender<(String, Seen)>,
    mut to_tell: mpsc::UnboundedReceiver<IntakeRequest>,
    mut handles: mpsc::UnboundedReceiver<(String, tokio::sync::oneshot::Sender<InputHandle>)>,
    has_room: Arc<AtomicBool>,
) {
    let mut sequence = 0;
    loop {
        let report = tokio::select! {
            report = hub.report() => report,
            Some(request) = to_tell.recv() => {
                hub.request(request);
                continue;
            }
            Some((input, give)) = handles.recv() => {
                let _ = give.send(hub.handle(&input));
                continue;
            }
            else => return,
        };
        let told = match report {
            IntakeReport::Submit { request_id, draft } => {
                let mut number = sequence + 1;
                let answer = match draft.as_ref().clone().validate() {
                    Ok(announcement) if announcement.text() == FULL && !has_room.load(Ordering::SeqCst) => {
                        number = 0;
                        Answer::Refused { reason: "the queue is full".into(), later: true }
                    }
                    Ok(announcement) => {
                        sequence += 1;
                        let id = announcement.id().map_or_else(|| format!("#{sequence}"), str::to_owned);
                        Answer::Accepted { sequence, id, durable: true }
                    }
                    Err(error) => Answer::Refused { reason: error.to_string(), later: false },
                };
                hub.request(IntakeRequest::Answer { request_id, answer });
                (draft.source.clone().unwrap_or_default(), Seen::Draft(number, *draft))
            }
            IntakeReport::Command { request_id, command } => {
                hub.request(IntakeRequest::Answer { request_id, answer: Answer::Done });
                (String::new(), Seen::Command(command))
            }
            IntakeReport::Input { input, up, detail } => (input, Seen::Input(up, detail)),
            IntakeReport::Lost { input, reason, count, .. } => (input, Seen::Lost(reason, count)),
            IntakeReport::Waiting { .. } => continue,
        };
        if seen.send(told).is_err() {
            return;
        }
    }
}
