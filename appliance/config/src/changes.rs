//! Effect of a reload on each key: one table that drives SIGHUP and from which the manual page is checked.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::config::Config;
use crate::key::Key;
use crate::sections::{VoiceBundle, VoiceSettings};

/// A stage process that a configuration change can restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageRole {
    /// Text to hidden states.
    Talker,
    /// Hidden states to codes.
    Predictor,
    /// Codes to samples.
    Vocoder,
    /// Samples to sound.
    Player,
    /// Serial ports, FIFOs, MQTT and buttons.
    Intake,
}

impl fmt::Display for StageRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Talker => "talker",
            Self::Predictor => "predictor",
            Self::Vocoder => "vocoder",
            Self::Player => "player",
            Self::Intake => "intake",
        })
    }
}

/// When a changed key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadEffect {
    /// At once, without restarting anything.
    Live,
    /// After these stages have restarted, which the reload does; no announcement is lost.
    Stages(&'static [StageRole]),
    /// After the next start of the program; until then the old value stays in force.
    Program,
}

impl fmt::Display for ReloadEffect {
    /// The wording of the manual page.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => formatter.write_str("takes effect at once"),
            Self::Stages(stages) => {
                formatter.write_str("restarts ")?;
                for (index, stage) in stages.iter().enumerate() {
                    // A list as in the manual page, which a test compares word by word.
                    let separator = match stages.len() - index {
                        _ if index == 0 => "",
                        1 => " and ",
                        _ => ", ",
                    };
                    write!(formatter, "{separator}{stage}")?;
                }
                Ok(())
            }
            Self::Program => formatter.write_str("takes effect at the next start of the program"),
        }
    }
}

/// A row of the reload table: some keys of a section that change together.
pub struct ReloadRule {
    /// Name for logs, such as `player.volume_percent` or `serial`.
    pub name: &'static str,
    /// Section as written in the file, such as `[player]` or `[[serial]]`.
    pub section: &'static str,
    /// Keys covered; empty if the rule covers every key of the section.
    pub keys: &'static [&'static str],
    /// When a change takes effect.
    pub effect: ReloadEffect,
    differs: fn(&Config, &Config) -> bool,
}

impl fmt::Debug for ReloadRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ReloadRule").field(&self.name).field(&self.effect).finish()
    }
}

impl ReloadRule {
    /// Returns true if this rule covers `key`.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        self.section == key.section && (self.keys.is_empty() || self.keys.contains(&key.name))
    }
}

const ENGINES: ReloadEffect =
    ReloadEffect::Stages(&[StageRole::Talker, StageRole::Predictor, StageRole::Vocoder]);
const PLAYER: ReloadEffect = ReloadEffect::Stages(&[StageRole::Player]);
const INTAKE: ReloadEffect = ReloadEffect::Stages(&[StageRole::Intake]);
const LIVE: ReloadEffect = ReloadEffect::Live;
const PROGRAM: ReloadEffect = ReloadEffect::Program;

macro_rules! rules {
    ($($name:literal: $section:literal $keys:expr => $effect:expr, $differs:expr;)+) => {
        &[$(ReloadRule {
            name: $name,
            section: $section,
            keys: &$keys,
            effect: $effect,
            differs: $differs,
        }),+]
    };
}

/// Compares one field of two configurations.
macro_rules! differs {
    ($($field:ident).+) => { |old, new| old.$($field).+ != new.$($field).+ };
}

