//! The dialect of SYN6288: `FD length length command parameter text checksum`.

use std::time::Instant;

use crier_announce::EventKind;
use crier_wire::{Command, LossReason};

use crate::message::Defaults;
use crate::rate_limited::RequestOutcome;
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::serial::frames::{self, FrameShape, Frames};

/// Loudest volume tag.
const VOLUME_MAX: u32 = 16;

struct Syn6288Shape;

impl FrameShape for Syn6288Shape {
    const CHECK_BYTES: usize = 1;
    const TEXT_BYTES_MAX: usize = 200;

    fn body_bytes(command: u8) -> Option<(usize, usize)> {
        match command {
            0x01 => Some((3, 2 + Self::TEXT_BYTES_MAX)),
            0x02 | 0x03 | 0x04 | 0x21 | 0x88 => Some((1, 1)),
            0x31 => Some((2, 2)),
            _ => None,
        }
    }
}

pub(crate) struct Syn6288 {
    defaults: Defaults,
    frames: Frames<Syn6288Shape>,
    volume: Option<u32>,
}

impl Syn6288 {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Self { defaults, frames: Frames::new(), volume: None }
    }
}

fn request(body: &[u8], defaults: &Defaults, volume: &mut Option<u32>) -> DialectRequest {
    match body {
        // Bits 3 to 7 choose music to speak over, which is left out.
        [0x01, parameter, text @ ..] => {
            let Some(text) = frames::decode(parameter & 0b111, text) else {
                return DialectRequest::Refuse(
                    LossReason::Encoding,
                    "a text that is not in the encoding the frame names".to_owned(),
                );
            };
            let tagged = frames::untag(&text);
            for tag in tagged.tags {
                if let ('v', Some(value @ 0..=VOLUME_MAX)) = tag {
                    *volume = Some(value * 100 / VOLUME_MAX);
                }
            }
            // Tags alone set something and speak nothing: accepted, and idle at once, as the sender waits for that.
            if tagged.text.is_empty() {
                return DialectRequest::Reply(vec![frames::ACCEPTED, frames::IDLE]);
            }
            let mut draft = defaults.draft(tagged.text);
            draft.volume = *volume;
            DialectRequest::Say(Box::new(draft))
        }
        [0x02] => DialectRequest::StopSource,
        [0x03] => DialectRequest::Command(Command::Pause),
        [0x04] => DialectRequest::Command(Command::Resume),
        [0x21] => DialectRequest::Query,
        [0x31, 0] => DialectRequest::Baud(9600),
        [0x31, 1] => DialectRequest::Baud(19_200),
        [0x31, 2] => DialectRequest::Baud(38_400),
        // There is no power to save here.
        [0x88] => DialectRequest::Reply(vec![frames::ACCEPTED]),
        _ => {
            DialectRequest::Refuse(LossReason::Invalid, "a command that the SYN6288 does not have".to_owned())
        }
    }
}

impl Dialect for Syn6288 {
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>) {
        let Self { defaults, frames, volume } = self;
        frames.read(bytes, now, requests, |body, requests| requests.push(request(body, defaults, volume)));
    }

    fn deadline(&self) -> Option<Instant> {
        self.frames.deadline()
    }

    fn silence(&mut self, _now: Instant, requests: &mut Vec<DialectRequest>) {
        self.frames.silence(requests);
    }

    fn greeting(&self) -> &'static [u8] {
        &[frames::READY]
    }

    fn reset(&mut self) {
        self.frames.reset();
    }

    fn answer(
        &mut self,
        request: &DialectRequest,
        outcome: &RequestOutcome,
        queue: PortQueue,
        reply: &mut Vec<u8>,
    ) {
        reply.extend(frames::answer(request, outcome, queue));
    }

    fn event(&mut self, _sequence: u64, kind: &EventKind, queue: PortQueue, reply: &mut Vec<u8>) {
        reply.extend(frames::event(kind, queue));
    }

    fn held(&self) -> usize {
        self.frames.held()
    }
}
