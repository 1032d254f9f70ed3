//! Exchange of messages over one connection, from CONNACK to its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crier_wire::{AnnouncementEvent, Answer, ApplianceState, LossReason};
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::timeout;

use super::broker::{Broker, OFFLINE, ONLINE, sleep_until_some};
use super::client::Client;
use super::discovery;
use super::error::ConnectionError;
use super::in_flight::Delivery;
use super::packets::{AckReason, PublishMessage, Received};
use super::payload::{self, PayloadError, RejectedPayload};
use super::topics::{Subject, level};
use super::workers::{InputReport, PendingSubmit, WorkerEvent};

/// Longest delay of the discovery payload after Home Assistant's birth message. The delay is random, so that not all
/// devices publish at the same moment.
const BIRTH_JITTER: Duration = Duration::from_secs(3);
/// Time to wait at shutdown for answers that are underway. The supervisor answers within a write to the journal; what
/// it has not answered by then is redelivered at the next connection.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Payload of Home Assistant's birth message.
const BIRTH: &[u8] = b"online";

/// Conversation over one connection.
pub(super) struct MqttConversation<'a> {
    client: &'a mut Client,
    broker: Broker,
    events: broadcast::Receiver<AnnouncementEvent>,
    state: watch::Receiver<ApplianceState>,
    /// Payloads published last, by topic.
    published: HashMap<String, Vec<u8>>,
    /// Time at which to publish the discovery payload again.
    discovery_due: Option<Instant>,
}

impl<'a> MqttConversation<'a> {
    /// Subscribes and publishes the state of the appliance.
    pub(super) fn begin(client: &'a mut Client, mut broker: Broker) -> Result<Self, ConnectionError> {
        client.in_flight.connected(broker.session_present);
        // Also in a kept session: the configuration, and so the topics, may have changed since.
        broker.subscribe(&client.filters())?;
        let (events, state) = (client.handle.events(), client.handle.state());
        let (published, discovery_due) = (HashMap::new(), None);
        let mut conversation = Self { client, broker, events, state, published, discovery_due };
        conversation.publish_all()?;
        Ok(conversation)
    }

    /// Runs until the hub is closed.
    pub(super) async fn run(mut self) -> Result<(), ConnectionError> {
        loop {
            let due = [self.discovery_due, self.client.throttle.due()].into_iter().flatten().min();
            // One message at a time, and no await outside of `select!`: the keep-alive runs inside `broker.next()`.
            tokio::select! {
                received = self.broker.next() => self.received(received?)?,
                Some(event) = self.client.workers.worker_events.recv() => self.worker_event(event)?,
                event = self.events.recv() => self.event(event)?,
                changed = self.state.changed() => match changed {
                    Ok(()) => self.publish_state()?,
                    Err(_) => return self.shut_down().await,
                },
                () = sleep_until_some(due) => self.due(Instant::now())?,
            }
        }
    }

