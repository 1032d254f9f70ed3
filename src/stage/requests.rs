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
        return Err(CrierError::Internal("the supervisor ended before it sent the settings".to_owned()));
    }
    match decode::<ToStage<S, serde_json::Value>>(&packet)?.0 {
        // The same program file normally; an update may replace it between the start of supervisor and stage.
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
        // The supervisor has ended: the normal end of a stage.
        Err(crier_system::ChannelError::PeerGone) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Serves a stage that answers every request with one reply or none: `answer` gets the request and its payload, fills
/// the reply's payload and returns the reply. Ends when the supervisor is gone.
pub(super) fn serve<Q: DeserializeOwned, R: Serialize>(
    channel: &Channel,
    answer: impl FnMut(Q, &[u8], &mut Vec<f32>) -> Result<Option<R>, WireError>,
) -> Result<(), CrierError> {
    serve_in_parts(channel, usize::MAX, answer, |_| {})
}

/// [`serve`] with payloads that may exceed the longest packet: each packet carries `numbers_max` numbers at most, and
/// `end` marks the reply in the last one.
pub(super) fn serve_in_parts<Q: DeserializeOwned, R: Serialize>(
    channel: &Channel,
    numbers_max: usize,
    mut answer: impl FnMut(Q, &[u8], &mut Vec<f32>) -> Result<Option<R>, WireError>,
    end: impl Fn(&mut R),
) -> Result<(), CrierError> {
    let (mut incoming, mut outgoing, mut payload) = (Vec::new(), Vec::new(), Vec::new());
    while channel.receive(&mut incoming)?.is_some() {
        // A packet that cannot be read ends the stage: both sides are the same program, so one of them is damaged.
        let (head, bytes) = decode::<ToStage<serde_json::Value, Q>>(&incoming)?;
        // Kept for its memory: payloads have the same size again and again.
        payload.clear();
        let reply = match head {
            // Only the first message counts.
            ToStage::Start { .. } => None,
            // Between two requests: a heartbeat waits for the work before it, so it proves that the work ends.
            ToStage::Probe { number } => Some(FromStage::Alive { number }),
            ToStage::Work(request) => answer(request, bytes, &mut payload)?.map(FromStage::Work),
        };
        let Some(mut reply) = reply else { continue };
        let mut rest = payload.as_slice();
        // Each packet repeats the head, which costs less than a second kind of message.
        while rest.len() > numbers_max {
            let (part, behind) = rest.split_at(numbers_max);
            if !send(channel, &reply, part, &mut outgoing)? {
                return Ok(());
            }
            rest = behind;
        }
        if let FromStage::Work(reply) = &mut reply {
            end(reply);
        }
        if !send(channel, &reply, rest, &mut outgoing)? {
            break;
        }
    }
    Ok(())
}
