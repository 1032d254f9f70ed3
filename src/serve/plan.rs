//! From the configuration to CPUs, voices and the settings of each stage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crier_announce::{Draft, Normalise, Priority};
use crier_config::{Config, TextModeSetting};
use crier_playback::{BundleFolders, MAIN_VOICE, PlaybackOptions, SpeechOptions, VoiceOptions, VoiceProfile};
use crier_store::PersistedSettings;
use crier_supervisor::{CpuAssignment, CpuOverrides, CpuPlan, EngineCpus, StageSpec, StageTimeouts};
use crier_synthesis::{EngineSpecs, Style};
use crier_system::{PROCESSORS_ROOT, User, clusters, machine_id, random_id};
use crier_wire::EngineSettings;

use super::users::Users;
use crate::cli::StageKind;
use crate::error::CrierError;
use crate::stage::{self, IntakeStageSettings, PlayerStageSettings};

/// Longest file with an id: 32 characters and a newline, and room for one that is to be called damaged.
const ID_BYTES_MAX: u64 = 256;

/// CPUs of everything on a machine whose CPUs are `allowed`, with what the configuration says instead. `allowed` are
/// the CPUs of the program at its start: once the supervisor has pinned itself to its own, it cannot find the others.
pub(crate) fn cpus(config: &crier_config::CpuSettings, allowed: &[usize]) -> Result<CpuPlan, CrierError> {
    let overrides = CpuOverrides {
        talker_threads: config.talker_threads,
        talker: config.talker_processors.clone(),
        vocoder_threads: config.vocoder_threads,
        vocoder: config.vocoder_processors.clone(),
        player: config.player_processors.clone(),
        intake: config.intake_processors.clone(),
        supervisor: config.supervisor_processors.clone(),
    };
    let found = clusters(Path::new(PROCESSORS_ROOT), allowed);
    Ok(CpuPlan::from_clusters(&found).with(&overrides, allowed)?)
}

pub(crate) fn timeouts(config: &crier_config::SupervisorSettings) -> StageTimeouts {
    StageTimeouts {
        start_timeout_ms: u64::from(config.stage_start_timeout_s) * 1000,
        progress_timeout_ms: u64::from(config.stage_progress_timeout_ms),
        restarts_max: usize::try_from(config.stage_restarts_max).unwrap_or(usize::MAX),
    }
}

/// All voices of the configuration, and the embedded one.
pub(crate) fn speech(
    config: &Config,
    folders: BundleFolders,
    cpus: &CpuPlan,
    timeouts: StageTimeouts,
    users: &Users,
) -> Result<SpeechOptions, CrierError> {
    let mut profiles = BTreeMap::new();
    let main = std::iter::once((MAIN_VOICE, &config.voice));
    for (name, voice) in main.chain(config.voices.iter().map(|(name, voice)| (name.as_str(), voice))) {
        let folder = folders.of(&voice.bundle).ok_or_else(no_embedded_voice)?;
        let style = Style {
            speaker: voice.speaker.clone(),
            file: voice.file.clone(),
            language: voice.language.clone(),
            raw: voice.normalise == Normalise::Off,
            instruction: voice.manner.instruct.clone(),
            mode: match voice.text_mode {
                TextModeSetting::Auto => None,
                TextModeSetting::Streaming => Some(crier_speech::TextMode::Streaming),
                TextModeSetting::Whole => Some(crier_speech::TextMode::Whole),
            },
            lexicon: folders.lexicon().clone(),
            repetition_window: voice.repetition_window_frames,
        };
        let prosody = voice.manner.prosody();
        let profile = VoiceProfile { folder, style, prosody, seed: voice.seed, fallback: voice.fallback };
        profiles.insert(name.to_owned(), profile);
    }
    let playback = PlaybackOptions {
        crossfade_ms: config.player.crossfade_ms,
        start: config.player.start,
        lead_silence_ms: config.player.lead_silence_ms,
        target_lufs: config.player.target_lufs(),
    };
    let engines = engines(&cpus.engines, timeouts, users);
    let lexicon_problems = folders.lexicon_problems().iter().map(ToString::to_string).collect();
    let (embedded, layouts) = (folders.embedded().cloned(), folders.into_layouts());
    let voices = VoiceOptions { profiles, embedded, layouts, engines };
    Ok(SpeechOptions { voices, playback, chimes_dir: config.player.chimes_dir.clone(), lexicon_problems })
}

fn no_embedded_voice() -> CrierError {
    // The search once more, for the places that it looks at.
    let error = crate::voice::locate(None).err();
    CrierError::Usage(
        error.map_or_else(|| "the embedded voice is missing".to_owned(), |error| error.to_string()),
    )
}

