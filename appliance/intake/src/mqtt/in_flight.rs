//! What was received and not yet known by the broker to be received, so that a message sent again is not spoken again.
//!
//! QoS 1 means "at least once": when the connection breaks before an acknowledgement has arrived, the broker sends the
//! message again, with the same packet id and a flag. An announcement with an id is spoken once by the queue's
//! memory. One without an id is known again here by packet id and content, as long as this process lives and until it
//! is certain that the broker has read the acknowledgement: a ping sent after it was answered. If the process dies in
//! between, such an announcement is spoken twice; a sender who minds gives ids.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::packets::{AckReason, PublishMessage};

/// Whether a message came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// For the first time: to be answered under this request id.
    First(u64),
    /// It came before and its answer is not there yet.
    Pending,
    /// It came before and was answered: to be acknowledged again.
    Answered(AckReason),
}

#[derive(Debug)]
struct InFlightMessage {
    request_id: u64,
    digest: u64,
    /// Whether it came on this connection, so that its acknowledgement would be understood.
    here: bool,
    ack_reason: Option<AckReason>,
    /// Number of its last acknowledgement.
    acknowledged: Option<u64>,
}

/// Messages by packet id.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    by_packet_id: HashMap<u16, InFlightMessage>,
    hasher: RandomState,
    request_ids: u64,
    acknowledgements: u64,
    /// Number of the last ping and of the last acknowledgement before it.
    ping: Option<(u64, u64)>,
}

impl InFlight {
    /// A new connection; if the broker has forgotten the session, its packet ids mean nothing any more.
    pub(super) fn connected(&mut self, session_present: bool) {
        self.ping = None;
        if session_present {
            self.by_packet_id.values_mut().for_each(|in_flight_message| in_flight_message.here = false);
        } else {
            self.by_packet_id.clear();
        }
    }

    /// A message came.
    pub(super) fn came(&mut self, message: &PublishMessage) -> Delivery {
        self.request_ids += 1;
        let Some(packet_id) = message.packet_id else { return Delivery::First(self.request_ids) };
        let digest = self.hasher.hash_one((&message.topic, &message.payload, message.too_long));
        if let Some(in_flight_message) = self.by_packet_id.get_mut(&packet_id)
            && message.again
            && in_flight_message.digest == digest
        {
            in_flight_message.here = true;
            return in_flight_message.ack_reason.map_or(Delivery::Pending, Delivery::Answered);
        }
        let in_flight_message = InFlightMessage {
            request_id: self.request_ids,
            digest,
            here: true,
            ack_reason: None,
            acknowledged: None,
        };
        self.by_packet_id.insert(packet_id, in_flight_message);
        Delivery::First(self.request_ids)
    }

    /// The answer for this request id; returns the packet id that can be acknowledged now.
    pub(super) fn answered(&mut self, request_id: u64, ack_reason: AckReason) -> Option<u16> {
        let (packet_id, in_flight_message) = self
            .by_packet_id
            .iter_mut()
            .find(|(_, in_flight_message)| in_flight_message.request_id == request_id)?;
        in_flight_message.ack_reason = Some(ack_reason);
        in_flight_message.here.then_some(*packet_id)
    }

    /// This packet id was acknowledged on this connection.
    pub(super) fn acknowledged(&mut self, packet_id: u16) {
        self.acknowledgements += 1;
        if let Some(in_flight_message) = self.by_packet_id.get_mut(&packet_id) {
            in_flight_message.acknowledged = Some(self.acknowledgements);
        }
    }

    /// Whether a ping would tell something.
    pub(super) fn wants_ping(&self) -> bool {
        self.ping.is_none()
            && self.by_packet_id.values().any(|in_flight_message| in_flight_message.acknowledged.is_some())
    }

    /// A ping of this number was sent.
    pub(super) fn pinged(&mut self, number: u64) {
        self.ping = Some((number, self.acknowledgements));
    }

    /// The ping of this number was answered: what was acknowledged before will not come again.
    pub(super) fn ponged(&mut self, number: u64) {
        if let Some((ping, acknowledgements)) = self.ping
            && ping <= number
        {
            self.ping = None;
            self.by_packet_id.retain(|_, in_flight_message| {
                in_flight_message.acknowledged.is_none_or(|last| last > acknowledgements)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(packet_id: u16, text: &str, again: bool) -> PublishMessage {
        PublishMessage {
            topic: "crier/1/speak".into(),
            payload: text.as_bytes().to_vec(),
            retained: false,
            again,
            packet_id: Some(packet_id),
            expires_in_s: None,
            too_long: None,
        }
    }

    #[test]
    fn redelivered_message_is_recognized_before_and_after_its_answer() {
        let mut in_flight = InFlight::default();
        let Delivery::First(request_id) = in_flight.came(&message(1, "a", false)) else { panic!("known") };
        in_flight.connected(true);
        assert_eq!(in_flight.answered(request_id, AckReason::Taken), None, "not sent again yet");
        assert_eq!(in_flight.came(&message(1, "a", true)), Delivery::Answered(AckReason::Taken));
        in_flight.connected(true);
        let Delivery::First(request_id) = in_flight.came(&message(2, "b", false)) else { panic!("known") };
        in_flight.connected(true);
        assert_eq!(in_flight.came(&message(2, "b", true)), Delivery::Pending);
        assert_eq!(in_flight.answered(request_id, AckReason::Refused), Some(2));
    }

    #[test]
    fn new_message_with_same_content_is_not_a_redelivery() {
        let mut in_flight = InFlight::default();
        in_flight.came(&message(1, "a", false));
        assert!(
            matches!(in_flight.came(&message(1, "a", false)), Delivery::First(_)),
            "not marked as sent again"
        );
        assert!(matches!(in_flight.came(&message(1, "b", true)), Delivery::First(_)), "other words");
        assert!(matches!(in_flight.came(&message(2, "b", true)), Delivery::First(_)), "other packet id");
        in_flight.connected(false);
        assert!(matches!(in_flight.came(&message(1, "b", true)), Delivery::First(_)), "another session");
    }

    #[test]
    fn acknowledged_message_is_forgotten_after_later_pong() {
        let mut in_flight = InFlight::default();
        let first = |in_flight: &mut InFlight, id| {
            let Delivery::First(request_id) = in_flight.came(&message(id, "a", false)) else {
                panic!("known")
            };
            assert_eq!(in_flight.answered(request_id, AckReason::Taken), Some(id));
            in_flight.acknowledged(id);
        };
        assert!(!in_flight.wants_ping());
        first(&mut in_flight, 1);
        assert!(in_flight.wants_ping());
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
        assert!(in_flight.wants_ping());
    }
}
