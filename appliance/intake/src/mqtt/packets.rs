//! The packets that are sent and understood, in both versions of MQTT.

use crier_config::MqttVersion;
use mqtt_protocol_core::mqtt::common::ArcPayload;
use mqtt_protocol_core::mqtt::packet::MessageExpiryInterval;
use mqtt_protocol_core::mqtt::packet::{
    Packet, Property, Qos, SessionExpiryInterval, SubEntry, SubOpts, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, MqttError, PubackReasonCode,
};

use super::error::ConnectionError;

/// Seconds for which an MQTT 5 broker keeps announcements for an appliance that is away: as long as ids are remembered,
/// so that nothing it sends again is spoken twice. MQTT 3.1.1 leaves this to the broker.
const SESSION_EXPIRES_IN_S: u32 = 24 * 60 * 60;

/// What is said first.
pub(super) struct ConnectOptions<'a> {
    pub(super) client_id: &'a str,
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a [u8]>,
    pub(super) keep_alive_s: u16,
    /// Topic of the message that the broker sends when the appliance vanishes.
    pub(super) will_topic: &'a str,
    pub(super) will: &'a str,
}

/// A message that came.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublishMessage {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// It was stored by the broker before the appliance asked for it.
    pub(super) retained: bool,
    /// It may have come before, under the same packet id.
    pub(super) again: bool,
    /// To be acknowledged under this id.
    pub(super) packet_id: Option<u16>,
    /// Seconds in which it is to be used (MQTT 5).
    pub(super) expires_in_s: Option<u32>,
    /// Its bytes, if they were too many to be kept; then `payload` is empty.
    pub(super) too_long: Option<usize>,
}

/// What became of an acknowledged message, as far as MQTT has a word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckReason {
    /// It is in the queue.
    Taken,
    /// It was not understood.
    Malformed,
    /// There were too many.
    TooMany,
    /// Anything else.
    Refused,
}

/// What came.
pub(super) enum Received {
    Publish(PublishMessage),
    /// The broker is there; whether it kept what was agreed on before.
    Connack {
        session_present: bool,
    },
    /// Which of the subscriptions were allowed, in their order.
    Subscribed(Vec<bool>),
    /// The answer to the ping of this number, counted from 1.
    Pong(u64),
}

pub(super) fn connect(version: MqttVersion, options: &ConnectOptions<'_>) -> Result<Packet, MqttError> {
    // The builders of both versions have the same methods, but no trait.
    macro_rules! build {
        ($builder:expr) => {{
            let mut builder = $builder
                .client_id(options.client_id)?
                .clean_start(false)
                .keep_alive(options.keep_alive_s)
                .will_message(options.will_topic, options.will, Qos::AtLeastOnce, true)?;
            if let Some(username) = options.username {
                builder = builder.user_name(username)?;
            }
            if let Some(password) = options.password {
                builder = builder.password(password.to_vec())?;
            }
            builder
        }};
    }
    Ok(match version {
        MqttVersion::V3 => build!(v3_1_1::Connect::builder()).build()?.into(),
        MqttVersion::V5 => {
            let expiry = Property::SessionExpiryInterval(SessionExpiryInterval::new(SESSION_EXPIRES_IN_S)?);
            build!(v5_0::Connect::builder()).props(vec![expiry]).build()?.into()
        }
    })
}

