//! What is said over one connection, from the greeting to its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crier_wire::{AnnouncementEvent, Answer, ApplianceState, LossReason};
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Client;
use super::broker::{Broker, OFFLINE, ONLINE, sleep_until_some};
use super::discovery;
use super::error::ConnectionError;
use super::in_flight::Delivery;
use super::packets::{AckReason, PublishMessage, Received};
use super::payload::{self, PayloadError, Unspeakable};
use super::topics::{COMMANDS, Subject, level};
use super::workers::{InputReport, PendingSubmit, WorkerEvent};

/// After Home Assistant came, all its devices introduce themselves: not all in the same moment.
const BIRTH_JITTER: Duration = Duration::from_secs(3);
/// Time for the workers to tell what was answered before the end.
const LAST_EVENTS_MAX: Duration = Duration::from_millis(500);
/// What Home Assistant says when it is there.
const BIRTH: &[u8] = b"online";

/// One connection.
pub(super) struct MqttConversation<'a> {
    client: &'a mut Client,
    broker: Broker,
    events: broadcast::Receiver<AnnouncementEvent>,
    state: watch::Receiver<ApplianceState>,
    /// What was published last, by topic.
    shown: HashMap<String, Vec<u8>>,
    /// When to introduce the appliance to Home Assistant again.
    introduce_at: Option<Instant>,
}

impl<'a> MqttConversation<'a> {
    /// Begins: asks for messages and tells how the appliance is.
    pub(super) fn begin(client: &'a mut Client, mut broker: Broker) -> Result<Self, ConnectionError> {
        client.in_flight.connected(broker.session_present);
        broker.subscribe(&client.filters())?;
        let (events, state) = (client.handle.events(), client.handle.state());
        let (shown, introduce_at) = (HashMap::new(), None);
        let mut conversation = Self { client, broker, events, state, shown, introduce_at };
        conversation.show_all()?;
        Ok(conversation)
    }

    /// Goes on until the hub is closed.
    pub(super) async fn hold(mut self) -> Result<(), ConnectionError> {
        loop {
            let due = [self.introduce_at, self.client.throttle.due()].into_iter().flatten().min();
            tokio::select! {
                received = self.broker.next() => self.received(received?)?,
                Some(worker_events) = self.client.workers.worker_events.recv() => self.worker_events(worker_events)?,
                event = self.events.recv() => self.event(event)?,
                changed = self.state.changed() => match changed {
                    Ok(()) => self.show_state()?,
                    Err(_) => return self.end().await,
                },
                () = sleep_until_some(due) => self.due(Instant::now())?,
            }
        }
    }

    /// Says goodbye: what was answered meanwhile is acknowledged, and nobody takes the appliance for present.
    async fn end(mut self) -> Result<(), ConnectionError> {
        self.client.workers.dismiss();
        while let Ok(Some(worker_events)) =
            timeout(LAST_EVENTS_MAX, self.client.workers.worker_events.recv()).await
        {
            self.worker_events(worker_events)?;
        }
        self.broker.publish(&self.client.topics.of(level::AVAILABILITY), OFFLINE.as_bytes(), true)?;
        self.broker.close().await;
        Ok(())
    }

    fn received(&mut self, received: Received) -> Result<(), ConnectionError> {
        match received {
            Received::Publish(message) => self.message(&message),
            Received::Subscribed(allowed) => self.subscribed(&allowed),
            Received::Pong(number) => {
                self.client.in_flight.ponged(number);
                self.ping_if_useful()
            }
            Received::Connack { .. } => Ok(()),
        }
    }

    /// Now it works, if all that matters was allowed.
    fn subscribed(&mut self, allowed: &[bool]) -> Result<(), ConnectionError> {
        let filters = self.client.filters();
        for ((topic, _), allowed) in filters.into_iter().zip(allowed) {
            match self.client.topics.subject(&topic) {
                _ if *allowed => {}
                Subject::Speak | Subject::Command(_) => return Err(ConnectionError::Subscription { topic }),
                _ => tracing::debug!(topic, "the broker allows no subscription"),
            }
        }
        let detail = self.client.connected_to();
        self.client.tell(true, detail);
        Ok(())
    }

    fn message(&mut self, message: &PublishMessage) -> Result<(), ConnectionError> {
        match self.client.topics.subject(&message.topic) {
            Subject::Speak => return self.speak(message),
            Subject::Command(level) => self.command(level, message)?,
            Subject::Birth if message.payload == BIRTH => {
                self.introduce_at =
                    Some(Instant::now() + BIRTH_JITTER.mul_f64(crier_system::random_fraction()));
            }
            Subject::Discovery if !self.client.settings.broker.discovery => self.withdraw(message)?,
            Subject::Birth | Subject::Discovery | Subject::Other => {}
        }
        // These were asked for without acknowledgement; a broker that wants one all the same gets it.
        message.packet_id.map_or(Ok(()), |packet_id| self.broker.acknowledge(packet_id, AckReason::Taken))
    }

