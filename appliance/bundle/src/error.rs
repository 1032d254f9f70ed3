//! Errors of bundles and voice files.

use std::path::PathBuf;

use crate::Role;

/// Errors of this crate. Each names the file and a remedy.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder is not a bundle.
    #[error("{} is not a voice bundle: it has no voice.toml; `crier convert` makes one", folder.display())]
    NotABundle {
        /// The folder.
        folder: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}; copy the bundle again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; check free space and permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file cannot be mapped.
    #[error(transparent)]
    Map(#[from] crier_system::SystemError),
    /// The manifest is invalid.
    #[error(
        "{} is damaged: {reason}; copy the bundle again, or convert the checkpoint again",
        path.display()
    )]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The defect.
        #[source]
        reason: ManifestDefect,
    },
    /// The manifest cannot be written as TOML.
    #[error("cannot write {}: {source}; this is a bug, please report it", path.display())]
    ManifestText {
        /// The manifest.
        path: PathBuf,
        /// Cause.
        source: toml::ser::Error,
    },
    /// The bundle has another format version.
    #[error(
        "{} has format {found}, this program reads format {expected}: convert the checkpoint again",
        path.display()
    )]
    Format {
        /// The manifest.
        path: PathBuf,
        /// Format version found.
        found: u32,
        /// Format version supported.
        expected: u32,
    },
    /// A file does not have the size listed in the manifest.
    #[error("{} has {found} bytes, its manifest says {expected}: copy the bundle again", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Size found, in bytes.
        found: u64,
        /// Size listed, in bytes.
        expected: u64,
    },
    /// A file does not have the hash listed in the manifest.
    #[error(
        "{} is damaged: its SHA-256 is {found}, its manifest says {expected}; copy the bundle again",
        path.display()
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// Hash found.
        found: String,
        /// Hash listed.
        expected: String,
    },
    /// The target of a conversion exists already.
    #[error("{} exists already: choose another name, or use `--force` to replace a bundle", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The target of a conversion is something else than a bundle, and is never replaced.
    #[error("{} exists already and is no bundle, so it is not replaced: choose another name", path.display())]
    Foreign {
        /// The folder or file.
        path: PathBuf,
    },
    /// A voice file cannot be read.
    #[error("cannot read {}: {source}; check its path and permissions", path.display())]
    ReadVoice {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file is not a voice file, or is damaged.
    #[error(
        "{} is not a voice file, or is damaged: {reason}; copy it again, or `crier voice enroll` \
         the voice again",
        path.display()
    )]
    VoiceFile {
        /// The file.
        path: PathBuf,
        /// Description of the defect, on one line.
        reason: String,
    },
    /// A voice file has another format version.
    #[error(
        "{} has format {found}, this program reads format {expected}: `crier voice enroll` the voice again",
        path.display()
    )]
    VoiceFormat {
        /// The file.
        path: PathBuf,
        /// Format version found.
        found: u32,
        /// Format version supported.
        expected: u32,
    },
    /// A voice file was enrolled with another model.
    #[error(
        "{} was enrolled with another model than {}: select that model with --voice, or `crier \
         voice enroll` the voice with this one",
        path.display(), bundle.display()
    )]
    ForeignVoice {
        /// The voice file.
        path: PathBuf,
        /// The bundle that was to use it.
        bundle: PathBuf,
    },
    /// The tokenizer is damaged.
    #[error("{}: {source}", folder.display())]
    Tokenizer {
        /// The bundle.
        folder: PathBuf,
        /// Cause.
        source: crier_speech::SpeechError,
    },
}

impl BundleError {
    /// Returns true if the bundle or the voice file does not exist, as opposed to being damaged.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotABundle { .. } | Self::ReadVoice { .. })
    }
}

/// Defect of a manifest; completes the sentence "FILE is damaged: …".
#[derive(Debug, thiserror::Error)]
pub enum ManifestDefect {
    /// The file is not TOML, or a key is missing, unknown or of the wrong type.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line of the defect, counted from 1.
        line: usize,
        /// The parser's message, on one line.
        message: String,
    },
    /// The identity of the model is not a SHA-256.
    #[error("model is not 64 hexadecimal digits")]
    ModelIdentity,
    /// The layout of the voice contradicts itself.
    #[error(transparent)]
    Layout(#[from] crier_speech::SpeechError),
    /// Attention heads that do not divide into groups, or have no halves to rotate.
    #[error("{network} has {heads} query heads, {kv_heads} key heads of width {width}")]
    Heads {
        /// The network.
        network: &'static str,
        /// Number of query heads.
        heads: usize,
        /// Number of key and value heads.
        kv_heads: usize,
        /// Width of a head.
        width: usize,
    },
    /// A size outside its limits.
    #[error("{key} is {size}, outside 1 to {limit}")]
    Size {
        /// The key, or the network.
        key: &'static str,
        /// The size.
        size: usize,
        /// Largest size allowed.
        limit: usize,
    },
    /// A vocoder state without numbers, or with too many.
    #[error("vocoder state {state} has the shape {shape:?}")]
    StateShape {
        /// Name of the state.
        state: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A file name that could lie outside the bundle's folder.
    #[error("'{}' is not a plain file name", name.escape_debug())]
    FileName {
        /// The name.
        name: String,
    },
    /// No file for a purpose that every bundle of this kind serves.
    #[error("it lists no file for {role:?}")]
    MissingFile {
        /// The purpose.
        role: Role,
    },
}
