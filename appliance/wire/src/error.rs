//! Errors of packets.

/// Error of a packet. Never quotes the content, which may be spoken text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The packet is longer than the limit.
    #[error("a packet of {bytes} bytes exceeds the limit of {limit}; this is a bug, please report it")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// The packet is shorter than its head.
    #[error("a packet of {bytes} bytes ends inside its head; sender and receiver are not the same version")]
    Cut {
        /// Length in bytes.
        bytes: usize,
    },
    /// The head cannot be parsed.
    #[error(
        "the head of a packet cannot be parsed ({problem}); sender and receiver are not the same version"
    )]
    Head {
        /// Kind and column of the parser's error, without content.
        problem: String,
    },
    /// The length of the payload is not a multiple of four bytes.
    #[error(
        "a payload of {bytes} bytes does not consist of 32-bit numbers; sender and receiver are not the same version"
    )]
    Payload {
        /// Length in bytes.
        bytes: usize,
    },
}
