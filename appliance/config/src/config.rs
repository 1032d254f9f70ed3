//! The whole file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sections::{
    Appliance, Button, Control, Cpu, Fifo, Log, Metrics, Mqtt, Player, Queue, Serial, Supervisor, Voice,
    Watchdog,
};

/// The configuration of the appliance. Its `Serialize` is for handing a part to a stage, not for writing the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Config {
    /// Who this appliance is and where it keeps its things.
    pub appliance: Appliance,
    /// Who speaks when an announcement does not say.
    pub voice: Voice,
    /// Who else can speak, by name.
    pub voices: BTreeMap<String, Voice>,
    /// How many announcements may wait.
    pub queue: Queue,
    /// Where speech is heard.
    pub player: Player,
    /// Which processors do what.
    pub cpu: Cpu,
    /// Serial ports that text comes in by.
    pub serial: Vec<Serial>,
    /// FIFOs that text comes in by.
    pub fifo: Vec<Fifo>,
    /// The broker; `None`: there is none.
    pub mqtt: Option<Mqtt>,
    /// Push-buttons.
    pub button: Vec<Button>,
    /// The socket of `crier ctl`.
    pub control: Control,
    /// The socket that metrics are read from.
    pub metrics: Metrics,
    /// When the machine itself is to start again.
    pub watchdog: Watchdog,
    /// How the supervisor starts, stops and waits.
    pub supervisor: Supervisor,
    /// What is worth a line in the log.
    pub log: Log,
}
