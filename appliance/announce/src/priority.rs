//! Priorities of SSIP (Speech Synthesis Interface Protocol; Speech Dispatcher's `ssip.texi`, "Priority Categories") and
//! the rules of preemption between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::word::read_word;

/// Urgency of an announcement. Variants are ordered by urgency: `Important < Message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Spoken at once, in order of submission, never interrupted. Cancels the current announcement of any other
    /// priority.
    Important,
    /// Spoken in order of submission, after all important ones. The default, as messages never cancel each other.
    #[default]
    Message,
    /// Spoken when no important announcement and no message waits; only the latest one is spoken.
    Text,
    /// Spoken only when the queue is empty; only the latest one is spoken.
    Notification,
    /// Element of a series such as "45 percent": dropped while another announcement is spoken, except the last of the
    /// series, which is raised to [`Message`](Self::Message).
    Progress,
}

/// State of the other announcement when a new one arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherState {
    /// Being spoken.
    Spoken,
    /// Waiting or paused.
    Waiting,
}

/// Effect of a new announcement on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreemptionRule {
    /// Both stay, in the order of their priorities.
    Coexist,
    /// The other announcement is cancelled.
    CancelOther,
    /// The new announcement is cancelled.
    CancelNew,
}

impl Priority {
    /// All priorities, most urgent first.
    pub const ALL: [Self; 5] =
        [Self::Important, Self::Message, Self::Text, Self::Notification, Self::Progress];

    /// Returns the rule for a new announcement of this priority and `other` in the state `place`.
    ///
    /// A progress announcement that waits is the last of its series: SSIP promises that one to the listener, so only a
    /// newer progress announcement takes its place.
    #[must_use]
    pub fn preemption(self, other: Self, place: OtherState) -> PreemptionRule {
        use OtherState::{Spoken, Waiting};
        use PreemptionRule::{CancelNew, CancelOther, Coexist};
        use Priority::{Important, Message, Notification, Progress, Text};
        match (self, other, place) {
            // First match wins. A new progress announcement replaces the one that waits, and interrupts nothing.
            (Progress, Progress | Notification, Waiting) => CancelOther,
            (Progress, _, _) => Coexist,

            // "If there are messages with priorities important, message, text or progress [...], it is canceled."
            (Notification, Notification, _) => CancelOther,
            (Notification, _, _) => CancelNew,

            // The last progress announcement of a series is kept (see above); one that is spoken gives way.
            (_, Progress, Waiting) => Coexist,
            (_, Progress, Spoken) | (_, Notification, _) => CancelOther,

            // Waiting messages and texts are only postponed by an important one.
            (Important, Message | Text, Spoken) => CancelOther,
            (Message | Text, Text, _) => CancelOther,
            (Important | Message | Text, _, _) => Coexist,
        }
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Self::ALL.map(|priority| format!("\"{priority}\"")).join(", ");
        read_word(deserializer, &format!("a priority, one of {words}"))
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Important => "important",
            Self::Message => "message",
            Self::Text => "text",
            Self::Notification => "notification",
            Self::Progress => "progress",
        })
    }
}

/// Word that is no priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use one of {}", Priority::ALL.map(|priority| priority.to_string()).join(", "))]
pub struct UnknownPriority;

impl FromStr for Priority {
    type Err = UnknownPriority;

    fn from_str(word: &str) -> Result<Self, UnknownPriority> {
        Self::ALL.into_iter().find(|priority| priority.to_string() == word).ok_or(UnknownPriority)
    }
}

#[cfg(test)]
mod tests {
    use super::{OtherState, PreemptionRule, Priority};

    /// The whole table. Rows: priority of the new announcement; columns: the other one in the order of `ALL`, first
    /// spoken, then waiting. `=` both stay, `o` the other is cancelled, `n` the new one is.
    #[test]
    fn preemption_table_follows_ssip() {
        let table = [
            (Priority::Important, "=oooo", "===o="),
            (Priority::Message, "==ooo", "==oo="),
            (Priority::Text, "==ooo", "==oo="),
            (Priority::Notification, "nnnon", "nnnon"),
            (Priority::Progress, "=====", "===oo"),
        ];
        for (newcomer, spoken, waiting) in table {
            for (place, row) in [(OtherState::Spoken, spoken), (OtherState::Waiting, waiting)] {
                for (other, letter) in Priority::ALL.into_iter().zip(row.chars()) {
                    let expected = match letter {
                        '=' => PreemptionRule::Coexist,
                        'o' => PreemptionRule::CancelOther,
                        _ => PreemptionRule::CancelNew,
                    };
                    assert_eq!(
                        newcomer.preemption(other, place),
                        expected,
                        "{newcomer} meets {other} {place:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn priorities_are_serialized_with_ssip_names() {
        for priority in Priority::ALL {
            let written = format!("\"{priority}\"");
            assert_eq!(serde_json::to_string(&priority).unwrap(), written);
            assert_eq!(serde_json::from_str::<Priority>(&written).unwrap(), priority);
        }
    }

    #[test]
    fn what_is_no_priority_is_told_with_those_that_are() {
        for (written, problem) in [
            ("\"High\"", "invalid value: string \"High\""),
            ("null", "invalid type: null"),
            ("1", "invalid type: integer `1`"),
        ] {
            let error = serde_json::from_str::<Priority>(written).unwrap_err().to_string();
            let words = "expected a priority, one of \"important\", \"message\"";
            assert!(error.starts_with(&format!("{problem}, {words}")), "{error}");
        }
    }
}
