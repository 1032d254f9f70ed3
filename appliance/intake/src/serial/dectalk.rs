//! The dialect of DECtalk Express, as the Linux screen reader's driver `speakup_dectlk` speaks it: text with commands
//! in brackets, 0x0B to speak now, 0x03 to fall silent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crier_announce::{CancelReason, Draft, EventKind, PitchShift, SpeechRate};
use crier_config::TextEncoding;
use crier_normalise::Language;
use crier_wire::LossReason;

use crate::message::Defaults;
use crate::rate_limited::RequestOutcome;
use crate::serial::device_voices::{self, dectalk_pitch, dectalk_voice, rate_of_words};
use crate::serial::dialect::{Dialect, DialectRequest, PortQueue};
use crate::serial::frames::pause;
use crate::text::{clean, decode};

/// Words per minute of the original unless told otherwise.
const WORDS_PER_MINUTE: u32 = 180;
/// Longest text without an end, in bytes; then it is spoken as if there were one.
const TEXT_BYTES_MAX: usize = 4096;
/// Longest command, in bytes; a longer one is dropped, and what follows is text.
const COMMAND_BYTES_MAX: usize = 128;
/// A silence after which text without an end is spoken.
const SILENCE: Duration = Duration::from_secs(3);
/// Index marks that wait for their texts; more are answered at once, too early rather than never.
const MARKS_MAX: usize = 64;
/// Number of texts in the queue from which the other side is asked to wait.
const WAIT_AT: usize = 32;
/// Number of texts at which it may go on.
const GO_ON_AT: usize = 16;

const FLUSH: u8 = 0x03;
const SPEAK: u8 = 0x0B;
const FLUSHED: u8 = 0x01;
const XON: u8 = 0x11;
const XOFF: u8 = 0x13;

enum DectalkState {
    Text,
    /// After `[`, which begins a command if `:` follows.
    Bracket,
    Command(Vec<u8>),
    /// After `[` while phonemes are on: sounds of another voice, up to `]`.
    Phonemes(Vec<u8>),
}

pub(crate) struct Dectalk {
    defaults: Defaults,
    place: DectalkState,
    text: Vec<u8>,
    last: Option<Instant>,
    volume: Option<u32>,
    language: Option<Language>,
    rate: Option<SpeechRate>,
    pitch: Option<PitchShift>,
    /// True after `[:phoneme on]`: then brackets have phonemes in them.
    phonemes: bool,
    /// Sequence number of an announcement, and the mark to send when it has ended.
    marks: VecDeque<(u64, u16)>,
    waiting: bool,
}

impl Dectalk {
    pub(crate) fn new(defaults: Defaults) -> Self {
        let defaults = defaults.with_fallback_encoding(TextEncoding::Latin1);
        Self {
            defaults,
            place: DectalkState::Text,
            text: Vec::new(),
            last: None,
            volume: None,
            language: None,
            rate: None,
            pitch: None,
            phonemes: false,
            marks: VecDeque::new(),
            waiting: false,
        }
    }

    fn byte(&mut self, byte: u8, requests: &mut Vec<DialectRequest>) {
        match (&mut self.place, byte) {
            (_, FLUSH) => {
                self.place = DectalkState::Text;
                self.text.clear();
                // Anywhere, even in a command: silence on demand comes first for a screen reader.
                requests.push(DialectRequest::StopSource);
            }
            // A command does not go beyond its line.
            (
                DectalkState::Text | DectalkState::Command(_) | DectalkState::Phonemes(_),
                SPEAK | b'\r' | b'\n',
            ) => {
                self.place = DectalkState::Text;
                self.speak(requests);
            }
            (DectalkState::Text, b'[') => self.place = DectalkState::Bracket,
            (DectalkState::Text, _) => self.push(byte, requests),
            (DectalkState::Bracket, b':') => self.place = DectalkState::Command(Vec::new()),
            // Left out: spelled out, they would be heard as letters and numbers.
            (DectalkState::Bracket, _) if self.phonemes => {
                self.place = DectalkState::Phonemes(Vec::new());
                self.byte(byte, requests);
            }
            (DectalkState::Phonemes(sounds), b']') => {
                let silence = silence_of(sounds);
                self.place = DectalkState::Text;
                if let Some(ms) = silence {
                    self.pause(ms, requests);
                }
            }
            (DectalkState::Phonemes(sounds), _) if sounds.len() < COMMAND_BYTES_MAX => sounds.push(byte),
            (DectalkState::Phonemes(_), _) => {}
            (DectalkState::Bracket, _) => {
                self.place = DectalkState::Text;
                self.push(b'[', requests);
                self.byte(byte, requests);
            }
            (DectalkState::Command(command), b']') => {
                let command = std::mem::take(command);
                self.place = DectalkState::Text;
                self.command(&command, requests);
            }
            (DectalkState::Command(command), _) if command.len() < COMMAND_BYTES_MAX => command.push(byte),
            (DectalkState::Command(_), _) => {
                self.place = DectalkState::Text;
                requests
                    .push(DialectRequest::Refuse(LossReason::TooLong, "a command without an end".to_owned()));
                self.byte(byte, requests);
            }
        }
    }

