//! The dialect of Parallax's Emic 2: a letter, an argument, a line end; `:` when it is ready for the next.
//!
//! `X` and `Z` act at once, without a line end, as libraries send them. A blank line asks whether the module is ready:
//! it answers `:` at once if nothing is to be spoken, and otherwise when that has ended.

use std::time::Instant;

use crier_announce::{CancelReason, EventKind, PitchShift, SpeechRate};
use crier_config::TextEncoding;
use crier_normalise::Language;
use crier_wire::{Command, LossReason};

use crate::message::Defaults;
use crate::rate_limited::RequestOutcome;
use crate::serial::device_voices::{self, emic2_voice, rate_of_words};
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::text::{clean, decode};

/// Longest text of one `S`, in bytes, as the original takes it.
const TEXT_BYTES_MAX: usize = 1023;
/// Words per minute of the original unless told otherwise.
const WORDS_PER_MINUTE: u32 = 200;
/// Lowest and highest volume of the original, in decibels.
const VOLUME_DB: (i32, i32) = (-48, 18);

pub(crate) struct Emic2 {
    defaults: Defaults,
    line: Vec<u8>,
    skipping: bool,
    after_cr: bool,
    language: Option<Language>,
    volume: Option<u32>,
    rate: Option<SpeechRate>,
    pitch: Option<PitchShift>,
    /// True after an `X`, whose answer has a `:` already: the end that it brings about gets none.
    stopping: bool,
}

impl Emic2 {
    pub(crate) fn new(defaults: Defaults) -> Self {
        let defaults = defaults.with_fallback_encoding(TextEncoding::Latin1);
        Self {
            defaults,
            line: Vec::new(),
            skipping: false,
            after_cr: false,
            language: None,
            volume: None,
            rate: None,
            pitch: None,
            stopping: false,
        }
    }

    fn byte(&mut self, byte: u8, requests: &mut Vec<DialectRequest>) {
        let after_cr = std::mem::take(&mut self.after_cr);
        match byte {
            // The LF of a CR LF is no blank line, which would be a question that gets a `:`.
            b'\n' if after_cr => {}
            b'\n' | b'\r' => {
                self.after_cr = byte == b'\r';
                if !std::mem::take(&mut self.skipping) {
                    let line = std::mem::take(&mut self.line);
                    requests.extend(self.command(&line));
                }
            }
            _ if self.skipping => {}
            // Only at the start of a line: inside a text they are letters.
            b'X' | b'x' if self.line.is_empty() => requests.push(DialectRequest::StopSource),
            b'Z' | b'z' if self.line.is_empty() => {
                requests.push(DialectRequest::Command(Command::PauseToggle));
            }
            // The letter of the command comes on top of the text.
            _ if self.line.len() > TEXT_BYTES_MAX => {
                self.line = Vec::new();
                self.skipping = true;
                requests.push(DialectRequest::Refuse(
                    LossReason::TooLong,
                    format!("a text of more than {TEXT_BYTES_MAX} bytes"),
                ));
            }
            _ => self.line.push(byte),
        }
    }

    fn command(&mut self, line: &[u8]) -> Option<DialectRequest> {
        // A blank line asks if the module is ready, as sketches do in their setup.
        let Some((letter, argument)) = line.split_first() else { return Some(DialectRequest::Query) };
        let number: Option<i32> =
            std::str::from_utf8(argument).ok().and_then(|text| text.trim().parse().ok());
        let ready = || DialectRequest::Reply(b":".to_vec());
        let request = match (letter.to_ascii_uppercase(), number) {
            (b'S', _) => return Some(self.say(argument)),
            (b'D', Some(number @ 0..=2)) => return Some(self.demonstration(number)),
            (b'V', Some(decibel)) if (VOLUME_DB.0..=VOLUME_DB.1).contains(&decibel) => {
                let (low, high) = VOLUME_DB;
                self.volume = u32::try_from((decibel - low) * 100 / (high - low)).ok();
                ready()
            }
            (b'L', Some(language @ 0..=2)) => {
                self.language = Some(if language == 0 { Language::English } else { Language::Spanish });
                ready()
            }
            (b'W', Some(words @ 75..=600)) => {
                self.rate = u32::try_from(words).ok().map(|words| rate_of_words(words, WORDS_PER_MINUTE));
                ready()
            }
            (b'N', Some(number @ 0..=8)) => {
                // A pitch and no speaker: what speakers there are depends on the voice that will speak.
                self.pitch = usize::try_from(number).ok().and_then(emic2_voice);
                ready()
            }
            // Taken, since a sketch waits for the `:`; the parser belongs to the original.
            (b'P', Some(0..=1)) => ready(),
            (b'R', None) => {
                self.language = None;
                (self.volume, self.rate, self.pitch) = (None, None, None);
                ready()
            }
            (b'C', None) => DialectRequest::Reply(self.settings()),
            (b'I', None) => DialectRequest::Reply(b"Crier, speaking Emic 2\r\n:".to_vec()),
            (b'H', None) => DialectRequest::Reply(HELP.to_vec()),
            _ => DialectRequest::Refuse(
                LossReason::Invalid,
                "a command that the Emic 2 does not have".to_owned(),
            ),
        };
        Some(request)
    }

