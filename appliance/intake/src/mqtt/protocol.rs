//! Client side of an MQTT connection, without I/O: bytes in, bytes out, timers as values.

use std::time::{Duration, Instant};

use crier_announce::JSON_BYTES_MAX;
use crier_config::MqttVersion;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet, PacketType};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use mqtt_protocol_core::mqtt::{self, Connection};

use super::error::ConnectionError;
use super::framer::Framer;
use super::packets::{self, AckReason, ConnectOptions, Received};

/// Longest packet, in bytes: the longest announcement, and 16 KiB for topic and properties.
pub(super) const PACKET_BYTES_MAX: usize = JSON_BYTES_MAX + 16 * 1024;
/// Receive Maximum: messages that an MQTT 5 broker may send without an acknowledgement. The broker
/// need not wait for the journal then, and messages of the greatest length occupy 37 MiB.
pub(super) const UNACKNOWLEDGED_MAX: u16 = 64;
/// Longest backlog of outgoing bytes: with more, thousands of events, the broker has stopped reading.
const OUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Timeout of PINGRESP: a lost segment on a bad wireless network is repeated several times in it.
const PINGRESP_TIMEOUT: Duration = Duration::from_secs(10);

/// State machine of one connection.
pub(super) struct Protocol {
    version: MqttVersion,
    client_id: String,
    connection: Connection<mqtt::role::Client>,
    framer: Framer,
    /// Bytes to send.
    out: Vec<u8>,
    ping_at: Option<Instant>,
    pingresp_until: Option<Instant>,
    connack_received: bool,
    pings: u64,
    pongs: u64,
}

impl Protocol {
    /// Begins a connection with CONNECT in [`Protocol::out`].
    pub(super) fn begin(version: MqttVersion, options: &ConnectOptions<'_>) -> Result<Self, ConnectionError> {
        let core_version = match version {
            MqttVersion::V3 => mqtt::Version::V3_1_1,
            MqttVersion::V5 => mqtt::Version::V5_0,
        };
        // MQTT 5 announces the limit to the broker, which then drops longer messages itself (section 3.1.2.11.4).
        let mut core_options = ConnectionOptions::new().maximum_packet_size_recv(PACKET_BYTES_MAX as u32);
        if version == MqttVersion::V5 {
            core_options = core_options.receive_maximum(UNACKNOWLEDGED_MAX);
        }
        let mut connection = Connection::with_options(core_version, core_options);
        connection.set_pingresp_recv_timeout(PINGRESP_TIMEOUT.as_millis() as u64);
        let mut protocol = Self {
            version,
            client_id: options.client_id.to_owned(),
            connection,
            // In MQTT 5 a longer packet is a violation of the announced limit and ends the connection.
            framer: Framer::new(PACKET_BYTES_MAX, version == MqttVersion::V3),
            out: Vec::new(),
            ping_at: None,
            pingresp_until: None,
            connack_received: false,
            pings: 0,
            pongs: 0,
        };
        protocol.send(packets::connect(version, options))?;
        Ok(protocol)
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Bytes to send. The caller removes those it has sent with [`Protocol::sent`].
    pub(super) fn out(&self) -> &[u8] {
        &self.out
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.out.drain(..bytes);
    }

    /// Processes bytes from the broker and returns their events.
    pub(super) fn receive(&mut self, mut bytes: &[u8]) -> Result<Vec<Received>, ConnectionError> {
        let mut received = Vec::new();
        while let Some(frame) =
            self.framer.next(&mut bytes).map_err(|error| ConnectionError::Protocol(error.to_string()))?
        {
            // Before the library, which cannot parse a packet of the other version.
            if !self.connack_received && refuses_version(&frame.bytes) {
                return Err(ConnectionError::Version);
            }
            let events = self.connection.recv(&mut Cursor::new(&frame.bytes));
            for packet in self.process_events(events)? {
                let Some(mut one) = packets::interpret(packet, frame.too_long, &self.client_id)? else {
                    continue;
                };
                match &mut one {
                    // Answers come in the order of the pings, as TCP keeps it.
                    Received::Pong(number) => {
                        self.pongs += 1;
                        *number = self.pongs;
                    }
                    Received::Connack { .. } => self.connack_received = true,
                    _ if !self.connack_received => {
                        let problem = "it sent another packet before CONNACK".to_owned();
                        return Err(ConnectionError::Protocol(problem));
                    }
                    _ => {}
                }
                received.push(one);
            }
        }
        Ok(received)
    }

    /// Subscribes to topics, each with QoS 1 if `true`, else with QoS 0.
    pub(super) fn subscribe(&mut self, filters: &[(String, bool)]) -> Result<(), ConnectionError> {
        let packet_id = self.connection.acquire_packet_id().map_err(broken)?;
        self.send(packets::subscribe(self.version, packet_id, filters))
    }

    pub(super) fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
    ) -> Result<(), ConnectionError> {
        self.send(packets::publish(self.version, topic, payload, retained))
    }

