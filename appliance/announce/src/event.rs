//! Output of the queue: effects to carry out in order, among them events to report.

use serde::{Deserialize, Serialize};

use crate::{Announcement, Priority, Record, Sequence};

/// Action that the caller of the queue must carry out, in the order of [`crate::Queue::next_effect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append this record to the journal. If [`Record::awaited`] returns an announcement, call
    /// [`crate::Queue::appended`] or [`crate::Queue::append_failed`] once the record is durable, or cannot be.
    Append(Record),
    /// Begin to speak; call [`crate::Queue::finished`] or [`crate::Queue::failed`] at its end.
    Start {
        /// Sequence number.
        sequence: Sequence,
        /// Announcement to speak.
        announcement: Announcement,
    },
    /// Fade out and discard this announcement. From now on its end must not be reported to the queue: a postponed one
    /// may soon be current again, and would be ended by a report about the stream before.
    Stop(Sequence),
    /// Fade out and keep the playback position until [`Effect::Resume`] or [`Effect::Stop`].
    Pause(Sequence),
    /// Continue at the position of the pause.
    Resume(Sequence),
    /// Report an event to the sender, MQTT and the log.
    Report(QueueEvent),
}

/// Event in the life of an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEvent {
    /// Sequence number of the submission.
    #[serde(skip)]
    pub sequence: Sequence,
    /// Id given by the sender, or `#N`.
    pub id: String,
    /// Name of the source, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Priority given by the sender; not part of the JSON form.
    #[serde(skip)]
    pub priority: Priority,
    /// Kind of event.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Kind of event, with its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// In the queue and, if `durable`, in the journal: the acknowledgement.
    Accepted {
        /// False if the journal could not be written, so that a power cut loses the announcement.
        durable: bool,
    },
    /// Not spoken, because an announcement with this id was accepted within the last 24 hours. Ends no announcement.
    Duplicate,
    /// Speaking began, or began again after a crash or a preemption.
    Started,
    /// Playback reached a mark of the text.
    Mark {
        /// Name of the mark.
        name: String,
    },
    /// Paused by `pause`.
    Paused,
    /// Continued by `resume`.
    Resumed,
    /// Paused when `resume` began a more urgent announcement; will be spoken from its start.
    Postponed,
    /// Spoken to its end.
    Finished,
    /// Not spoken, or not to its end.
    Cancelled {
        /// Cause of the cancellation.
        #[serde(flatten)]
        reason: CancelReason,
    },
    /// Expired before speaking began.
    Expired,
    /// Could not be spoken.
    Failed {
        /// Reason, for the operator.
        reason: String,
    },
}

impl EventKind {
    /// Returns true for events that end an announcement. Every accepted announcement has exactly one.
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
            Self::Mark { .. } => "mark",
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
    /// Preempted by a new announcement while being spoken.
    Interrupted {
        /// Id of the new announcement.
        by: String,
    },
    /// Preempted by a new announcement while waiting.
    Superseded {
        /// Id of the new announcement.
        by: String,
    },
    /// Notification submitted while another announcement was spoken or waited.
    Busy,
    /// Notification or progress announcement submitted during a pause.
    Paused,
}

#[cfg(test)]
mod tests {
    use super::{CancelReason, EventKind, QueueEvent};
    use crate::{Priority, Sequence};

    #[test]
    fn event_kind_name_equals_its_json_tag() {
        let reason = CancelReason::Busy;
        for kind in [
            EventKind::Accepted { durable: true },
            EventKind::Postponed,
            EventKind::Mark { name: "here".into() },
            EventKind::Cancelled { reason },
            EventKind::Failed { reason: "why".into() },
        ] {
            assert_eq!(serde_json::to_value(&kind).unwrap()["event"], kind.name());
        }
    }

    #[test]
    fn event_is_serialized_as_flat_json() {
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
