//! Reasons for not taking over something of a stick.

use std::io;
use std::path::PathBuf;

use crier_config::ConfigError;

use crate::path::StickPath;

/// Reason for not taking over a file.
#[derive(Debug, thiserror::Error)]
pub enum StickError {
    /// The stick cannot be read; it may have been pulled out.
    #[error("{path}: cannot be read: {source}; was the stick pulled out?")]
    Read {
        /// The file.
        path: StickPath,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The data partition cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file on the data partition.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// There is more of it than is taken.
    #[error("{path}: {bytes} bytes are more than the {limit} that are taken")]
    TooLarge {
        /// The file.
        path: StickPath,
        /// Its size.
        bytes: u64,
        /// Largest size that is taken.
        limit: u64,
    },
    /// The data partition is too full.
    #[error("{path}: {bytes} bytes do not fit into the {available} that are free on the appliance")]
    NoSpace {
        /// The file or folder.
        path: StickPath,
        /// Its size.
        bytes: u64,
        /// Bytes that may be used.
        available: u64,
    },
    /// A certificate or key is not in PEM format.
    #[error("{path}: is no certificate or key in PEM format (\"-----BEGIN …\")")]
    NotPem {
        /// The file.
        path: StickPath,
    },
    /// A voice is damaged or of another kind.
    #[error("{path}: {source}")]
    Voice {
        /// The voice.
        path: StickPath,
        /// Problem.
        source: Box<crier_bundle::BundleError>,
    },
    /// The configuration has errors.
    #[error("{report}")]
    Configuration {
        /// Everything that is wrong, as `crier validate` shows it.
        report: String,
        /// Line of the first error that has one.
        line: Option<usize>,
    },
}

impl StickError {
    /// The error of a configuration with these errors.
    #[must_use]
    pub fn of_configuration(errors: &[ConfigError]) -> Self {
        Self::Configuration {
            line: errors.iter().find_map(|error| match error {
                ConfigError::At(finding) => Some(finding.line),
                _ => None,
            }),
            report: crier_config::report(errors, &[], false),
        }
    }

    /// Returns true if the stick itself failed.
    #[must_use]
    pub fn is_stick_gone(&self) -> bool {
        matches!(self, Self::Read { .. })
    }
}