    /// Something to say.
    fn speak(&mut self, message: &PublishMessage) -> Result<(), ConnectionError> {
        let now = Instant::now();
        let request_id = match self.client.in_flight.came(message) {
            Delivery::First(request_id) => request_id,
            Delivery::Pending => return Ok(()),
            Delivery::Answered(ack_reason) => return self.acknowledge(message.packet_id, ack_reason),
        };
        if message.retained {
            let reason = "a retained message is not spoken, as it would come again at each connection; send it without \
                          `retain`, and clear the retained one with an empty retained message";
            return self.refuse(request_id, AckReason::Refused, LossReason::Rejected, None, reason);
        }
        if !self.client.speak_limit.pass(now) {
            let limit = self.client.settings.broker.max_per_minute;
            let reason = format!("more than {limit} announcements in a minute; send it again later");
            return self.refuse(request_id, AckReason::TooMany, LossReason::RateLimited, None, &reason);
        }
        let read = match message.too_long {
            Some(bytes) => Err(PayloadError::TooLong { bytes, limit: crier_announce::JSON_BYTES_MAX }.into()),
            None => payload::announcement(&message.payload, message.expires_in_s),
        };
        let draft = match read {
            Ok(draft) => draft,
            Err(Unspeakable { id, why }) => {
                let loss = why.loss_reason();
                return self.refuse(request_id, AckReason::Malformed, loss, id.as_deref(), &why.to_string());
            }
        };
        let id = draft.id.clone();
        if self.client.workers.pending.try_send(PendingSubmit { request_id, draft, came: now }).is_err() {
            let reason = "too many announcements wait for the queue already; send it again later";
            return self.refuse(request_id, AckReason::TooMany, LossReason::QueueFull, id.as_deref(), reason);
        }
        Ok(())
    }

    /// Something to do besides speaking.
    fn command(&mut self, level: &'static str, message: &PublishMessage) -> Result<(), ConnectionError> {
        if message.retained {
            let reason = "a retained command is not carried out, as it would come again at each connection; send it \
                          without `retain`";
            return self.refused(level, LossReason::Rejected, None, reason);
        }
        if !self.client.command_limit.pass(Instant::now()) {
            return self.refused(level, LossReason::RateLimited, None, "too many commands in a minute");
        }
        match payload::command(level, &message.payload) {
            Ok(command) => match self.client.workers.commands.try_send((level, command)) {
                Ok(()) => Ok(()),
                Err(_) => self.refused(level, LossReason::QueueFull, None, "too many commands wait already"),
            },
            Err(problem) => self.refused(level, problem.loss_reason(), None, &problem.to_string()),
        }
    }

    /// What became of something.
    fn worker_events(&mut self, worker_events: WorkerEvent) -> Result<(), ConnectionError> {
        match worker_events {
            WorkerEvent::Announcement { request_id, id, answer: Answer::Refused { reason, .. } } => {
                self.refuse(request_id, AckReason::Refused, LossReason::Rejected, id.as_deref(), &reason)
            }
            WorkerEvent::Announcement { request_id, .. } => self.answer(request_id, AckReason::Taken),
            WorkerEvent::Command { level, answer: Answer::Refused { reason, .. } } => {
                self.refused(level, LossReason::Rejected, None, &reason)
            }
            WorkerEvent::Command { .. } => Ok(()),
        }
    }

    /// Refuses an announcement for good.
    fn refuse(
        &mut self,
        request_id: u64,
        ack_reason: AckReason,
        loss: LossReason,
        id: Option<&str>,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        self.refused(level::SPEAK, loss, id, reason)?;
        self.answer(request_id, ack_reason)
    }

    /// Tells that a message on the topic of this level was refused.
    fn refused(
        &mut self,
        level: &str,
        loss: LossReason,
        id: Option<&str>,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        tracing::debug!(input = self.client.handle.input(), topic = level, reason, "refused");
        if !self.client.throttle.add(loss, Instant::now()) {
            return Ok(());
        }
        let mut event = json!({ "event": "refused", "topic": level, "reason": reason });
        if let Some(id) = id {
            event["id"] = id.into();
        }
        self.publish_event(event.to_string().as_bytes())
    }

    fn answer(&mut self, request_id: u64, ack_reason: AckReason) -> Result<(), ConnectionError> {
        let packet_id = self.client.in_flight.answered(request_id, ack_reason);
        self.acknowledge(packet_id, ack_reason)
    }

    fn acknowledge(&mut self, packet_id: Option<u16>, ack_reason: AckReason) -> Result<(), ConnectionError> {
        let Some(packet_id) = packet_id else { return Ok(()) };
        self.broker.acknowledge(packet_id, ack_reason)?;
        self.client.in_flight.acknowledged(packet_id);
        self.ping_if_useful()
    }

