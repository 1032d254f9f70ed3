//! Journal records: one for each event that must outlive a crash.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Announcement, Draft};

/// Largest sequence number and time in a record: the integers JSON carries exactly. One announcement each millisecond
/// reaches it in 285 000 years.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Number of one submission, growing in the order of arrival. That of an accepted announcement is unique for the life
/// of a journal; that of a duplicate, which leaves no record, may be given again after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub(crate) u64);

impl Sequence {
    /// Returns the sequence of this number, as events and answers carry it.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number itself.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    /// `#7`: also the id of an announcement whose sender gave none.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}

/// End of an announcement, as the journal keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Spoken to its end.
    Finished,
    /// Stopped, or gave way to another one.
    Cancelled,
    /// Its time was over before it had begun.
    Expired,
    /// It could not be spoken.
    Failed,
    /// It ended in a way that only a newer program knows.
    #[serde(other)]
    Other,
}

/// One journal record. Times are milliseconds of journal time, which grows as long as any run of the appliance lasts
/// and never goes back; see `timeline.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A boot of the machine began to use this journal: journal time is its uptime plus an offset.
    Boot {
        /// The kernel's boot id.
        boot: String,
        /// Journal time at uptime 0, in milliseconds.
        offset_ms: u64,
        /// Time of writing, in milliseconds of journal time.
        at_ms: u64,
        /// The sequence number of the next submission.
        next: Sequence,
    },
    /// An announcement came. It is acknowledged when this record is stored.
    Accepted {
        /// Its number.
        sequence: Sequence,
        /// Time of arrival, in milliseconds of journal time.
        at_ms: u64,
        /// The announcement itself.
        #[serde(deserialize_with = "known_fields")]
        announcement: Announcement,
    },
    /// Speaking of an announcement began.
    Started {
        /// Its number.
        sequence: Sequence,
        /// Number of runs of the appliance in which it has begun, this one included.
        attempt: u32,
    },
    /// An announcement ended and is not to be spoken again.
    Ended {
        /// Its number.
        sequence: Sequence,
        /// Time of the end, in milliseconds of journal time.
        at_ms: u64,
        /// Kind of end.
        outcome: Outcome,
    },
    /// An id of an announcement whose other records were compacted away.
    Remembered {
        /// The id its sender gave.
        id: String,
        /// Time of arrival, in milliseconds of journal time.
        at_ms: u64,
    },
}

/// Deserializes an announcement and ignores fields that only a newer program knows; see `journal.rs`.
fn known_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Announcement, D::Error> {
    let mut fields = serde_json::Map::deserialize(deserializer)?;
    fields.retain(|name, _| Draft::FIELDS.contains(&name.as_str()));
    serde_json::from_value(fields.into()).map_err(D::Error::custom)
}

impl Record {
    /// The announcement whose storing is to be answered by [`crate::Queue::appended`], if this record is one.
    #[must_use]
    pub fn awaited(&self) -> Option<Sequence> {
        match self {
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
