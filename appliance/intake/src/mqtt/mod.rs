//! MQTT: announcements and commands from a broker, events and the state of the appliance to it.
//!
//! ```text
//! broker <-> link (TCP, TLS) <-> Protocol (MQTT 3.1.1 and 5) <-> MqttConversation <-> workers <-> InputHandle
//! ```
//!
//! # What holds
//! * An announcement with QoS 1 is acknowledged after the supervisor took it, knew it already, or refused it for good.
//!   While the queue is full, it stays unacknowledged and is handed in again and again.
//! * An announcement with an id is spoken once; one without is spoken once unless this process dies between the answer
//!   and the broker's reading of the acknowledgement (see `in_flight.rs`).
//! * Beyond `max_per_minute`, announcements are refused, acknowledged (MQTT 5: with "quota exceeded") and reported. To
//!   withhold the acknowledgement instead would fill the broker's window with the flood, and whoever has something
//!   sensible to say would wait behind it; and after the next connection the flood would come again.
//! * Retained announcements and commands are refused: they would come again at each connection.
//! * What is published is published at most once (QoS 0): what lasts is retained and published anew at each connection,
//!   and events are worth nothing to whoever was not there.
//! * When discovery is switched off, the appliance takes back what it told Home Assistant before, if the broker still
//!   has it and it says that it came from this appliance.
//!
//! # Why mqtt-protocol-core
//! What was asked of a library: MQTT 3.1.1 and 5; acknowledgements in our hands; a bound on what comes in before it is
//! stored; errors that can be told apart; TLS by rustls with ring (aws-lc needs a C toolchain and had advisories); a
//! licence that fits; nothing open in the RustSec database. Looked at in November 2026:
//!
//! * **mqtt-protocol-core 0.7.9** (MIT; taken): the protocol alone, without I/O, for both versions. It acknowledges
//!   nothing
//!   by itself unless told to, checks a packet's length before it allocates, and is driven in tests byte by byte. Sockets,
//!   TLS, reconnecting and errors are [tokio-rustls] and this module. Few dependencies at run time, all usual ones. No
//!   advisories. Known weakness: `unwrap`s inside on what it has checked before; the property tests in `protocol.rs` and
//!   the separate process of the intake are the answer to that.
//! * **mqtt5 0.49** (MIT or Apache-2.0): both versions, acknowledgement by token, ring. Second choice: a platform
//!   with a
//!   broker in it whose client owns reconnecting and queueing, and an acknowledgement that is withheld holds up all later
//!   ones.
//! * **rumqttc-v5-next and rumqttc-v4-next 0.34** (Apache-2.0): acknowledgement by hand and ring are there, but each
//!   version of MQTT is a crate of its own, of 27 000 lines with its tests, that owns event loop, session and replay.
//! * **rumqttc 0.25.1**: without a release for a year; pins a rustls-webpki with RUSTSEC-2026-0049, -0098, -0099,
//!   -0104.
//! * **rust-mqtt 0.6**: MQTT 5 only. **paho-mqtt**: C, and EPL. **ntex-mqtt**: a runtime of its own beside tokio.
//!
//! The library is known to `protocol.rs` and `packets.rs` only; everything else talks to `broker::Broker`, whose few
//! verbs any client library has.
//!
//! [tokio-rustls]: https://docs.rs/tokio-rustls

mod broker;
mod conversation;
mod discovery;
mod error;
mod framer;
mod in_flight;
mod link;
mod options;
mod packets;
mod payload;
mod protocol;
mod throttle;
mod topics;
mod workers;

use std::time::{Duration, Instant};

use crier_config::MqttVersion;
use crier_system::{Backoff, TokenBucket};
use tokio::time::sleep;

pub use options::{ApplianceIdentity, MqttOptions};

