//! From configuration to what is run: which processors, which voices, which settings for which stage.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crier_announce::{Draft, Priority};
use crier_config::{Config, TextMode, VoiceBundle};
use crier_intake::buttons;
use crier_system::{
    CpuPlan, PROCESSORS_ROOT, ProcessorList, clusters, machine_id, own_processors, random_id,
};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::process::{Care, Plan};
use super::speaking::{Choice, MAIN_VOICE, SpeakerOptions};
use super::tasks::Remembered;
use super::users::Users;
use super::voice::{Share, Shares};
use crate::cli::StageName;
use crate::error::CrierError;
use crate::stage::{IntakeSettings, PlayerSettings};
use crier_synthesis::Style;

/// How readily the kernel takes the player and the intake when memory runs out: after the engines.
const PLAYER_OOM_SCORE_ADJUST: i16 = -900;
const INTAKE_OOM_SCORE_ADJUST: i16 = 0;

/// Where everything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) shares: Shares,
    pub(crate) player: Vec<usize>,
    pub(crate) intake: Vec<usize>,
    pub(crate) supervisor: Vec<usize>,
    /// Clusters of different speed were found.
    pub(crate) clusters: usize,
}

impl fmt::Display for Cpu {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "talker and predictor {}, vocoder {}, player on {}, intake on {}",
            self.shares.talker_predictor,
            self.shares.vocoder,
            ProcessorList(&self.player),
            ProcessorList(&self.intake),
        )?;
        if self.clusters < 2 {
            formatter.write_str(" (no clusters: all processors are alike)")
        } else {
            Ok(())
        }
    }
}

/// The plan of the machine, with what the configuration says instead.
pub(crate) fn cpu(config: &crier_config::Cpu) -> Result<Cpu, CrierError> {
    let allowed = own_processors()?;
    let found = clusters(Path::new(PROCESSORS_ROOT), &allowed);
    let plan = CpuPlan::from_clusters(&found);
    let known = |wanted: &Option<Vec<usize>>, planned: Vec<usize>| match wanted {
        None => Ok(planned),
        Some(wanted) if wanted.iter().all(|processor| allowed.contains(processor)) => Ok(wanted.clone()),
        Some(wanted) => {
            let (wanted, have) = (ProcessorList(wanted), ProcessorList(&allowed));
            Err(CrierError::Usage(format!(
                "[cpu] names processors {wanted}, this program may use {have}; correct the list or leave it out"
            )))
        }
    };
    let share = |threads: Option<usize>, processors: &Option<Vec<usize>>, planned: crier_system::Share| {
        let processors = known(processors, planned.processors)?;
        let threads = threads.unwrap_or(planned.threads.min(processors.len().max(1)));
        Ok::<_, CrierError>(Share { threads, processors: Some(processors) })
    };
    Ok(Cpu {
        shares: Shares {
            talker_predictor: share(config.talker_threads, &config.talker_processors, plan.talker_predictor)?,
            vocoder: share(config.vocoder_threads, &config.vocoder_processors, plan.vocoder)?,
        },
        player: known(&config.player_processors, plan.player)?,
        intake: known(&config.intake_processors, plan.intake)?,
        supervisor: known(&config.supervisor_processors, plan.supervisor)?,
        clusters: found.len(),
    })
}

pub(crate) fn care(config: &crier_config::Supervisor) -> Care {
    Care {
        start_timeout: Duration::from_secs(u64::from(config.stage_start_timeout_s)),
        progress_timeout: Duration::from_millis(u64::from(config.stage_progress_timeout_ms)),
        restarts_max: usize::try_from(config.stage_restarts_max).unwrap_or(usize::MAX),
    }
}

