//! Output of the queue: effects to carry out in order, among them events to report.

use serde::{Deserialize, Serialize};

use crate::{Announcement, Priority, Record, Sequence};

/// One thing for the driver of the queue to do. Effects are to be carried out in the order they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append this record to the journal. If [`Record::awaited`] names an announcement, answer with
    /// [`crate::Queue::appended`] or [`crate::Queue::append_failed`] once the record is durable, or cannot be.
    Append(Record),
    /// Begin to speak; answer with [`crate::Queue::finished`] or [`crate::Queue::failed`].
    Start {
        /// Its number.
        sequence: Sequence,
        /// The announcement to speak.
        announcement: Announcement,
    },
    /// Fall silent with a short fade and forget this announcement; an answer that is on its way must not be passed on.
    Stop(Sequence),
    /// Fall silent but keep the place; [`Effect::Resume`] or [`Effect::Stop`] follows some day.
    Pause(Sequence),
    /// Go on where it was paused.
    Resume(Sequence),
    /// Report an event to all listeners: the sender, MQTT, the log.
    Report(QueueEvent),
}

/// Something that happened to an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEvent {
    /// The number of the submission this is about.
    #[serde(skip)]
    pub sequence: Sequence,
    /// The sender's id, or `#N` where the sender gave none.
    pub id: String,
    /// Name of the sender, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Priority the sender gave; not part of the JSON form.
    #[serde(skip)]
    pub priority: Priority,
    /// Kind of event.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Kind of event in the life of an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// It is in the queue and, if `durable`, in the journal: this is the acknowledgement.
    Accepted {
        /// False if the journal could not be written; then a power cut loses the announcement.
        durable: bool,
    },
    /// An announcement with this id came within the last 24 hours; this one is not spoken, and needs no repetition.
    Duplicate,
    /// Speaking began, or began again after a crash or after giving way.
    Started,
    /// It fell silent by `pause`.
    Paused,
    /// It goes on after `resume`.
    Resumed,
    /// It was paused, and at `resume` something more urgent was to be said; it will be spoken from its start.
    Postponed,
    /// It was spoken to its end.
    Finished,
    /// It will not be spoken, or not to its end.
    Cancelled {
        /// Cause of the cancellation.
        #[serde(flatten)]
        reason: CancelReason,
    },
    /// Its time was over before it had begun; it is not spoken.
    Expired,
    /// It could not be spoken.
    Failed {
        /// Reason, for people.
        reason: String,
    },
}

impl EventKind {
    /// True for the one event that ends an accepted announcement.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled { .. } | Self::Expired | Self::Failed { .. })
    }

    /// Returns the name of the kind, as in its JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Duplicate => "duplicate",
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Postponed => "postponed",
            Self::Finished => "finished",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired => "expired",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Cause of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum CancelReason {
    /// A `stop` or `stop all` command.
    Stopped,
    /// It was being spoken when another one came before which it gives way.
    Interrupted {
        /// That other one's id.
        by: String,
    },
    /// It waited when another one came before which it gives way.
    Superseded {
        /// That other one's id.
        by: String,
    },
    /// A notification that came while something else was to be said.
    Busy,
    /// A notification or a progress announcement that came while the appliance was paused.
    Paused,
}

#[cfg(test)]
mod tests {
    use super::{CancelReason, EventKind, QueueEvent};
    use crate::{Priority, Sequence};

    #[test]
    fn name_of_kind_is_that_of_its_json() {
        let reason = CancelReason::Busy;
        for kind in [
            EventKind::Accepted { durable: true },
            EventKind::Postponed,
            EventKind::Cancelled { reason },
            EventKind::Failed { reason: "why".into() },
        ] {
            assert_eq!(serde_json::to_value(&kind).unwrap()["event"], kind.name());
        }
    }

    #[test]
    fn events_are_flat_json() {
        let event = |kind| QueueEvent {
            sequence: Sequence(1),
            id: "a".into(),
            source: None,
            priority: Priority::Message,
            kind,
        };
        let json = |kind| serde_json::to_string(&event(kind)).unwrap();
        assert_eq!(json(EventKind::Finished), r#"{"id":"a","event":"finished"}"#);
        assert_eq!(
            json(EventKind::Accepted { durable: true }),
            r#"{"id":"a","event":"accepted","durable":true}"#
        );
        let reason = CancelReason::Interrupted { by: "b".into() };
        assert_eq!(
            json(EventKind::Cancelled { reason }),
            r#"{"id":"a","event":"cancelled","reason":"interrupted","by":"b"}"#
        );
    }
}
