//! The last announcements that ended or were refused, without their text: for `crier ctl history`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::error::cut;
use crate::limits::{ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, REASON_CHARACTERS_MAX};
use crate::{CancelReason, Event, EventKind, Priority};

/// Number of outcomes kept: a screenful for a person, and at most 20 kB.
pub const RECENT_OUTCOMES_MAX: usize = 32;

/// End of an announcement, with its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum EndReason {
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
        /// Reason for people.
        reason: String,
    },
    /// Never accepted.
    Refused {
        /// Reason for people.
        reason: String,
    },
}

/// One entry of the history. Never holds the announced text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOutcome {
    /// Id the sender gave, or `#N`; empty for a refused announcement without an id.
    pub id: String,
    /// Input that sent it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Priority the sender gave.
    pub priority: Priority,
    /// Time of the end, in milliseconds of the clock that the caller uses.
    pub at_ms: u64,
    /// Kind of end.
    #[serde(flatten)]
    pub end: EndReason,
}

/// Ring of the last [`RECENT_OUTCOMES_MAX`] outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentOutcomes(VecDeque<RecentOutcome>);

impl RecentOutcomes {
    /// Notes `event` if it ends an announcement; ignores every other event.
    pub fn observe(&mut self, event: &Event, at_ms: u64) {
        let end = match &event.kind {
            EventKind::Finished => EndReason::Finished,
            EventKind::Cancelled { reason } => EndReason::Cancelled { cause: reason.clone() },
            EventKind::Expired => EndReason::Expired,
            EventKind::Failed { reason } => EndReason::Failed { reason: reason.clone() },
            EventKind::Accepted { .. }
            | EventKind::Duplicate
            | EventKind::Started
            | EventKind::Paused
            | EventKind::Resumed
            | EventKind::Postponed => return,
        };
        let (id, source) = (event.id.clone(), event.source.clone());
        self.push(RecentOutcome { id, source, priority: event.priority, at_ms, end });
    }

    /// Notes an announcement that was refused. Its fields may not have been validated, so they are cut to their bounds.
    pub fn refuse(
        &mut self,
        id: Option<&str>,
        source: Option<&str>,
        priority: Priority,
        reason: &str,
        at_ms: u64,
    ) {
        self.push(RecentOutcome {
            id: cut(id.unwrap_or_default(), ID_CHARACTERS_MAX),
            source: source.map(|source| cut(source, NAME_CHARACTERS_MAX)),
            priority,
            at_ms,
            end: EndReason::Refused { reason: cut(reason, REASON_CHARACTERS_MAX) },
        });
    }

    /// Outcomes, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &RecentOutcome> {
        self.0.iter().rev()
    }

    fn push(&mut self, outcome: RecentOutcome) {
        if self.0.len() == RECENT_OUTCOMES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::{EndReason, RECENT_OUTCOMES_MAX, RecentOutcome, RecentOutcomes};
    use crate::{CancelReason, Event, EventKind, Priority, Sequence};

    fn event(id: &str, kind: EventKind) -> Event {
        Event { sequence: Sequence(1), id: id.into(), source: None, priority: Priority::Text, kind }
    }

    #[test]
    fn only_ends_are_kept_newest_first() {
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
    fn the_oldest_outcome_is_dropped_when_full_and_strings_are_bounded() {
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
    fn outcomes_are_flat_json() {
        let mut recent = RecentOutcomes::default();
        let reason = CancelReason::Interrupted { by: "b".into() };
        recent.observe(&event("a", EventKind::Cancelled { reason: reason.clone() }), 7);
        let outcome = recent.iter().next().unwrap();
        assert_eq!(outcome.end, EndReason::Cancelled { cause: reason });
        let json = serde_json::to_string(outcome).unwrap();
        assert_eq!(
            json,
            r#"{"id":"a","priority":"text","at_ms":7,"outcome":"cancelled","reason":"interrupted","by":"b"}"#
        );
        assert_eq!(serde_json::from_str::<RecentOutcome>(&json).unwrap(), *outcome);
    }
}