/// The reload table, in the order of the manual page. The tests check that each key has exactly one rule, apart from
/// `run_dir`, `state_dir` and `[voice]`, whose values other sections inherit.
pub const RELOAD_RULES: &[ReloadRule] = rules! {
    // The id is part of MQTT topics: a new one would leave the old retained topics behind as a second appliance.
    "appliance.id": "[appliance]" ["id"] => PROGRAM, differs!(appliance.id);
    "appliance.name": "[appliance]" ["name"] => INTAKE, differs!(appliance.name);
    // The journal is locked in `state_dir`, and sockets are bound in `run_dir`, for the life of the program.
    "appliance.state_dir": "[appliance]" ["state_dir"] => PROGRAM, differs!(appliance.state_dir);
    "appliance.run_dir": "[appliance]" ["run_dir"] => PROGRAM, differs!(appliance.run_dir);
    // Engines load a model, and the speaker embeddings of its voice files, once at their start.
    "voice.bundle": "[voice]" ["bundle", "file"] => ENGINES,
        |old, new| model(&old.voice) != model(&new.voice);
    "voice": "[voice]" [
        "speaker", "language", "normalise", "rate", "pitch", "instruct", "seed", "text_mode",
        "repetition_window_frames", "fallback",
    ] => LIVE,
        |old, new| styles([&old.voice]) != styles([&new.voice]);
    "voices.bundle": "[voices.NAME]" ["bundle", "file"] => ENGINES,
        |old, new| further_models(old) != further_models(new);
    "voices": "[voices.NAME]" [
        "speaker", "language", "normalise", "rate", "pitch", "instruct", "seed", "text_mode",
        "repetition_window_frames", "fallback",
    ] => LIVE,
        |old, new| !old.voices.keys().eq(new.voices.keys())
            || styles(old.voices.values()) != styles(new.voices.values());
    "pronunciation": "[[pronunciation]]" [] => LIVE, differs!(pronunciation);
    "queue": "[queue]" [] => LIVE, differs!(queue);
    "player.output": "[player]" ["output", "device", "wav_file"] => PLAYER, differs!(player.output);
    "player.mixer": "[player]" ["mixer"] => PLAYER, differs!(player.mixer);
    "player.volume_percent": "[player]" ["volume_percent"] => LIVE, differs!(player.volume_percent);
    "player.buffer_ms": "[player]" ["buffer_ms"] => PLAYER, differs!(player.buffer_ms);
    "player.period_ms": "[player]" ["period_ms"] => PLAYER, differs!(player.period_ms);
    "player.crossfade_ms": "[player]" ["crossfade_ms"] => LIVE, differs!(player.crossfade_ms);
    "player.start": "[player]" ["start"] => LIVE, differs!(player.start);
    "player.lead_silence_ms": "[player]" ["lead_silence_ms"] => LIVE, differs!(player.lead_silence_ms);
    "player.loudness": "[player]" ["loudness"] => LIVE, differs!(player.loudness);
    "player.target_loudness_lufs": "[player]" ["target_loudness_lufs"] => LIVE, differs!(player.target_loudness_lufs);
    "player.chimes_dir": "[player]" ["chimes_dir"] => LIVE, differs!(player.chimes_dir);
    // Talker, predictor and vocoder of a voice share one CPU assignment, so a change to either restarts all three.
    "cpu.talker_threads": "[cpu]" ["talker_threads"] => ENGINES, differs!(cpu.talker_threads);
    "cpu.talker_processors": "[cpu]" ["talker_processors"] => ENGINES, differs!(cpu.talker_processors);
    "cpu.vocoder_threads": "[cpu]" ["vocoder_threads"] => ENGINES, differs!(cpu.vocoder_threads);
    "cpu.vocoder_processors": "[cpu]" ["vocoder_processors"] => ENGINES, differs!(cpu.vocoder_processors);
    "cpu.player_processors": "[cpu]" ["player_processors"] => PLAYER, differs!(cpu.player_processors);
    "cpu.intake_processors": "[cpu]" ["intake_processors"] => INTAKE, differs!(cpu.intake_processors);
    "cpu.supervisor_processors": "[cpu]" ["supervisor_processors"] => LIVE, differs!(cpu.supervisor_processors);
    // Folders are handed to the stages' users before the first stage starts.
    "users": "[users]" [] => PROGRAM, differs!(users);
    "serial": "[[serial]]" [] => INTAKE, differs!(serial);
    "fifo": "[[fifo]]" [] => INTAKE, differs!(fifo);
    "mqtt": "[mqtt]" [] => INTAKE, differs!(mqtt);
    "button": "[[button]]" [] => INTAKE, differs!(button);
    // Sockets are bound once, so that a reload never drops a client.
    "control": "[control]" [] => PROGRAM, differs!(control);
    "metrics": "[metrics]" [] => PROGRAM, differs!(metrics);
    "supervisor.stop": "[supervisor]" ["stop", "stop_timeout_s"] => LIVE,
        |old, new| (old.supervisor.stop, old.supervisor.stop_timeout_s)
            != (new.supervisor.stop, new.supervisor.stop_timeout_s);
    "supervisor.stage_start_timeout_s": "[supervisor]" ["stage_start_timeout_s"] => LIVE,
        differs!(supervisor.stage_start_timeout_s);
    "supervisor.stage_progress_timeout_ms": "[supervisor]" ["stage_progress_timeout_ms"] => LIVE,
        differs!(supervisor.stage_progress_timeout_ms);
    "supervisor.stage_restarts_max": "[supervisor]" ["stage_restarts_max"] => LIVE,
        differs!(supervisor.stage_restarts_max);
    // Both are used once, when the program becomes ready.
    "supervisor.ready_announcement": "[supervisor]" ["ready_announcement"] => PROGRAM,
        differs!(supervisor.ready_announcement);
    "supervisor.readiness_fd": "[supervisor]" ["readiness_fd"] => PROGRAM, differs!(supervisor.readiness_fd);
    // The device is opened, and its timeout set, once: closing a hardware watchdog may reset the machine.
    "watchdog.device": "[watchdog]" ["device", "timeout_s"] => PROGRAM,
        |old, new| (&old.watchdog.device, old.watchdog.timeout_s)
            != (&new.watchdog.device, new.watchdog.timeout_s);
    "watchdog.announcement_age_max_s": "[watchdog]" ["announcement_age_max_s"] => LIVE,
        differs!(watchdog.announcement_age_max_s);
    "log": "[log]" [] => LIVE, differs!(log);
};

