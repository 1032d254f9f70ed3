//! The five priorities of SSIP (Speech Synthesis Interface Protocol, Speech Dispatcher's `ssip.texi`, "Priority
//! Categories") and what happens when an announcement of one meets an announcement of another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Urgency of an announcement. Variants are ordered by urgency: `Important < Message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Said at once, never interrupted, in the order of arrival; cancels what is being spoken with another priority.
    Important,
    /// Said in the order of arrival after everything important. The default: no two of them cancel each other.
    #[default]
    Message,
    /// Said when nothing important and no message waits; only the latest is said.
    Text,
    /// Said only if nothing else is to be said; only the latest is said.
    Notification,
    /// One of a series such as "45 percent": dropped while something is spoken, but the last of the series is raised
    /// to [`Message`](Self::Message) and surely said.
    Progress,
}

/// State of the other announcement when a new one arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherState {
    /// It is being spoken.
    Spoken,
    /// It waits its turn; an announcement that is paused waits as well.
    Waiting,
}

/// Effect of a new announcement on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreemptionRule {
    /// Both stay; their order is that of their priorities.
    Coexist,
    /// The other one is cancelled.
    CancelOther,
    /// The new one is cancelled.
    CancelNew,
}

impl Priority {
    /// All five, the most urgent first.
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
            (Progress, Progress | Notification, Waiting) => CancelOther,
            (Progress, _, _) => Coexist,

            (Notification, Notification, _) => CancelOther,
            (Notification, _, _) => CancelNew,

            (_, Progress, Waiting) => Coexist,
            (_, Progress, Spoken) | (_, Notification, _) => CancelOther,

            (Important, Message | Text, Spoken) => CancelOther,
            (Message | Text, Text, _) => CancelOther,
            (Important | Message | Text, _, _) => Coexist,
        }
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

#[cfg(test)]
mod tests {
    use super::{OtherState, PreemptionRule, Priority};

    /// The whole table, written out: rows are newcomers, columns the other one as in `ALL`, first spoken, then waiting.
    /// `=` both stay, `o` the other is cancelled, `n` the newcomer is.
    #[test]
    fn every_encounter_is_as_ssip_says() {
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
    fn names_are_those_of_ssip() {
        for priority in Priority::ALL {
            assert_eq!(serde_json::to_string(&priority).unwrap(), format!("\"{priority}\""));
        }
    }
}