    pub(super) fn acknowledge(
        &mut self,
        packet_id: u16,
        ack_reason: AckReason,
    ) -> Result<(), ConnectionError> {
        self.send(packets::acknowledge(self.version, packet_id, ack_reason))
    }

    /// Sends PINGREQ and returns its number. [`Received::Pong`] of this number means that the broker has read all
    /// that was sent before.
    pub(super) fn ping(&mut self) -> Result<u64, ConnectionError> {
        self.send(packets::ping(self.version))?;
        // Counted in `process_events`, together with the pings of the keep-alive.
        Ok(self.pings)
    }

    pub(super) fn disconnect(&mut self) -> Result<(), ConnectionError> {
        self.send(packets::disconnect(self.version))
    }

    /// Time at which [`Protocol::tick`] must be called.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        [self.ping_at, self.pingresp_until].into_iter().flatten().min()
    }

    /// Processes timers that are due at `now`.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if self.pingresp_until.is_some_and(|until| until <= now) {
            return Err(ConnectionError::Unresponsive);
        }
        if self.ping_at.is_some_and(|at| at <= now) {
            // Cleared first: the library sets it again when it has sent the ping.
            self.ping_at = None;
            let events = self.connection.notify_timer_fired(TimerKind::PingreqSend);
            self.process_events(events)?;
        }
        Ok(())
    }

    fn send(&mut self, packet: Result<Packet, MqttError>) -> Result<(), ConnectionError> {
        let events = self.connection.send(packet.map_err(broken)?);
        self.process_events(events)?;
        Ok(())
    }

    /// Processes events of the library and returns the packets received.
    fn process_events(&mut self, events: Vec<Event>) -> Result<Vec<Packet>, ConnectionError> {
        let mut received = Vec::new();
        let mut failure = None;
        for event in events {
            match event {
                Event::NotifyPacketReceived(packet) => received.push(packet),
                Event::RequestSendPacket { packet, .. } => {
                    if packet.packet_type() == PacketType::Pingreq {
                        self.pings += 1;
                    }
                    self.out.extend_from_slice(&packet.to_continuous_buffer());
                }
                Event::RequestTimerReset { kind, duration_ms } => {
                    let at = Instant::now().checked_add(Duration::from_millis(duration_ms));
                    self.set_timer(kind, at);
                }
                Event::RequestTimerCancel(kind) => self.set_timer(kind, None),
                Event::NotifyError(error) => {
                    // The first error is the cause. The remaining events are processed, as packets before it are valid.
                    failure.get_or_insert(broken(error));
                }
                // Only SUBSCRIBE uses ids, which the library releases. A requested close comes with an error or follows
                // DISCONNECT, and dropping the connection closes it.
                Event::NotifyPacketIdReleased(_) | Event::RequestClose => {}
            }
        }
        if self.out.len() > OUT_BYTES_MAX {
            return Err(ConnectionError::Unresponsive);
        }
        failure.map_or(Ok(received), Err)
    }

    fn set_timer(&mut self, kind: TimerKind, at: Option<Instant>) {
        match kind {
            TimerKind::PingreqSend => self.ping_at = at,
            TimerKind::PingrespRecv => self.pingresp_until = at,
            // A timer of servers.
            TimerKind::PingreqRecv => {}
        }
    }
}

