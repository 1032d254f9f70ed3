//! The program's errors, and the exit codes that scripts can rely on (the numbers of BSD's `sysexits.h`).

use std::path::PathBuf;

use crier_control::{ControlError, ErrorCode};
use crier_playback::{SinkThreadError, SoundOutputError};
use crier_synthesis::{RenderFault, SynthesisError};

/// Exit codes of `sysexits.h`.
const USAGE: u8 = 64;
const DATA: u8 = 65;
const NO_INPUT: u8 = 66;
const UNAVAILABLE: u8 = 69;
const SOFTWARE: u8 = 70;
const OPERATING_SYSTEM: u8 = 71;
const INPUT_OUTPUT: u8 = 74;
const LATER: u8 = 75;
const PROTOCOL: u8 = 76;
const NO_PERMISSION: u8 = 77;
const CONFIGURATION: u8 = 78;

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
    Audio(#[from] crier_audio::AudioError),
    #[error(transparent)]
    Enrol(#[from] crier_enrol::EnrolError),
    #[error(transparent)]
    Speech(#[from] crier_speech::SpeechError),
    #[error(transparent)]
    Talker(#[from] crier_talker::TalkerError),
    #[error(transparent)]
    Predictor(#[from] crier_predictor::PredictorError),
    #[error(transparent)]
    Vocoder(#[from] crier_vocoder::VocoderError),
    #[error(transparent)]
    Script(#[from] crier_playback::ScriptError),
    #[error(transparent)]
    Player(#[from] crier_player::PlayerError),
    #[error(transparent)]
    Announce(#[from] crier_announce::AnnounceError),
    #[error(transparent)]
    Store(#[from] crier_store::StoreError),
    #[error(transparent)]
    System(#[from] crier_system::SystemError),
    #[error(transparent)]
    Channel(#[from] crier_system::ChannelError),
    #[error(transparent)]
    Packets(#[from] crier_supervisor::PacketError),
    #[error(transparent)]
    Supervisor(#[from] crier_supervisor::SupervisorError),
    #[error(transparent)]
    Wire(#[from] crier_wire::WireError),
    #[error("cannot {what}: {source}; does the system run short of memory or files?")]
    Start { what: &'static str, source: std::io::Error },
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("{text}")]
    Config { text: String },
    #[error("{text}")]
    NoConfig { text: String },
    #[error("{} is not valid; what stands above says what to write instead", path.display())]
    Invalid { path: PathBuf },
    #[error("{reason}")]
    Refused { reason: String, later: bool },
    #[error(transparent)]
    Synthesis(SynthesisError),
    #[error(transparent)]
    Render(#[from] crier_synthesis::RenderError),
    #[error("interrupted")]
    Interrupted { signal: i32 },
    #[error("{0}")]
    Internal(String),
}

impl From<SoundOutputError> for CrierError {
    fn from(error: SoundOutputError) -> Self {
        match error {
            SoundOutputError::Sink(SinkThreadError::Start(source)) => {
                Self::Start { what: "start a thread", source }
            }
            SoundOutputError::Sink(SinkThreadError::Sink(error)) => Self::Player(error),
            SoundOutputError::Sink(error) => Self::Internal(error.to_string()),
            SoundOutputError::Write { path, source } => Self::Write { path, source },
        }
    }
}

impl From<SynthesisError> for CrierError {
    fn from(error: SynthesisError) -> Self {
        match error {
            SynthesisError::Bundle(error) => error.into(),
            SynthesisError::Speech(error) => error.into(),
            SynthesisError::Vocoder(error) => error.into(),
            error => Self::Synthesis(error),
        }
    }
}

impl CrierError {
    /// The exit code: 64 wrong usage, 65 wrong data, 66 no input, 69 something needed is not there,
    /// 70 a defect of the program, 71 the system refused something, 74 input or output failed, 75 try again later,
    /// 76 another version of the control protocol, 77 not permitted, 78 wrong configuration.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Audio(crier_audio::AudioError::Read { .. }) => NO_INPUT,
            Self::Enrol(error) if error.is_runtime_missing() => UNAVAILABLE,
            Self::Enrol(crier_enrol::EnrolError::Bundle(error)) => bundle_exit_code(error),
            Self::Convert(crier_convert::ConvertError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                NO_INPUT
            }
            Self::Convert(crier_convert::ConvertError::Write { .. }) => INPUT_OUTPUT,
            Self::Convert(crier_convert::ConvertError::Bundle(error)) => bundle_exit_code(error),
            Self::Audio(_) | Self::Enrol(_) | Self::Convert(_) | Self::Speech(_) | Self::Script(_) => DATA,
            Self::Read { .. } | Self::NoDefaultVoice { .. } | Self::NoConfig { .. } => NO_INPUT,
            Self::Write { .. } => INPUT_OUTPUT,
            Self::Bundle(error) => bundle_exit_code(error),
            Self::Talker(_) | Self::Predictor(_) => DATA,
            Self::Vocoder(error) if error.is_runtime_missing() => UNAVAILABLE,
            Self::Vocoder(_) => DATA,
            Self::Player(
                crier_player::PlayerError::CreateWav { .. } | crier_player::PlayerError::WriteWav { .. },
            ) => INPUT_OUTPUT,
            Self::Player(crier_player::PlayerError::WriteStandardOutput { .. }) => INPUT_OUTPUT,
            Self::Player(_) => UNAVAILABLE,
            Self::Announce(_) | Self::Refused { later: false, .. } => DATA,
            Self::Refused { later: true, .. } => LATER,
            Self::Supervisor(crier_supervisor::SupervisorError::UnknownCpus { .. }) => USAGE,
            Self::System(_)
            | Self::Channel(_)
            | Self::Packets(_)
            | Self::Store(_)
            | Self::Supervisor(_)
            | Self::Start { .. } => OPERATING_SYSTEM,
            Self::Control(error) => control_exit_code(error),
            Self::Config { .. } | Self::Invalid { .. } => CONFIGURATION,
            Self::Synthesis(error) => synthesis_exit_code(error),
            Self::Render(error) => match &error.cause {
                RenderFault::Text(error) => synthesis_exit_code(error),
                RenderFault::Speech(_) => DATA,
                RenderFault::Engine(_) | RenderFault::Stopped | RenderFault::FramesMissing => UNAVAILABLE,
            },
            // As a shell reports a command that a signal ended.
            Self::Interrupted { signal } => u8::try_from(128 + signal).unwrap_or(UNAVAILABLE),
            Self::Wire(_) | Self::Internal(_) => SOFTWARE,
        }
    }
}

/// Returns the exit code of a failed `crier ctl`, as in `docs/CONTROL.md`.
fn control_exit_code(error: &ControlError) -> u8 {
    match error {
        ControlError::UnknownGroup { .. } => USAGE,
        ControlError::Listen { .. } | ControlError::Unreachable { .. } => UNAVAILABLE,
        ControlError::Denied { .. } => NO_PERMISSION,
        ControlError::Version { .. } | ControlError::Response { .. } => PROTOCOL,
        ControlError::Reported { report } => match report.code {
            ErrorCode::Invalid | ErrorCode::NotFound | ErrorCode::TooLong => USAGE,
            ErrorCode::Failed | ErrorCode::Timeout => UNAVAILABLE,
            ErrorCode::Malformed | ErrorCode::Version | ErrorCode::UnknownVerb => PROTOCOL,
        },
    }
}

/// Returns the exit code of a bundle or voice file that cannot be read or written, the same for every verb.
fn bundle_exit_code(error: &crier_bundle::BundleError) -> u8 {
    match error {
        error if error.is_missing() => NO_INPUT,
        crier_bundle::BundleError::Write { .. } => INPUT_OUTPUT,
        _ => DATA,
    }
}

/// Returns the exit code of a voice that cannot be used or cannot read the text.
fn synthesis_exit_code(error: &SynthesisError) -> u8 {
    match error {
        SynthesisError::Bundle(error) => bundle_exit_code(error),
        SynthesisError::Speech(_) => DATA,
        SynthesisError::Vocoder(error) if error.is_runtime_missing() => UNAVAILABLE,
        SynthesisError::Vocoder(_) => DATA,
        SynthesisError::Voice(error) => synthesis_exit_code(error),
        // A stage is this program, so its codes are these.
        SynthesisError::EngineEnded(ended) => {
            let code = ended.report.exit_code.and_then(|code| u8::try_from(code).ok());
            code.filter(|code| *code != 0).unwrap_or(UNAVAILABLE)
        }
        SynthesisError::Held { .. } | SynthesisError::Abandoned => UNAVAILABLE,
    }
}
