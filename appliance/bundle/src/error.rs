//! What can be wrong with a bundle.

use std::path::PathBuf;

/// Errors of this crate; each names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// There is no bundle.
    #[error("{} is not a voice bundle: it has no voice.toml; `crier convert` makes one", folder.display())]
    NotABundle {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}; copy the bundle again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; is there space, and may you write there?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be mapped.
    #[error(transparent)]
    Map(#[from] crier_system::SystemError),
    /// The manifest is not what it should be.
    #[error("{} is damaged: {reason}; copy the bundle again, or convert the checkpoint again", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, on one line.
        reason: String,
    },
    /// The bundle is of another version.
    #[error("{} has format {found}, this program reads format {expected}: convert the checkpoint again", path.display())]
    Format {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// A file is shorter or longer than it was.
    #[error("{} has {found} bytes, its manifest says {expected}: copy the bundle again", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// What it should be.
        expected: u64,
    },
    /// A file is not what it was.
    #[error("{} is damaged: its SHA-256 is {found}, its manifest says {expected}; copy the bundle again", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Something stands where the bundle should go.
    #[error("{} exists already: choose another name, or `--force` to replace a bundle", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A voice file cannot be read.
    #[error("cannot read {}: {source}; does it exist, and may you read it?", path.display())]
    ReadVoice {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A voice file is damaged, or is none.
    #[error("{} is no voice file, or is damaged: {reason}; copy it again, or `crier voice enroll` the voice again", path.display())]
    VoiceFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, on one line.
        reason: String,
    },
    /// A voice file is of another version.
    #[error("{} has format {found}, this program reads format {expected}: `crier voice enroll` the voice again", path.display())]
    VoiceFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// A voice file is of another model.
    #[error(
        "{} was enrolled with another model than {}: name that one with --voice, or `crier voice enroll` the voice with this one",
        path.display(), bundle.display()
    )]
    ForeignVoice {
        /// The voice file.
        path: PathBuf,
        /// The bundle that was to speak with it.
        bundle: PathBuf,
    },
    /// The tokenizer is damaged.
    #[error("{}: {source}", folder.display())]
    Tokenizer {
        /// The bundle.
        folder: PathBuf,
        /// What is wrong.
        source: crier_speech::SpeechError,
    },
}

impl BundleError {
    /// Whether the bundle or the voice file is not there at all, rather than damaged.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotABundle { .. } | Self::ReadVoice { .. })
    }
}
