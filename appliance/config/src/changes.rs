//! What differs between two configurations, and what each difference needs before it is in force: for a reload.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::sections::Voice;

/// A process that the supervisor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Text to hidden states.
    Talker,
    /// Hidden states to codes.
    Predictor,
    /// Codes to samples.
    Vocoder,
    /// Samples to sound.
    Player,
    /// Text from outside.
    Intake,
}

/// What a difference needs before it is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the supervisor takes it over, and tells the stages where they must know.
    Nothing,
    /// These stages start again; nothing that waits or is being spoken is lost.
    Stages(&'static [Stage]),
    /// The whole program starts again; until then the old value stays in force.
    Program,
}

/// A difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The key or section, such as `player.volume_percent` or `serial`.
    pub key: &'static str,
    /// What it needs.
    pub needs: Needs,
}

/// All differences between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

const ENGINE: Needs = Needs::Stages(&[Stage::Talker, Stage::Predictor, Stage::Vocoder]);
const TALKER: Needs = Needs::Stages(&[Stage::Talker, Stage::Predictor]);
const VOCODER: Needs = Needs::Stages(&[Stage::Vocoder]);
const PLAYER: Needs = Needs::Stages(&[Stage::Player]);
const INTAKE: Needs = Needs::Stages(&[Stage::Intake]);

impl Changes {
    /// What is different in `new`.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut changes = Vec::new();
        macro_rules! compare {
            ($($($part:ident).+ => $needs:expr),+ $(,)?) => {
                $(if old.$($part).+ != new.$($part).+ {
                    let key = concat!($(stringify!($part), "."),+).trim_end_matches('.');
                    changes.push(Change { key, needs: $needs });
                })+
            };
        }
        compare! {
            appliance.id => INTAKE,
            appliance.name => INTAKE,
            appliance.state_dir => Needs::Program,
            appliance.run_dir => Needs::Program,
            voice => voice_needs([&old.voice], [&new.voice]),
            voices => voice_needs(old.voices.values(), new.voices.values()),
            queue => Needs::Nothing,
            player.output => PLAYER,
            player.volume_percent => Needs::Nothing,
            player.mixer => PLAYER,
            player.buffer_ms => PLAYER,
            player.period_ms => PLAYER,
            player.crossfade_ms => Needs::Nothing,
            player.start => Needs::Nothing,
            player.lead_silence_ms => Needs::Nothing,
            player.chimes_dir => Needs::Nothing,
            cpu.talker_threads => TALKER,
            cpu.talker_processors => TALKER,
            cpu.vocoder_threads => VOCODER,
            cpu.vocoder_processors => VOCODER,
            cpu.player_processors => PLAYER,
            cpu.intake_processors => INTAKE,
            cpu.supervisor_processors => Needs::Nothing,
            users => Needs::Program,
            serial => INTAKE,
            fifo => INTAKE,
            mqtt => INTAKE,
            button => INTAKE,
            control => Needs::Program,
            metrics => Needs::Program,
            watchdog.device => Needs::Program,
            watchdog.timeout_s => Needs::Nothing,
            watchdog.announcement_age_max_s => Needs::Nothing,
            supervisor.stop => Needs::Nothing,
            supervisor.stop_timeout_s => Needs::Nothing,
            supervisor.stage_start_timeout_s => Needs::Nothing,
            supervisor.stage_progress_timeout_ms => Needs::Nothing,
            supervisor.stage_restarts_max => Needs::Nothing,
            supervisor.ready_announcement => Needs::Program,
            supervisor.readiness_fd => Needs::Program,
            log => Needs::Nothing,
        }
        Self(changes)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// The stages that must start again.
    #[must_use]
    pub fn stages(&self) -> BTreeSet<Stage> {
        let stages = self.0.iter().map(|change| match change.needs {
            Needs::Stages(stages) => stages,
            Needs::Nothing | Needs::Program => &[],
        });
        stages.flatten().copied().collect()
    }

    /// The keys that stay as they were until the program starts again.
    pub fn of_program(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|change| change.needs == Needs::Program).map(|change| change.key)
    }
}

/// A voice of the same model that speaks otherwise needs nothing; another model must be loaded.
fn voice_needs<'a>(
    old: impl IntoIterator<Item = &'a Voice>,
    new: impl IntoIterator<Item = &'a Voice>,
) -> Needs {
    let models = |voice: &'a Voice| (&voice.bundle, &voice.file);
    if old.into_iter().map(models).eq(new.into_iter().map(models)) { Needs::Nothing } else { ENGINE }
}
