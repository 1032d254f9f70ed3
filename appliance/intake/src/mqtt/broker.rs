//! Connection to the broker: the state machine of [`Protocol`] driven by a socket.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{sleep_until, timeout};

use super::error::ConnectionError;
use super::link::{self, BrokerStream};
use super::options::MqttOptions;
use super::packets::{AckReason, ConnectOptions, Received};
use super::protocol::Protocol;
use super::topics::{Topics, level};

/// Bytes per read: a TLS record has at most 16 KiB.
const READ_BYTES: usize = 16 * 1024;
/// Timeout of CONNACK, which a broker may delay while it asks a database about user and password.
const CONNACK_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of closing: what is shut down must not wait for a broker that does not read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Payload of the topic `availability` while connected.
pub(super) const ONLINE: &str = "online";
/// Payload of the last will, and of a shutdown.
pub(super) const OFFLINE: &str = "offline";

/// Connection to the broker. Sending only fills a buffer; [`Broker::next`] does the I/O.
pub(super) struct Broker {
    protocol: Protocol,
    reader: ReadHalf<Box<dyn BrokerStream>>,
    writer: WriteHalf<Box<dyn BrokerStream>>,
    /// True if written bytes may still be in the buffer of the TLS layer.
    unflushed: bool,
    received: VecDeque<Received>,
    buffer: Box<[u8]>,
    /// True if the broker has kept the session of an earlier connection.
    pub(super) session_present: bool,
}

impl Broker {
    /// Connects and waits for CONNACK.
    pub(super) async fn connect(settings: &MqttOptions, topics: &Topics) -> Result<Self, ConnectionError> {
        let broker = &settings.broker;
        // Read at every attempt, so that a corrected password needs no restart.
        let password = match broker.password_file.clone() {
            Some(path) => Some(link::read_files(move || link::password(&path)).await?),
            None => None,
        };
        let options = ConnectOptions {
            client_id: settings.client_id(),
            username: broker.username.as_deref(),
            password: password.as_deref(),
            keep_alive_s: broker.keep_alive_s,
            will_topic: &topics.of(level::AVAILABILITY),
            will: OFFLINE,
        };
        let protocol = Protocol::begin(broker.version, &options)?;
        let (reader, writer) = tokio::io::split(link::connect(broker).await?);
        let mut connected = Self {
            protocol,
            reader,
            writer,
            unflushed: false,
            received: VecDeque::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            session_present: false,
        };
        match timeout(CONNACK_TIMEOUT, connected.next()).await {
            Ok(Ok(Received::Connack { session_present })) => connected.session_present = session_present,
            // The first packet of a server must be CONNACK (MQTT 3.1.1 and 5, section 3.2).
            Ok(Ok(_)) => {
                return Err(ConnectionError::Protocol("it sent another packet before CONNACK".to_owned()));
            }
            // A server without MQTT, or a broker that supports only the other version, closes without a packet.
            Ok(Err(ConnectionError::Lost(_) | ConnectionError::Closed(_))) | Err(_) => {
                return Err(ConnectionError::NoConnack);
            }
            Ok(Err(failure)) => return Err(failure),
        }
        Ok(connected)
    }

    /// Returns the next event. Cancel-safe: bytes move to or from `protocol` only after an await has completed.
    pub(super) async fn next(&mut self) -> Result<Received, ConnectionError> {
        loop {
            if let Some(received) = self.received.pop_front() {
                return Ok(received);
            }
            let wake_at = self.protocol.wake_at();
            tokio::select! {
                read = self.reader.read(&mut self.buffer) => {
                    let bytes = read.map_err(|error| self.lost(&error))?;
                    // Brokers for MQTT 3.1.1 have no other way to report a takeover, hence the client id.
                    if bytes == 0 {
                        return Err(ConnectionError::Closed(self.protocol.client_id().to_owned()));
                    }
                    self.received.extend(self.protocol.receive(&self.buffer[..bytes])?);
                }
                pushed = push(&mut self.writer, self.protocol.out()), if self.has_to_push() => {
                    let bytes = pushed.map_err(|error| self.lost(&error))?;
                    self.protocol.sent(bytes);
                    // 0 after a flush: nothing is left below.
                    self.unflushed = bytes > 0;
                }
                () = sleep_until_some(wake_at) => self.protocol.tick(Instant::now())?,
            }
        }
    }

    fn lost(&self, error: &io::Error) -> ConnectionError {
        ConnectionError::from_connection(error, self.protocol.client_id())
    }

    fn has_to_push(&self) -> bool {
        self.unflushed || !self.protocol.out().is_empty()
    }

    /// Subscribes to topics, each with QoS 1 if `true`, else with QoS 0.
    pub(super) fn subscribe(&mut self, filters: &[(String, bool)]) -> Result<(), ConnectionError> {
        self.protocol.subscribe(filters)
    }

    pub(super) fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
    ) -> Result<(), ConnectionError> {
        self.protocol.publish(topic, payload, retained)
    }

    pub(super) fn acknowledge(
        &mut self,
        packet_id: u16,
        ack_reason: AckReason,
    ) -> Result<(), ConnectionError> {
        self.protocol.acknowledge(packet_id, ack_reason)
    }

    /// Sends PINGREQ and returns its number. [`Received::Pong`] of this number means that the broker has read all
    /// that was sent before.
    pub(super) fn ping(&mut self) -> Result<u64, ConnectionError> {
        self.protocol.ping()
    }

    /// Sends the rest and DISCONNECT, upon which the broker discards the last will (section 3.14.4).
    pub(super) async fn close(mut self) {
        if self.protocol.disconnect().is_err() {
            return;
        }
        // Errors are ignored: if DISCONNECT does not arrive, the broker publishes the will, which says the same.
        let _ = timeout(CLOSE_TIMEOUT, async {
            self.writer.write_all(self.protocol.out()).await?;
            self.writer.flush().await?;
            self.writer.shutdown().await
        })
        .await;
    }
}

/// Writes some of these bytes and returns their number. Flushes if there are none.
async fn push(writer: &mut WriteHalf<Box<dyn BrokerStream>>, bytes: &[u8]) -> io::Result<usize> {
    // A TLS stream may keep the last record until it is flushed.
    if bytes.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(bytes).await? {
        0 => Err(io::ErrorKind::BrokenPipe.into()),
        written => Ok(written),
    }
}

/// Waits until a time, or for ever for `None`.
pub(super) async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}
