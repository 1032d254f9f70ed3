//! In-flight messages: received, and not known to be acknowledged at the broker, so that a redelivery is not spoken
//! again.
//!
//! QoS 1 is delivery "at least once": if the connection is lost before an acknowledgement arrives, the broker
//! redelivers the message with the same packet id and the DUP flag (section 4.4). The queue deduplicates
//! announcements with an id. Those without one are recognized here, by packet id and content, until the broker has
//! certainly read the acknowledgement, which is when it answers a ping sent after it. If the process ends before,
//! such an announcement is spoken twice; senders that must avoid this set ids.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::packets::{AckReason, PublishMessage};

/// Relation of a message to earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// First delivery, to be answered with this request id.
    First(u64),
    /// Redelivery of a message that is not answered yet.
    Pending,
    /// Redelivery of an answered message, to be acknowledged again.
    Answered(AckReason),
}

/// Message that was received and is not known to be acknowledged.
#[derive(Debug)]
struct InFlightMessage {
    request_id: u64,
    digest: u64,
    /// True if it was received on this connection, on which alone its packet id is valid for an acknowledgement.
    on_this_connection: bool,
    ack_reason: Option<AckReason>,
    /// Sequence number of its last acknowledgement.
    acknowledged: Option<u64>,
}

/// In-flight messages by packet id. At most 65 535, as packet ids have 16 bits.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    by_packet_id: HashMap<u16, InFlightMessage>,
    hasher: RandomState,
    request_ids: u64,
    acknowledgements: u64,
    /// Numbers of the ping underway and of the last acknowledgement before it.
    ping: Option<(u64, u64)>,
}

impl InFlight {
    /// Begins a connection. If the broker has discarded the session, its packet ids have no meaning any more.
    pub(super) fn connected(&mut self, session_present: bool) {
        self.ping = None;
        if session_present {
            self.by_packet_id.values_mut().for_each(|entry| entry.on_this_connection = false);
        } else {
            self.by_packet_id.clear();
        }
    }

    /// Registers a message.
    pub(super) fn received(&mut self, message: &PublishMessage) -> Delivery {
        self.request_ids += 1;
        // QoS 0 is never redelivered.
        let Some(packet_id) = message.packet_id else { return Delivery::First(self.request_ids) };
        // A digest instead of the message, which may have 600 kB. Seeded at random, so that no sender can construct a
        // collision.
        let digest = self.hasher.hash_one((&message.topic, &message.payload, message.too_long));
        // The DUP flag alone proves nothing: the broker may have lost its session and use the packet id anew.
        if let Some(entry) = self.by_packet_id.get_mut(&packet_id)
            && message.dup
            && entry.digest == digest
        {
            entry.on_this_connection = true;
            return entry.ack_reason.map_or(Delivery::Pending, Delivery::Answered);
        }
        let entry = InFlightMessage {
            request_id: self.request_ids,
            digest,
            on_this_connection: true,
            ack_reason: None,
            acknowledged: None,
        };
        self.by_packet_id.insert(packet_id, entry);
        Delivery::First(self.request_ids)
    }

    /// Registers the answer to a request and returns the packet id to acknowledge, if that is possible now.
    pub(super) fn answered(&mut self, request_id: u64, ack_reason: AckReason) -> Option<u16> {
        let (packet_id, entry) =
            self.by_packet_id.iter_mut().find(|(_, entry)| entry.request_id == request_id)?;
        entry.ack_reason = Some(ack_reason);
        // After a reconnection the broker redelivers it first, and is answered then.
        entry.on_this_connection.then_some(*packet_id)
    }

    /// Registers an acknowledgement that was sent.
    pub(super) fn acknowledged(&mut self, packet_id: u16) {
        self.acknowledgements += 1;
        if let Some(entry) = self.by_packet_id.get_mut(&packet_id) {
            entry.acknowledged = Some(self.acknowledgements);
        }
    }

    /// Returns true if a ping would show that acknowledgements have arrived.
    pub(super) fn needs_ping(&self) -> bool {
        self.ping.is_none() && self.by_packet_id.values().any(|entry| entry.acknowledged.is_some())
    }

    /// Registers a ping that was sent.
    pub(super) fn pinged(&mut self, number: u64) {
        self.ping = Some((number, self.acknowledgements));
    }

    /// Registers the answer to a ping: what was acknowledged before it will not be redelivered.
    pub(super) fn ponged(&mut self, number: u64) {
        if let Some((ping, acknowledgements)) = self.ping
            && ping <= number
        {
            self.ping = None;
            self.by_packet_id
                .retain(|_, entry| entry.acknowledged.is_none_or(|last| last > acknowledgements));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(packet_id: u16, text: &str, dup: bool) -> PublishMessage {
        PublishMessage {
            topic: "crier/1/speak".into(),
            payload: text.as_bytes().to_vec(),
            retained: false,
            dup,
            packet_id: Some(packet_id),
            expires_in_s: None,
            too_long: None,
        }
    }

    #[test]
    fn redelivered_message_is_recognized_before_and_after_its_answer() {
        let mut in_flight = InFlight::default();
        let Delivery::First(request_id) = in_flight.received(&message(1, "a", false)) else {
            panic!("known")
        };
        in_flight.connected(true);
        assert_eq!(in_flight.answered(request_id, AckReason::Accepted), None, "not sent again yet");
        assert_eq!(in_flight.received(&message(1, "a", true)), Delivery::Answered(AckReason::Accepted));
        in_flight.connected(true);
        let Delivery::First(request_id) = in_flight.received(&message(2, "b", false)) else {
            panic!("known")
        };
        in_flight.connected(true);
        assert_eq!(in_flight.received(&message(2, "b", true)), Delivery::Pending);
        assert_eq!(in_flight.answered(request_id, AckReason::Refused), Some(2));
    }

    #[test]
    fn new_message_with_same_content_is_not_a_redelivery() {
        let mut in_flight = InFlight::default();
        in_flight.received(&message(1, "a", false));
        assert!(
            matches!(in_flight.received(&message(1, "a", false)), Delivery::First(_)),
            "not marked as sent again"
        );
        assert!(matches!(in_flight.received(&message(1, "b", true)), Delivery::First(_)), "other words");
        assert!(matches!(in_flight.received(&message(2, "b", true)), Delivery::First(_)), "other packet id");
        in_flight.connected(false);
        assert!(matches!(in_flight.received(&message(1, "b", true)), Delivery::First(_)), "another session");
    }

    #[test]
    fn acknowledged_message_is_forgotten_after_later_pong() {
        let mut in_flight = InFlight::default();
        let first = |in_flight: &mut InFlight, id| {
            let Delivery::First(request_id) = in_flight.received(&message(id, "a", false)) else {
                panic!("known")
            };
            assert_eq!(in_flight.answered(request_id, AckReason::Accepted), Some(id));
            in_flight.acknowledged(id);
        };
        assert!(!in_flight.needs_ping());
        first(&mut in_flight, 1);
        assert!(in_flight.needs_ping());
        in_flight.pinged(7);
        first(&mut in_flight, 2);
        in_flight.ponged(6);
        assert_eq!(in_flight.by_packet_id.len(), 2, "the pong of an earlier ping says nothing");
        in_flight.ponged(7);
        assert_eq!(
            in_flight.by_packet_id.keys().copied().collect::<Vec<_>>(),
            [2],
            "acknowledged after the ping"
        );
        assert!(in_flight.needs_ping());
    }
}
