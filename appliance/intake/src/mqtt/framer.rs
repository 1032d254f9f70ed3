//! Framing of MQTT packets. A message longer than any announcement is skipped instead of stored.
//!
//! MQTT 3.1.1 has no Maximum Packet Size to announce, and closing the connection would not help: the broker would
//! redeliver the message for ever. So only the beginning of the packet, with topic and packet id, is kept. The
//! message can then be acknowledged and rejected.

/// Length of the fixed header, in bytes: one of type and flags, up to four of Remaining Length (section 2.2).
const HEADER_BYTES_MAX: usize = 5;
/// Longest topic of a message that is skipped, in bytes. Those of the appliance's subscriptions are shorter.
const TOPIC_BYTES_MAX: usize = 1024;
/// First byte of PUBLISH without its flags (section 2.2.1).
const PUBLISH: u8 = 0x30;

/// Packet as received, or the beginning of a message that was too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MqttFrame {
    /// A whole packet; if `too_long`, one with the same topic and packet id and no payload.
    pub(super) bytes: Vec<u8>,
    /// Length received, in bytes, if it exceeds the limit.
    pub(super) too_long: Option<usize>,
}

/// Error of framing, after which the stream cannot be continued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the length of a packet has more than four bytes")]
    Length,
    #[error("a packet has {bytes} bytes, at most {limit} are accepted")]
    TooLong { bytes: usize, limit: usize },
    #[error("the topic of a message is longer than the message")]
    Topic,
}

/// Splits the bytes of a connection into packets.
#[derive(Debug)]
pub(super) struct Framer {
    /// Longest packet, in bytes.
    limit: usize,
    /// True if longer messages are skipped; otherwise they are an error.
    skips: bool,
    packet: Vec<u8>,
    state: FramerState,
}

#[derive(Debug, Clone, Copy)]
enum FramerState {
    Header,
    /// Packet of this length.
    Whole {
        bytes: usize,
    },
    /// Message that is too long, up to the end of its packet id.
    Start {
        bytes: usize,
        header: usize,
    },
    /// Rest of such a message.
    Skip {
        bytes: usize,
        left: usize,
    },
}

impl Framer {
    pub(super) fn new(limit: usize, skips: bool) -> Self {
        Self { limit, skips, packet: Vec::new(), state: FramerState::Header }
    }

