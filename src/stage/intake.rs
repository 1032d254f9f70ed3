//! The intake as a stage: all inputs in one process, which knows neither models nor sound.

use crier_config::{ButtonSettings, FifoSettings, MqttSettings, SerialSettings};
use crier_intake::{Hub, buttons, fifo, mqtt, serial};
use crier_system::Channel;
use crier_wire::{FromStage, IntakeReport, IntakeRequest, ToStage, decode, encode};

use super::requests::{settings, started};
use serde::{Deserialize, Serialize};

use crate::error::CrierError;
use crier_supervisor::Packets;

/// Settings of the intake stage, its first message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntakeStageSettings {
    /// Identifier of this appliance.
    pub(crate) id: String,
    /// Name of this appliance for people.
    pub(crate) name: String,
    pub(crate) serial: Vec<SerialSettings>,
    pub(crate) fifo: Vec<FifoSettings>,
    pub(crate) mqtt: Option<MqttSettings>,
    pub(crate) button: Vec<ButtonSettings>,
}

impl IntakeStageSettings {
    /// Starts all inputs and returns their number.
    fn start(self, hub: &Hub) -> usize {
        let mut count = 0;
        let mut handle = |name: &str| {
            count += 1;
            hub.handle(name)
        };
        for settings in self.serial {
            let handle = handle(&format!("serial:{}", settings.device.display()));
            tokio::spawn(serial::run(settings, handle));
        }
        for settings in self.fifo {
            let handle = handle(&format!("fifo:{}", settings.path.display()));
            tokio::spawn(fifo::run(settings, handle));
        }
        if let Some(broker) = self.mqtt {
            let identity = mqtt::ApplianceIdentity {
                id: self.id,
                name: self.name,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                hardware: std::env::consts::ARCH.to_owned(),
            };
            tokio::spawn(mqtt::run(mqtt::MqttOptions { identity, broker }, handle("mqtt")));
        }
        if !self.button.is_empty() {
            tokio::spawn(buttons::run(self.button, handle("buttons")));
        }
        count
    }
}

pub(super) fn run(channel: Channel) -> Result<(), CrierError> {
    let settings: IntakeStageSettings = settings(&channel)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CrierError::Start { what: "start the intake's event loop", source })?;
    // One thread for all inputs: they wait far more than they compute.
    let result = runtime.block_on(serve(channel, settings));
    // The supervisor is gone, so an input that blocks (a name lookup, a slow device) is not waited for.
    runtime.shutdown_background();
    result
}

/// Packets to the supervisor, in the order of their sending.
#[derive(Default)]
struct Outgoing {
    /// Packet that is being sent; empty if there is none.
    packet: Vec<u8>,
    /// Heartbeat to be answered before the next report. A later one replaces it: the supervisor sends the next only
    /// when it has given up waiting for this one.
    heartbeat: Option<u64>,
}

impl Outgoing {
    /// Puts the answer to a heartbeat into the empty slot.
    fn fill(&mut self) -> Result<(), CrierError> {
        if self.packet.is_empty()
            && let Some(number) = self.heartbeat.take()
        {
            encode(&FromStage::<IntakeReport>::Alive { number }, &[], &mut self.packet)?;
        }
        Ok(())
    }
}

async fn serve(channel: Channel, settings: IntakeStageSettings) -> Result<(), CrierError> {
    let packets = Packets::new(channel)?;
    let mut hub = Hub::new();
    let count = settings.start(&hub);
    let mut outgoing = Outgoing::default();
    encode(&started::<IntakeReport>(0, crate::report::counted(count, "input")), &[], &mut outgoing.packet)?;
    let mut incoming = Vec::new();
    loop {
        outgoing.fill()?;
        let is_sending = !outgoing.packet.is_empty();
        tokio::select! {
            // Reading goes on while a packet waits for room. The supervisor does the same: if both read only when they
            // have nothing to send, two full sockets would stop them for ever.
            received = packets.receive(&mut incoming) => {
                if received?.is_none() {
                    return Ok(());
                }
                // An error ends the intake, and with it its inputs: the next instance opens them again.
                let (head, _) = decode::<ToStage<serde_json::Value, IntakeRequest>>(&incoming)?;
                match head {
                    ToStage::Start { .. } => {}
                    ToStage::Probe { number } => outgoing.heartbeat = Some(number),
                    // Bounded in the hub: answers belong to requests, events and states replace older ones.
                    ToStage::Work(request) => hub.request(request),
                }
            }
            sent = packets.send(&outgoing.packet), if is_sending => {
                sent?;
                outgoing.packet.clear();
            }
            report = hub.report(), if !is_sending => {
                encode(&FromStage::Work(report), &[], &mut outgoing.packet)?;
            }
        }
    }
}
