//! The stages: child processes of the supervisor, each a pure function of the messages on its channel.
//!
//! A stage holds nothing that cannot be made again. When the supervisor is gone the channel ends, and so does the
//! stage.

mod engines;
mod intake;
mod player;
mod requests;

pub(crate) use intake::IntakeSettings;
pub(crate) use player::PlayerSettings;

use crier_system::{CHANNEL_FD, Channel};

use crate::cli::StageKind;
use crate::error::CrierError;

/// Runs the stage until the supervisor is gone.
pub(crate) fn run(stage: StageKind) -> Result<(), CrierError> {
    let channel = Channel::from_inherited(CHANNEL_FD)?;
    match stage {
        StageKind::Talker => engines::talker(&channel),
        StageKind::Predictor => engines::predictor(&channel),
        StageKind::Vocoder => engines::vocoder(&channel),
        StageKind::Player => player::run(channel),
        StageKind::Intake => intake::run(channel),
    }
}
