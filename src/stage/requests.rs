//! The stage's end of its channel: settings, readiness, requests and replies.

use crier_system::Channel;
use crier_wire::{FromStage, Started, ToStage, VERSION, WireError, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::CrierError;

/// Receives the settings, the first message of every channel.
pub(super) fn settings<S: DeserializeOwned>(channel: &Channel) -> Result<S, CrierError> {
    let mut packet = Vec::new();
    if channel.receive(&mut packet)?.is_none() {
        return Err(CrierError::Internal("the supervisor was gone before it said what to do".to_owned()));
    }
    match decode::<ToStage<S, serde_json::Value>>(&packet)?.0 {
        ToStage::Start { version: VERSION, settings } => Ok(settings),
        ToStage::Start { version, .. } => Err(CrierError::Internal(format!(
            "the supervisor speaks version {version}, this stage version {VERSION}: the program was replaced while it \
             ran; start it again"
        ))),
        _ => Err(CrierError::Internal("the supervisor did not begin with the settings".to_owned())),
    }
}

/// Returns the message by which a stage reports that it can work.
pub(super) fn started<R>(load_ms: u64, detail: String) -> FromStage<R> {
    FromStage::Started(Started { version: VERSION, load_ms, detail })
}

/// Sends a message; false when the supervisor is gone.
pub(super) fn send<R: Serialize>(
    channel: &Channel,
    head: &FromStage<R>,
    payload: &[f32],
    packet: &mut Vec<u8>,
) -> Result<bool, CrierError> {
    encode(head, payload, packet)?;
    match channel.send(packet) {
        Ok(()) => Ok(true),
        Err(crier_system::ChannelError::PeerGone) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Serves a stage that answers every request with one reply or none: `answer` gets the request and its payload, fills
/// the reply's payload and returns the reply. Ends when the supervisor is gone.
pub(super) fn serve<Q: DeserializeOwned, R: Serialize>(
    channel: &Channel,
    mut answer: impl FnMut(Q, &[u8], &mut Vec<f32>) -> Result<Option<R>, WireError>,
) -> Result<(), CrierError> {
    let (mut incoming, mut outgoing, mut payload) = (Vec::new(), Vec::new(), Vec::new());
    while channel.receive(&mut incoming)?.is_some() {
        let (head, bytes) = decode::<ToStage<serde_json::Value, Q>>(&incoming)?;
        payload.clear();
        let reply = match head {
            ToStage::Start { .. } => None,
            ToStage::Probe { number } => Some(FromStage::Alive { number }),
            ToStage::Work(request) => answer(request, bytes, &mut payload)?.map(FromStage::Work),
        };
        if let Some(reply) = reply
            && !send(channel, &reply, &payload, &mut outgoing)?
        {
            break;
        }
    }
    Ok(())
}
