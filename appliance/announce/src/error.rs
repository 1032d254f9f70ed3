//! Errors of this crate.

/// Errors of this crate. Each names the field or bound and the remedy; none quotes the announced text, which is
/// private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnounceError {
    /// A field of the announcement is missing or beyond its bounds.
    #[error("`{field}` {problem}; {remedy}")]
    Field {
        /// The field's name, as in JSON.
        field: &'static str,
        /// Problem with the value.
        problem: String,
        /// Remedy.
        remedy: &'static str,
    },
    /// The bytes are not the JSON of an announcement.
    #[error(
        "not an announcement in JSON: {problem}; the least one is {{\"text\":\"...\"}}, the keys are id, text, voice, \
         speaker, language, priority, volume, chime, expires_in_s, source"
    )]
    Json {
        /// Message of the parser, with line and column, cut to a bounded length.
        problem: String,
    },
    /// The JSON of one announcement is longer than any announcement can be.
    #[error("the announcement has {bytes} bytes of JSON, at most {limit} are taken; send the text in parts")]
    JsonTooLong {
        /// Bytes that came.
        bytes: usize,
        /// Bytes that are taken.
        limit: usize,
    },
    /// The queue holds as many announcements as it may.
    #[error(
        "the queue is full: {entries} announcements wait (limit {limit}); send it again later or `stop all`"
    )]
    FullEntries {
        /// Announcements in the queue.
        entries: usize,
        /// The bound.
        limit: usize,
    },
    /// The queue holds as many bytes as it may.
    #[error(
        "the queue is full: {bytes} bytes wait and this announcement needs {needed} more (limit {limit}); \
         send it again later or `stop all`"
    )]
    FullBytes {
        /// Journal bytes of the announcements in the queue.
        bytes: usize,
        /// Journal bytes of the announcement that came.
        needed: usize,
        /// The bound.
        limit: usize,
    },
    /// Nothing has been spoken yet, so nothing can be repeated.
    #[error("nothing has been spoken yet, so there is nothing to repeat; send an announcement first")]
    NothingToRepeat,
    /// A journal record cannot be written as bytes.
    #[error(
        "the journal record cannot be encoded: {problem}; this is a fault of the program, please report it"
    )]
    Encode {
        /// Message of the encoder.
        problem: String,
    },
}

/// `text` cut to `characters`, so that nothing from outside makes a message long.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