/// Returns true for the CONNACK of a broker that supports only the other version, in the form of that version: return
/// code 1 of MQTT 3.1.1, or reason code 0x84 of MQTT 5 (section 3.1.2.2 of both).
fn refuses_version(packet: &[u8]) -> bool {
    matches!(packet, [0x20, 2, _, 1] | [0x20, _, _, 0x84, ..])
}

fn broken(error: MqttError) -> ConnectionError {
    ConnectionError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> ConnectOptions<'static> {
        ConnectOptions {
            client_id: "8f3a21",
            username: Some("crier"),
            password: Some(b"secret"),
            keep_alive_s: 30,
            will_topic: "crier/8f3a21/availability",
            will: "offline",
        }
    }

    fn welcome(version: MqttVersion) -> &'static [u8] {
        match version {
            MqttVersion::V3 => &[0x20, 2, 0, 0],
            MqttVersion::V5 => &[0x20, 3, 0, 0, 0],
        }
    }

    fn connected(version: MqttVersion) -> Protocol {
        let mut protocol = Protocol::begin(version, &options()).unwrap();
        protocol.sent(protocol.out().len());
        let received = protocol.receive(welcome(version)).unwrap();
        assert!(matches!(received[..], [Received::Connack { session_present: false }]));
        protocol
    }

    /// Packets of MQTT 5 with properties that a broker must not or need not send.
    const ALMOST_RIGHT: [&[u8]; 8] = [
        &[0x20, 6, 0, 0, 3, 0x21, 0, 0],                        // receive maximum 0
        &[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 0],                  // maximum packet size 0
        &[0x20, 9, 0, 0, 6, 0x22, 0, 5, 0x13, 0, 0],            // topic aliases, keep alive 0
        &[0x30, 8, 0, 1, b't', 3, 0x23, 0, 1, b'x'],            // topic alias that was not allowed
        &[0x30, 7, 0, 0, 3, 0x23, 0, 0, b'x'],                  // no topic, alias 0
        &[0x32, 12, 0, 1, b't', 0, 9, 5, 2, 0, 0, 0, 60, b'x'], // expiry
        &[0x90, 5, 0, 1, 0, 0x87, 1],                           // subscriptions
        &[0xe0, 8, 0x98, 6, 0x1f, 0, 3, b'b', b'y', b'e'],      // DISCONNECT with a reason
    ];

    #[test]
    fn invalid_properties_never_panic() {
        for packet in ALMOST_RIGHT {
            for version in [MqttVersion::V3, MqttVersion::V5] {
                let _ = connected(version).receive(packet);
                let _ = Protocol::begin(version, &options()).unwrap().receive(packet);
            }
        }
    }

    #[test]
    fn connect_requests_persistent_session() {
        let v3 = Protocol::begin(MqttVersion::V3, &options()).unwrap();
        // Protocol level 4; user name, password, retained will with QoS 1; no clean session.
        assert_eq!(v3.out()[8..10], [4, 0b1110_1100]);
        let v5 = Protocol::begin(MqttVersion::V5, &options()).unwrap();
        assert_eq!(v5.out()[8..10], [5, 0b1110_1100]);
        assert!(v5.out().windows(5).any(|bytes| bytes == [17, 0, 1, 0x51, 0x80]), "86400 s");
    }

    #[test]
    fn publish_is_acknowledged_only_explicitly() {
        for version in [MqttVersion::V3, MqttVersion::V5] {
            let mut protocol = connected(version);
            let message: &[u8] = match version {
                MqttVersion::V3 => &[0x32, 6, 0, 1, b't', 0, 9, b'x'],
                MqttVersion::V5 => &[0x32, 7, 0, 1, b't', 0, 9, 0, b'x'],
            };
            let received = protocol.receive(message).unwrap();
            let [Received::Publish(message)] = &received[..] else { panic!("no message") };
            assert_eq!((message.packet_id, &message.payload[..]), (Some(9), &b"x"[..]));
            assert!(protocol.out().is_empty());
            protocol.acknowledge(9, AckReason::Accepted).unwrap();
            assert_eq!(protocol.out()[0], 0x40);
        }
    }

    #[test]
    fn missing_pingresp_ends_the_connection() {
        let mut protocol = connected(MqttVersion::V5);
        let ping_at = protocol.wake_at().unwrap();
        assert!(ping_at <= Instant::now() + Duration::from_secs(30));
        protocol.tick(ping_at).unwrap();
        assert_eq!(protocol.out(), [0xc0, 0]);
        let until = protocol.wake_at().unwrap();
        assert_eq!(protocol.tick(until), Err(ConnectionError::Unresponsive));
    }

    #[test]
    fn connack_refusals_are_distinguished() {
        let refused = |version, answer: &[u8]| {
            let mut protocol = Protocol::begin(version, &options()).unwrap();
            protocol.receive(answer).err().unwrap()
        };
        assert_eq!(refused(MqttVersion::V3, &[0x20, 2, 0, 1]), ConnectionError::Version);
        assert_eq!(
            refused(MqttVersion::V5, &[0x20, 2, 0, 1]),
            ConnectionError::Version,
            "a broker for 3.1.1 only"
        );
        assert_eq!(
            refused(MqttVersion::V3, &[0x20, 3, 0, 0x84, 0]),
            ConnectionError::Version,
            "a broker for 5 only"
        );
        assert_eq!(refused(MqttVersion::V3, &[0x20, 2, 0, 5]), ConnectionError::Credentials);
        assert!(matches!(refused(MqttVersion::V3, &[0x20, 2, 0, 3]), ConnectionError::Unavailable(_)));
        assert_eq!(refused(MqttVersion::V5, &[0x20, 3, 0, 0x87, 0]), ConnectionError::Credentials);
        assert_eq!(refused(MqttVersion::V5, &[0x20, 3, 0, 0x84, 0]), ConnectionError::Version);
        assert!(matches!(refused(MqttVersion::V3, &[0x30, 3, 0, 1, b't']), ConnectionError::Protocol(_)));
        let mut protocol = connected(MqttVersion::V5);
        let taken_over = protocol.receive(&[0xe0, 2, 0x8e, 0]).err().unwrap();
        assert_eq!(taken_over, ConnectionError::TakenOver("8f3a21".into()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_the_protocol(
            junk in proptest::collection::vec(any::<u8>(), 0..2000),
            v5 in any::<bool>(),
        ) {
            let version = if v5 { MqttVersion::V5 } else { MqttVersion::V3 };
            let _ = Protocol::begin(version, &options()).unwrap().receive(&junk);
            let _ = connected(version).receive(&junk);
        }

        #[test]
        fn mutated_packets_never_panic_the_protocol(
            which in proptest::sample::select(ALMOST_RIGHT.to_vec()),
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
            v5 in any::<bool>(),
        ) {
            let mut packet = which.to_vec();
            for (at, byte) in changes {
                let at = at.index(packet.len());
                packet[at] = byte;
            }
            let version = if v5 { MqttVersion::V5 } else { MqttVersion::V3 };
            let _ = connected(version).receive(&packet);
            let _ = Protocol::begin(version, &options()).unwrap().receive(&packet);
        }

        #[test]
        fn arbitrary_packet_bodies_never_panic_the_protocol(
            kind in 0_u8..16,
            flags in 0_u8..16,
            body in proptest::collection::vec(any::<u8>(), 0..120),
            v5 in any::<bool>(),
        ) {
            let mut packet = vec![kind << 4 | flags, body.len() as u8];
            packet.extend_from_slice(&body);
            let version = if v5 { MqttVersion::V5 } else { MqttVersion::V3 };
            let _ = connected(version).receive(&packet);
            let _ = Protocol::begin(version, &options()).unwrap().receive(&packet);
        }
    }
}
