//! Hub between the inputs and the supervisor: submissions and commands go out, their results and events come back.

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

/// Reports on their way to the supervisor. An input that is faster waits, as each of its requests waits for its result
/// anyway.
const REPORTS_MAX: usize = 64;
/// Events that an input may lag behind before it misses some: several for each announcement of a full queue.
const EVENTS_MAX: usize = 1024;
/// Presses that a listener may lag behind; more than a hand makes while anything else is served.
const PRESSES_MAX: usize = 64;
/// Requests without a result. Each input waits for the result of one before it makes the next; MQTT has some more on
/// their way. Far above both, it bounds the memory should a supervisor stop to answer.
const OPEN_REQUESTS_MAX: usize = 4096;

/// The hub is gone, and the input has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the intake is ending")]
pub struct HubClosed;

/// Press of a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// Name of the key, such as `KEY_PROG1`.
    pub key: String,
    /// Kind of press.
    pub kind: PressKind,
}

/// Kind of press of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PressKind {
    /// Short press.
    Press,
    /// Two presses in quick succession.
    Double,
    /// Press that is held.
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
    /// Returns the name of the input, such as `serial:/dev/ttyS6`: the source of its announcements.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Submits an announcement and waits for the result; after [`Answer::Accepted`] it may be acknowledged. Names the
    /// input as its source if the sender named none.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn submit(&self, mut draft: Draft) -> Result<Answer, HubClosed> {
        // The sender may name itself; a stop of this input then leaves its announcements alone.
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

    /// Gives a command and waits until it is carried out.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn command(&self, command: Command) -> Result<Answer, HubClosed> {
        self.ask(|answer| HubRequest::Command(command, answer)).await
    }

    /// Reports the status of the input: connection parameters if it is up, the error and its remedy otherwise.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn report(&self, up: bool, detail: impl Into<String>) -> Result<(), HubClosed> {
        let report = IntakeReport::Input { input: self.input.to_string(), up, detail: detail.into() };
        self.requests.send(HubRequest::Report(report)).await.map_err(|_| HubClosed)
    }

    /// Reports that `count` messages of this input are not spoken for `reason`, with the explanation of the latest one.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub async fn lost(
        &self,
        reason: LossReason,
        count: u64,
        explanation: Option<String>,
    ) -> Result<(), HubClosed> {
        let report = IntakeReport::Lost { input: self.input.to_string(), reason, count, explanation };
        self.requests.send(HubRequest::Report(report)).await.map_err(|_| HubClosed)
    }

    /// Reports the number of messages that were read and wait for room in the queue.
    ///
    /// # Errors
    /// [`HubClosed`].
    pub(crate) async fn waiting(&self, count: u64) -> Result<(), HubClosed> {
        let report = IntakeReport::Waiting { input: self.input.to_string(), count };
        self.requests.send(HubRequest::Report(report)).await.map_err(|_| HubClosed)
    }

    /// Subscribes to the events of all announcements, of every source ([`AnnouncementEvent::event`] names it).
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<AnnouncementEvent> {
        self.events.subscribe()
    }

    /// Waits until the hub is gone.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// Publishes the press of a button to the subscribers of [`presses`](Self::presses).
    pub fn pressed(&self, pressed: Pressed) {
        // Without a subscriber it fails, which is not an error: the action of the button is carried out elsewhere.
        let _ = self.presses.send(pressed);
    }

    /// Subscribes to presses of buttons.
    #[must_use]
    pub fn presses(&self) -> broadcast::Receiver<Pressed> {
        self.presses.subscribe()
    }

    /// Watches the state of the appliance.
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
    /// Returns a hub without inputs.
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

    /// Returns a handle for the input of this name.
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

    /// Returns the next report for the supervisor; waits for one. Cancelling the wait loses nothing.
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
                // Requests of inputs that have gone are never answered by `request`; swept only here, where they
                // matter.
                self.open.retain(|_, answer| !answer.is_closed());
            }
            if self.open.len() >= OPEN_REQUESTS_MAX {
                // Refused for now rather than queued: a supervisor that does not answer must not fill the memory.
                let reason = "too many announcements wait for an answer; send it again later".to_owned();
                let _ = answer.send(Answer::Refused { reason, later: true });
                continue;
            }
            let request_id = self.request_ids.fetch_add(1, Ordering::Relaxed);
            // Before the report goes out: the answer finds its request however fast it comes.
            self.open.insert(request_id, answer);
            return report(request_id);
        }
    }

    /// Passes a request of the supervisor on to the inputs that it concerns.
    pub fn request(&mut self, request: IntakeRequest) {
        match request {
            // The input may have gone meanwhile, as with the connection to a broker; the result has no other receiver.
            IntakeRequest::Answer { request_id, answer } => {
                if let Some(asked) = self.open.remove(&request_id) {
                    let _ = asked.send(answer);
                }
            }
            IntakeRequest::Event(event) => {
                let _ = self.events.send(event);
            }
            IntakeRequest::State(state) => {
                // Not `send`, which leaves the old state while there is no receiver; an input that starts later needs
                // the latest.
                self.state.send_replace(*state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn submission_gets_the_answer_with_its_request_id() {
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
    async fn every_input_gets_events_and_state() {
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
        let event = AnnouncementEvent { sequence: 1, event };
        hub.request(IntakeRequest::Event(event.clone()));
        for events in &mut events {
            assert_eq!(events.recv().await.unwrap(), event);
        }
        hub.request(IntakeRequest::State(Box::new(ApplianceState {
            queued: 4,
            ..ApplianceState::default()
        })));
        assert_eq!(second.state().borrow().queued, 4);
    }

    #[tokio::test]
    async fn submission_fails_when_the_hub_is_gone() {
        let hub = Hub::new();
        let handle = hub.handle("a");
        drop(hub);
        assert_eq!(handle.submit(Draft::plain("Hello.")).await, Err(HubClosed));
    }
}
