//! The stages: child processes of the supervisor, each a pure function of the messages on its channel.
//!
//! A stage holds nothing that cannot be made again. When the supervisor is gone the channel ends, and so does the
//! stage.

mod engines;
mod intake;
mod player;
mod requests;

pub(crate) use intake::IntakeStageSettings;
pub(crate) use player::PlayerStageSettings;

use std::ffi::OsString;
use std::path::PathBuf;

use crier_llama::threads::SPIN_COUNT;
use crier_supervisor::{StageSpec, StageTimeouts};
use crier_system::{CHANNEL_FD, Channel, User};

use crate::cli::StageKind;
use crate::error::CrierError;

/// Environment variable with a command that stages are started by, for development.
const WRAPPER_VARIABLE: &str = "CRIER_STAGE_WRAPPER";

/// Preferences of the kernel's out-of-memory killer: engines go first, since they are large, hold nothing that cannot
/// be made again, and are back in a second. The player goes last, since every gap of it is heard.
const ENGINE_OOM_SCORE_ADJUST: i16 = 500;
const PLAYER_OOM_SCORE_ADJUST: i16 = -900;
const INTAKE_OOM_SCORE_ADJUST: i16 = 0;

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

/// Returns the specification of a stage that is this program; without `cpus` it may run on all of them.
pub(crate) fn spec<S>(
    kind: StageKind,
    name: String,
    settings: S,
    user: Option<&User>,
    cpus: Option<&[usize]>,
    timeouts: StageTimeouts,
) -> StageSpec<S> {
    let oom_score_adjust = match kind {
        StageKind::Talker | StageKind::Predictor | StageKind::Vocoder => ENGINE_OOM_SCORE_ADJUST,
        StageKind::Player => PLAYER_OOM_SCORE_ADJUST,
        StageKind::Intake => INTAKE_OOM_SCORE_ADJUST,
    };
    // libgomp reads its settings when it is loaded, before `main`: a process cannot bound its own threads.
    let unset = crier_llama::threads::SPIN_VARIABLES.iter().all(|name| std::env::var_os(name).is_none());
    let spin = unset.then(|| (crier_llama::threads::SPIN_VARIABLES[0].into(), SPIN_COUNT.into()));
    // A debugger, a profiler or an emulator that runs the stages: `CRIER_STAGE_WRAPPER="perf record -g"`.
    let wrapper = std::env::var(WRAPPER_VARIABLE).unwrap_or_default();
    let mut command: Vec<OsString> = wrapper.split_ascii_whitespace().map(OsString::from).collect();
    command.extend([own_program().into_os_string(), "stage".into(), kind.name().into()]);
    StageSpec {
        name,
        program: command.remove(0).into(),
        arguments: command,
        environment: spin.into_iter().collect(),
        settings,
        user: user.cloned(),
        cpus: cpus.map(<[usize]>::to_vec),
        oom_score_adjust,
        timeouts,
        private: kind == StageKind::Intake,
    }
}

/// Path of this program. Its link in `/proc` would do as well, but then `ps` and `top` would call every stage "exe".
fn own_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"))
}
