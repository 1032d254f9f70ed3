//! Every bound of this crate, by name.

/// Longest text of one announcement, in bytes of UTF-8; the same bound as the speech side has.
pub const TEXT_BYTES_MAX: usize = 100_000;

/// Longest id, in characters.
pub const ID_CHARACTERS_MAX: usize = 128;

/// Longest name of a voice, speaker, chime or source, in characters.
pub const NAME_CHARACTERS_MAX: usize = 64;

/// Longest language name or tag, in characters.
pub const LANGUAGE_CHARACTERS_MAX: usize = 32;

/// Longest `expires_in_s`, in seconds: 31 days. What should live longer has no expiry.
pub const EXPIRES_IN_S_MAX: u32 = 31 * 24 * 60 * 60;

/// Longest JSON form of one announcement, in bytes. JSON may write one byte of text as six (`\u0001`).
pub const JSON_BYTES_MAX: usize = 6 * TEXT_BYTES_MAX + 8 * 1024;

/// Longest journal record without its eight-byte head, in bytes; a length beyond it is damage and is never allocated.
pub const RECORD_BYTES_MAX: usize = JSON_BYTES_MAX + 1024;

/// Time for which an id is remembered after its announcement came, in milliseconds: 24 hours.
pub const ID_MEMORY_MS: u64 = 24 * 60 * 60 * 1000;

/// Ids remembered at most; the oldest is forgotten first. At one announcement in three seconds a day holds 28 800,
/// so this bound is met only by floods of announcements that are never heard.
pub const IDS_MAX: usize = 32_768;

/// Runs of the appliance in which one announcement may be begun. If that many ended before the announcement did, it
/// is taken to be the reason and reported as failed instead of bringing the appliance down for ever.
pub const ATTEMPTS_MAX: u32 = 3;

/// Longest reason of a failure that is kept, in characters; longer ones are cut.
pub(crate) const REASON_CHARACTERS_MAX: usize = 200;

/// Journal bytes that never ask for compaction, whatever the live records weigh.
pub(crate) const COMPACTION_SLACK_BYTES: u64 = 1024 * 1024;

/// Capacity of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Announcements that wait, are being spoken, or are on their way to the journal.
    pub entries: usize,
    /// Journal bytes of all these announcements together.
    pub bytes: usize,
}

impl Default for QueueLimits {
    /// 1000 announcements, 8 MiB.
    fn default() -> Self {
        Self { entries: 1000, bytes: 8 * 1024 * 1024 }
    }
}
