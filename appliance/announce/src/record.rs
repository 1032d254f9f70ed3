//! Journal records: one per event that must survive a crash.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Announcement, Draft};

/// Largest sequence number and time in a record: the integers JSON carries exactly. One announcement each millisecond
/// reaches it in 285 000 years.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Sequence number of a submission, in order of submission. That of an accepted announcement is unique for the life of
/// a journal; that of a duplicate, which leaves no record, may be assigned again after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub(crate) u64);

impl Sequence {
    /// Returns the sequence number of an event or an answer.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn following(self) -> Self {
        // Cannot saturate: the journal reader rejects numbers above `NUMBER_MAX`.
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    /// Formats as `#7`, which is also the id of an announcement without one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}

/// Outcome of an announcement in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Spoken to its end.
    Finished,
    /// Stopped or preempted.
    Cancelled,
    /// Expired before speaking began.
    Expired,
    /// Could not be spoken.
    Failed,
    /// Outcome that only a newer program knows.
    #[serde(other)]
    Other,
}

/// Journal record. Times are milliseconds of journal time, which never goes back; see `timeline.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// First use of the journal in a boot of the machine. Journal time is the uptime plus an offset.
    Boot {
        /// Boot id of the kernel.
        boot: String,
        /// Journal time at uptime 0, in milliseconds.
        offset_ms: u64,
        /// Time of writing, in milliseconds of journal time.
        at_ms: u64,
        /// Sequence number of the next submission.
        next: Sequence,
    },
    /// Submission of an announcement, which is acknowledged when this record is durable.
    Accepted {
        /// Sequence number.
        sequence: Sequence,
        /// Time of submission, in milliseconds of journal time.
        at_ms: u64,
        /// Announcement.
        #[serde(deserialize_with = "known_fields")]
        announcement: Announcement,
    },
    /// Start of speaking.
    Started {
        /// Sequence number.
        sequence: Sequence,
        /// Number of runs of the appliance in which it has begun, this one included.
        attempt: u32,
    },
    /// End of an announcement, which is not spoken again.
    Ended {
        /// Sequence number.
        sequence: Sequence,
        /// Time of the end, in milliseconds of journal time.
        at_ms: u64,
        /// Outcome.
        outcome: Outcome,
    },
    /// Id of an ended announcement whose records compaction removed.
    Remembered {
        /// Id given by the sender.
        id: String,
        /// Time of submission, in milliseconds of journal time.
        at_ms: u64,
    },
}

/// Deserializes an announcement and ignores fields that only a newer program knows; see `journal.rs`.
fn known_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Announcement, D::Error> {
    let mut fields = serde_json::Map::deserialize(deserializer)?;
    // Removed by hand, as `Draft` rejects unknown fields: there they are a sender's mistake, here a newer program's.
    fields.retain(|name, _| Draft::FIELDS.contains(&name.as_str()));
    serde_json::from_value(fields.into()).map_err(D::Error::custom)
}

impl Record {
    /// Returns the announcement that waits for this record, for [`crate::Queue::appended`].
    #[must_use]
    pub fn awaited(&self) -> Option<Sequence> {
        match self {
            // Only this one is waited for: losing any other repeats an announcement at worst.
            Self::Accepted { sequence, .. } => Some(*sequence),
            _ => None,
        }
    }

    /// Id that the sender gave, for the records that have one.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Accepted { announcement, .. } => announcement.id(),
            Self::Remembered { id, .. } => Some(id),
            Self::Boot { .. } | Self::Started { .. } | Self::Ended { .. } => None,
        }
    }

    /// Returns true if all numbers are within the range that this program writes.
    pub(crate) fn is_sane(&self) -> bool {
        let numbers = match self {
            Self::Boot { offset_ms, next, .. } => [next.0, *offset_ms],
            Self::Accepted { sequence, at_ms, .. } | Self::Ended { sequence, at_ms, .. } => {
                [sequence.0, *at_ms]
            }
            Self::Started { sequence, .. } => [sequence.0, 0],
            Self::Remembered { at_ms, .. } => [0, *at_ms],
        };
        numbers.into_iter().all(|number| number <= NUMBER_MAX)
    }
}
