//! Data that the tasks of the supervisor share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use crier_config::Config;
use crier_store::{PersistedSettings, SettingsWriter};
use crier_supervisor::{CpuPlan, Stage, StageSpec};
use crier_system::{Notice, Notifier};
use crier_wire::ApplianceState;
use tokio::sync::watch;

use super::appliance::Appliance;
use super::inputs::Inputs;
use super::users::Users;
use crate::stage::{IntakeStageSettings, PlayerStageSettings};

/// Everything that the tasks of the supervisor share.
pub(super) struct Supervisor {
    pub(super) config: RefCell<Rc<Config>>,
    pub(super) id: String,
    /// Time of the start, for the uptime.
    pub(super) begin: Instant,
    pub(super) appliance: Rc<Appliance>,
    pub(super) inputs: Rc<Inputs>,
    pub(super) player: Rc<Stage>,
    pub(super) intake: Rc<Stage>,
    /// Specifications that a reload changes; a stage reads its own at each spawn.
    pub(super) player_spec: Rc<RefCell<StageSpec<PlayerStageSettings>>>,
    pub(super) intake_spec: Rc<RefCell<StageSpec<IntakeStageSettings>>>,
    /// CPUs that the program may use, as found at the start.
    pub(super) allowed_cpus: Vec<usize>,
    pub(super) cpus: RefCell<CpuPlan>,
    pub(super) users: Users,
    pub(super) settings: SettingsWriter,
    pub(super) state: watch::Sender<ApplianceState>,
    pub(super) notifier: Notifier,
    /// Temperature of the hottest sensor at the last measurement.
    pub(super) temperature_celsius: Cell<Option<f32>>,
}

impl Supervisor {
    /// Returns the configuration in force.
    pub(super) fn config(&self) -> Rc<Config> {
        Rc::clone(&self.config.borrow())
    }

    /// Returns the settings that a restart has to keep.
    pub(super) fn present_settings(&self) -> PersistedSettings {
        let (player, speech) = (&self.appliance.player, &self.appliance.speech);
        PersistedSettings {
            volume_percent: Some(player.volume_percent()),
            muted: player.is_muted(),
            voice: Some(speech.voices().chosen()),
        }
    }

    /// Returns all stages: the engines of each voice that is loaded, player and intake.
    pub(super) fn stages(&self) -> Vec<Rc<Stage>> {
        let slots = self.appliance.speech.voices().slots();
        let voices = slots.iter().filter_map(|slot| slot.voice());
        let engines = voices.flat_map(|voice| voice.stages().to_vec());
        engines.chain([Rc::clone(&self.player), Rc::clone(&self.intake)]).collect()
    }

    /// Notifies the service manager, if there is one.
    pub(super) fn notify(&self, notice: Notice) {
        if let Err(error) = self.notifier.send(notice) {
            // No more than that: without watchdog notices the service manager acts by itself.
            tracing::debug!(%error, "cannot notify the service manager");
        }
    }
}