    fn push(&mut self, byte: u8, requests: &mut Vec<DialectRequest>) {
        // Spoken in parts rather than cut: a screen reader may send a page without an end.
        if self.text.len() >= TEXT_BYTES_MAX {
            self.speak(requests);
        }
        self.text.push(byte);
    }

    fn pause(&mut self, ms: u32, requests: &mut Vec<DialectRequest>) {
        let pause = pause(ms);
        // In one piece, or its halves would be read out.
        if self.text.len() + pause.len() > TEXT_BYTES_MAX {
            self.speak(requests);
        }
        self.text.extend_from_slice(pause.as_bytes());
    }

    /// Submits the text so far.
    fn speak(&mut self, requests: &mut Vec<DialectRequest>) {
        let bytes = std::mem::take(&mut self.text);
        let Some(text) = decode(self.defaults.encoding, &bytes) else {
            requests
                .push(DialectRequest::Refuse(LossReason::Encoding, "a text in another encoding".to_owned()));
            return;
        };
        let text = clean(&text);
        if text.is_empty() {
            return;
        }
        let language = self.language.map(|language| language.name().to_owned());
        let mut draft = self.defaults.draft(text);
        device_voices::apply(&mut draft, self.rate, self.pitch);
        let language = language.or_else(|| draft.language.clone());
        requests.push(DialectRequest::Say(Box::new(Draft { language, volume: self.volume, ..draft })));
    }

    fn command(&mut self, command: &[u8], requests: &mut Vec<DialectRequest>) {
        // Line noise in brackets; an unknown command is ignored by the original as well.
        let Ok(command) = std::str::from_utf8(command) else { return };
        // One pair of brackets may have several, as in `[:name paul :rate 180]`.
        for command in command.to_ascii_lowercase().split(':') {
            self.one_command(command, requests);
        }
    }

    fn one_command(&mut self, command: &str, requests: &mut Vec<DialectRequest>) {
        let words: Vec<_> = command.split_whitespace().collect();
        match words.as_slice() {
            ["in" | "index", "re" | "reply", mark] => {
                if let Ok(mark) = mark.parse() {
                    self.speak(requests);
                    requests.push(DialectRequest::Mark(mark));
                }
            }
            ["sync" | "sy"] => self.speak(requests),
            ["vo" | "volume", "set" | "se", percent] => {
                self.volume = percent.parse().ok().filter(|percent| *percent <= 100).or(self.volume);
            }
            ["phoneme" | "phonemes" | "phone" | "phon" | "pho" | "ph", modes @ ..] => {
                self.phonemes = !modes.contains(&"off");
            }
            ["lang" | "la", language] => match language_of(language) {
                // Of the texts that follow; what is begun keeps its own.
                Some(language) => {
                    self.speak(requests);
                    self.language = Some(language);
                }
                None => requests.push(DialectRequest::Refuse(
                    LossReason::Invalid,
                    "a language that the DECtalk does not have; its words are us, uk, sp, la, gr, fr, it"
                        .to_owned(),
                )),
            },
            ["ra" | "rate", words] => {
                // A speed out of range is taken to its edge, as by the original.
                if let Ok(words) = words.parse() {
                    self.set(rate_of_words(words, WORDS_PER_MINUTE), |this| &mut this.rate, requests);
                }
            }
            ["dv" | "define", "ap", hertz] => {
                if let Ok(hertz) = hertz.parse::<u32>() {
                    self.set(dectalk_pitch(hertz.into()), |this| &mut this.pitch, requests);
                }
            }
            // As screen readers mark capitals; the other parameters of `dv` describe the original's own synthesis.
            ["n" | "na" | "name", voice] => self.voice(voice, requests),
            [voice] if voice.len() == 2 => {
                // As in `[:np]`.
                if let Some(letter) = voice.strip_prefix('n') {
                    self.voice(letter, requests);
                }
            }
            // Other parameters are those of another machine.
            _ => {}
        }
    }

    /// Chooses a voice by its letter or name.
    fn voice(&mut self, name: &str, requests: &mut Vec<DialectRequest>) {
        if let Some(pitch) = name.chars().next().and_then(dectalk_voice) {
            self.set(pitch, |this| &mut this.pitch, requests);
        }
    }

