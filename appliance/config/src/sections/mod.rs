//! The sections of the file, one struct each.

mod appliance;
mod button;
mod common;
mod control;
mod cpu;
mod fifo;
mod log;
mod mqtt;
mod player;
mod pronunciation;
mod queue;
mod serial;
mod supervisor;
mod users;
mod voice;
mod watchdog;

pub use appliance::ApplianceSettings;
pub(crate) use button::read_action_table;
pub use button::{ButtonAction, ButtonSettings, Mute};
pub(crate) use common::Known;
pub use common::{MannerSettings, SpokenText};
pub use control::{ControlSettings, MetricsSettings};
pub use cpu::{CpuSettings, Processors};
pub use fifo::FifoSettings;
pub use log::{LogLevel, LogSettings};
pub use mqtt::{ClientCertificate, MqttSettings, MqttVersion, Tls};
pub use player::{LoudnessMode, MixerSetting, OutputSetting, PlayerSettings, Start};
pub(crate) use pronunciation::read_lexeme;
pub use queue::QueueSettings;
pub use serial::{
    CharacterFormat, DataBits, DialectName, FlowControl, InvalidCharacterFormat, Parity, SerialSettings,
    StopBits, TextEncoding,
};
pub use supervisor::{Stop, SupervisorSettings};
pub use users::UserSettings;
pub use voice::{TextModeSetting, VoiceBundle, VoiceSettings};
pub use watchdog::WatchdogSettings;
