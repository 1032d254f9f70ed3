//! The intake as a stage: all inputs in one process, which knows neither models nor sound.

use crier_intake::{Counter, inputs};
use crier_system::Channel;
use crier_wire::{FromStage, IntakeReport, IntakeRequest, ToStage, decode, encode};

use super::{settings, started};
use crate::error::CrierError;
use crate::packets::Packets;

pub(super) fn run(channel: Channel) -> Result<(), CrierError> {
    let settings: inputs::Settings = settings(&channel)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CrierError::System { what: "start the intake's event loop", source })?;
    let result = runtime.block_on(serve(channel, settings));
    // Whatever an input still waits for, the supervisor is gone.
    runtime.shutdown_background();
    result
}

async fn serve(channel: Channel, settings: inputs::Settings) -> Result<(), CrierError> {
    let packets = Packets::new(channel)?;
    let mut counter = Counter::new();
    let count = inputs::start(settings, &counter);
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
