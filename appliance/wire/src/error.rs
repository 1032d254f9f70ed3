//! What can be wrong with a packet.

/// Errors of this crate. They name what is wrong, never the content, which may be spoken text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A packet is longer than one may be.
    #[error(
        "a packet of {bytes} bytes is longer than {limit}; this is a fault of the program, please report it"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// A packet ends before its head does.
    #[error("a packet of {bytes} bytes ends inside its head; sender and receiver are not the same version")]
    Cut {
        /// Its length.
        bytes: usize,
    },
    /// The head is not what was expected.
    #[error("a packet's head cannot be understood ({problem}); sender and receiver are not the same version")]
    Head {
        /// What the parser said: line, column and kind, without content.
        problem: String,
    },
    /// The payload is not whole numbers of 32 bits.
    #[error(
        "a payload of {bytes} bytes is no row of 32-bit numbers; sender and receiver are not the same version"
    )]
    Payload {
        /// Its length.
        bytes: usize,
    },
}
