//! From configuration to what is run: which processors, which voices, which settings for which stage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crier_announce::{Draft, Priority};
use crier_config::{Config, TextMode, VoiceBundle};
use crier_intake::buttons;
use crier_playback::{MAIN_VOICE, PlaybackOptions, SpeechOptions, VoiceOptions, VoiceProfile};
use crier_store::PersistedSettings;
use crier_supervisor::{CpuAssignment, CpuOverrides, CpuPlan, EngineCpus, StageSpec, StageTimeouts};
use crier_synthesis::{EngineSpecs, Style};
use crier_system::{PROCESSORS_ROOT, User, clusters, machine_id, random_id};
use crier_wire::EngineSettings;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::users::Users;
use crate::cli::StageKind;
use crate::error::CrierError;
use crate::stage::{self, IntakeSettings, PlayerSettings};

/// CPUs of everything on a machine whose CPUs are `allowed`, with what the configuration says instead. `allowed` are
/// the CPUs of the program at its start: once the supervisor has pinned itself to its own, it cannot find the others.
pub(crate) fn cpus(config: &crier_config::Cpu, allowed: &[usize]) -> Result<CpuPlan, CrierError> {
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

pub(crate) fn timeouts(config: &crier_config::Supervisor) -> StageTimeouts {
    StageTimeouts {
        start_timeout_ms: u64::from(config.stage_start_timeout_s) * 1000,
        progress_timeout_ms: u64::from(config.stage_progress_timeout_ms),
        restarts_max: usize::try_from(config.stage_restarts_max).unwrap_or(usize::MAX),
    }
}

/// All voices of the configuration, and the embedded one.
pub(crate) fn speech(
    config: &Config,
    cpus: &CpuPlan,
    timeouts: StageTimeouts,
    users: &Users,
) -> Result<SpeechOptions, CrierError> {
    let embedded = crate::voice::locate(None);
    let mut profiles = BTreeMap::new();
    let main = std::iter::once((MAIN_VOICE, &config.voice));
    for (name, voice) in main.chain(config.voices.iter().map(|(name, voice)| (name.as_str(), voice))) {
        let folder = match &voice.bundle {
            VoiceBundle::Embedded => {
                embedded.as_ref().map_err(|error| CrierError::Usage(error.to_string()))?.clone()
            }
            // Two names of one folder are one voice.
            VoiceBundle::Folder(folder) => folder.canonicalize().unwrap_or_else(|_| folder.clone()),
        };
        let style = Style {
            speaker: voice.speaker.clone(),
            file: voice.file.clone(),
            language: voice.language.clone(),
            instruction: None,
            mode: match voice.text_mode {
                TextMode::Auto => None,
                TextMode::Streaming => Some(crier_speech::TextMode::Streaming),
                TextMode::Whole => Some(crier_speech::TextMode::Whole),
            },
        };
        let profile = VoiceProfile { folder, style, seed: voice.seed, fallback: voice.fallback };
        profiles.insert(name.to_owned(), profile);
    }
    let playback = PlaybackOptions {
        crossfade_ms: config.player.crossfade_ms,
        start: config.player.start,
        lead_silence_ms: config.player.lead_silence_ms,
    };
    let engines = engines(&cpus.engines, timeouts, users);
    let voices = VoiceOptions { profiles, embedded: embedded.ok(), engines };
    Ok(SpeechOptions { voices, playback, chimes_dir: config.player.chimes_dir.clone() })
}

/// Processes of the engines of every voice.
pub(crate) fn engines(cpus: &EngineCpus, timeouts: StageTimeouts, users: &Users) -> EngineSpecs {
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
) -> StageSpec<PlayerSettings> {
    let volume_percent = remembered.volume_percent.and_then(|percent| u8::try_from(percent.min(100)).ok());
    let settings = PlayerSettings {
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
) -> Result<StageSpec<IntakeSettings>, CrierError> {
    let settings = IntakeSettings {
        id: id.to_owned(),
        name: config.appliance.name.clone(),
        serial: config.serial.iter().map(same).collect::<Result<_, _>>()?,
        fifo: config.fifo.iter().map(same).collect::<Result<_, _>>()?,
        mqtt: config.mqtt.as_ref().map(same).transpose()?,
        button: config.button.iter().map(|button| self::button(button, config)).collect::<Result<_, _>>()?,
    };
    let user = users.intake.as_ref();
    Ok(stage::spec(StageKind::Intake, "intake".to_owned(), settings, user, Some(&cpus.intake), timeouts))
}

/// A section as the intake has it: the same keys, in a type of its own.
fn same<From: Serialize, To: DeserializeOwned>(section: &From) -> Result<To, CrierError> {
    serde_json::to_value(section).and_then(serde_json::from_value).map_err(|error| {
        CrierError::Internal(format!("a section of the configuration does not fit the intake: {error}"))
    })
}

fn button(button: &crier_config::Button, config: &Config) -> Result<buttons::ButtonSettings, CrierError> {
    let action = |action: &Option<crier_config::Action>| {
        action.as_ref().map(|action| self::action(action, config)).transpose()
    };
    Ok(buttons::ButtonSettings {
        key: button.key.clone(),
        device: button.device.clone(),
        press: action(&button.press)?,
        double_press: action(&button.double_press)?,
        long_press: action(&button.long_press)?,
        long_press_ms: button.long_press_ms,
        double_press_ms: button.double_press_ms,
    })
}

fn action(action: &crier_config::Action, config: &Config) -> Result<buttons::ButtonAction, CrierError> {
    use buttons::ButtonAction as Does;
    use crier_config::{Action, Mute};
    Ok(match action {
        Action::Say { text, language, voice, priority } => Does::Say {
            text: text.as_str().to_owned(),
            language: language.clone(),
            voice: voice.clone(),
            priority: *priority,
        },
        Action::Wav { file, priority } => {
            let folder = &config.player.chimes_dir;
            let inside = file.parent().is_none_or(|parent| parent.as_os_str().is_empty() || parent == folder);
            let name = file.file_name().and_then(|name| name.to_str()).filter(|_| inside);
            let chime = name.ok_or_else(|| {
                let (file, folder) = (file.display(), folder.display());
                CrierError::Usage(format!("a button plays {file}, which is not in {folder}; put it there"))
            })?;
            Does::Wav { chime: chime.to_owned(), priority: *priority }
        }
        Action::Volume { step_percent } => Does::Volume { step_percent: i32::from(*step_percent) },
        Action::Mute(Mute::Toggle) => Does::Mute(None),
        Action::Mute(Mute::On) => Does::Mute(Some(true)),
        Action::Mute(Mute::Off) => Does::Mute(Some(false)),
        Action::Stop => Does::Stop,
        Action::StopAll => Does::StopAll,
        Action::Repeat => Does::Repeat,
        Action::Pause => Does::Pause,
    })
}

/// Who this is, for MQTT: as configured, or as the hardware says, or made up once and kept.
pub(crate) fn appliance_id(config: &Config) -> Result<String, CrierError> {
    if let Some(id) = config.appliance.id.clone().or_else(|| machine_id(Path::new("/"))) {
        return Ok(id);
    }
    let path: PathBuf = config.appliance.state_dir.join("id");
    if let Ok(kept) = std::fs::read_to_string(&path) {
        let kept = kept.trim();
        if (1..=32).contains(&kept.len()) && kept.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Ok(kept.to_owned());
        }
    }
    let no_random =
        || CrierError::Internal("the system gives no random numbers for an id; set appliance.id".to_owned());
    let id = random_id().ok_or_else(no_random)?;
    crier_system::replace_file(&path, id.as_bytes())?;
    Ok(id)
}

/// Something that the appliance says of itself.
pub(crate) fn notice(text: &str) -> Draft {
    Draft { priority: Priority::Notification, ..Draft::plain(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_of_a_configuration_reaches_the_intake() {
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
        let settings = intake(&config, &cpus, timeouts, &Users::default(), "id").unwrap().settings;
        let serial = &settings.serial[0];
        assert_eq!((serial.format.to_string().as_str(), serial.replies), ("7E2", false));
        assert_eq!(serde_json::to_value(serial.encoding).unwrap(), "shift_jis");
        assert_eq!(settings.fifo[0].mode, 0o640);
        let broker = settings.mqtt.unwrap();
        assert_eq!((broker.port, broker.tls.is_some()), (8883, true));
        let [first, second] = &settings.button[..] else { panic!("two buttons") };
        assert!(matches!(&first.press, Some(buttons::ButtonAction::Say { text, .. }) if text == "Hello."));
        assert!(
            matches!(&first.double_press, Some(buttons::ButtonAction::Wav { chime, .. }) if chime == "gong.wav")
        );
        assert_eq!(first.long_press, Some(buttons::ButtonAction::Mute(None)));
        assert_eq!(second.press, Some(buttons::ButtonAction::Volume { step_percent: -5 }));
        assert_eq!(second.double_press, Some(buttons::ButtonAction::StopAll));
        assert_eq!(second.long_press, Some(buttons::ButtonAction::Repeat));
    }

    #[test]
    fn a_button_sound_outside_the_chimes_folder_is_refused_with_the_remedy() {
        let text = "[[button]]\nkey = \"KEY_PROG1\"\npress = { wav = \"/home/me/bell.wav\" }\n";
        let (config, _) = Config::parse("test", text).unwrap();
        let cpus = cpus(&config.cpu, &[0]).unwrap();
        let timeouts = timeouts(&config.supervisor);
        let error = intake(&config, &cpus, timeouts, &Users::default(), "id").unwrap_err().to_string();
        assert!(error.contains("/home/me/bell.wav") && error.contains("put it there"), "{error}");
    }
}
