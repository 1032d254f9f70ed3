//! Reader of `crier.toml`: reports all problems at once, each with its place and a remedy.

#![forbid(unsafe_code)]

mod changes;
mod config;
mod error;
mod key;
mod place;
mod reader;
mod report;
mod section;
mod sections;
mod suggest;
mod syntax;
mod values;

pub use changes::{Changes, RELOAD_RULES, ReloadEffect, ReloadRule, StageRole};
pub use config::{Config, FILE_BYTES_MAX, keys};
pub use error::{ConfigError, Finding, Warning};
pub use key::{Key, KeyDefault};
pub use report::report;
pub use sections::{
    Action, Appliance, Button, ClientCertificate, Control, Cpu, DataBits, Dialect, Encoding, Fifo,
    FlowControl, Format, Log, LogLevel, Metrics, Mixer, Mqtt, MqttVersion, Mute, Output, Parity, Player,
    Processors, Queue, Serial, SpokenText, Start, Stop, StopBits, Supervisor, TextMode, Tls, Users, Voice,
    VoiceBundle, Watchdog,
};