    fn say(&self, text: &[u8]) -> DialectRequest {
        let Some(text) = decode(self.defaults.encoding, text) else {
            return DialectRequest::Refuse(LossReason::Encoding, "a text in another encoding".to_owned());
        };
        let text = clean(&without_commands(&text));
        // The original is ready at once when there was nothing to say.
        if text.is_empty() { DialectRequest::Query } else { self.spoken(text) }
    }

    fn spoken(&self, text: String) -> DialectRequest {
        let mut draft = self.defaults.draft(text);
        draft.volume = self.volume;
        device_voices::apply(&mut draft, self.rate, self.pitch);
        if let Some(language) = self.language {
            draft.language = Some(language.name().to_owned());
        }
        DialectRequest::Say(Box::new(draft))
    }

    fn demonstration(&self, number: i32) -> DialectRequest {
        let (text, language) = match number {
            2 => ("Hola. Todo lo que usted escribe se puede oír.", Language::Spanish),
            _ => ("Hello. Everything that you write can be heard.", Language::English),
        };
        let DialectRequest::Say(mut draft) = self.spoken(text.to_owned()) else {
            return DialectRequest::Query;
        };
        draft.language = Some(language.name().to_owned());
        DialectRequest::Say(draft)
    }

    fn settings(&self) -> Vec<u8> {
        let volume =
            self.volume.map_or_else(|| "as configured".to_owned(), |percent| format!("{percent} percent"));
        let language = self.language.map_or("as configured", Language::name);
        let rate =
            self.rate.map_or_else(|| "as configured".to_owned(), |rate| format!("{} times", rate.factor()));
        format!("Volume: {volume}\r\nLanguage: {language}\r\nRate: {rate}\r\n:").into_bytes()
    }
}

const HELP: &[u8] =
    b"Sx say text\r\nX stop\r\nZ pause, go on\r\nVx volume, -48 to 18\r\nLx language, 0 to 2\r\n\
Dx demonstration, 0 to 2\r\nWx words per minute, 75 to 600\r\nNx voice, 0 to 8\r\n\
Px taken, without effect\r\nC settings\r\nI version\r\nR defaults\r\nH help\r\n:";

/// Returns `text` without the commands of the original's DECtalk parser: `[:...]`.
fn without_commands(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once("[:") {
        plain.push_str(before);
        // Without an end, everything behind it is taken for the command and not spoken.
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

impl Dialect for Emic2 {
    fn read(&mut self, bytes: &[u8], _now: Instant, requests: &mut Vec<DialectRequest>) {
        for byte in bytes {
            self.byte(*byte, requests);
        }
    }

    fn greeting(&self) -> &'static [u8] {
        b":"
    }

    fn reset(&mut self) {
        self.line = Vec::new();
        self.skipping = false;
        self.after_cr = false;
    }

    fn answer(
        &mut self,
        request: &DialectRequest,
        outcome: &RequestOutcome,
        queue: PortQueue,
        reply: &mut Vec<u8>,
    ) {
        match (request, outcome) {
            // It is ready when the text has been spoken.
            (DialectRequest::Say(_), RequestOutcome::Accepted { .. }) => {}
            (DialectRequest::StopSource, _) => {
                self.stopping = queue.unfinished > 0;
                reply.extend_from_slice(b".:");
            }
            (DialectRequest::Query, _) if queue.unfinished > 0 => {}
            (DialectRequest::Query, _) => reply.push(b':'),
            (DialectRequest::Command(Command::PauseToggle), RequestOutcome::Done) if queue.unfinished > 0 => {
                reply.push(b'.');
            }
            (
                _,
                RequestOutcome::Accepted { .. } | RequestOutcome::Duplicate { .. } | RequestOutcome::Done,
            ) => reply.push(b':'),
            // A sketch that waits for `:` goes on.
            (_, RequestOutcome::Busy | RequestOutcome::Refused(_)) => reply.extend_from_slice(b"?:"),
        }
    }

    fn event(&mut self, _sequence: u64, kind: &EventKind, queue: PortQueue, reply: &mut Vec<u8>) {
        // The announcement that the stop ended is over; what starts now came after it.
        if matches!(kind, EventKind::Started) {
            self.stopping = false;
        }
        if !kind.is_end() {
            return;
        }
        let stopped = matches!(kind, EventKind::Cancelled { reason: CancelReason::Stopped });
        if stopped && self.stopping {
            self.stopping = queue.unfinished > 0;
        } else {
            reply.push(b':');
        }
    }

    fn held(&self) -> usize {
        self.line.capacity()
    }
}
