//! History of the last announcements that ended or were refused, without text, for `crier ctl history`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::cut;
use crate::limits::{ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, REASON_CHARACTERS_MAX};
use crate::{CancelReason, EventKind, Priority, QueueEvent, Sequence};

/// Number of outcomes kept: a terminal page, and at most 20 kB of JSON.
pub const RECENT_OUTCOMES_MAX: usize = 32;

/// Number of announcements whose times are kept: more than a full queue of the default configuration. Outcomes beyond
/// it have no times.
const FOLLOWED_MAX: usize = 4096;

/// End of an announcement, with its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AnnouncementEnd {
    /// Spoken to its end.
    Finished,
    /// Not spoken, or not to its end.
    Cancelled {
        /// Cause of the cancellation.
        #[serde(flatten)]
        cause: CancelReason,
    },
    /// Expired before it had begun.
    Expired,
    /// Could not be spoken.
    Failed {
        /// Reason, for the operator.
        reason: String,
    },
    /// Never accepted.
    Refused {
        /// Reason, for the operator.
        reason: String,
    },
}

impl fmt::Display for AnnouncementEnd {
    /// For people. Reasons and ids come from outside, and may have control characters in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("spoken"),
            Self::Expired => f.write_str("expired before its turn"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            Self::Cancelled { cause } => match cause {
                CancelReason::Stopped => f.write_str("cancelled: stopped"),
                CancelReason::Interrupted { by } => write!(f, "cancelled: interrupted by {by}"),
                CancelReason::Superseded { by } => write!(f, "cancelled: replaced by {by}"),
                CancelReason::Busy => f.write_str("cancelled: the queue was not empty"),
                CancelReason::Paused => f.write_str("cancelled: playback was paused"),
            },
        }
    }
}

/// Entry of the history, without text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOutcome {
    /// Sequence number; `None` for a refused announcement, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Id given by the sender, or `#N`; empty for a refused announcement without an id.
    pub id: String,
    /// Name of the source, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Priority given by the sender.
    pub priority: Priority,
    /// Time of the end, in milliseconds of the caller's clock.
    pub at_ms: u64,
    /// Time from acceptance to the start of speaking, in milliseconds; `None` if it was never spoken, or was accepted
    /// in an earlier run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
    /// Time from the first start of speaking to the end, pauses included, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoken_ms: Option<u64>,
    /// Kind of end.
    #[serde(flatten)]
    pub end: AnnouncementEnd,
}

/// Times of an announcement that has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct AnnouncementTimes {
    accepted_ms: Option<u64>,
    started_ms: Option<u64>,
}

/// Ring of the last [`RECENT_OUTCOMES_MAX`] outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentOutcomes {
    ended: VecDeque<RecentOutcome>,
    open: BTreeMap<Sequence, AnnouncementTimes>,
}

impl RecentOutcomes {
    /// Records the event of an announcement.
    pub fn observe(&mut self, event: &QueueEvent, at_ms: u64) {
        let end = match &event.kind {
            EventKind::Finished => AnnouncementEnd::Finished,
            EventKind::Cancelled { reason } => AnnouncementEnd::Cancelled { cause: reason.clone() },
            EventKind::Expired => AnnouncementEnd::Expired,
            EventKind::Failed { reason } => AnnouncementEnd::Failed { reason: reason.clone() },
            EventKind::Accepted { .. } => {
                self.follow(event.sequence, |progress| progress.accepted_ms = Some(at_ms));
                return;
            }
            EventKind::Started => {
                // The first start counts: a second one follows a crash or a more urgent announcement.
                self.follow(event.sequence, |progress| {
                    progress.started_ms.get_or_insert(at_ms);
                });
                return;
            }
            // No end: a duplicate was never accepted, its original has an outcome of its own.
            EventKind::Duplicate
            | EventKind::Mark { .. }
            | EventKind::Paused
            | EventKind::Resumed
            | EventKind::Postponed => return,
        };
        let AnnouncementTimes { accepted_ms, started_ms } =
            self.open.remove(&event.sequence).unwrap_or_default();
        let between = |begin: Option<u64>, end: Option<u64>| Some(end?.saturating_sub(begin?));
        self.push(RecentOutcome {
            sequence: Some(event.sequence.number()),
            id: event.id.clone(),
            source: event.source.clone(),
            priority: event.priority,
            at_ms,
            waited_ms: between(accepted_ms, started_ms),
            spoken_ms: between(started_ms, Some(at_ms)),
            end,
        });
    }

    fn follow(&mut self, sequence: Sequence, change: impl FnOnce(&mut AnnouncementTimes)) {
        // An announcement that is lost without an end, by a bug, must not let the map grow.
        if self.open.len() < FOLLOWED_MAX || self.open.contains_key(&sequence) {
            change(self.open.entry(sequence).or_default());
        }
    }

