//! The dialect of XFS5152CE: `FD length length command encoding text`, without checksum.

use std::time::Instant;

use crier_announce::EventKind;
use crier_wire::{Command, LossReason};

use crate::message::Defaults;
use crate::rate_limited::RequestOutcome;
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::serial::frames::{self, FrameShape, Frames};

/// Loudest volume tag.
const VOLUME_MAX: u32 = 10;

struct Xfs5152Shape;

impl FrameShape for Xfs5152Shape {
    const CHECK_BYTES: usize = 0;
    const TEXT_BYTES_MAX: usize = 4096;

    fn body_bytes(command: u8) -> Option<(usize, usize)> {
        match command {
            0x01 => Some((3, 2 + Self::TEXT_BYTES_MAX)),
            0x02 | 0x03 | 0x04 | 0x21 | 0x88 | 0xFF => Some((1, 1)),
            _ => None,
        }
    }
}

/// Settings made by tags; they hold for the texts that follow, too.
#[derive(Default)]
struct Tags {
    volume: Option<u32>,
    language: Option<&'static str>,
}

impl Tags {
    fn take(&mut self, tag: (char, Option<u32>)) {
        match tag {
            ('v', Some(value @ 0..=VOLUME_MAX)) => self.volume = Some(value * 100 / VOLUME_MAX),
            ('g', Some(0)) => self.language = None,
            ('g', Some(1)) => self.language = Some("zh"),
            ('g', Some(2)) => self.language = Some("en"),
            ('d', None) => *self = Self::default(),
            _ => {}
        }
    }
}

pub(crate) struct Xfs5152 {
    defaults: Defaults,
    frames: Frames<Xfs5152Shape>,
    tags: Tags,
}

impl Xfs5152 {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Self { defaults, frames: Frames::new(), tags: Tags::default() }
    }
}

fn request(body: &[u8], defaults: &Defaults, tags: &mut Tags) -> DialectRequest {
    match body {
        [0x01, encoding, text @ ..] => {
            let Some(text) = frames::decode(*encoding, text) else {
                return DialectRequest::Refuse(
                    LossReason::Encoding,
                    "a text that is not in the encoding the frame names".to_owned(),
                );
            };
            let tagged = frames::untag(&text);
            for tag in tagged.tags {
                tags.take(tag);
            }
            // Tags alone set something and speak nothing: accepted, and idle at once, as the sender waits for that.
            if tagged.text.is_empty() {
                return DialectRequest::Reply(vec![frames::ACCEPTED, frames::IDLE]);
            }
            let mut draft = defaults.draft(tagged.text);
            draft.volume = tags.volume;
            if let Some(language) = tags.language {
                draft.language = Some(language.to_owned());
            }
            DialectRequest::Say(Box::new(draft))
        }
        [0x02] => DialectRequest::StopSource,
        [0x03] => DialectRequest::Command(Command::Pause),
        [0x04] => DialectRequest::Command(Command::Resume),
        [0x21] => DialectRequest::Query,
        // There is no power to save here, and nothing to wake up.
        [0x88] => DialectRequest::Reply(vec![frames::ACCEPTED]),
        [0xFF] => DialectRequest::Reply(vec![frames::READY]),
        _ => {
            DialectRequest::Refuse(LossReason::Invalid, "a command that the XFS5152 does not have".to_owned())
        }
    }
}

impl Dialect for Xfs5152 {
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>) {
        let Self { defaults, frames, tags } = self;
        frames.read(bytes, now, requests, |body, requests| requests.push(request(body, defaults, tags)));
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
