//! Where inputs hand in what they read, and are told what became of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crier_announce::Draft;
use crier_system::Backoff;
use crier_wire::{
    AnnouncementEvent, Answer, ApplianceState, Command, IntakeReport, IntakeRequest, LossReason,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Reports on their way to the supervisor; an input that is faster waits.
const REPORTS_MAX: usize = 64;
/// Events that an input may lag behind before it misses some.
const EVENTS_MAX: usize = 1024;
/// Presses that an input may lag behind.
const PRESSES_MAX: usize = 64;
/// Requests without an answer. There is one for each announcement on its way to the journal, and the queue is
/// shorter than this.
const OPEN_REQUESTS_MAX: usize = 4096;

/// Whoever ran the inputs has gone; the input should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the intake is ending")]
pub struct HubClosed;

/// A button was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// The kernel's name of its key, such as `KEY_PROG1`.
    pub key: String,
    /// How.
    pub kind: PressKind,
}

/// How a button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PressKind {
    /// Once and briefly.
    Press,
    /// Twice in quick succession.
    Double,
    /// Held down.
    Long,
}

/// Connection of one input to the hub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InputHandle {
    input: Arc<str>,
    requests: mpsc::Sender<HubRequest>,
    events: broadcast::Sender<AnnouncementEvent>,
    presses: broadcast::Sender<Pressed>,
    state: watch::Receiver<ApplianceState>,
}

#[derive(Debug)]
enum HubRequest {
    Submit(Box<Draft>, oneshot::Sender<Answer>),
    Command(Command, oneshot::Sender<Answer>),
    Report(IntakeReport),
}

impl InputHandle {
    /// The input's name, such as `serial:/dev/ttyS6`: the source of its announcements.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Hands in an announcement and waits for what becomes of it: after [`Answer::Accepted`] it may be acknowledged.
    /// Names the input as its source where the sender named none.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn submit(&self, mut draft: Draft) -> Result<Answer, HubClosed> {
        draft.source.get_or_insert_with(|| self.input.to_string());
        self.ask(|answer| HubRequest::Submit(Box::new(draft), answer)).await
    }

    /// Submits an announcement that arrived at `offered`, with what is left of its expiry. Returns `None` if it has
    /// expired.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub(crate) async fn submit_aged(
        &self,
        draft: &Draft,
        offered: Instant,
    ) -> Result<Option<Answer>, HubClosed> {
        let mut aged = draft.clone();
        if let Some(expires_in_s) = draft.expires_in_s {
            let waited_s = u32::try_from(offered.elapsed().as_secs()).unwrap_or(u32::MAX);
            let left_s = expires_in_s.saturating_sub(waited_s);
            // An expiry of zero that the sender wrote is left to the validation, which says what is wrong with it.
            if left_s == 0 && waited_s > 0 {
                return Ok(None);
            }
            aged.expires_in_s = Some(left_s);
        }
        self.submit(aged).await.map(Some)
    }

    /// Submits an announcement that arrived at `offered`, again and again while the queue is full. Returns `None` if
    /// it expires before there is room.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub(crate) async fn submit_when_there_is_room(
        &self,
        draft: Draft,
        offered: Instant,
        mut backoff: Backoff,
    ) -> Result<Option<Answer>, HubClosed> {
        loop {
            match self.submit_aged(&draft, offered).await? {
                Some(Answer::Refused { later: true, reason }) => {
                    tracing::debug!(input = self.input(), reason, "the input waits for room in the queue");
                }
                answer => return Ok(answer),
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    /// Hands in a command and waits until it was carried out.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn command(&self, command: Command) -> Result<Answer, HubClosed> {
        self.ask(|answer| HubRequest::Command(command, answer)).await
    }

    /// Tells whether the input works and how, or why not; only changes are worth telling.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn report(&self, up: bool, detail: impl Into<String>) -> Result<(), HubClosed> {
        let report = IntakeReport::Input { input: self.input.to_string(), up, detail: detail.into() };
        self.requests.send(HubRequest::Report(report)).await.map_err(|_| HubClosed)
    }

    /// Reports that `count` messages of this input are not spoken for `reason`.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn lost(&self, reason: LossReason, count: u64) -> Result<(), HubClosed> {
        let report = IntakeReport::Lost { input: self.input.to_string(), reason, count };
        self.requests.send(HubRequest::Report(report)).await.map_err(|_| HubClosed)
    }

    /// What happens to announcements from now on, whoever sent them ([`AnnouncementEvent::event`] names the source).
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<AnnouncementEvent> {
        self.events.subscribe()
    }

    /// Waits until whoever ran the inputs has gone.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// Tells that a button was pressed, for whoever passes it on.
    pub fn pressed(&self, pressed: Pressed) {
        // Nobody has to listen.
        let _ = self.presses.send(pressed);
    }

    /// Buttons that are pressed from now on.
    #[must_use]
    pub fn presses(&self) -> broadcast::Receiver<Pressed> {
        self.presses.subscribe()
    }

    /// How the appliance is, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<ApplianceState> {
        self.state.clone()
    }

    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Answer>) -> HubRequest,
    ) -> Result<Answer, HubClosed> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| HubClosed)?;
        answered.await.map_err(|_| HubClosed)
    }
}

