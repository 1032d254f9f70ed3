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
        /// The defect.
        #[source]
        reason: GgufDefect,
    },
    /// llama.cpp rejected a file.
    #[error(
        "llama.cpp cannot load {}: it may be damaged, or memory may be short; `crier voice verify` tells which",
        path.display()
    )]
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

/// Defect of a GGUF file; completes the sentence "FILE is damaged: …".
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GgufDefect {
    /// The file does not begin with GGUF's magic bytes.
    #[error("it is not a GGUF file")]
    Magic,
    /// Another version of the format.
    #[error("it has GGUF version {found} instead of {supported}")]
    Version {
        /// Version found.
        found: u32,
        /// Version supported.
        supported: u32,
    },
    /// The file is shorter than its header.
    #[error("it ends inside its header")]
    Truncated,
    /// More entries than any voice has.
    #[error("it lists {tensors} tensors and {values} values")]
    EntryCount {
        /// Number of tensors listed.
        tensors: u64,
        /// Number of metadata values listed.
        values: u64,
    },
    /// A string longer than the limit.
    #[error("it has a name of {bytes} bytes")]
    NameLength {
        /// Length of the string in bytes.
        bytes: u64,
    },
    /// A string that is not UTF-8.
    #[error("it has a name that is not UTF-8")]
    NameEncoding,
    /// A metadata value of a type that voices do not use.
    #[error("it has a metadata value of the unsupported type {id}")]
    ValueType {
        /// Identifier of the type.
        id: u32,
    },
    /// Two tensors of the same name.
    #[error("it lists tensor '{tensor}' twice")]
    DuplicateTensor {
        /// Name of the tensor.
        tensor: String,
    },
    /// A tensor without dimensions, or with too many.
    #[error("tensor '{tensor}' has {dimensions} dimensions")]
    Dimensions {
        /// Name of the tensor.
        tensor: String,
        /// Number of dimensions.
        dimensions: u32,
    },
    /// A tensor without numbers, or with too many.
    #[error("tensor '{tensor}' is empty or too large")]
    TensorSize {
        /// Name of the tensor.
        tensor: String,
    },
    /// A number format that voices do not use.
    #[error("tensor '{tensor}' has numbers of the unsupported type {id}")]
    NumberFormat {
        /// Name of the tensor.
        tensor: String,
        /// Identifier of the type.
        id: u32,
    },
    /// Rows whose length is not a multiple of the block size of their format.
    #[error("tensor '{tensor}' has rows that are not whole blocks")]
    PartialBlocks {
        /// Name of the tensor.
        tensor: String,
    },
    /// An offset that is not a multiple of the alignment.
    #[error("tensor '{tensor}' begins at a misaligned offset")]
    Misaligned {
        /// Name of the tensor.
        tensor: String,
    },
    /// Data beyond the end of the file.
    #[error("tensor '{tensor}' lies outside the file")]
    OutsideFile {
        /// Name of the tensor.
        tensor: String,
    },
    /// Another architecture, or a model with a tokenizer of its own.
    #[error("it is not a talker (architecture qwen3 without tokenizer)")]
    NotATalker,
    /// A metadata value that differs from the manifest's.
    #[error("{key} is not {expected}")]
    MetadataMismatch {
        /// Key of the value.
        key: String,
        /// Value expected.
        expected: String,
    },
    /// A metadata value that every talker has.
    #[error("{key} is missing")]
    MissingMetadata {
        /// Key of the value.
        key: &'static str,
    },
    /// Metadata keys that could change how llama.cpp interprets the file.
    #[error("it has metadata keys that a talker does not have")]
    UnknownMetadata,
    /// A tensor that the model needs.
    #[error("tensor '{tensor}' is missing")]
    MissingTensor {
        /// Name of the tensor.
        tensor: String,
    },
    /// A tensor whose shape differs from the manifest's.
    #[error("tensor '{tensor}' has the shape {found:?} instead of {expected:?}")]
    TensorShape {
        /// Name of the tensor.
        tensor: String,
        /// Shape found.
        found: Vec<usize>,
        /// Shape expected.
        expected: Vec<usize>,
    },
    /// A vector that is not stored in 32 bits.
    #[error("tensor '{tensor}' is {found} instead of f32")]
    VectorFormat {
        /// Name of the tensor.
        tensor: String,
        /// Format found.
        found: &'static str,
    },
    /// Another number of tensors.
    #[error("it has {found} tensors instead of {expected}")]
    TensorCount {
        /// Number found.
        found: usize,
        /// Number expected.
        expected: usize,
    },
    /// A matrix that is to be stacked of no tensors.
    #[error("'{matrix}' has no tensors")]
    NoParts {
        /// Name of the matrix.
        matrix: String,
    },
    /// Tensors of one matrix that cannot be stacked.
    #[error("tensor '{tensor}' differs from '{first}' in width or number format")]
    UnequalParts {
        /// Name of the tensor.
        tensor: String,
        /// Name of the first tensor of the matrix.
        first: String,
    },
}
