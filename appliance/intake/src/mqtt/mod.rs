//! MQTT input: announcements and commands from a broker, events and state of the appliance to it.
//!
//! ```text
//! broker <-> link (TCP, TLS) <-> Protocol (MQTT 3.1.1 and 5) <-> MqttConversation <-> workers <-> InputHandle
//! ```
//!
//! # Guarantees
//! * An announcement with QoS 1 is acknowledged after the supervisor has accepted it, recognized a duplicate, or
//!   refused it for good. While the queue is full, it stays unacknowledged and is submitted again.
//! * An announcement with an id is spoken once. One without is spoken once unless this process ends between the answer
//!   and the arrival of the acknowledgement at the broker (see `in_flight.rs`).
//! * Announcements beyond `max_per_minute` are rejected, acknowledged (MQTT 5: with "quota exceeded") and reported.
//!   Withholding the acknowledgement would fill the broker's window with the flood and block other senders, and the
//!   flood would be redelivered at the next connection.
//! * Retained announcements and commands are rejected, since every connection would deliver them again.
//! * Everything is published with QoS 0: state is retained and published anew at each connection, and events are of no
//!   use to subscribers that were absent.
//! * When discovery is off, the appliance removes its earlier discovery payload from the broker, if it is its own.
//!
//! # Why mqtt-protocol-core
//! Requirements: MQTT 3.1.1 and 5; manual acknowledgement; a limit on input before it is stored; distinguishable
//! errors; TLS by rustls with ring (aws-lc needs a C toolchain and had advisories); a compatible licence; no open
//! advisory in the RustSec database. Candidates in November 2026:
//!
//! * **mqtt-protocol-core 0.7.9** (MIT; chosen): the protocol alone, without I/O, for both versions. It acknowledges
//!   nothing by itself unless configured to, checks a packet's length before it allocates, and tests can drive it byte
//!   by byte. Sockets, TLS, reconnection and errors are [tokio-rustls] and this module. Few and common dependencies. No
//!   advisories. Known weakness: `unwrap`s on conditions that it has checked before; the property tests in
//!   `protocol.rs` look for them, and the separate process of the intake contains them.
//! * **mqtt5 0.49** (MIT or Apache-2.0): both versions, acknowledgement by token, ring. Second choice: it includes a
//!   broker, its client owns reconnection and queueing, and a withheld acknowledgement blocks all later ones.
//! * **rumqttc-v5-next and rumqttc-v4-next 0.34** (Apache-2.0): manual acknowledgement and ring, but a crate of 27 000
//!   lines for each version of MQTT, which owns event loop, session and replay.
//! * **rumqttc 0.25.1**: no release for a year; pins a rustls-webpki with RUSTSEC-2026-0049, -0098, -0099,
//!   -0104.
//! * **rust-mqtt 0.6**: MQTT 5 only. **paho-mqtt**: C, and EPL. **ntex-mqtt**: a runtime of its own beside tokio.
//!
//! Only `protocol.rs` and `packets.rs` use the library; everything else uses `broker::Broker`.
//!
//! [tokio-rustls]: https://docs.rs/tokio-rustls

mod broker;
mod client;
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

use crier_system::Backoff;
use tokio::sync::watch;
use tokio::time::sleep;

pub use options::{ApplianceIdentity, MqttOptions};

use self::client::Client;
use self::conversation::MqttConversation;
use self::error::ConnectionError;
use crate::InputHandle;

/// First pause between attempts to connect. Longer than that of local inputs: a broker serves others, too.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause between attempts to connect: a broker that returns is found within a minute.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Duration after which a connection counts as stable. Two clients with the same id that push each other out lose
/// their connections sooner than that, and must not do it without a pause.
const STABLE_AFTER: Duration = Duration::from_secs(60);

/// Receives announcements and commands from the broker until the hub is closed, then publishes `offline`. Reconnects
/// after every failure of broker or network.
pub async fn run(settings: MqttOptions, handle: InputHandle) {
    let mut closed = handle.state();
    let mut client = Client::new(settings, handle);
    let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX).with_jitter(0.25);
    loop {
        let begun = Instant::now();
        let connected = tokio::select! {
            connected = client.connect() => connected,
            () = hub_closed(&mut closed) => return,
        };
        // Outside of `select!`, as the conversation watches the hub itself, to publish `offline` at the end.
        let ended = async { MqttConversation::begin(&mut client, connected?)?.run().await };
        let failure: ConnectionError = match ended.await {
            Ok(()) => return,
            Err(failure) => failure,
        };
        if begun.elapsed() >= STABLE_AFTER {
            backoff.reset();
        }
        // Permanent-looking errors, such as a wrong password, are retried as well: they are corrected at the broker
        // or in a file, without a restart here.
        client.report_status(false, failure.to_string());
        tokio::select! {
            () = sleep(backoff.next_delay()) => {}
            () = hub_closed(&mut closed) => return,
        }
    }
}

/// Waits until the hub is closed.
async fn hub_closed(state: &mut watch::Receiver<crier_wire::ApplianceState>) {
    // The state itself does not matter here; the channel is closed together with the hub.
    while state.changed().await.is_ok() {}
}
