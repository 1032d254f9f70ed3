//! Errors of llama.cpp and its files.

use std::path::PathBuf;

/// Errors of this crate. Each names the file or the limit, and a remedy.
#[derive(Debug, thiserror::Error)]
pub enum LlamaError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; copy the bundle again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file is not a valid GGUF file, or not the expected one.
    #[error("{} is damaged: {reason}; copy the bundle again, or convert the checkpoint again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Description of the defect.
        reason: String,
    },
    /// llama.cpp rejected a file.
    #[error("llama.cpp cannot load {}: it may be damaged, or memory may be short; `crier voice verify` tells which", path.display())]
    Load {
        /// The file.
        path: PathBuf,
    },
    /// A context, buffer or thread pool could not be allocated.
    #[error("llama.cpp cannot allocate {what}: not enough memory")]
    Allocate {
        /// Object that was to be allocated.
        what: &'static str,
    },
    /// More positions than the context holds.
    #[error("the talker has {limit} positions, the text needs {wanted}: split the text")]
    TooManyPositions {
        /// Number of positions requested.
        wanted: usize,
        /// Number of positions of the context.
        limit: usize,
    },
    /// A position whose predecessor has not been decoded.
    #[error("cannot decode position {wanted}: only {filled} positions are filled; start the utterance again")]
    Gap {
        /// Position requested.
        wanted: usize,
        /// Number of filled positions.
        filled: usize,
    },
    /// The input is not a whole number of rows.
    #[error("{numbers} numbers are not whole rows of {columns}")]
    RowLength {
        /// Number of numbers in the input.
        numbers: usize,
        /// Numbers in a row.
        columns: usize,
    },
    /// A graph whose parts have incompatible shapes.
    #[error("cannot build the graph: {what} does not fit; the voice's files may belong to different models")]
    Graph {
        /// Part that does not fit.
        what: String,
    },
    /// A computation failed.
    #[error(
        "llama.cpp failed in {operation} (code {code}); the voice's files may be damaged: run `crier voice verify`"
    )]
    Compute {
        /// Operation that failed.
        operation: &'static str,
        /// Code it returned.
        code: i32,
    },
    /// Rows whose length is not a multiple of the type's block size.
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