    /// Acknowledges what is answered meanwhile, publishes `offline` and disconnects.
    async fn shut_down(mut self) -> Result<(), ConnectionError> {
        // Closes the channels of the workers, which end after their last answer; `recv` then returns `None`.
        self.client.workers.stop_accepting();
        while let Ok(Some(event)) = timeout(DRAIN_TIMEOUT, self.client.workers.worker_events.recv()).await {
            self.worker_event(event)?;
        }
        // Published explicitly, since an orderly DISCONNECT makes the broker discard the will.
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
            // Consumed by `Broker::connect`; the protocol permits no second one.
            Received::Connack { .. } => Ok(()),
        }
    }

    /// Reports the input as up if the essential subscriptions were granted.
    fn subscribed(&mut self, allowed: &[bool]) -> Result<(), ConnectionError> {
        let filters = self.client.filters();
        for ((topic, _), allowed) in filters.into_iter().zip(allowed) {
            match self.client.topics.subject(&topic) {
                _ if *allowed => {}
                Subject::Speak | Subject::Command(_) => return Err(ConnectionError::Subscription { topic }),
                // Discovery is an extra: announcements work without it.
                _ => tracing::debug!(topic, "subscription denied by the broker; discovery is limited"),
            }
        }
        let detail = self.client.connected_to();
        self.client.report_status(true, detail);
        Ok(())
    }

    fn message(&mut self, message: &PublishMessage) -> Result<(), ConnectionError> {
        match self.client.topics.subject(&message.topic) {
            Subject::Speak => return self.speak(message),
            Subject::Command(level) => self.command(level, message)?,
            Subject::Birth if message.payload == BIRTH => {
                self.discovery_due =
                    Some(Instant::now() + BIRTH_JITTER.mul_f64(crier_system::random_fraction()));
            }
            Subject::Discovery if !self.client.settings.broker.discovery => self.remove_discovery(message)?,
            Subject::Birth | Subject::Discovery | Subject::Other => {}
        }
        // Subscribed with QoS 0, so that no acknowledgement is due; a broker that sends QoS 1 all the same gets one.
        message.packet_id.map_or(Ok(()), |packet_id| self.broker.acknowledge(packet_id, AckReason::Accepted))
    }

    /// Processes an announcement.
    fn speak(&mut self, message: &PublishMessage) -> Result<(), ConnectionError> {
        let now = Instant::now();
        let request_id = match self.client.in_flight.received(message) {
            Delivery::First(request_id) => request_id,
            // The worker's answer will acknowledge it.
            Delivery::Pending => return Ok(()),
            Delivery::Answered(ack_reason) => return self.acknowledge(message.packet_id, ack_reason),
        };
        // The flag is set only on messages that were stored before the subscription (section 3.3.1.3); a retained
        // message that is published later arrives without it, and is rejected from the next connection on.
        if message.retained {
            let reason = "a retained message is not spoken, as it would come again at each connection; send it without \
                          `retain`, and clear the retained one with an empty retained message";
            return self.reject(request_id, AckReason::Refused, LossReason::Rejected, None, reason);
        }
        // After the check for redelivery, so that a message is counted once.
        if !self.client.speak_limit.pass(now) {
            let limit = self.client.settings.broker.max_per_minute;
            let reason = format!("more than {limit} announcements in a minute; publish it again later");
            return self.reject(request_id, AckReason::QuotaExceeded, LossReason::RateLimited, None, &reason);
        }
        let read = match message.too_long {
            Some(bytes) => Err(PayloadError::TooLong { bytes, limit: crier_announce::JSON_BYTES_MAX }.into()),
            None => payload::announcement(&message.payload, message.expires_in_s),
        };
        let draft = match read {
            Ok(draft) => draft,
            Err(RejectedPayload { id, error }) => {
                let (loss, reason) = (error.loss_reason(), error.to_string());
                let ack_reason = AckReason::PayloadFormatInvalid;
                return self.reject(request_id, ack_reason, loss, id.as_deref(), &reason);
            }
        };
        let id = draft.id.clone();
        // Possible with QoS 0, and with MQTT 3.1.1, which has no Receive Maximum.
        let submit = PendingSubmit { request_id, draft, received_at: now };
        if self.client.workers.pending.try_send(submit).is_err() {
            let reason = "too many announcements wait for the queue already; publish it again later";
            let (ack_reason, loss) = (AckReason::QuotaExceeded, LossReason::QueueFull);
            return self.reject(request_id, ack_reason, loss, id.as_deref(), reason);
        }
        Ok(())
    }

    /// Processes a command.
    fn command(&mut self, level: &'static str, message: &PublishMessage) -> Result<(), ConnectionError> {
        if message.retained {
            let reason = "a retained command is not carried out, as it would come again at each connection; send it \
                          without `retain`";
            return self.report_rejection(level, LossReason::Rejected, None, reason);
        }
        if !self.client.command_limit.pass(Instant::now()) {
            let reason = "too many commands in a minute; publish it again later";
            return self.report_rejection(level, LossReason::RateLimited, None, reason);
        }
        match payload::command(level, &message.payload) {
            Ok(command) => match self.client.workers.commands.try_send((level, command)) {
                Ok(()) => Ok(()),
                Err(_) => {
                    let reason = "too many commands wait already; publish it again later";
                    self.report_rejection(level, LossReason::QueueFull, None, reason)
                }
            },
            Err(problem) => self.report_rejection(level, problem.loss_reason(), None, &problem.to_string()),
        }
    }

    /// Processes the answer of the supervisor.
    fn worker_event(&mut self, event: WorkerEvent) -> Result<(), ConnectionError> {
        match event {
            WorkerEvent::Announcement { request_id, id, answer: Answer::Refused { reason, .. } } => {
                self.reject(request_id, AckReason::Refused, LossReason::Rejected, id.as_deref(), &reason)
            }
            // A duplicate as well: its sender needs to know only that it need not send the announcement again.
            WorkerEvent::Announcement { request_id, .. } => self.answer(request_id, AckReason::Accepted),
            WorkerEvent::Command { level, answer: Answer::Refused { reason, .. } } => {
                self.report_rejection(level, LossReason::Rejected, None, &reason)
            }
            WorkerEvent::Command { .. } => Ok(()),
        }
    }

    /// Rejects an announcement for good: reports it, and acknowledges it so that the broker does not redeliver it.
    fn reject(
        &mut self,
        request_id: u64,
        ack_reason: AckReason,
        loss: LossReason,
        id: Option<&str>,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        self.report_rejection(level::SPEAK, loss, id, reason)?;
        self.answer(request_id, ack_reason)
    }

    /// Counts a rejected message of a topic and publishes the rejection, within the limit of such reports.
    fn report_rejection(
        &mut self,
        level: &str,
        loss: LossReason,
        id: Option<&str>,
        reason: &str,
    ) -> Result<(), ConnectionError> {
        // The summary reports it.
        if !self.client.throttle.add(loss, &format!("{level}: {reason}"), Instant::now()) {
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
        if self.client.in_flight.needs_ping() {
            let number = self.broker.ping()?;
            self.client.in_flight.pinged(number);
        }
        Ok(())
    }

    fn event(&mut self, event: Result<AnnouncementEvent, RecvError>) -> Result<(), ConnectionError> {
        match event {
            Ok(event) => match serde_json::to_vec(&event.event) {
                Ok(json) => self.publish_event(&json),
                // Impossible for a struct of strings and numbers, and no reason to give up the connection.
                Err(_) => Ok(()),
            },
            Err(RecvError::Lagged(count)) => {
                self.publish_event(json!({ "event": "missed", "count": count }).to_string().as_bytes())
            }
            // The sender of events is dropped together with that of the state, whose branch shuts down.
            Err(RecvError::Closed) => Ok(()),
        }
    }

    fn publish_event(&mut self, json: &[u8]) -> Result<(), ConnectionError> {
        self.broker.publish(&self.client.topics.of(level::EVENT), json, false)
    }

    /// Publishes summary and discovery payload when they are due.
    fn due(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if let Some(summary) = self.client.throttle.summary(now) {
            for (reason, loss) in summary.losses {
                // A full channel loses a number in the statistics, while waiting would stop the keep-alive.
                let _ = self.client.workers.reports.try_send(InputReport::Lost(reason, loss));
            }
            if summary.unreported > 0 {
                let reason = "too many rejections to report each";
                let event = json!({ "event": "refused", "count": summary.unreported, "reason": reason });
                self.publish_event(event.to_string().as_bytes())?;
            }
        }
        if self.discovery_due.take_if(|at| *at <= now).is_some() {
            self.publish_all()?;
        }
        Ok(())
    }

    /// Publishes everything, changed or not.
    fn publish_all(&mut self) -> Result<(), ConnectionError> {
        self.published.clear();
        self.publish_if_changed(self.client.topics.of(level::AVAILABILITY), ONLINE.into(), true)?;
        self.publish_state()
    }

    /// Publishes the changed parts of the state.
    fn publish_state(&mut self) -> Result<(), ConnectionError> {
        let state = self.state.borrow_and_update().clone();
        // No state was received from the supervisor yet.
        if state == ApplianceState::default() {
            return Ok(());
        }
        let topics = self.client.topics.clone();
        if self.client.settings.broker.discovery {
            let payload = discovery::payload(&self.client.settings, &topics, &state);
            self.publish_if_changed(topics.discovery().to_owned(), payload.to_string(), true)?;
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
        // Two digits, so that noise of the sensor does not change the payload and publish it again.
        let round = |number: f32| (f64::from(number) * 100.0).round() / 100.0;
        let diag = json!({
            "soc_celsius": state.soc_celsius.map(round),
            "real_time_factor": state.real_time_factor.map(round),
            "queued": state.queued,
            "restarts": state.restarts,
            "uptime_s": state.uptime_s,
        });
        self.publish_if_changed(topics.of(level::STATE), whole.to_string(), true)?;
        self.publish_if_changed(topics.of(level::VOLUME), state.volume_percent.to_string(), true)?;
        self.publish_if_changed(topics.of(level::MUTE), on_off(state.muted), true)?;
        self.publish_if_changed(topics.of(level::PROBLEM), on_off(!state.problems.is_empty()), true)?;
        // Not retained: a measurement of an appliance that is away is misleading.
        self.publish_if_changed(topics.of(level::DIAG), diag.to_string(), false)?;
        // An empty retained message would delete the topic (section 3.3.1.3).
        if state.voice.is_empty() {
            return Ok(());
        }
        self.publish_if_changed(topics.of(level::VOICE), state.voice, true)
    }

    fn publish_if_changed(
        &mut self,
        topic: String,
        payload: String,
        retained: bool,
    ) -> Result<(), ConnectionError> {
        if self.published.get(&topic).is_some_and(|last| last == payload.as_bytes()) {
            return Ok(());
        }
        self.broker.publish(&topic, payload.as_bytes(), retained)?;
        self.published.insert(topic, payload.into_bytes());
        Ok(())
    }

    /// Removes the discovery payload of an earlier run from the broker.
    fn remove_discovery(&mut self, message: &PublishMessage) -> Result<(), ConnectionError> {
        if message.retained && discovery::is_ours(&self.client.settings, &message.payload) {
            // An empty retained payload deletes the retained one, and with it the device in Home Assistant.
            return self.broker.publish(self.client.topics.discovery(), b"", true);
        }
        Ok(())
    }
}
