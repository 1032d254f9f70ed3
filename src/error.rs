//! The program's errors, and the exit codes that scripts can rely on (the numbers of BSD's `sysexits.h`).

use std::path::PathBuf;

/// Everything that can end a command. The text is what the user sees, on one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrierError {
    #[error("{0}")]
    Usage(String),
    #[error("cannot read {}: {source}; does it exist, and may you read it?", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}: {source}; does its folder exist, is there space?", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error(
        "the default voice is missing (looked in {tried}): name a bundle with --voice, `crier convert` makes one"
    )]
    NoDefaultVoice { tried: String },
    #[error(transparent)]
    Bundle(#[from] crier_bundle::BundleError),
    #[error(transparent)]
    Convert(#[from] crier_convert::ConvertError),
    #[error(transparent)]
    Speech(#[from] crier_speech::SpeechError),
    #[error(transparent)]
    Talker(#[from] crier_talker::TalkerError),
    #[error(transparent)]
    Predictor(#[from] crier_predictor::PredictorError),
    #[error(transparent)]
    Vocoder(#[from] crier_vocoder::VocoderError),
    #[error(transparent)]
    Player(#[from] crier_player::PlayerError),
    #[error("{0}")]
    Internal(String),
}

impl CrierError {
    /// The exit code: 64 wrong usage, 65 wrong data, 66 no input, 69 something needed is not there,
    /// 70 a defect of the program, 74 input or output failed.
    pub(crate) fn exit_code(&self) -> u8 {
        const USAGE: u8 = 64;
        const DATA: u8 = 65;
        const NO_INPUT: u8 = 66;
        const UNAVAILABLE: u8 = 69;
        const SOFTWARE: u8 = 70;
        const INPUT_OUTPUT: u8 = 74;
        match self {
            Self::Usage(_) => USAGE,
            Self::Convert(_) | Self::Speech(_) => DATA,
            Self::Read { .. } | Self::NoDefaultVoice { .. } => NO_INPUT,
            Self::Write { .. } => INPUT_OUTPUT,
            Self::Bundle(error) if error.is_missing() => NO_INPUT,
            Self::Bundle(_) => DATA,
            Self::Talker(_) | Self::Predictor(_) => DATA,
            Self::Vocoder(error) if error.is_runtime_missing() => UNAVAILABLE,
            Self::Vocoder(_) => DATA,
            Self::Player(
                crier_player::PlayerError::CreateWav { .. } | crier_player::PlayerError::WriteWav { .. },
            ) => INPUT_OUTPUT,
            Self::Player(crier_player::PlayerError::WriteStandardOutput { .. }) => INPUT_OUTPUT,
            Self::Player(_) => UNAVAILABLE,
            Self::Internal(_) => SOFTWARE,
        }
    }
}
