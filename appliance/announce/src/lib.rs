//! Announcements from acceptance to their end: validation, SSIP's priorities, the queue and the format of its journal.
//! No I/O, no clock, no threads: the caller of [`Queue`] writes the files, reads the clock and plays the sound.
//!
//! ```text
//! Draft -> Announcement -> Queue::submit -> Effect::Append -> (fsync) -> Queue::appended -> EventKind::Accepted
//!                                        -> Effect::Start  -> (speech) -> Queue::finished -> EventKind::Finished
//! ```
//!
//! * An announcement is acknowledged ([`EventKind::Accepted`]) only after its journal record is known to be stored.
//! * Every accepted announcement ends in exactly one of finished, cancelled, expired or failed, and each end is
//!   reported.
//! * After a crash the journal restores the queue ([`Queue::recover`]). An interrupted announcement is spoken again
//!   from its start, unless too many runs ended during it ([`ATTEMPTS_MAX`]).
//! * An id is spoken once within 24 hours.

#![forbid(unsafe_code)]

mod announcement;
mod entry;
mod error;
mod event;
mod journal;
mod limits;
mod manner;
mod priority;
mod quarantine;
mod queue;
mod recent;
mod recent_ids;
mod record;
mod timeline;
mod word;

pub use announcement::{Announcement, Draft, Normalise};
pub use error::AnnounceError;
pub use event::{CancelReason, Effect, EventKind, QueueEvent};
pub use journal::{CorruptRecord, CorruptRecordKind, JournalReader};
pub use limits::{
    ATTEMPTS_MAX, EXPIRES_IN_S_MAX, ID_CHARACTERS_MAX, ID_MEMORY_MS, IDS_MAX, INSTRUCT_CHARACTERS_MAX,
    JSON_BYTES_MAX, LANGUAGE_CHARACTERS_MAX, NAME_CHARACTERS_MAX, QueueLimits, RECORD_BYTES_MAX,
    TEXT_BYTES_MAX,
};
pub use manner::{
    Gain, InvalidLoudness, LoudnessTarget, OutOfRange, PitchShift, Prosody, SpeechRate, TARGET_LUFS,
    TextFormat, UnknownTextFormat,
};
pub use priority::{OtherState, PreemptionRule, Priority, UnknownPriority};
pub use quarantine::restore_quarantined;
pub use queue::Queue;
pub use recent::{AnnouncementEnd, RECENT_OUTCOMES_MAX, RecentOutcome, RecentOutcomes};
pub use record::{Outcome, Record, Sequence};