/// Asks for messages of these topics; `at_least_once` or at most once.
pub(super) fn subscribe(
    version: MqttVersion,
    packet_id: u16,
    filters: &[(String, bool)],
) -> Result<Packet, MqttError> {
    let entries = filters
        .iter()
        .map(|(filter, at_least_once)| {
            let qos = if *at_least_once { Qos::AtLeastOnce } else { Qos::AtMostOnce };
            SubEntry::new(filter.as_str(), SubOpts::new().set_qos(qos))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match version {
        MqttVersion::V3 => v3_1_1::Subscribe::builder().packet_id(packet_id).entries(entries).build()?.into(),
        MqttVersion::V5 => v5_0::Subscribe::builder().packet_id(packet_id).entries(entries).build()?.into(),
    })
}

pub(super) fn publish(
    version: MqttVersion,
    topic: &str,
    payload: &[u8],
    retained: bool,
) -> Result<Packet, MqttError> {
    macro_rules! build {
        ($builder:expr) => {
            $builder.topic_name(topic)?.qos(Qos::AtMostOnce).retain(retained).payload(payload).build()?.into()
        };
    }
    Ok(match version {
        MqttVersion::V3 => build!(v3_1_1::Publish::builder()),
        MqttVersion::V5 => build!(v5_0::Publish::builder()),
    })
}

pub(super) fn acknowledge(
    version: MqttVersion,
    packet_id: u16,
    ack_reason: AckReason,
) -> Result<Packet, MqttError> {
    Ok(match version {
        MqttVersion::V3 => v3_1_1::Puback::builder().packet_id(packet_id).build()?.into(),
        MqttVersion::V5 => {
            let reason = match ack_reason {
                AckReason::Taken => PubackReasonCode::Success,
                AckReason::Malformed => PubackReasonCode::PayloadFormatInvalid,
                AckReason::TooMany => PubackReasonCode::QuotaExceeded,
                AckReason::Refused => PubackReasonCode::ImplementationSpecificError,
            };
            v5_0::Puback::builder().packet_id(packet_id).reason_code(reason).build()?.into()
        }
    })
}

pub(super) fn ping(version: MqttVersion) -> Result<Packet, MqttError> {
    Ok(match version {
        MqttVersion::V3 => v3_1_1::Pingreq::builder().build()?.into(),
        MqttVersion::V5 => v5_0::Pingreq::builder().build()?.into(),
    })
}

pub(super) fn disconnect(version: MqttVersion) -> Result<Packet, MqttError> {
    Ok(match version {
        MqttVersion::V3 => v3_1_1::Disconnect::builder().build()?.into(),
        MqttVersion::V5 => v5_0::Disconnect::builder().build()?.into(),
    })
}

/// What a packet from the broker means; `None` if nothing to us.
pub(super) fn understand(
    packet: Packet,
    too_long: Option<usize>,
    client_id: &str,
) -> Result<Option<Received>, ConnectionError> {
    Ok(Some(match packet {
        Packet::V3_1_1Publish(publish) => Received::Publish(PublishMessage {
            topic: publish.topic_name().to_owned(),
            payload: bytes(publish.payload()),
            retained: publish.retain(),
            again: publish.dup(),
            packet_id: at_most_once(publish.qos(), publish.packet_id())?,
            expires_in_s: None,
            too_long,
        }),
        Packet::V5_0Publish(publish) => Received::Publish(PublishMessage {
            topic: publish.topic_name().to_owned(),
            payload: bytes(publish.payload()),
            retained: publish.retain(),
            again: publish.dup(),
            packet_id: at_most_once(publish.qos(), publish.packet_id())?,
            expires_in_s: publish.props().iter().find_map(expiry),
            too_long,
        }),
        Packet::V3_1_1Connack(answer) => match answer.return_code() {
            ConnectReturnCode::Accepted => Received::Connack { session_present: answer.session_present() },
            code => return Err(refused_3(code)),
        },
        Packet::V5_0Connack(answer) => match answer.reason_code() {
            ConnectReasonCode::Success => Received::Connack { session_present: answer.session_present() },
            code => return Err(refused_5(code)),
        },
        Packet::V3_1_1Suback(answer) => {
            Received::Subscribed(answer.return_codes().iter().map(|code| (*code as u8) < 0x80).collect())
        }
        Packet::V5_0Suback(answer) => {
            Received::Subscribed(answer.reason_codes().iter().map(|code| (*code as u8) < 0x80).collect())
        }
        Packet::V3_1_1Pingresp(_) | Packet::V5_0Pingresp(_) => Received::Pong(0),
        Packet::V5_0Disconnect(last) => {
            return Err(match last.reason_code() {
                Some(DisconnectReasonCode::SessionTakenOver) => {
                    ConnectionError::TakenOver(client_id.to_owned())
                }
                Some(reason) => ConnectionError::Ended(reason.to_string()),
                None => ConnectionError::Ended("without a reason".to_owned()),
            });
        }
        _ => return Ok(None),
    }))
}

fn bytes(payload: &ArcPayload) -> Vec<u8> {
    payload.as_slice().to_vec()
}

fn expiry(property: &Property) -> Option<u32> {
    let Property::MessageExpiryInterval(expiry) = property else { return None };
    Some(MessageExpiryInterval::val(expiry))
}

/// Nothing is asked for with QoS 2, so nothing may come with it.
fn at_most_once(qos: Qos, packet_id: Option<u16>) -> Result<Option<u16>, ConnectionError> {
    match qos {
        Qos::ExactlyOnce => {
            Err(ConnectionError::Protocol("it sent QoS 2, which was not asked for".to_owned()))
        }
        Qos::AtMostOnce | Qos::AtLeastOnce => Ok(packet_id),
    }
}

fn refused_3(code: ConnectReturnCode) -> ConnectionError {
    match code {
        ConnectReturnCode::UnacceptableProtocolVersion => ConnectionError::Version,
        ConnectReturnCode::IdentifierRejected
        | ConnectReturnCode::BadUserNameOrPassword
        | ConnectReturnCode::NotAuthorized => ConnectionError::Credentials,
        other => ConnectionError::Busy(other.to_string()),
    }
}

fn refused_5(code: ConnectReasonCode) -> ConnectionError {
    match code {
        ConnectReasonCode::UnsupportedProtocolVersion => ConnectionError::Version,
        ConnectReasonCode::ClientIdentifierNotValid
        | ConnectReasonCode::BadUserNameOrPassword
        | ConnectReasonCode::NotAuthorized
        | ConnectReasonCode::Banned
        | ConnectReasonCode::BadAuthenticationMethod => ConnectionError::Credentials,
        other => ConnectionError::Busy(other.to_string()),
    }
}