use self::broker::Broker;
use self::conversation::MqttConversation;
use self::error::ConnectionError;
use self::in_flight::InFlight;
use self::throttle::RejectionThrottle;
use self::topics::Topics;
use self::workers::{InputReport, Workers};
use crate::InputHandle;

/// Commands taken in a minute: a slider that is dragged sends some ten a second.
const COMMANDS_PER_MINUTE: u32 = 600;
/// First pause between attempts to connect. Longer than that of local inputs: a broker serves others, too.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause between attempts to connect: a broker that returns is found within a minute.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Duration after which a connection counts as stable. Two clients with the same id that push each other out lose
/// their connections sooner than that, and must not do it without a pause.
const STABLE_AFTER: Duration = Duration::from_secs(60);

/// Takes announcements and commands from the broker until the hub is closed; then says that the appliance is offline.
/// Whatever happens to broker and network, it tries again.
pub async fn run(settings: MqttOptions, handle: InputHandle) {
    let mut closed = handle.state();
    let mut client = Client::new(settings, handle);
    let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX).with_jitter(0.25);
    loop {
        let begun = Instant::now();
        let failure = tokio::select! {
            ended = client.connect() => match ended {
                Ok(connected) => match client.converse(connected).await {
                    Ok(()) => return,
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            },
            () = closing(&mut closed) => return,
        };
        if begun.elapsed() >= STABLE_AFTER {
            backoff.reset();
        }
        client.tell(false, failure.to_string());
        tokio::select! {
            () = sleep(backoff.next_delay()) => {}
            () = closing(&mut closed) => return,
        }
    }
}

/// Waits until whoever ran the inputs has gone.
async fn closing(state: &mut tokio::sync::watch::Receiver<crier_wire::ApplianceState>) {
    while state.changed().await.is_ok() {}
}

/// What outlives a connection.
struct Client {
    settings: MqttOptions,
    topics: Topics,
    handle: InputHandle,
    workers: Workers,
    in_flight: InFlight,
    speak_limit: TokenBucket,
    command_limit: TokenBucket,
    throttle: RejectionThrottle,
    /// What was told last of the connection.
    told: Option<(bool, String)>,
}

impl Client {
    fn new(settings: MqttOptions, handle: InputHandle) -> Self {
        let now = Instant::now();
        Self {
            topics: Topics::new(&settings),
            workers: Workers::start(&handle),
            in_flight: InFlight::default(),
            speak_limit: TokenBucket::new(settings.broker.max_per_minute, now),
            command_limit: TokenBucket::new(COMMANDS_PER_MINUTE, now),
            throttle: RejectionThrottle::new(now),
            told: None,
            settings,
            handle,
        }
    }

    async fn connect(&self) -> Result<Broker, ConnectionError> {
        Broker::connect(&self.settings, &self.topics).await
    }

    async fn converse(&mut self, broker: Broker) -> Result<(), ConnectionError> {
        MqttConversation::begin(self, broker)?.hold().await
    }

    /// What a connection is called where it is shown.
    fn connected_to(&self) -> String {
        let broker = &self.settings.broker;
        let version = match broker.version {
            MqttVersion::V3 => "3.1.1",
            MqttVersion::V5 => "5",
        };
        let secrecy = if broker.tls.is_some() { "encrypted" } else { "not encrypted" };
        format!("connected to {}:{} by MQTT {version}, {secrecy}", broker.host, broker.port)
    }

    /// Tells log and supervisor how the input is, if that is new.
    fn tell(&mut self, up: bool, detail: String) {
        let state = (up, detail);
        if self.told.as_ref() == Some(&state) {
            return;
        }
        let (_, detail) = &state;
        if up {
            tracing::info!(input = self.handle.input(), "{detail}");
        } else {
            tracing::warn!(input = self.handle.input(), "{detail}");
        }
        // The next change is told in any case; with room for sixteen there is no lack.
        let _ = self.workers.reports.try_send(InputReport::Input { up, detail: detail.clone() });
        self.told = Some(state);
    }
}