    fn ping_if_useful(&mut self) -> Result<(), ConnectionError> {
        if self.client.in_flight.wants_ping() {
            let number = self.broker.ping()?;
            self.client.in_flight.pinged(number);
        }
        Ok(())
    }

    fn event(&mut self, event: Result<AnnouncementEvent, RecvError>) -> Result<(), ConnectionError> {
        match event {
            Ok(told) => match serde_json::to_vec(&told.event) {
                Ok(json) => self.publish_event(&json),
                Err(_) => Ok(()),
            },
            Err(RecvError::Lagged(count)) => {
                self.publish_event(json!({ "event": "missed", "count": count }).to_string().as_bytes())
            }
            // Whoever sends events ends with the state, which says so as well.
            Err(RecvError::Closed) => Ok(()),
        }
    }

    fn publish_event(&mut self, json: &[u8]) -> Result<(), ConnectionError> {
        self.broker.publish(&self.client.topics.of(level::EVENT), json, false)
    }

    /// Does what its time has come for.
    fn due(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if let Some(summary) = self.client.throttle.summary(now) {
            // If the supervisor does not listen now, the number is lost; it is a number.
            for (reason, count) in summary.losses {
                let _ = self.client.workers.reports.try_send(InputReport::Lost(reason, count));
            }
            if summary.untold > 0 {
                let reason = "too many refusals to tell each";
                let event = json!({ "event": "refused", "count": summary.untold, "reason": reason });
                self.publish_event(event.to_string().as_bytes())?;
            }
        }
        if self.introduce_at.take_if(|at| *at <= now).is_some() {
            self.show_all()?;
        }
        Ok(())
    }

    /// Tells everything, whether it changed or not.
    fn show_all(&mut self) -> Result<(), ConnectionError> {
        self.shown.clear();
        self.show(self.client.topics.of(level::AVAILABILITY), ONLINE.into(), true)?;
        self.show_state()
    }

    /// Tells how the appliance is, as far as it changed.
    fn show_state(&mut self) -> Result<(), ConnectionError> {
        let state = self.state.borrow_and_update().clone();
        // The supervisor has said nothing yet.
        if state == ApplianceState::default() {
            return Ok(());
        }
        let topics = self.client.topics.clone();
        if self.client.settings.broker.discovery {
            let payload = discovery::payload(&self.client.settings, &topics, &state);
            self.show(topics.discovery().to_owned(), payload.to_string(), true)?;
        }
        let on_off = |on: bool| if on { "ON" } else { "OFF" }.to_owned();
        let whole = json!({
            "state": state.mode,
            "announcement": state.announcement,
            "queued": state.queued,
            "volume": state.volume_percent,
            "muted": state.muted,
            "voice": state.voice,
            "voices": state.voices,
            "problems": state.problems,
        });
        let round = |number: f32| (f64::from(number) * 100.0).round() / 100.0;
        let diag = json!({
            "soc_celsius": state.soc_celsius.map(round),
            "real_time_factor": state.real_time_factor.map(round),
            "queued": state.queued,
            "restarts": state.restarts,
            "uptime_s": state.uptime_s,
        });
        self.show(topics.of(level::STATE), whole.to_string(), true)?;
        self.show(topics.of(level::VOLUME), state.volume_percent.to_string(), true)?;
        self.show(topics.of(level::MUTE), on_off(state.muted), true)?;
        self.show(topics.of(level::PROBLEM), on_off(!state.problems.is_empty()), true)?;
        self.show(topics.of(level::DIAG), diag.to_string(), false)?;
        // An empty retained message would delete the topic.
        if state.voice.is_empty() {
            return Ok(());
        }
        self.show(topics.of(level::VOICE), state.voice, true)
    }

    fn show(&mut self, topic: String, payload: String, retained: bool) -> Result<(), ConnectionError> {
        if self.shown.get(&topic).is_some_and(|shown| shown == payload.as_bytes()) {
            return Ok(());
        }
        self.broker.publish(&topic, payload.as_bytes(), retained)?;
        self.shown.insert(topic, payload.into_bytes());
        Ok(())
    }

    /// Takes back what an earlier run told Home Assistant.
    fn withdraw(&mut self, message: &PublishMessage) -> Result<(), ConnectionError> {
        if message.retained && discovery::is_ours(&self.client.settings, &message.payload) {
            return self.broker.publish(self.client.topics.discovery(), b"", true);
        }
        Ok(())
    }
}

impl Client {
    /// What to ask the broker for, and whether at least once. Commands are for now: one that could not be delivered at
    /// once must not be carried out an hour later. And so `stop` passes announcements that wait for a full queue.
    pub(super) fn filters(&self) -> Vec<(String, bool)> {
        let mut filters = vec![(self.topics.of(level::SPEAK), true)];
        filters.extend(COMMANDS.iter().map(|level| (self.topics.of(level), false)));
        let other =
            if self.settings.broker.discovery { self.topics.birth() } else { self.topics.discovery() };
        filters.push((other.to_owned(), false));
        filters
    }
}
