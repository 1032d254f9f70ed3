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
mod queue;
mod serial;
mod supervisor;
mod users;
mod voice;
mod watchdog;

pub use appliance::Appliance;
pub(crate) use button::read_action_table;
pub use button::{Action, Button, Mute};
pub(crate) use common::Known;
pub use common::SpokenText;
pub use control::{Control, Metrics};
pub use cpu::{Cpu, Processors};
pub use fifo::Fifo;
pub use log::{Log, LogLevel};
pub use mqtt::{ClientCertificate, Mqtt, MqttVersion, Tls};
pub use player::{Mixer, Output, Player, Start};
pub use queue::Queue;
pub use serial::{DataBits, Dialect, Encoding, FlowControl, Format, Parity, Serial, StopBits};
pub use supervisor::{Stop, Supervisor};
pub use users::Users;
pub use voice::{TextMode, Voice, VoiceBundle};
pub use watchdog::Watchdog;
