//! The connection to the broker: the only place that knows which library speaks MQTT, through [`Protocol`].

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

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Time for the broker's greeting.
const CONNACK_TIMEOUT: Duration = Duration::from_secs(10);
/// Time to say goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// What subscribers of `availability` see.
pub(super) const ONLINE: &str = "online";
/// What the broker tells them when the appliance vanishes.
pub(super) const OFFLINE: &str = "offline";

/// A connection to the broker. Sending only queues; [`Broker::next`] does the work.
pub(super) struct Broker {
    protocol: Protocol,
    reader: ReadHalf<Box<dyn BrokerStream>>,
    writer: WriteHalf<Box<dyn BrokerStream>>,
    /// Something was written that may still be in a buffer below.
    unflushed: bool,
    received: VecDeque<Received>,
    buffer: Box<[u8]>,
    /// Whether the broker still knows what was agreed on and sent before.
    pub(super) session_present: bool,
}

impl Broker {
    /// Connects and waits for the broker's greeting.
    pub(super) async fn connect(settings: &MqttOptions, topics: &Topics) -> Result<Self, ConnectionError> {
        let broker = &settings.broker;
        let password = broker.password_file.as_deref().map(link::password).transpose()?;
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
            Ok(Ok(_)) => return Err(ConnectionError::Protocol("it spoke before its greeting".to_owned())),
            // Whoever speaks no MQTT, or another version, hangs up without a word.
            Ok(Err(ConnectionError::Lost(_) | ConnectionError::Closed(_))) | Err(_) => {
                return Err(ConnectionError::Mute);
            }
            Ok(Err(failure)) => return Err(failure),
        }
        Ok(connected)
    }

    /// What comes next. May be dropped at any time without losing anything.
    pub(super) async fn next(&mut self) -> Result<Received, ConnectionError> {
        loop {
            if let Some(received) = self.received.pop_front() {
                return Ok(received);
            }
            let wake_at = self.protocol.wake_at();
            tokio::select! {
                read = self.reader.read(&mut self.buffer) => {
                    let bytes = read.map_err(|error| ConnectionError::from_connection(&error, self.protocol.client_id()))?;
                    if bytes == 0 {
                        return Err(ConnectionError::Closed(self.protocol.client_id().to_owned()));
                    }
                    self.received.extend(self.protocol.receive(&self.buffer[..bytes])?);
                }
                pushed = push(&mut self.writer, self.protocol.out()), if self.has_to_push() => {
                    let bytes = pushed.map_err(|error| ConnectionError::from_connection(&error, self.protocol.client_id()))?;
                    self.protocol.sent(bytes);
                    self.unflushed = bytes > 0;
                }
                () = sleep_until_some(wake_at) => self.protocol.tick(Instant::now())?,
            }
        }
    }

    fn has_to_push(&self) -> bool {
        self.unflushed || !self.protocol.out().is_empty()
    }

    /// Asks for messages of these topics, each at least once or at most once.
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

    /// Asks for a sign of life: [`Received::Pong`] of the returned number follows when the broker has read all that was
    /// sent before.
    pub(super) fn ping(&mut self) -> Result<u64, ConnectionError> {
        self.protocol.ping()
    }

    /// Sends what waits and says goodbye, so that the broker does not send the will.
    pub(super) async fn close(mut self) {
        if self.protocol.disconnect().is_err() {
            return;
        }
        // Whether the broker hears it or not, this side has done its part.
        let _ = timeout(GOODBYE_MAX, async {
            self.writer.write_all(self.protocol.out()).await?;
            self.writer.flush().await?;
            self.writer.shutdown().await
        })
        .await;
    }
}

/// Writes some of these bytes and returns how many; if there are none, sees to it that all before are on their way.
async fn push(writer: &mut WriteHalf<Box<dyn BrokerStream>>, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(bytes).await? {
        0 => Err(io::ErrorKind::BrokenPipe.into()),
        written => Ok(written),
    }
}

/// Waits until then, or for ever.
pub(super) async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}
