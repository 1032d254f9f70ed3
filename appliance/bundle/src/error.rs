//! Errors of bundles and voice files.

use std::path::PathBuf;

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
    #[error("{} is damaged: {reason}; copy the bundle again, or convert the checkpoint again", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Description of the defect, on one line.
        reason: String,
    },
    /// The bundle has another format version.
    #[error("{} has format {found}, this program reads format {expected}: convert the checkpoint again", path.display())]
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
    #[error("{} is damaged: its SHA-256 is {found}, its manifest says {expected}; copy the bundle again", path.display())]
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
    /// A voice file cannot be read.
    #[error("cannot read {}: {source}; check its path and permissions", path.display())]
    ReadVoice {
        /// The file.
        path: PathBuf,
        /// Error reported by the system.
        source: std::io::Error,
    },
    /// A file is not a voice file, or is damaged.
    #[error("{} is not a voice file, or is damaged: {reason}; copy it again, or `crier voice enroll` the voice again", path.display())]
    VoiceFile {
        /// The file.
        path: PathBuf,
        /// Description of the defect, on one line.
        reason: String,
    },
    /// A voice file has another format version.
    #[error("{} has format {found}, this program reads format {expected}: `crier voice enroll` the voice again", path.display())]
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
        "{} was enrolled with another model than {}: select that model with --voice, or `crier voice enroll` the voice with this one",
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
