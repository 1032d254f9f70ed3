//! Limits of a script.

/// Longest pause, in milliseconds. A longer silence is two announcements.
pub const PAUSE_MS_MAX: u32 = 60_000;

/// Longest silence of all pauses together, in milliseconds: ten minutes, in which nothing else is announced.
pub const PAUSES_MS_MAX: u32 = 600_000;

/// Pieces of a script: a text of 2000 words with a pause and a mark around each of them has 6000.
pub const PIECES_MAX: usize = 10_000;

/// Longest name of a mark, in characters: as an id of an announcement, for events carry both.
pub const MARK_CHARACTERS_MAX: usize = 128;

/// Nodes of an SSML document, elements and texts: two for each piece, and the root. A node takes some dozens of bytes.
pub(crate) const NODES_MAX: u32 = 2 * PIECES_MAX as u32 + 1;

/// Depth of the elements. Nobody writes more than ten levels, and the stack has room for thousands.
pub(crate) const DEPTH_MAX: usize = 64;

/// Longest spoken text of a document, in bytes. `sub` and `say-as` may make it longer than what was written, which
/// `crier_announce` limits to the same length.
pub(crate) const SPOKEN_BYTES_MAX: usize = crier_announce::TEXT_BYTES_MAX;
