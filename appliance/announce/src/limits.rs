//! Limits of announcements, journal and queue.

/// Longest text of an announcement, in bytes of UTF-8: more than an hour of speech. `crier_speech` has the same limit.
pub const TEXT_BYTES_MAX: usize = 100_000;

/// Longest id, in characters: a UUID, a SHA-256 in hexadecimal or a topic with a time fits.
pub const ID_CHARACTERS_MAX: usize = 128;

/// Longest name of a voice, speaker, chime or source, in characters. Voices and chimes are files: file systems permit
/// 255 bytes, which is 64 characters of up to three bytes and an extension.
pub const NAME_CHARACTERS_MAX: usize = 64;

/// Longest language name or tag, in characters. RFC 5646 (section 4.4.1) recommends 35 for tags with two variants,
/// which no voice has.
pub const LANGUAGE_CHARACTERS_MAX: usize = 32;

/// Longest description of the manner of speaking, in characters: some sentences. It is read before each sentence of the
/// text, and a longer one would delay every one of them.
pub const INSTRUCT_CHARACTERS_MAX: usize = 500;

/// Longest `expires_in_s`, in seconds: 31 days. An announcement for longer than that needs no expiry.
pub const EXPIRES_IN_S_MAX: u32 = 31 * 24 * 60 * 60;

/// Longest JSON form of an announcement, in bytes. JSON may escape one byte of text as six (`\u0001`); 16 KiB hold the
/// other fields at their limits.
pub const JSON_BYTES_MAX: usize = 6 * TEXT_BYTES_MAX + 16 * 1024;

/// Longest payload of a journal record, in bytes: an announcement, and 1 KiB for the record around it. A greater length
/// is damage and never allocated.
pub const RECORD_BYTES_MAX: usize = JSON_BYTES_MAX + 1024;

/// Time for which an id is remembered, in milliseconds: 24 hours, longer than any sender repeats a message and short
/// enough for ids such as `door-1` to be used again the next day.
pub const ID_MEMORY_MS: u64 = 24 * 60 * 60 * 1000;

/// Maximum number of ids remembered; the oldest is removed first. A day of one announcement every three seconds has
/// 28 800, so only floods of announcements that cannot all be heard reach the limit.
pub const IDS_MAX: usize = 32_768;

/// Number of runs of the appliance in which speaking of one announcement may begin. If so many runs ended during it,
/// the announcement is likely the cause and is reported as failed instead of crashing the appliance for ever. Three,
/// since a power cut may end one run or two.
pub const ATTEMPTS_MAX: u32 = 3;

/// Longest reason of a failure, in characters; longer ones are cut. Three lines of a terminal.
pub(crate) const REASON_CHARACTERS_MAX: usize = 200;

/// Length of a journal that is never compacted, in bytes. Compaction writes and syncs a whole file; at 1 MiB that is
/// less than once in a thousand announcements.
pub(crate) const COMPACTION_SLACK_BYTES: u64 = 1024 * 1024;

/// Capacity of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Number of announcements that wait, are being spoken, or are not journaled yet.
    pub entries: usize,
    /// Total length of their journal records, in bytes.
    pub bytes: usize,
}

impl Default for QueueLimits {
    /// 1000 announcements, which is more than an hour of short ones, and 8 MiB, which a machine with 1 GiB of memory
    /// can spare and which hold a dozen announcements of the greatest length.
    fn default() -> Self {
        Self { entries: 1000, bytes: 8 * 1024 * 1024 }
    }
}
