//! Errors of the announcements and their queue.

/// Error of an announcement, the queue or the journal's encoding, with the remedy. Never quotes the text, which is
/// private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnounceError {
    /// A field of the announcement is missing or outside its range.
    #[error("`{field}` {problem}; {remedy}")]
    Field {
        /// Name of the field, as in JSON.
        field: &'static str,
        /// Problem with the value.
        problem: String,
        /// Remedy.
        remedy: &'static str,
    },
    /// The JSON form cannot be parsed.
    #[error(
        "not an announcement in JSON: {problem}; the shortest one is {{\"text\":\"...\"}}, the keys are id, text, \
         format, voice, speaker, language, normalise, rate, pitch, instruct, priority, volume, chime, expires_in_s, \
         source"
    )]
    Json {
        /// Message of the parser, with line and column, cut to a bounded length.
        problem: String,
    },
    /// The JSON form is longer than that of any valid announcement.
    #[error(
        "the announcement has {bytes} bytes of JSON, at most {limit} are accepted; send the text in parts"
    )]
    JsonTooLong {
        /// Length received, in bytes.
        bytes: usize,
        /// Limit, in bytes.
        limit: usize,
    },
    /// The queue holds the maximum number of announcements.
    #[error(
        "the queue is full: {entries} announcements wait (limit {limit}); send it again later or `stop all`"
    )]
    FullEntries {
        /// Number of announcements in the queue.
        entries: usize,
        /// Limit.
        limit: usize,
    },
    /// The announcement would exceed the queue's limit of bytes.
    #[error(
        "the queue is full: {bytes} bytes wait and this announcement needs {needed} more (limit {limit}); \
         send it again later or `stop all`"
    )]
    FullBytes {
        /// Journal bytes of the announcements in the queue.
        bytes: usize,
        /// Journal bytes of the new announcement.
        needed: usize,
        /// Limit, in bytes.
        limit: usize,
    },
    /// `repeat last` before the first announcement.
    #[error("nothing has been spoken yet, so there is nothing to repeat; send an announcement first")]
    NothingToRepeat,
    /// A journal record cannot be encoded.
    #[error(
        "the journal record cannot be encoded: {problem}; this is a fault of the program, please report it"
    )]
    Encode {
        /// Message of the encoder.
        problem: String,
    },
}

/// Returns at most `characters` of `text`, so that input from outside cannot make a message long.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
