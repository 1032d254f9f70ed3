//! Encoding of packets.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::WireError;

/// Longest packet, in bytes: 64 frames of codes, 16 rows of the largest talker, or 1.6 s of samples. Below the default
/// socket buffer of Linux (`net.core.wmem_default`, 208 KiB), which no message of such a socket can exceed.
pub const PACKET_BYTES_MAX: usize = 160 * 1024;

/// Size of the length field, in bytes.
const LENGTH_BYTES: usize = 4;

/// Message: a head, and numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet<H> {
    /// Message proper, as JSON.
    pub head: H,
    /// Rows, logits or samples of the message.
    pub payload: Vec<f32>,
}

/// Encodes a message into `bytes`, whose content is replaced and whose memory is reused.
///
/// # Errors
/// [`WireError::TooLong`].
pub fn encode<H: Serialize>(head: &H, payload: &[f32], bytes: &mut Vec<u8>) -> Result<(), WireError> {
    bytes.clear();
    // Placeholder: the length of the head is known only after it was written.
    bytes.extend_from_slice(&[0; LENGTH_BYTES]);
    serde_json::to_writer(&mut *bytes, head).map_err(|error| head_error(&error))?;
    let head_bytes = bytes.len() - LENGTH_BYTES;
    // Checked before the payload is appended, so that a bug of the sender costs no memory.
    let total = bytes.len().saturating_add(payload.len().saturating_mul(4));
    let length = u32::try_from(head_bytes).ok().filter(|_| total <= PACKET_BYTES_MAX);
    let Some(length) = length else {
        return Err(WireError::TooLong { bytes: total, limit: PACKET_BYTES_MAX });
    };
    bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    for number in payload {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    Ok(())
}

/// Decodes a message to its head and the bytes of its payload, which [`floats`] converts.
///
/// # Errors
/// [`WireError::TooLong`], [`WireError::Cut`] and [`WireError::Head`].
pub fn decode<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, &[u8]), WireError> {
    if bytes.len() > PACKET_BYTES_MAX {
        return Err(WireError::TooLong { bytes: bytes.len(), limit: PACKET_BYTES_MAX });
    }
    let cut = || WireError::Cut { bytes: bytes.len() };
    // The checked splits leave no way to slice beyond the packet, whatever length it claims.
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
    let (head, payload) = rest.split_at_checked(length).ok_or_else(cut)?;
    let head = serde_json::from_slice(head).map_err(|error| head_error(&error))?;
    Ok((head, payload))
}

/// Returns the numbers of a payload.
///
/// # Errors
/// [`WireError::Payload`].
pub fn floats(payload: &[u8]) -> Result<Vec<f32>, WireError> {
    let mut numbers = Vec::new();
    read_floats(payload, &mut numbers)?;
    Ok(numbers)
}

/// Appends the numbers of a payload to `numbers`.
///
/// # Errors
/// [`WireError::Payload`].
pub fn read_floats(payload: &[u8], numbers: &mut Vec<f32>) -> Result<(), WireError> {
    // A remainder is an error, as it means that the head ended elsewhere than its sender thought.
    let (whole, []) = payload.as_chunks::<4>() else {
        return Err(WireError::Payload { bytes: payload.len() });
    };
    numbers.extend(whole.iter().map(|&bytes| f32::from_le_bytes(bytes)));
    Ok(())
}

/// Describes a parser's error by kind and column, since the parser's own message may quote the input.
fn head_error(error: &serde_json::Error) -> WireError {
    // A head is one line, so its column is the position.
    let problem = format!("{:?} at column {}", error.classify(), error.column());
    WireError::Head { problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{At, TalkerReply, TalkerRequest};

    #[test]
    fn packet_round_trips_through_its_encoding() {
        let head = TalkerReply::Decoded { at: At { utterance: 7, frame: 3 } };
        let mut bytes = Vec::new();
        encode(&head, &[0.5, -1.0, f32::MIN_POSITIVE], &mut bytes).unwrap();
        let (read, payload) = decode::<TalkerReply>(&bytes).unwrap();
        assert_eq!(read, head);
        assert_eq!(floats(payload).unwrap(), [0.5, -1.0, f32::MIN_POSITIVE]);
    }

    #[test]
    fn encode_rejects_packet_longer_than_limit() {
        let numbers = vec![0.0; PACKET_BYTES_MAX / 4];
        let error = encode(&"head", &numbers, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, WireError::TooLong { .. }));
    }

    #[test]
    fn decode_errors_do_not_quote_content() {
        let mut bytes = Vec::new();
        encode(&"the secret words", &[], &mut bytes).unwrap();
        let error = decode::<TalkerRequest>(&bytes).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    proptest! {
        #[test]
        fn decode_never_panics_on_arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<TalkerRequest>(&bytes).map(|(_, payload)| floats(payload));
        }

        #[test]
        fn decode_rejects_cut_packet(keep in 0_usize..40) {
            let mut bytes = Vec::new();
            encode(&TalkerReply::Decoded { at: At { utterance: 1, frame: 2 } }, &[], &mut bytes).unwrap();
            prop_assume!(keep < bytes.len());
            prop_assert!(decode::<TalkerReply>(&bytes[..keep]).is_err());
        }
    }
}
