//! What can go wrong with llama.cpp and its files.

use std::path::PathBuf;

/// Errors of this crate; each names the file or the limit, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum LlamaError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; copy the bundle again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no GGUF file that can be trusted.
    #[error("{} is damaged: {reason}; copy the bundle again, or convert the checkpoint again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// llama.cpp refuses a file.
    #[error("llama.cpp cannot load {}: it may be damaged, or memory may be short; `crier voice verify` tells which", path.display())]
    Load {
        /// The file.
        path: PathBuf,
    },
    /// A context, buffer or thread pool could not be made.
    #[error("llama.cpp cannot make {what}: memory is short")]
    Allocate {
        /// What was wanted.
        what: &'static str,
    },
    /// More positions than were planned.
    #[error("the talker was made for {limit} positions, position {wanted} was asked for: split the text")]
    TooManyPositions {
        /// What was asked for.
        wanted: usize,
        /// How many there are.
        limit: usize,
    },
    /// A position whose predecessor is unknown.
    #[error("position {wanted} cannot be read: only {filled} positions are known; start the utterance again")]
    Gap {
        /// What was asked for.
        wanted: usize,
        /// Positions that are known.
        filled: usize,
    },
    /// The rows are not whole rows.
    #[error("{numbers} numbers are no whole rows of {columns}")]
    RowLength {
        /// How many numbers came.
        numbers: usize,
        /// Numbers in a row.
        columns: usize,
    },
    /// A graph whose parts do not fit together.
    #[error("a graph cannot be built: {what} does not fit; the voice's files may be of different models")]
    Graph {
        /// What does not fit.
        what: String,
    },
    /// A computation failed.
    #[error("llama.cpp failed in {operation} (code {code}); the voice's files may be damaged, verify them")]
    Compute {
        /// Which operation.
        operation: &'static str,
        /// What it returned.
        code: i32,
    },
    /// Rows that a block type cannot hold.
    #[error("rows of {columns} numbers cannot be stored as {kind}: its blocks have {block}")]
    Blocks {
        /// Numbers in a row.
        columns: usize,
        /// The type.
        kind: &'static str,
        /// Numbers in a block.
        block: usize,
    },
}