    /// Sets a value for the texts that follow; what is begun keeps its own.
    fn set<T: PartialEq>(
        &mut self,
        value: T,
        place: fn(&mut Self) -> &mut Option<T>,
        requests: &mut Vec<DialectRequest>,
    ) {
        let value = Some(value);
        // The same value again is no reason to divide a sentence: screen readers repeat their settings.
        if *place(self) != value {
            self.speak(requests);
            *place(self) = value;
        }
    }

    fn send_marks(&mut self, sequence: u64, reply: &mut Vec<u8>) {
        while self.marks.front().is_some_and(|(after, _)| *after <= sequence) {
            if let Some((_, mark)) = self.marks.pop_front() {
                push_mark(mark, reply);
            }
        }
    }
}

/// Returns the silence of phonemes that are nothing else, such as `_<500>`, in milliseconds. A pitch behind the length
/// means nothing here.
fn silence_of(sounds: &[u8]) -> Option<u32> {
    let sounds = std::str::from_utf8(sounds).ok()?.trim();
    // One that is no silence makes the whole no silence: the sounds of a song are left out with their rests.
    let lengths = sounds.split('_').skip(1).map(|sound| {
        let length = sound.trim().strip_prefix('<')?.strip_suffix('>')?;
        length.split(',').next()?.trim().parse::<u16>().ok().map(u32::from)
    });
    if sounds.starts_with('_') { lengths.sum() } else { None }
}

/// Returns the language that the original calls by this word, or one of its other names.
fn language_of(word: &str) -> Option<Language> {
    Some(match word {
        "us" | "uk" => Language::English,
        "sp" | "la" => Language::Spanish,
        "gr" => Language::German,
        other => return other.parse().ok(),
    })
}

/// The escape sequence of DECtalk's index replies.
fn push_mark(mark: u16, reply: &mut Vec<u8>) {
    reply.extend_from_slice(format!("\x1bP0;31;{mark}z\x1b\\").as_bytes());
}

impl Dialect for Dectalk {
    fn read(&mut self, bytes: &[u8], now: Instant, requests: &mut Vec<DialectRequest>) {
        // The bytes may be read before the timer is polled; they belong to the next message all the same.
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.silence(now, requests);
        }
        self.last = Some(now);
        for byte in bytes {
            self.byte(*byte, requests);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let begun = !self.text.is_empty() || !matches!(self.place, DectalkState::Text);
        self.last.filter(|_| begun).map(|last| last + SILENCE)
    }

    fn silence(&mut self, _now: Instant, requests: &mut Vec<DialectRequest>) {
        if matches!(std::mem::replace(&mut self.place, DectalkState::Text), DectalkState::Bracket) {
            self.push(b'[', requests);
        }
        self.speak(requests);
    }

    fn reset(&mut self) {
        self.place = DectalkState::Text;
        self.text = Vec::new();
        self.waiting = false;
    }

    fn answer(
        &mut self,
        request: &DialectRequest,
        _outcome: &RequestOutcome,
        queue: PortQueue,
        reply: &mut Vec<u8>,
    ) {
        match request {
            DialectRequest::Mark(mark) => match queue.latest {
                // Without an announcement before it there is nothing to wait for; and a mark beyond the limit is
                // answered too early rather than never.
                Some(latest) if self.marks.len() < MARKS_MAX => self.marks.push_back((latest, *mark)),
                _ => push_mark(*mark, reply),
            },
            DialectRequest::StopSource => {
                // Their texts are cancelled; an index reply would move the reading cursor of the screen reader.
                self.marks.clear();
                self.pace(PortQueue::default(), reply);
                reply.push(FLUSHED);
            }
            _ => self.pace(queue, reply),
        }
    }

    fn event(&mut self, sequence: u64, kind: &EventKind, queue: PortQueue, reply: &mut Vec<u8>) {
        if !kind.is_end() {
            return;
        }
        if matches!(kind, EventKind::Cancelled { reason: CancelReason::Stopped }) {
            // What was stopped was not spoken up to its mark.
            self.marks.retain(|(after, _)| *after != sequence);
        } else {
            self.send_marks(sequence, reply);
        }
        self.pace(queue, reply);
    }

    /// The original has no word for "busy": a text that is refused would be lost without a sign.
    fn answers_busy(&self) -> bool {
        false
    }

    fn pace(&mut self, queue: PortQueue, reply: &mut Vec<u8>) {
        if !self.waiting && (queue.unfinished >= WAIT_AT || queue.waiting > 0) {
            self.waiting = true;
            reply.push(XOFF);
        } else if self.waiting && queue.unfinished <= GO_ON_AT && queue.waiting == 0 {
            self.waiting = false;
            reply.push(XON);
        }
    }

    fn held(&self) -> usize {
        let begun = match &self.place {
            DectalkState::Command(bytes) | DectalkState::Phonemes(bytes) => bytes.capacity(),
            _ => 0,
        };
        self.text.capacity() + begun
    }
}