/// The connection of all inputs to the supervisor: reports go out, requests come in.
#[derive(Debug)]
pub struct Hub {
    requests: mpsc::Receiver<HubRequest>,
    sender: mpsc::Sender<HubRequest>,
    events: broadcast::Sender<AnnouncementEvent>,
    presses: broadcast::Sender<Pressed>,
    state: watch::Sender<ApplianceState>,
    open: HashMap<u64, oneshot::Sender<Answer>>,
    request_ids: AtomicU64,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Hub {
    /// A hub without handles.
    #[must_use]
    pub fn new() -> Self {
        let (sender, requests) = mpsc::channel(REPORTS_MAX);
        Self {
            requests,
            sender,
            events: broadcast::channel(EVENTS_MAX).0,
            presses: broadcast::channel(PRESSES_MAX).0,
            state: watch::channel(ApplianceState::default()).0,
            open: HashMap::new(),
            request_ids: AtomicU64::new(1),
        }
    }

    /// A handle for the input of this name.
    #[must_use]
    pub fn handle(&self, input: &str) -> InputHandle {
        InputHandle {
            input: input.into(),
            requests: self.sender.clone(),
            events: self.events.clone(),
            presses: self.presses.clone(),
            state: self.state.subscribe(),
        }
    }

    /// The next report for the supervisor; waits for one.
    pub async fn report(&mut self) -> IntakeReport {
        loop {
            // The hub holds a sender itself, so the channel never ends.
            let Some(request) = self.requests.recv().await else { std::future::pending().await };
            let (answer, report): (_, Box<dyn FnOnce(u64) -> IntakeReport + Send>) = match request {
                HubRequest::Report(report) => return report,
                HubRequest::Submit(draft, answer) => {
                    (answer, Box::new(|request_id| IntakeReport::Submit { request_id, draft }))
                }
                HubRequest::Command(command, answer) => {
                    (answer, Box::new(|request_id| IntakeReport::Command { request_id, command }))
                }
            };
            if self.open.len() >= OPEN_REQUESTS_MAX {
                self.open.retain(|_, answer| !answer.is_closed());
            }
            if self.open.len() >= OPEN_REQUESTS_MAX {
                let reason = "too many announcements wait for an answer; send it again later".to_owned();
                let _ = answer.send(Answer::Refused { reason, later: true });
                continue;
            }
            let request_id = self.request_ids.fetch_add(1, Ordering::Relaxed);
            self.open.insert(request_id, answer);
            return report(request_id);
        }
    }

    /// Gives what the supervisor said to whom it concerns.
    pub fn request(&mut self, request: IntakeRequest) {
        match request {
            // Whoever asked may have gone away meanwhile.
            IntakeRequest::Answer { request_id, answer } => {
                if let Some(asked) = self.open.remove(&request_id) {
                    let _ = asked.send(answer);
                }
            }
            IntakeRequest::Event(told) => {
                let _ = self.events.send(told);
            }
            IntakeRequest::State(state) => {
                self.state.send_replace(*state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_submission_is_answered_under_its_ticket() {
        let mut hub = Hub::new();
        let handle = hub.handle("fifo:/run/crier/say");
        let asked = tokio::spawn(async move { handle.submit(Draft::plain("Hello.")).await });
        let IntakeReport::Submit { request_id, draft } = hub.report().await else {
            panic!("not a submission")
        };
        assert_eq!(draft.source.as_deref(), Some("fifo:/run/crier/say"));
        let answer = Answer::Accepted { sequence: 3, id: "#3".into(), durable: true };
        hub.request(IntakeRequest::Answer { request_id: request_id + 1, answer: Answer::Done });
        hub.request(IntakeRequest::Answer { request_id, answer: answer.clone() });
        assert_eq!(asked.await.unwrap(), Ok(answer));
    }

    #[tokio::test]
    async fn everybody_sees_events_and_state() {
        let mut hub = Hub::new();
        let (first, second) = (hub.handle("a"), hub.handle("b"));
        let mut events = [first.events(), second.events()];
        let event = crier_announce::QueueEvent {
            sequence: crier_announce::Sequence::default(),
            id: "x".into(),
            source: None,
            priority: crier_announce::Priority::Message,
            kind: crier_announce::EventKind::Finished,
        };
        let told = AnnouncementEvent { sequence: 1, event };
        hub.request(IntakeRequest::Event(told.clone()));
        for events in &mut events {
            assert_eq!(events.recv().await.unwrap(), told);
        }
        hub.request(IntakeRequest::State(Box::new(ApplianceState {
            queued: 4,
            ..ApplianceState::default()
        })));
        assert_eq!(second.state().borrow().queued, 4);
    }

    #[tokio::test]
    async fn a_counter_that_is_gone_is_told() {
        let hub = Hub::new();
        let handle = hub.handle("a");
        drop(hub);
        assert_eq!(handle.submit(Draft::plain("Hello.")).await, Err(HubClosed));
    }
}
