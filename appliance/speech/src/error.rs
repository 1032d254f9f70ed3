//! Errors of texts, voices and requests.

/// Errors of this crate, each with a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// The bytes are not UTF-8.
    #[error("the text is not valid UTF-8 (byte {offset} is wrong): send UTF-8")]
    NotUtf8 {
        /// Offset of the first invalid byte.
        offset: usize,
    },
    /// The text is empty, possibly after cleaning, or has nothing that the voice can read.
    #[error("there is nothing to say: {detail}")]
    NothingToSay {
        /// Reason, in words.
        detail: String,
    },
    /// The text is too long for one announcement.
    #[error("the text has {bytes} bytes, more than the {limit} that one announcement may have: split it")]
    TextTooLong {
        /// Length in bytes.
        bytes: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// The speaker is unknown.
    #[error("this voice has no speaker '{name}'; it has: {known}")]
    UnknownSpeaker {
        /// Requested name.
        name: String,
        /// Known names.
        known: String,
    },
    /// The language is unknown.
    #[error("this voice does not speak '{}'; it speaks: {known}, auto", name.escape_debug())]
    UnknownLanguage {
        /// Requested name.
        name: String,
        /// Known names.
        known: String,
    },
    /// The voice has no named speakers.
    #[error("this voice has no speakers of its own: it needs a voice file (`--speaker NAME.voice`)")]
    NeedsReference,
    /// The speaker embedding does not fit the model.
    #[error(
        "the speaker's embedding has {found} numbers, the voice needs {expected}: enrol the speaker with this voice"
    )]
    EmbeddingSize {
        /// Length of the embedding.
        found: usize,
        /// Hidden size of the talker.
        expected: usize,
    },
    /// The model does not follow instructions.
    #[error("this voice takes no instructions (`--instruct`): only the 1.7B and VoiceDesign models do")]
    NoInstructions,
    /// The tokenizer's files are damaged.
    #[error("the tokenizer cannot be read: {0}; convert the checkpoint again")]
    Tokenizer(String),
    /// The layout contradicts itself.
    #[error("the voice's description is wrong: {0}; convert the checkpoint again")]
    Layout(String),
    /// The output of a network has the wrong size or is not finite.
    #[error(
        "the output of the {network} in frame {frame} is unusable: the files of the voice may be damaged, verify them"
    )]
    NotANumber {
        /// Name of the network.
        network: &'static str,
        /// Index of the frame.
        frame: u32,
    },
    /// A result arrived while another one was expected.
    #[error(
        "the frame loop got a result of {told} while it waited for {waiting}; this is a bug, please report it"
    )]
    OutOfOrder {
        /// Engine whose result arrived.
        told: &'static str,
        /// Engine whose result was expected.
        waiting: &'static str,
    },
}
