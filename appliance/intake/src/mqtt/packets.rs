//! Conversion between packets of the library, in both versions of MQTT, and the types of this module.

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

/// Session Expiry Interval, in seconds: time for which an MQTT 5 broker keeps announcements for an absent appliance. As
/// long as ids are remembered, so that no redelivered announcement is spoken twice. MQTT 3.1.1 leaves it to the broker.
const SESSION_EXPIRES_IN_S: u32 = 24 * 60 * 60;

/// Contents of CONNECT.
pub(super) struct ConnectOptions<'a> {
    pub(super) client_id: &'a str,
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a [u8]>,
    pub(super) keep_alive_s: u16,
    /// Topic of the last will.
    pub(super) will_topic: &'a str,
    pub(super) will: &'a str,
}

/// Received PUBLISH.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublishMessage {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// True if the broker had stored it before the subscription.
    pub(super) retained: bool,
    /// DUP flag: may be a redelivery under the same packet id.
    pub(super) dup: bool,
    /// Packet id to acknowledge; `None` with QoS 0.
    pub(super) packet_id: Option<u16>,
    /// Message Expiry Interval, in seconds (MQTT 5); the broker has subtracted the time of waiting.
    pub(super) expires_in_s: Option<u32>,
    /// Length in bytes, if it was too long to be kept; `payload` is then empty.
    pub(super) too_long: Option<usize>,
}

/// Reason code of PUBACK (MQTT 5, section 3.4.2.1). MQTT 3.1.1 has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckReason {
    /// In the queue, or a duplicate.
    Accepted,
    /// Not parseable.
    PayloadFormatInvalid,
    /// Over a limit.
    QuotaExceeded,
    /// Rejected for another reason.
    Refused,
}

/// Event of the connection.
pub(super) enum Received {
    /// A message was received.
    Publish(PublishMessage),
    /// The broker accepted the connection.
    Connack {
        /// True if it has kept the session of an earlier connection.
        session_present: bool,
    },
    /// Subscriptions were answered: true for each that was granted, in the order of the request.
    Subscribed(Vec<bool>),
    /// The ping of this number was answered, counted from 1.
    Pong(u64),
}

