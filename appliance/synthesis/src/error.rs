//! Errors of this crate.

use std::fmt;
use std::sync::Arc;

use crier_supervisor::CrashReport;

/// Reasons why a text cannot be turned into samples with a voice.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    /// The bundle, or a voice file, cannot be used.
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    /// The text, the speaker or the language does not suit the voice.
    #[error(transparent)]
    Speech(#[from] crier_speech::SpeechError),
    /// The vocoder cannot continue the recording of a voice file.
    #[error(transparent)]
    Vocoder(#[from] crier_vocoder::VocoderError),
    /// The voice could not be loaded when it was tried.
    #[error("{0}")]
    Voice(Arc<SynthesisError>),
    /// An engine of the voice is held.
    #[error("the {stage} is held; `crier ctl release` starts it again")]
    Held {
        /// Name of the stage.
        stage: String,
    },
    /// An engine has ended and is not started again.
    #[error(transparent)]
    EngineEnded(#[from] EngineEnded),
    /// The task or thread that did the work was ended, as when the program ends.
    #[error("the voice was unloaded")]
    Abandoned,
}

/// End of an engine that is not started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEnded {
    /// Name of the stage.
    pub stage: String,
    /// Its crash report.
    pub report: CrashReport,
}

/// Prefix of the line by which a stage reports its own error, as every command of the program does.
const ERROR_PREFIX: &str = "crier: ";
/// Lines of standard error that are quoted if the stage did not report an error of its own: an assertion of a C library
/// has its place and its condition there.
const QUOTED_LINES_MAX: usize = 3;

impl fmt::Display for EngineEnded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CrashReport { reason, stderr, .. } = &self.report;
        // The part of the name behind the voice's.
        let engine = self.stage.rsplit('/').next().unwrap_or_default();
        write!(formatter, "the {engine} has ended ({reason})")?;
        let cause = match stderr.iter().rev().find_map(|line| line.strip_prefix(ERROR_PREFIX)) {
            Some(error) => error.to_owned(),
            None => stderr[stderr.len().saturating_sub(QUOTED_LINES_MAX)..].join(" | "),
        };
        if cause.is_empty() { Ok(()) } else { write!(formatter, ": {cause}") }
    }
}

impl std::error::Error for EngineEnded {}