/// All voices of the configuration, and the embedded one.
pub(crate) fn speaker(
    config: &Config,
    cpu: &Cpu,
    care: Care,
    users: &Users,
) -> Result<SpeakerOptions, CrierError> {
    let embedded = crate::voice::locate(None);
    let mut choices = BTreeMap::new();
    let main = std::iter::once((MAIN_VOICE, &config.voice));
    for (name, voice) in main.chain(config.voices.iter().map(|(name, voice)| (name.as_str(), voice))) {
        let folder = match &voice.bundle {
            VoiceBundle::Embedded => {
                embedded.as_ref().map_err(|error| CrierError::Usage(error.to_string()))?.clone()
            }
            VoiceBundle::Folder(folder) => folder.clone(),
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
        let choice = Choice { folder, style, seed: voice.seed, fallback: voice.fallback };
        choices.insert(name.to_owned(), choice);
    }
    Ok(SpeakerOptions {
        choices,
        embedded: embedded.ok(),
        shares: cpu.shares.clone(),
        care,
        users: users.clone(),
        crossfade_ms: config.player.crossfade_ms,
        start: config.player.start,
        lead_silence_ms: config.player.lead_silence_ms,
        chimes_dir: config.player.chimes_dir.clone(),
    })
}

pub(crate) fn player(
    config: &Config,
    cpu: &Cpu,
    care: Care,
    users: &Users,
    remembered: &Remembered,
) -> Plan<PlayerSettings> {
    let volume_percent = remembered.volume_percent.and_then(|percent| u8::try_from(percent.min(100)).ok());
    Plan {
        name: "player".to_owned(),
        stage: StageName::Player,
        settings: PlayerSettings {
            output: config.player.output.clone(),
            mixer: config.player.mixer.clone(),
            buffer_ms: config.player.buffer_ms,
            period_ms: config.player.period_ms,
            volume_percent: volume_percent.unwrap_or(config.player.volume_percent),
            muted: remembered.muted,
        },
        user: users.player.clone(),
        processors: Some(cpu.player.clone()),
        oom_score_adjust: PLAYER_OOM_SCORE_ADJUST,
        care,
    }
}

pub(crate) fn intake(
    config: &Config,
    cpu: &Cpu,
    care: Care,
    users: &Users,
    id: &str,
) -> Result<Plan<IntakeSettings>, CrierError> {
    Ok(Plan {
        name: "intake".to_owned(),
        stage: StageName::Intake,
        settings: IntakeSettings {
            id: id.to_owned(),
            name: config.appliance.name.clone(),
            serial: config.serial.iter().map(same).collect::<Result<_, _>>()?,
            fifo: config.fifo.iter().map(same).collect::<Result<_, _>>()?,
            mqtt: config.mqtt.as_ref().map(same).transpose()?,
            button: config
                .button
                .iter()
                .map(|button| self::button(button, config))
                .collect::<Result<_, _>>()?,
        },
        user: users.intake.clone(),
        processors: Some(cpu.intake.clone()),
        oom_score_adjust: INTAKE_OOM_SCORE_ADJUST,
        care,
    })
}

/// A section as the intake has it: the same keys, in a type of its own.
fn same<From: Serialize, To: DeserializeOwned>(section: &From) -> Result<To, CrierError> {
    serde_json::to_value(section).and_then(serde_json::from_value).map_err(|error| {
        CrierError::Internal(format!("a section of the configuration does not fit the intake: {error}"))
    })
}

fn button(button: &crier_config::Button, config: &Config) -> Result<buttons::Button, CrierError> {
    let action = |action: &Option<crier_config::Action>| {
        action.as_ref().map(|action| self::action(action, config)).transpose()
    };
    Ok(buttons::Button {
        key: button.key.clone(),
        device: button.device.clone(),
        press: action(&button.press)?,
        double_press: action(&button.double_press)?,
        long_press: action(&button.long_press)?,
        long_press_ms: button.long_press_ms,
        double_press_ms: button.double_press_ms,
    })
}

fn action(action: &crier_config::Action, config: &Config) -> Result<buttons::Action, CrierError> {
    use buttons::Action as Does;
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
        let care = care(&config.supervisor);
        let cpu = cpu(&config.cpu).unwrap();
        let settings = intake(&config, &cpu, care, &Users::default(), "id").unwrap().settings;
        let serial = &settings.serial[0];
        assert_eq!((serial.format.to_string().as_str(), serial.replies), ("7E2", false));
        assert_eq!(serde_json::to_value(serial.encoding).unwrap(), "shift_jis");
        assert_eq!(settings.fifo[0].mode, 0o640);
        let broker = settings.mqtt.unwrap();
        assert_eq!((broker.port, broker.tls.is_some()), (8883, true));
        let [first, second] = &settings.button[..] else { panic!("two buttons") };
        assert!(matches!(&first.press, Some(buttons::Action::Say { text, .. }) if text == "Hello."));
        assert!(
            matches!(&first.double_press, Some(buttons::Action::Wav { chime, .. }) if chime == "gong.wav")
        );
        assert_eq!(first.long_press, Some(buttons::Action::Mute(None)));
        assert_eq!(second.press, Some(buttons::Action::Volume { step_percent: -5 }));
        assert_eq!(second.double_press, Some(buttons::Action::StopAll));
        assert_eq!(second.long_press, Some(buttons::Action::Repeat));
    }

    #[test]
    fn a_sound_elsewhere_and_processors_that_are_not_there_are_refused_in_words() {
        let text = "[[button]]\nkey = \"KEY_PROG1\"\npress = { wav = \"/home/me/bell.wav\" }\n";
        let (config, _) = Config::parse("test", text).unwrap();
        let cpu = cpu(&config.cpu).unwrap();
        let care = care(&config.supervisor);
        let error = intake(&config, &cpu, care, &Users::default(), "id").unwrap_err().to_string();
        assert!(error.contains("/home/me/bell.wav") && error.contains("put it there"), "{error}");
        let wish = crier_config::Cpu { vocoder_processors: Some(vec![400]), ..crier_config::Cpu::default() };
        let error = super::cpu(&wish).unwrap_err().to_string();
        assert!(error.contains("400"), "{error}");
    }
}