/// Processes of the engines of every voice. Their names are completed by that of the voice.
pub(crate) fn engines(cpus: &EngineCpus, timeouts: StageTimeouts, users: &Users) -> EngineSpecs {
    // What belongs to a bundle is added when it is loaded; these settings are those of every voice.
    let spec = |kind: StageKind, user: &Option<User>, assigned: &CpuAssignment| {
        let settings = EngineSettings { threads: assigned.threads, ..EngineSettings::default() };
        stage::spec(kind, kind.name().to_owned(), settings, user.as_ref(), Some(&assigned.cpus), timeouts)
    };
    EngineSpecs {
        talker: spec(StageKind::Talker, &users.talker, &cpus.talker_predictor),
        predictor: spec(StageKind::Predictor, &users.predictor, &cpus.talker_predictor),
        vocoder: spec(StageKind::Vocoder, &users.vocoder, &cpus.vocoder),
    }
}

pub(crate) fn player(
    config: &Config,
    cpus: &CpuPlan,
    timeouts: StageTimeouts,
    users: &Users,
    remembered: &PersistedSettings,
) -> StageSpec<PlayerStageSettings> {
    // The file may come from another version, and is no configuration that was checked.
    let volume_percent = remembered.volume_percent.and_then(|percent| u8::try_from(percent.min(100)).ok());
    let settings = PlayerStageSettings {
        output: config.player.output.clone(),
        mixer: config.player.mixer.clone(),
        buffer_ms: config.player.buffer_ms,
        period_ms: config.player.period_ms,
        volume_percent: volume_percent.unwrap_or(config.player.volume_percent),
        muted: remembered.muted,
    };
    let user = users.player.as_ref();
    stage::spec(StageKind::Player, "player".to_owned(), settings, user, Some(&cpus.player), timeouts)
}

pub(crate) fn intake(
    config: &Config,
    cpus: &CpuPlan,
    timeouts: StageTimeouts,
    users: &Users,
    id: &str,
) -> StageSpec<IntakeStageSettings> {
    let settings = IntakeStageSettings {
        id: id.to_owned(),
        name: config.appliance.name.clone(),
        serial: config.serial.clone(),
        fifo: config.fifo.clone(),
        mqtt: config.mqtt.clone(),
        button: config.button.clone(),
    };
    let user = users.intake.as_ref();
    stage::spec(StageKind::Intake, "intake".to_owned(), settings, user, Some(&cpus.intake), timeouts)
}

/// Id of the appliance, for MQTT: that of the configuration or of the hardware, or else a random one that is kept.
pub(crate) fn appliance_id(config: &Config) -> Result<String, CrierError> {
    if let Some(id) = config.appliance.id.clone().or_else(|| machine_id(Path::new("/"))) {
        return Ok(id);
    }
    let path: PathBuf = config.appliance.state_dir.join("id");
    // A file that is damaged or foreign is replaced: an id with a slash or a wildcard would break MQTT topics.
    if let Ok(kept) = crier_system::read_bounded(&path, ID_BYTES_MAX) {
        let kept = kept.trim();
        if (1..=32).contains(&kept.len()) && kept.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Ok(kept.to_owned());
        }
    }
    let no_random =
        || CrierError::Internal("the system gives no random numbers for an id; set appliance.id".to_owned());
    // Kept, because brokers and Home Assistant know the appliance by it.
    let id = random_id().ok_or_else(no_random)?;
    crier_system::replace_file(&path, id.as_bytes())?;
    Ok(id)
}

/// Announcement of the appliance about itself.
pub(crate) fn notice(text: &str) -> Draft {
    Draft { priority: Priority::Notification, ..Draft::plain(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_of_a_configuration_reaches_the_intake_unchanged() {
        let text = r#"
            [player]
            chimes_dir = "/usr/share/crier/chimes"
            [[serial]]
            device = "/dev/ttyS6"
            dialect = "line"
            encoding = "shift_jis"
            format = "7E2"
            flow_control = "xonxoff"
            replies = false
            [[fifo]]
            path = "/run/crier/say"
            mode = "0640"
            [mqtt]
            host = "broker.lan"
            tls = true
            ca_file = "/etc/ca.pem"
            version = 3
            [[button]]
            key = "KEY_PROG1"
            press = { say = "Hello." }
            double_press = { wav = "/usr/share/crier/chimes/gong.wav" }
            long_press = { mute = "toggle" }
            [[button]]
            key = "KEY_PROG2"
            press = { volume = -5 }
            double_press = "stop_all"
            long_press = "repeat"
        "#;
        let (config, _) = Config::parse("test", text).unwrap();
        let timeouts = timeouts(&config.supervisor);
        let cpus = cpus(&config.cpu, &[0]).unwrap();
        let settings = intake(&config, &cpus, timeouts, &Users::default(), "id").settings;
        let sent = serde_json::to_vec(&settings).unwrap();
        assert_eq!(serde_json::from_slice::<IntakeStageSettings>(&sent).unwrap(), settings);
        assert_eq!((settings.serial, settings.fifo), (config.serial, config.fifo));
        assert_eq!((settings.mqtt, settings.button), (config.mqtt, config.button));
    }
}