/// Returns CONNECT.
pub(super) fn connect(version: MqttVersion, options: &ConnectOptions<'_>) -> Result<Packet, MqttError> {
    // The builders of both versions have the same methods, but no trait.
    macro_rules! build {
        ($builder:expr) => {{
            let mut builder = $builder
                .client_id(options.client_id)?
                // A persistent session: the broker keeps announcements while the appliance is away (section 3.1.2.4).
                .clean_start(false)
                .keep_alive(options.keep_alive_s)
                // Retained, so that a subscriber that comes later learns that the appliance is away, too.
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

/// Returns SUBSCRIBE for topics, each with QoS 1 if `true`, else with QoS 0.
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

/// Returns PUBLISH with QoS 0.
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

/// Returns PUBACK.
pub(super) fn acknowledge(
    version: MqttVersion,
    packet_id: u16,
    ack_reason: AckReason,
) -> Result<Packet, MqttError> {
    Ok(match version {
        // Always positive: MQTT 3.1.1 knows no negative acknowledgement, and none at all would mean redelivery.
        MqttVersion::V3 => v3_1_1::Puback::builder().packet_id(packet_id).build()?.into(),
        MqttVersion::V5 => {
            let reason = match ack_reason {
                AckReason::Accepted => PubackReasonCode::Success,
                AckReason::PayloadFormatInvalid => PubackReasonCode::PayloadFormatInvalid,
                AckReason::QuotaExceeded => PubackReasonCode::QuotaExceeded,
                AckReason::Refused => PubackReasonCode::ImplementationSpecificError,
            };
            v5_0::Puback::builder().packet_id(packet_id).reason_code(reason).build()?.into()
        }
    })
}

/// Returns PINGREQ.
pub(super) fn ping(version: MqttVersion) -> Result<Packet, MqttError> {
    Ok(match version {
        MqttVersion::V3 => v3_1_1::Pingreq::builder().build()?.into(),
        MqttVersion::V5 => v5_0::Pingreq::builder().build()?.into(),
    })
}

/// Returns DISCONNECT.
pub(super) fn disconnect(version: MqttVersion) -> Result<Packet, MqttError> {
    Ok(match version {
        MqttVersion::V3 => v3_1_1::Disconnect::builder().build()?.into(),
        MqttVersion::V5 => v5_0::Disconnect::builder().build()?.into(),
    })
}

/// Returns the event that a packet means; `None` for packets without a meaning here.
pub(super) fn interpret(
    packet: Packet,
    too_long: Option<usize>,
    client_id: &str,
) -> Result<Option<Received>, ConnectionError> {
    Ok(Some(match packet {
        Packet::V3_1_1Publish(publish) => Received::Publish(PublishMessage {
            topic: publish.topic_name().to_owned(),
            payload: bytes(publish.payload()),
            retained: publish.retain(),
            dup: publish.dup(),
            packet_id: without_qos_2(publish.qos(), publish.packet_id())?,
            expires_in_s: None,
            too_long,
        }),
        Packet::V5_0Publish(publish) => Received::Publish(PublishMessage {
            topic: publish.topic_name().to_owned(),
            payload: bytes(publish.payload()),
            retained: publish.retain(),
            dup: publish.dup(),
            packet_id: without_qos_2(publish.qos(), publish.packet_id())?,
            expires_in_s: publish.props().iter().find_map(expiry),
            too_long,
        }),
        Packet::V3_1_1Connack(answer) => match answer.return_code() {
            ConnectReturnCode::Accepted => Received::Connack { session_present: answer.session_present() },
            code => return Err(connack_error_3_1_1(code)),
        },
        Packet::V5_0Connack(answer) => match answer.reason_code() {
            ConnectReasonCode::Success => Received::Connack { session_present: answer.session_present() },
            code => return Err(connack_error_5(code)),
        },
        // Codes from 0x80 on are failures; others are the QoS granted, which may be less than requested (section
        // 3.9.3).
        Packet::V3_1_1Suback(answer) => {
            Received::Subscribed(answer.return_codes().iter().map(|code| (*code as u8) < 0x80).collect())
        }
        Packet::V5_0Suback(answer) => {
            Received::Subscribed(answer.reason_codes().iter().map(|code| (*code as u8) < 0x80).collect())
        }
        // The caller numbers it: PINGRESP itself has no identifier.
        Packet::V3_1_1Pingresp(_) | Packet::V5_0Pingresp(_) => Received::Pong(0),
        Packet::V5_0Disconnect(last) => {
            return Err(match last.reason_code() {
                Some(DisconnectReasonCode::SessionTakenOver) => {
                    ConnectionError::TakenOver(client_id.to_owned())
                }
                Some(reason) => ConnectionError::Disconnected(reason.to_string()),
                None => ConnectionError::Disconnected("without a reason".to_owned()),
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

/// Returns the packet id, or an error for QoS 2. No subscription requests QoS 2, and brokers must not raise it.
fn without_qos_2(qos: Qos, packet_id: Option<u16>) -> Result<Option<u16>, ConnectionError> {
    match qos {
        Qos::ExactlyOnce => {
            Err(ConnectionError::Protocol("it sent QoS 2, which no subscription requests".to_owned()))
        }
        Qos::AtMostOnce | Qos::AtLeastOnce => Ok(packet_id),
    }
}

fn connack_error_3_1_1(code: ConnectReturnCode) -> ConnectionError {
    // One error for all three, since brokers differ in which of them they send for a wrong password.
    match code {
        ConnectReturnCode::UnacceptableProtocolVersion => ConnectionError::Version,
        ConnectReturnCode::IdentifierRejected
        | ConnectReturnCode::BadUserNameOrPassword
        | ConnectReturnCode::NotAuthorized => ConnectionError::Credentials,
        other => ConnectionError::Unavailable(other.to_string()),
    }
}

fn connack_error_5(code: ConnectReasonCode) -> ConnectionError {
    match code {
        ConnectReasonCode::UnsupportedProtocolVersion => ConnectionError::Version,
        ConnectReasonCode::ClientIdentifierNotValid
        | ConnectReasonCode::BadUserNameOrPassword
        | ConnectReasonCode::NotAuthorized
        | ConnectReasonCode::Banned
        | ConnectReasonCode::BadAuthenticationMethod => ConnectionError::Credentials,
        other => ConnectionError::Unavailable(other.to_string()),
    }
}
