//! What was received and not yet known by the broker to be received, so that a message sent again is not spoken again.
//!
//! QoS 1 means "at least once": when the connection breaks before an acknowledgement has arrived, the broker sends the
//! message again, with the same packet id and a flag. An announcement with an id is spoken once by the queue's
//! memory. One without an id is known again here by packet id and content, as long as this process lives and until it
//! is certain that the broker has read the acknowledgement: a ping sent after it was answered. If the process dies in
//! between, such an announcement is spoken twice; a sender who minds gives ids.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::packets::{Message, Verdict};

/// Whether a message came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// For the first time: to be answered under this ticket.
    First(u64),
    /// It came before and its answer is not there yet.
    Waits,
    /// It came before and was answered: to be acknowledged again.
    Answered(Verdict),
}

#[derive(Debug)]
struct Receipt {
    ticket: u64,
    digest: u64,
    /// Whether it came on this connection, so that its acknowledgement would be understood.
    here: bool,
    verdict: Option<Verdict>,
    /// Number of its last acknowledgement.
    acknowledged: Option<u64>,
}

/// Messages by packet id.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    by_packet_id: HashMap<u16, Receipt>,
    hasher: RandomState,
    tickets: u64,
    acknowledgements: u64,
    /// Number of the last ping and of the last acknowledgement before it.
    ping: Option<(u64, u64)>,
}

impl Receipts {
    /// A new connection; if the broker has forgotten the session, its packet ids mean nothing any more.
    pub(super) fn connected(&mut self, session_present: bool) {
        self.ping = None;
        if session_present {
            self.by_packet_id.values_mut().for_each(|receipt| receipt.here = false);
        } else {
            self.by_packet_id.clear();
        }
    }

    /// A message came.
    pub(super) fn came(&mut self, message: &Message) -> Came {
        self.tickets += 1;
        let Some(packet_id) = message.packet_id else { return Came::First(self.tickets) };
        let digest = self.hasher.hash_one((&message.topic, &message.payload, message.too_long));
        if let Some(receipt) = self.by_packet_id.get_mut(&packet_id)
            && message.again
            && receipt.digest == digest
        {
            receipt.here = true;
            return receipt.verdict.map_or(Came::Waits, Came::Answered);
        }
        let receipt = Receipt { ticket: self.tickets, digest, here: true, verdict: None, acknowledged: None };
        self.by_packet_id.insert(packet_id, receipt);
        Came::First(self.tickets)
    }

    /// The answer for this ticket; returns the packet id that can be acknowledged now.
    pub(super) fn answered(&mut self, ticket: u64, verdict: Verdict) -> Option<u16> {
        let (packet_id, receipt) =
            self.by_packet_id.iter_mut().find(|(_, receipt)| receipt.ticket == ticket)?;
        receipt.verdict = Some(verdict);
        receipt.here.then_some(*packet_id)
    }

    /// This packet id was acknowledged on this connection.
    pub(super) fn acknowledged(&mut self, packet_id: u16) {
        self.acknowledgements += 1;
        if let Some(receipt) = self.by_packet_id.get_mut(&packet_id) {
            receipt.acknowledged = Some(self.acknowledgements);
        }
    }

    /// Whether a ping would tell something.
    pub(super) fn wants_ping(&self) -> bool {
        self.ping.is_none() && self.by_packet_id.values().any(|receipt| receipt.acknowledged.is_some())
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
            self.by_packet_id
                .retain(|_, receipt| receipt.acknowledged.is_none_or(|last| last > acknowledgements));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(packet_id: u16, text: &str, again: bool) -> Message {
        Message {
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
    fn a_message_sent_again_is_known_again_before_and_after_its_answer() {
        let mut receipts = Receipts::default();
        let Came::First(ticket) = receipts.came(&message(1, "a", false)) else { panic!("known") };
        receipts.connected(true);
        assert_eq!(receipts.answered(ticket, Verdict::Taken), None, "not sent again yet");
        assert_eq!(receipts.came(&message(1, "a", true)), Came::Answered(Verdict::Taken));
        receipts.connected(true);
        let Came::First(ticket) = receipts.came(&message(2, "b", false)) else { panic!("known") };
        receipts.connected(true);
        assert_eq!(receipts.came(&message(2, "b", true)), Came::Waits);
        assert_eq!(receipts.answered(ticket, Verdict::Refused), Some(2));
    }

    #[test]
    fn the_same_words_anew_are_not_the_same_message() {
        let mut receipts = Receipts::default();
        receipts.came(&message(1, "a", false));
        assert!(matches!(receipts.came(&message(1, "a", false)), Came::First(_)), "not marked as sent again");
        assert!(matches!(receipts.came(&message(1, "b", true)), Came::First(_)), "other words");
        assert!(matches!(receipts.came(&message(2, "b", true)), Came::First(_)), "other packet id");
        receipts.connected(false);
        assert!(matches!(receipts.came(&message(1, "b", true)), Came::First(_)), "another session");
    }

    #[test]
    fn what_the_broker_knows_is_forgotten() {
        let mut receipts = Receipts::default();
        let first = |receipts: &mut Receipts, id| {
            let Came::First(ticket) = receipts.came(&message(id, "a", false)) else { panic!("known") };
            assert_eq!(receipts.answered(ticket, Verdict::Taken), Some(id));
            receipts.acknowledged(id);
        };
        assert!(!receipts.wants_ping());
        first(&mut receipts, 1);
        assert!(receipts.wants_ping());
        receipts.pinged(7);
        first(&mut receipts, 2);
        receipts.ponged(6);
        assert_eq!(receipts.by_packet_id.len(), 2, "the pong of an earlier ping says nothing");
        receipts.ponged(7);
        assert_eq!(
            receipts.by_packet_id.keys().copied().collect::<Vec<_>>(),
            [2],
            "acknowledged after the ping"
        );
        assert!(receipts.wants_ping());
    }
}
