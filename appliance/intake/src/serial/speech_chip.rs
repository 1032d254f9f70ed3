//! Dialect of the modules that speak in frames, SYN6288 and XFS5152CE: all that the two have in common.

use std::time::Instant;

use crier_announce::{Draft, EventKind};
use crier_wire::{Command, LossReason};

use crate::message::Defaults;
use crate::rate_limited::RequestOutcome;
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::serial::frames::{self, FrameShape, Frames};

/// A module, with the settings that tags in its texts have made.
pub(crate) trait SpeechChip: FrameShape + Default + Send {
    /// Name of the module for people.
    const NAME: &'static str;
    /// Bits of the parameter of a text that choose its encoding.
    const ENCODING_BITS: u8;
    /// True if a query is acknowledged like any other frame before its answer.
    const ACKNOWLEDGES_QUERY: bool;
    /// True if the tag `[p500]` is silence.
    const PAUSES: bool;

    /// Carries out a tag. Its setting holds for the texts that follow, too.
    fn tag(&mut self, tag: (char, Option<u32>));

    /// Applies the settings to an announcement.
    fn apply(&self, draft: &mut Draft);

    /// Returns the request of a command that only this module has.
    fn command(body: &[u8]) -> Option<DialectRequest>;
}

/// Dialect of a module.
pub(crate) struct ChipDialect<C> {
    defaults: Defaults,
    frames: Frames<C>,
    chip: C,
    /// Prompt sounds on or off, as the latest tag `[x]` says.
    prompt_sounds: Option<bool>,
}

impl<C: SpeechChip> ChipDialect<C> {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Self { defaults, frames: Frames::new(), chip: C::default(), prompt_sounds: None }
    }
}

fn request<C: SpeechChip>(
    body: &[u8],
    defaults: &Defaults,
    chip: &mut C,
    prompt_sounds: &mut Option<bool>,
) -> DialectRequest {
    match body {
        [0x01, parameter, text @ ..] => {
            let Some(text) = frames::decode(parameter & C::ENCODING_BITS, text) else {
                let reason = "a text that is not in the encoding the frame names".to_owned();
                return DialectRequest::Refuse(LossReason::Encoding, reason);
            };
            let tagged = frames::untag(&text, C::PAUSES);
            for tag in tagged.tags {
                match tag {
                    // Of both modules, and of the texts that follow as well.
                    ('x', Some(number)) => *prompt_sounds = Some(number > 0),
                    ('d', None) => *prompt_sounds = None,
                    _ => {}
                }
                chip.tag(tag);
            }
            let text = frames::without_sounds(&tagged.text, *prompt_sounds);
            // Tags alone set something and speak nothing: accepted, and idle at once, as the sender waits for that.
            if text.is_empty() {
                return DialectRequest::Reply(vec![frames::ACCEPTED, frames::IDLE]);
            }
            let mut draft = defaults.draft(text);
            chip.apply(&mut draft);
            DialectRequest::Say(Box::new(draft))
        }
        [0x02] => DialectRequest::StopSource,
        [0x03] => DialectRequest::Command(Command::Pause),
        [0x04] => DialectRequest::Command(Command::Resume),
        [0x21] => DialectRequest::Query,
        // There is no power to save here.
        [0x88] => DialectRequest::Reply(vec![frames::ACCEPTED]),
        _ => C::command(body).unwrap_or_else(|| {
            let reason = format!("a command that the {} does not have", C::NAME);
            DialectRequest::Refuse(LossReason::Invalid, reason)
        }),
    }
}

impl<C: SpeechChip> Dialect for ChipDialect<C> {
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>) {
        let Self { defaults, frames, chip, prompt_sounds } = self;
        frames.read(bytes, now, requests, |body, requests| {
            requests.push(request(body, defaults, chip, prompt_sounds));
        });
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
        if C::ACKNOWLEDGES_QUERY && matches!(request, DialectRequest::Query) {
            reply.push(frames::ACCEPTED);
        }
        reply.extend(frames::answer(request, outcome, queue));
    }

    fn event(&mut self, _sequence: u64, kind: &EventKind, queue: PortQueue, reply: &mut Vec<u8>) {
        reply.extend(frames::event(kind, queue));
    }

    fn held(&self) -> usize {
        self.frames.held()
    }
}
