//! Reader of `crier.toml`: reports all problems at once, each with its place and a remedy.

#![forbid(unsafe_code)]

mod changes;
mod config;
mod error;
mod key;
mod locate;
mod place;
mod reader;
mod report;
mod section;
mod sections;
mod suggest;
mod syntax;
mod values;

pub use changes::{Changes, RELOAD_RULES, ReloadEffect, ReloadRule, StageRole};
pub use config::{Config, FILE_BYTES_MAX, keys, parse_lexicon};
pub use error::{ConfigError, Finding, Warning};
pub use key::{Key, KeyDefault};
pub use locate::finding_at;
pub use report::report;
pub use sections::{
    ApplianceSettings, ButtonAction, ButtonSettings, CharacterFormat, ClientCertificate, ControlSettings,
    CpuSettings, DataBits, DialectName, FifoSettings, FlowControl, InvalidCharacterFormat, LogLevel,
    LogSettings, LoudnessMode, MannerSettings, MetricsSettings, MixerSetting, MqttSettings, MqttVersion,
    Mute, OutputSetting, Parity, PlayerSettings, Processors, QueueSettings, SerialSettings, SpokenText,
    Start, Stop, StopBits, SupervisorSettings, TextEncoding, TextModeSetting, Tls, UserSettings, VoiceBundle,
    VoiceSettings, WatchdogSettings,
};
