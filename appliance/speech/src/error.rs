//! What can be wrong with a text, a voice or a request.

/// Errors of this crate; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// The bytes are not text.
    #[error("the text is not valid UTF-8 (byte {offset} is wrong): send UTF-8")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        offset: usize,
    },
    /// There is nothing to say.
    #[error("there is nothing to say: the text is empty{detail}")]
    NothingToSay {
        /// What was left out of it, if anything.
        detail: String,
    },
    /// The text is longer than anybody would listen to.
    #[error("the text has {bytes} bytes, more than the {limit} that one announcement may have: split it")]
    TextTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The largest length in bytes.
        limit: usize,
    },
    /// The speaker is unknown.
    #[error("this voice has no speaker '{name}'; it has: {known}")]
    UnknownSpeaker {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The language is unknown.
    #[error("this voice does not speak '{name}'; it speaks: {known}, auto")]
    UnknownLanguage {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The voice has no speakers of its own.
    #[error("this voice has no speakers of its own: it needs a voice file (`--speaker NAME.voice`)")]
    NeedsReference,
    /// The speaker embedding does not fit the model.
    #[error(
        "the speaker's embedding has {found} numbers, the voice needs {expected}: enrol the speaker with this voice"
    )]
    EmbeddingSize {
        /// Its length.
        found: usize,
        /// The talker's hidden size.
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
    /// The network gave numbers that are not numbers.
    #[error(
        "the {network} gave no usable numbers in frame {frame}: the voice's files may be damaged, verify them"
    )]
    NotANumber {
        /// Which network.
        network: &'static str,
        /// In which frame.
        frame: u32,
    },
    /// An engine answered something that was not asked.
    #[error("the frame loop was told of {told} while it waited for {waiting}")]
    OutOfOrder {
        /// What came.
        told: &'static str,
        /// What was due.
        waiting: &'static str,
    },
}
