//! State of the MQTT input that outlives a connection.

use std::time::Instant;

use crier_config::MqttVersion;
use crier_system::TokenBucket;

use super::broker::Broker;
use super::error::ConnectionError;
use super::in_flight::InFlight;
use super::options::MqttOptions;
use super::throttle::RejectionThrottle;
use super::topics::{COMMANDS, Topics, level};
use super::workers::{InputReport, Workers};
use crate::InputHandle;

/// Commands accepted in a minute: a slider that is dragged sends some ten a second.
const COMMANDS_PER_MINUTE: u32 = 600;

/// State that outlives a connection.
pub(super) struct Client {
    pub(super) settings: MqttOptions,
    pub(super) topics: Topics,
    pub(super) handle: InputHandle,
    pub(super) workers: Workers,
    pub(super) in_flight: InFlight,
    pub(super) speak_limit: TokenBucket,
    pub(super) command_limit: TokenBucket,
    pub(super) throttle: RejectionThrottle,
    /// Status of the connection that was reported last.
    reported_status: Option<(bool, String)>,
}

impl Client {
    pub(super) fn new(settings: MqttOptions, handle: InputHandle) -> Self {
        let now = Instant::now();
        Self {
            topics: Topics::new(&settings),
            workers: Workers::start(&handle),
            in_flight: InFlight::default(),
            speak_limit: TokenBucket::new(settings.broker.max_per_minute, now),
            command_limit: TokenBucket::new(COMMANDS_PER_MINUTE, now),
            throttle: RejectionThrottle::new(now),
            reported_status: None,
            settings,
            handle,
        }
    }

    pub(super) async fn connect(&self) -> Result<Broker, ConnectionError> {
        Broker::connect(&self.settings, &self.topics).await
    }

    /// Returns the topics to subscribe to, each with true for QoS 1.
    pub(super) fn filters(&self) -> Vec<(String, bool)> {
        let mut filters = vec![(self.topics.of(level::SPEAK), true)];
        // QoS 0, so that the broker does not keep commands: one for an absent appliance must not be executed an hour
        // later. And since QoS 0 has no window, `stop` is not held back by unacknowledged announcements.
        filters.extend(COMMANDS.iter().map(|level| (self.topics.of(level), false)));
        // The own discovery payload is read only to remove it.
        let other =
            if self.settings.broker.discovery { self.topics.birth() } else { self.topics.discovery() };
        filters.push((other.to_owned(), false));
        filters
    }

    /// Returns the description of a working connection, for log and status.
    pub(super) fn connected_to(&self) -> String {
        let broker = &self.settings.broker;
        let version = match broker.version {
            MqttVersion::V3 => "3.1.1",
            MqttVersion::V5 => "5",
        };
        let secrecy = if broker.tls.is_some() { "encrypted" } else { "not encrypted" };
        format!("connected to {}:{} by MQTT {version}, {secrecy}", broker.host, broker.port)
    }

    /// Logs the status of the input and reports it to the supervisor, if it has changed.
    pub(super) fn report_status(&mut self, up: bool, detail: String) {
        let state = (up, detail);
        // A broker that is away for a night is one line in the log, not one for each attempt.
        if self.reported_status.as_ref() == Some(&state) {
            return;
        }
        let (_, detail) = &state;
        if up {
            tracing::info!(input = self.handle.input(), "{detail}");
        } else {
            tracing::warn!(input = self.handle.input(), "{detail}");
        }
        // A full channel would lose a status, which the next change replaces.
        let _ = self.workers.reports.try_send(InputReport::Input { up, detail: detail.clone() });
        self.reported_status = Some(state);
    }
}