    /// Returns the next packet of `input`, and removes the bytes that were used from it.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<MqttFrame>, FrameError> {
        loop {
            match self.state {
                FramerState::Header => {
                    let Some(byte) = take(input, 1).first() else { return Ok(None) };
                    // Byte by byte, as the length of the header is known only at its end.
                    self.packet.push(*byte);
                    self.header()?;
                }
                FramerState::Whole { bytes } => {
                    self.packet.extend_from_slice(take(input, bytes - self.packet.len()));
                    if self.packet.len() < bytes {
                        return Ok(None);
                    }
                    return Ok(Some(self.finish(None)));
                }
                FramerState::Start { bytes, header } => {
                    let needed = self.start_bytes(header)?;
                    let left = bytes.checked_sub(needed).ok_or(FrameError::Topic)?;
                    self.packet.extend_from_slice(take(input, needed - self.packet.len()));
                    if self.packet.len() < needed {
                        return Ok(None);
                    }
                    // At first only the topic's length was needed; with it the length of the whole start is known.
                    if self.start_bytes(header)? == needed {
                        self.state = FramerState::Skip { bytes, left };
                    }
                }
                FramerState::Skip { bytes, left } => {
                    let skipped = take(input, left).len();
                    self.state = FramerState::Skip { bytes, left: left - skipped };
                    if skipped < left {
                        return Ok(None);
                    }
                    return Ok(Some(self.finish(Some(bytes))));
                }
            }
        }
    }

    /// Parses the fixed header if it is complete.
    fn header(&mut self) -> Result<(), FrameError> {
        let length = &self.packet[1..];
        let Some(last) = length.last() else { return Ok(()) };
        // The highest bit of a length byte means that another one follows.
        if last & 0x80 != 0 {
            return if self.packet.len() < HEADER_BYTES_MAX { Ok(()) } else { Err(FrameError::Length) };
        }
        let remaining = length.iter().rev().fold(0_usize, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        let header = self.packet.len();
        let bytes = header + remaining;
        self.state = if bytes <= self.limit {
            FramerState::Whole { bytes }
        } else if self.skips && self.packet[0] & 0xf0 == PUBLISH {
            FramerState::Start { bytes, header }
        } else {
            return Err(FrameError::TooLong { bytes, limit: self.limit });
        };
        Ok(())
    }

    /// Returns the length of a message up to the end of its packet id, as far as it is known yet.
    fn start_bytes(&self, header: usize) -> Result<usize, FrameError> {
        let Some(&[high, low]) = self.packet.get(header..header + 2) else { return Ok(header + 2) };
        let topic = usize::from(u16::from_be_bytes([high, low]));
        if topic > TOPIC_BYTES_MAX {
            return Err(FrameError::TooLong { bytes: topic, limit: TOPIC_BYTES_MAX });
        }
        // Only with a QoS above 0 (section 2.3.1).
        let has_packet_id = self.packet[0] & 0b0110 != 0;
        Ok(header + 2 + topic + if has_packet_id { 2 } else { 0 })
    }

    /// Returns the collected packet and resets the framer.
    fn finish(&mut self, too_long: Option<usize>) -> MqttFrame {
        self.state = FramerState::Header;
        let bytes = std::mem::take(&mut self.packet);
        if too_long.is_none() {
            return MqttFrame { bytes, too_long };
        }
        // The library gets a valid packet: the same one with the length that it has without its payload. In MQTT 5,
        // where properties would be missing, nothing is skipped.
        let header = 1 + bytes[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let start = &bytes[header..];
        let mut short = vec![bytes[0]];
        let mut length = start.len();
        while length > 0x7f {
            short.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        short.push(length as u8);
        short.extend_from_slice(start);
        MqttFrame { bytes: short, too_long }
    }
}

/// Takes at most `bytes` from the front of `input`.
fn take<'a>(input: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(bytes.min(input.len()));
    *input = rest;
    taken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(first: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        let mut length = body.len();
        loop {
            let more = length > 0x7f;
            bytes.push((length & 0x7f) as u8 | if more { 0x80 } else { 0 });
            length >>= 7;
            if !more {
                break;
            }
        }
        bytes.extend_from_slice(body);
        bytes
    }

    /// Feeds `bytes` in chunks of `piece` bytes.
    fn frames(framer: &mut Framer, bytes: &[u8], piece: usize) -> Result<Vec<MqttFrame>, FrameError> {
        let mut frames = Vec::new();
        for mut piece in bytes.chunks(piece) {
            while let Some(frame) = framer.next(&mut piece)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn too_long_publish_keeps_topic_and_packet_id() {
        let mut body = vec![0, 5];
        body.extend_from_slice(b"speak\x12\x34");
        let start = body.clone();
        body.resize(1_000_000, b'x');
        let long = packet(0x3b, &body);
        let short = MqttFrame { bytes: packet(0x3b, &start), too_long: Some(long.len()) };
        let ping = packet(0xd0, &[]);
        let mut bytes = long;
        bytes.extend_from_slice(&ping);
        for piece in [1, 7, 4096, usize::MAX] {
            let mut framer = Framer::new(1000, true);
            let cut = frames(&mut framer, &bytes, piece.min(bytes.len())).unwrap();
            assert_eq!(cut, [short.clone(), MqttFrame { bytes: ping.clone(), too_long: None }]);
            assert!(framer.packet.capacity() < 2000);
        }
    }

    #[test]
    fn too_long_packet_is_an_error_when_it_cannot_be_skipped() {
        let long = packet(0x90, &[0; 2000]);
        assert!(matches!(frames(&mut Framer::new(1000, true), &long, 9), Err(FrameError::TooLong { .. })));
        let message = packet(0x30, &[0; 2000]);
        assert!(matches!(
            frames(&mut Framer::new(1000, false), &message, 9),
            Err(FrameError::TooLong { .. })
        ));
        assert_eq!(
            frames(&mut Framer::new(1000, true), &[0x30, 0xff, 0xff, 0xff, 0xff], 5),
            Err(FrameError::Length)
        );
        let topic = packet(0x30, &[0xff; 2000]);
        assert!(matches!(frames(&mut Framer::new(1000, true), &topic, 9), Err(FrameError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn frames_are_independent_of_read_boundaries(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..8),
            piece in 1_usize..500,
        ) {
            let packets: Vec<_> = bodies.iter().map(|body| packet(0x30, body)).collect();
            let cut = frames(&mut Framer::new(1000, true), &packets.concat(), piece).unwrap();
            let whole: Vec<_> = cut.into_iter().map(|frame| frame.bytes).collect();
            prop_assert_eq!(whole, packets);
        }

        #[test]
        fn framer_memory_is_bounded_on_arbitrary_bytes(
            junk in proptest::collection::vec(any::<u8>(), 0..5000),
            piece in 1_usize..500,
        ) {
            let mut framer = Framer::new(300, true);
            for mut piece in junk.chunks(piece) {
                loop {
                    match framer.next(&mut piece) {
                        Ok(Some(frame)) => prop_assert!(frame.bytes.len() <= HEADER_BYTES_MAX + 4 + TOPIC_BYTES_MAX),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(framer.packet.len() <= HEADER_BYTES_MAX + 4 + TOPIC_BYTES_MAX);
            }
        }
    }
}
