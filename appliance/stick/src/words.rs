//! Sentences about a stick, short because they are heard.

use std::fmt;

/// A step that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StickSentence {
    /// The stick has nothing for the appliance.
    Nothing,
    /// The new configuration is in force.
    ConfigurationTaken,
    /// The configuration has an error.
    ConfigurationError {
        /// Its line, if it has one.
        line: Option<usize>,
    },
    /// The new configuration did not work, and the old one is back.
    ConfigurationRestored,
    /// Voices were installed.
    VoicesTaken(usize),
    /// Certificates were installed.
    CertificatesTaken,
    /// Files were not taken.
    Refused(usize),
    /// The data partition is too full.
    NoSpace,
    /// The stick was pulled out before everything was read.
    Gone,
    /// Logs and status are on the stick.
    DiagnosisWritten,
    /// The stick cannot be mounted.
    NotReadable,
    /// The stick cannot be written.
    NotWritable,
    /// There is an update, which is now copied and checked.
    UpdateFound,
    /// The update is not signed by the maker of the image, or is damaged.
    UpdateNotSigned,
    /// The update is for another kind of board.
    UpdateForeign,
    /// The update is no newer than what runs.
    UpdateOld,
    /// The update did not pass its self-test when it was installed before.
    UpdateFailedBefore,
    /// The update could not be installed.
    UpdateFailed,
    /// The update is installed, and the appliance restarts.
    UpdateInstalled,
    /// The update passed its self-test.
    UpdateWorks,
    /// The update did not pass its self-test.
    UpdateRolledBack,
    /// Everything is done.
    Finished,
}

impl fmt::Display for StickSentence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Nothing => "The stick has nothing for this appliance.",
            Self::ConfigurationTaken => "The new configuration is in use.",
            Self::ConfigurationError { line: Some(line) } => {
                return write!(formatter, "The configuration has an error in line {line}.");
            }
            Self::ConfigurationError { line: None } => "The configuration cannot be used.",
            Self::ConfigurationRestored => {
                "The new configuration does not work. The old one is in use again."
            }
            Self::VoicesTaken(1) => "One voice was installed.",
            Self::VoicesTaken(count) => return write!(formatter, "{count} voices were installed."),
            Self::CertificatesTaken => "The certificates were installed.",
            Self::Refused(1) => "One file could not be used.",
            Self::Refused(count) => return write!(formatter, "{count} files could not be used."),
            Self::NoSpace => "There is not enough space.",
            Self::Gone => "The stick was removed too early.",
            Self::DiagnosisWritten => "The diagnosis is on the stick.",
            Self::NotReadable => "The stick cannot be read.",
            Self::NotWritable => "The stick cannot be written.",
            Self::UpdateFound => "Update found.",
            Self::UpdateNotSigned => "The update is damaged, or from somebody else.",
            Self::UpdateForeign => "The update is for another board.",
            Self::UpdateOld => "The update is not newer.",
            Self::UpdateFailedBefore => "This update did not work before.",
            Self::UpdateFailed => "The update could not be installed.",
            Self::UpdateInstalled => "Installed, restarting.",
            Self::UpdateWorks => "The update works.",
            Self::UpdateRolledBack => "The update did not work. The old version is running again.",
            Self::Finished => "The stick can be removed.",
        };
        formatter.write_str(text)
    }
}