/// Differences between two configurations.
#[derive(Debug, Clone, Default)]
pub struct Changes(Vec<&'static ReloadRule>);

impl Changes {
    /// Returns the rules whose keys differ between `old` and `new`.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        Self(RELOAD_RULES.iter().filter(|rule| (rule.differs)(old, new)).collect())
    }

    /// Returns true if the two configurations are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rules whose keys have changed, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &'static ReloadRule> {
        self.0.iter().copied()
    }

    /// Returns true if the rule with this name is among the changes.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|rule| rule.name == name)
    }

    /// Stages that must restart.
    #[must_use]
    pub fn stages(&self) -> BTreeSet<StageRole> {
        let stages = self.0.iter().map(|rule| match rule.effect {
            ReloadEffect::Stages(stages) => stages,
            ReloadEffect::Live | ReloadEffect::Program => &[],
        });
        stages.flatten().copied().collect()
    }

    /// Names of the changes that wait for the next start of the program.
    pub fn of_program(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|rule| rule.effect == ReloadEffect::Program).map(|rule| rule.name)
    }
}

/// The part of a voice that the engines load when they start.
fn model(voice: &VoiceSettings) -> (&VoiceBundle, Option<&Path>) {
    (&voice.bundle, voice.file.as_deref())
}

/// Models of `[voices.NAME]` that `[voice]` does not load already.
fn further_models(config: &Config) -> BTreeSet<(&VoiceBundle, Option<&Path>)> {
    let main = model(&config.voice);
    config.voices.values().map(model).filter(|model| *model != main).collect()
}

/// Each voice without its model.
fn styles<'a>(voices: impl IntoIterator<Item = &'a VoiceSettings>) -> Vec<VoiceSettings> {
    let style =
        |voice: &VoiceSettings| VoiceSettings { bundle: VoiceBundle::Embedded, file: None, ..voice.clone() };
    voices.into_iter().map(style).collect()
}
