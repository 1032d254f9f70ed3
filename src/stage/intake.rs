//! The intake as a stage: all inputs in one process, which knows neither models nor sound.

use crier_intake::Counter;
use crier_system::Channel;
use crier_wire::{FromStage, IntakeReport, IntakeRequest, ToStage, decode, encode};

use super::{settings, started};
use serde::{Deserialize, Serialize};

use crate::error::CrierError;
use crate::packets::Packets;

/// What the intake is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntakeSettings {
    /// Who this appliance is.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) serial: Vec<crier_config::Serial>,
    pub(crate) fifo: Vec<crier_config::Fifo>,
    pub(crate) mqtt: Option<crier_config::Mqtt>,
    pub(crate) button: Vec<crier_config::Button>,
}

impl IntakeSettings {
    /// Starts every input; answers how many.
    fn start(self, _counter: &Counter) -> usize {
        0
    }
}

pub(super) fn run(channel: Channel) -> Result<(), CrierError> {
    let settings: IntakeSettings = settings(&channel)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CrierError::Start { what: "start the intake's event loop", source })?;
    let result = runtime.block_on(serve(channel, settings));
    // Whatever an input still waits for, the supervisor is gone.
    runtime.shutdown_background();
    result
}

async fn serve(channel: Channel, settings: IntakeSettings) -> Result<(), CrierError> {
    let packets = Packets::new(channel)?;
    let mut counter = Counter::new();
    let count = settings.start(&counter);
    let mut outgoing = Vec::new();
    send(&packets, &started(0, format!("{count} inputs")), &mut outgoing).await?;
    let mut incoming = Vec::new();
    loop {
        tokio::select! {
            report = counter.report() => send(&packets, &FromStage::Work(report), &mut outgoing).await?,
            received = packets.receive(&mut incoming) => {
                if received?.is_none() {
                    return Ok(());
                }
                let (head, _) = decode::<ToStage<serde_json::Value, IntakeRequest>>(&incoming)?;
                match head {
                    ToStage::Start { .. } => {}
                    ToStage::Probe { number } => send(&packets, &FromStage::Alive { number }, &mut outgoing).await?,
                    ToStage::Work(request) => counter.request(request),
                }
            }
        }
    }
}

async fn send(
    packets: &Packets,
    head: &FromStage<IntakeReport>,
    packet: &mut Vec<u8>,
) -> Result<(), CrierError> {
    encode(head, &[], packet)?;
    packets.send(packet).await
}