    /// Records an announcement that was refused. Its fields may not have been validated, so they are cut to their
    /// limits.
    pub fn refuse(
        &mut self,
        id: Option<&str>,
        source: Option<&str>,
        priority: Priority,
        reason: &str,
        at_ms: u64,
    ) {
        self.push(RecentOutcome {
            sequence: None,
            id: cut(id.unwrap_or_default(), ID_CHARACTERS_MAX),
            source: source.map(|source| cut(source, NAME_CHARACTERS_MAX)),
            priority,
            at_ms,
            waited_ms: None,
            spoken_ms: None,
            end: AnnouncementEnd::Refused { reason: cut(reason, REASON_CHARACTERS_MAX) },
        });
    }

    /// Outcomes, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &RecentOutcome> {
        self.ended.iter().rev()
    }

    fn push(&mut self, outcome: RecentOutcome) {
        if self.ended.len() == RECENT_OUTCOMES_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::{AnnouncementEnd, RECENT_OUTCOMES_MAX, RecentOutcome, RecentOutcomes};
    use crate::{CancelReason, EventKind, Priority, QueueEvent, Sequence};

    fn event(id: &str, kind: EventKind) -> QueueEvent {
        QueueEvent { sequence: Sequence(1), id: id.into(), source: None, priority: Priority::Text, kind }
    }

    #[test]
    fn times_are_measured_from_acceptance_and_first_start() {
        let mut recent = RecentOutcomes::default();
        let kinds = [
            (EventKind::Accepted { durable: true }, 100),
            (EventKind::Started, 150),
            (EventKind::Postponed, 200),
            (EventKind::Started, 300),
            (EventKind::Finished, 1150),
        ];
        for (kind, at_ms) in kinds {
            recent.observe(&event("a", kind), at_ms);
        }
        let outcome = recent.iter().next().unwrap().clone();
        assert_eq!((outcome.waited_ms, outcome.spoken_ms), (Some(50), Some(1000)));
        // Of a recovered announcement the acceptance is not known.
        recent.observe(&event("b", EventKind::Started), 1200);
        recent.observe(&event("b", EventKind::Finished), 1300);
        let outcome = recent.iter().next().unwrap();
        assert_eq!((outcome.waited_ms, outcome.spoken_ms), (None, Some(100)));
        assert!(recent.open.is_empty());
    }

    #[test]
    fn history_keeps_only_ends_newest_first() {
        let mut recent = RecentOutcomes::default();
        recent.observe(&event("a", EventKind::Accepted { durable: true }), 1);
        recent.observe(&event("a", EventKind::Started), 2);
        recent.observe(&event("a", EventKind::Finished), 3);
        recent.observe(&event("b", EventKind::Duplicate), 4);
        recent.observe(&event("c", EventKind::Expired), 5);
        recent.refuse(None, Some("fifo"), Priority::Message, "the queue is full", 6);
        let kept: Vec<_> = recent.iter().map(|outcome| (outcome.id.as_str(), outcome.at_ms)).collect();
        assert_eq!(kept, [("", 6), ("c", 5), ("a", 3)]);
    }

    #[test]
    fn oldest_outcome_is_dropped_when_history_is_full_and_strings_are_bounded() {
        let mut recent = RecentOutcomes::default();
        for n in 0..=RECENT_OUTCOMES_MAX as u64 {
            recent.refuse(
                Some(&"i".repeat(9999)),
                Some(&"s".repeat(9999)),
                Priority::Text,
                &"r".repeat(9999),
                n,
            );
        }
        assert_eq!(recent.iter().count(), RECENT_OUTCOMES_MAX);
        assert_eq!(recent.iter().last().map(|outcome| outcome.at_ms), Some(1));
        let bytes: usize = recent.iter().map(|outcome| serde_json::to_vec(outcome).unwrap().len()).sum();
        assert!(bytes < 20_000, "{bytes}");
    }

    #[test]
    fn outcome_is_serialized_as_flat_json() {
        let mut recent = RecentOutcomes::default();
        let reason = CancelReason::Interrupted { by: "b".into() };
        recent.observe(&event("a", EventKind::Cancelled { reason: reason.clone() }), 7);
        let outcome = recent.iter().next().unwrap();
        assert_eq!(outcome.end, AnnouncementEnd::Cancelled { cause: reason });
        let json = serde_json::to_string(outcome).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"sequence":1,"id":"a","priority":"text","at_ms":7,"#,
                r#""outcome":"cancelled","reason":"interrupted","by":"b"}"#
            )
        );
        assert_eq!(serde_json::from_str::<RecentOutcome>(&json).unwrap(), *outcome);
    }
}
