//! The player's core: streams of samples in, sound on one device out, and reports of what was heard.
//!
//! It has no clock and starts no thread. Whoever runs it hands over [`Command`]s as they come, calls
//! [`poll`](Player::poll) with the time at least as often as that asks for, and passes the [`Report`]s on.

mod line;
mod playing;
mod render;
mod stream;

use std::collections::VecDeque;
use std::time::Duration;

use self::line::Line;
use self::render::Renderer;
use self::stream::Stream;
use crate::gain::{VOLUME_PERCENT_MAX, volume_factor};
use crate::pcm::Pcm;
use crate::resample::{RATE_HZ_MAX, RATE_HZ_MIN};
use crate::{PlayerError, resample};

/// How much sound of one stream may wait in the player, in milliseconds, beyond what the device holds.
pub const QUEUED_MS_MAX: u32 = 1000;
/// Streams that may have begun at the same time: one that is heard, and those that follow it.
pub const STREAMS_MAX: usize = 4;
/// How much of a stream must be there before it is heard, at its start and after it ran dry, in milliseconds.
pub const CUSHION_MS: u32 = 100;
/// How long sound takes to fall to silence when it is stopped or paused, in milliseconds.
pub const FADE_OUT_MS: u32 = 20;
/// How long the last sound takes to fade before a stream that ran dry, in milliseconds. So much is held back.
pub const DRY_FADE_MS: u32 = 10;
/// How long sound takes to fade in after a pause or after a stream ran dry, in milliseconds.
pub const FADE_IN_MS: u32 = 10;
/// How long sound takes to fade in where a restarted player or a reopened device goes on, in milliseconds.
pub const RESTART_FADE_IN_MS: u32 = 5;
/// The first wait before a device is opened again; each further one is twice as long.
pub const REOPEN_MIN: Duration = Duration::from_millis(250);
/// The longest wait before a device is opened again.
pub const REOPEN_MAX: Duration = Duration::from_secs(5);

/// The largest offset at which a stream may begin, in samples: 190 years of speech.
pub const OFFSET_MAX: u64 = 1 << 47;

/// What the player is told.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// A stream begins. It is heard after the streams that began before it.
    Begin {
        /// Its number, for all that follows.
        stream: u64,
        /// Samples per second.
        rate_hz: u32,
        /// Its own volume in percent, within that of the player; 100 when not given.
        volume_percent: Option<u8>,
        /// Where it begins, in samples from its start: above 0 when a restarted player goes on where another was heard.
        offset: u64,
    },
    /// Samples of a stream, mono in `-1.0 ..= 1.0`.
    Samples {
        /// The stream.
        stream: u64,
        /// Where they belong, in samples from the stream's start. What has come before is dropped, a gap is refused.
        offset: u64,
        /// The samples.
        samples: Vec<f32>,
    },
    /// How long a stream is; nothing comes after that.
    End {
        /// The stream.
        stream: u64,
        /// Its length in samples from its start.
        length: u64,
    },
    /// Ends a stream now: it fades to silence, and what is queued is forgotten.
    Stop {
        /// The stream.
        stream: u64,
    },
    /// Fades to silence and keeps everything.
    Pause,
    /// Goes on where the pause began to fade.
    Resume,
    /// Sets the volume, in percent.
    Volume(u8),
    /// Silences the output, while streams go on.
    Mute(bool),
    /// Stops all streams and closes the device.
    Shutdown,
}

impl std::fmt::Debug for Command {
    /// Samples are spoken text: their number is told, not they.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Begin { stream, rate_hz, volume_percent, offset } => {
                write!(f, "Begin({stream}, {rate_hz} Hz, {volume_percent:?} %, from {offset})")
            }
            Self::Samples { stream, offset, samples } => {
                write!(f, "Samples({stream}, {} from {offset})", samples.len())
            }
            Self::End { stream, length } => write!(f, "End({stream}, {length})"),
            Self::Stop { stream } => write!(f, "Stop({stream})"),
            Self::Pause => f.write_str("Pause"),
            Self::Resume => f.write_str("Resume"),
            Self::Volume(percent) => write!(f, "Volume({percent})"),
            Self::Mute(muted) => write!(f, "Mute({muted})"),
            Self::Shutdown => f.write_str("Shutdown"),
        }
    }
}

/// What the player tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// So much of a stream was heard, in samples from its start. A restarted player begins here.
    Heard {
        /// The stream.
        stream: u64,
        /// Samples from its start.
        offset: u64,
    },
    /// All of a stream was heard; it is forgotten.
    Finished {
        /// The stream.
        stream: u64,
    },
    /// A stream was stopped and is silent; it is forgotten.
    Stopped {
        /// The stream.
        stream: u64,
        /// What was heard of it, the fade included, in samples from its start.
        heard: u64,
    },
    /// Samples of a stream are taken as long as they end at or before `until`.
    Room {
        /// The stream.
        stream: u64,
        /// Samples from its start.
        until: u64,
    },
    /// A stream was not there in time, or the player was not; there is a gap in the sound and none in the samples.
    Underrun {
        /// The stream.
        stream: u64,
    },
    /// The device was opened, or is lost and will be opened again.
    Device {
        /// It is open.
        open: bool,
        /// What the device is, or what is wrong and what to do.
        detail: String,
    },
    /// A command was not carried out.
    Refused {
        /// The stream it was about.
        stream: u64,
        /// Why.
        reason: Refusal,
    },
}

/// Why a command was not carried out. Nothing has changed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No stream of this number has begun, or it has ended.
    #[error("there is no such stream; Begin comes first")]
    UnknownStream,
    /// A stream of this number has begun already.
    #[error("a stream of this number is there already")]
    KnownStream,
    /// [`STREAMS_MAX`] streams have begun.
    #[error("too many streams have begun; wait until one has finished")]
    TooManyStreams,
    /// No sound has such a rate.
    #[error("sound of this rate cannot be played; {RATE_HZ_MIN} to {RATE_HZ_MAX} Hz can")]
    Rate,
    /// No stream is that long.
    #[error("a stream cannot begin beyond sample {OFFSET_MAX}")]
    Offset,
    /// Samples are missing before these.
    #[error("samples are missing before these; the next one must be {expected}")]
    Gap {
        /// The sample that is missing first.
        expected: u64,
    },
    /// More samples than there is room for.
    #[error("there is room for samples up to {until} only")]
    BeyondCredit {
        /// Where the room ends.
        until: u64,
    },
    /// Samples beyond the length that was told.
    #[error("the stream was said to end before these samples")]
    AfterEnd,
    /// A length that contradicts what has come.
    #[error("more samples have come, or another length was told before")]
    OtherLength,
    /// The player is shutting down.
    #[error("the player is shutting down")]
    ShuttingDown,
}

/// How a player begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The rate the device is opened at if it can, in Hz.
    pub rate_hz: u32,
    /// Volume in percent.
    pub volume_percent: u8,
    /// Silent.
    pub muted: bool,
}

impl Default for Options {
    /// The voice's 24 kHz, at full volume.
    fn default() -> Self {
        Self { rate_hz: 24_000, volume_percent: VOLUME_PERCENT_MAX, muted: false }
    }
}

/// Opens the device, each time it is needed: at a rate in Hz, or the nearest that the device does.
pub type Opener = Box<dyn FnMut(u32) -> Result<Box<dyn Pcm>, PlayerError>>;

/// Why the sound falls to silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Stop,
    /// Goes on at this sample.
    Pause(u64),
    /// Goes on when more has come.
    Dry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing sounds; the first stream is waited for.
    Waiting,
    /// Samples of the first stream go to the device.
    Playing,
    /// All of it went there and is played to its end.
    Draining,
    /// It falls to silence, since the given time.
    Falling(Purpose, Duration),
}

/// See the module's description.
pub struct Player {
    options: Options,
    opener: Opener,
    line: Option<Line>,
    renderer: Renderer,
    reopen_at: Duration,
    reopen_wait: Duration,
    streams: VecDeque<Stream>,
    phase: Phase,
    paused: bool,
    shutting_down: bool,
    /// The device sets the volume itself.
    hardware_volume: bool,
    /// The sample at which the present run of sound began.
    anchor: u64,
    /// Samples on their way from a stream to the renderer.
    taken: Vec<f32>,
    /// When the device was last looked at, how long it has stood still, at which frame, and how often since it played.
    watched_at: Duration,
    still_for: Duration,
    moved_to: u64,
    stalls: u32,
    reports: VecDeque<Report>,
}

impl Player {
    /// A player that opens its device at the first [`poll`](Self::poll).
    #[must_use]
    pub fn new(options: Options, opener: Opener) -> Self {
        Self {
            renderer: Renderer::new(options.rate_hz),
            options,
            opener,
            line: None,
            reopen_at: Duration::ZERO,
            reopen_wait: REOPEN_MIN,
            streams: VecDeque::with_capacity(STREAMS_MAX),
            phase: Phase::Waiting,
            paused: false,
            shutting_down: false,
            hardware_volume: false,
            anchor: 0,
            taken: Vec::with_capacity(RATE_HZ_MAX as usize / 100),
            watched_at: Duration::ZERO,
            still_for: Duration::ZERO,
            moved_to: 0,
            stalls: 0,
            reports: VecDeque::with_capacity(64),
        }
    }

    /// Carries a command out, or begins to.
    pub fn command(&mut self, command: Command, now: Duration) {
        match command {
            Command::Begin { stream, rate_hz, volume_percent, offset } => {
                let begun = self.begin(stream, rate_hz, volume_percent, offset);
                self.refuse_if_wrong(stream, begun);
            }
            Command::Samples { stream, offset, samples } => {
                let taken = self.known(stream).and_then(|known| known.accept(offset, &samples));
                self.refuse_if_wrong(stream, taken);
            }
            Command::End { stream, length } => {
                let ended = self.known(stream).and_then(|known| known.end(length));
                self.refuse_if_wrong(stream, ended);
            }
            Command::Stop { stream } => self.stop(stream, now),
            Command::Pause => {
                self.paused = true;
                if matches!(self.phase, Phase::Playing | Phase::Draining) {
                    self.fall(Purpose::Pause(0), now);
                }
            }
            Command::Resume => self.paused = false,
            Command::Volume(percent) => {
                self.options.volume_percent = percent.min(VOLUME_PERCENT_MAX);
                self.set_hardware_volume();
                self.glide();
            }
            Command::Mute(muted) => {
                self.options.muted = muted;
                self.glide();
            }
            Command::Shutdown => self.shut_down(now),
        }
    }

    /// The next report, if there is one.
    pub fn report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// After [`Command::Shutdown`]: all is silent and the device is closed.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.shutting_down && self.streams.is_empty() && self.line.is_none()
    }

    /// Nothing sounds and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty()
    }

    fn begin(&mut self, id: u64, rate_hz: u32, volume: Option<u8>, offset: u64) -> Result<(), Refusal> {
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        if self.streams.iter().any(|stream| stream.id == id) {
            return Err(Refusal::KnownStream);
        }
        if self.streams.len() >= STREAMS_MAX {
            return Err(Refusal::TooManyStreams);
        }
        if !(RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate_hz) {
            return Err(Refusal::Rate);
        }
        if offset > OFFSET_MAX {
            return Err(Refusal::Offset);
        }
        let fade_in_ms = if offset > 0 { RESTART_FADE_IN_MS } else { 0 };
        let volume = volume.unwrap_or(VOLUME_PERCENT_MAX).min(VOLUME_PERCENT_MAX);
        self.streams.push_back(Stream::new(id, rate_hz, volume, offset, fade_in_ms));
        self.tell_credit();
        Ok(())
    }

    fn known(&mut self, id: u64) -> Result<&mut Stream, Refusal> {
        self.streams.iter_mut().find(|stream| stream.id == id).ok_or(Refusal::UnknownStream)
    }

    fn refuse_if_wrong(&mut self, stream: u64, result: Result<(), Refusal>) {
        if let Err(reason) = result {
            self.reports.push_back(Report::Refused { stream, reason });
        }
    }

    fn stop(&mut self, id: u64, now: Duration) {
        let Some(place) = self.streams.iter().position(|stream| stream.id == id) else {
            return self.refuse_if_wrong(id, Err(Refusal::UnknownStream));
        };
        match self.phase {
            Phase::Playing | Phase::Draining if place == 0 => self.fall(Purpose::Stop, now),
            Phase::Falling(_, since) if place == 0 => self.phase = Phase::Falling(Purpose::Stop, since),
            _ => self.forget_stopped(place),
        }
    }

    fn forget_stopped(&mut self, place: usize) {
        if let Some(stream) = self.streams.remove(place) {
            self.reports.push_back(Report::Stopped { stream: stream.id, heard: stream.heard });
        }
    }

    fn shut_down(&mut self, now: Duration) {
        self.shutting_down = true;
        while self.streams.len() > 1 {
            self.forget_stopped(self.streams.len() - 1);
        }
        if let Some(front) = self.streams.front() {
            self.stop(front.id, now);
        }
    }

    fn tell_credit(&mut self) {
        for stream in &mut self.streams {
            if let Some(until) = stream.credit_to_tell() {
                self.reports.push_back(Report::Room { stream: stream.id, until });
            }
        }
    }

    /// Lets the volume of the samples glide to where it should be.
    fn glide(&mut self) {
        let factor = self.factor();
        self.renderer.gain.glide_to(factor);
    }

    fn factor(&self) -> f32 {
        if self.options.muted {
            return 0.0;
        }
        let own = self.streams.front().map_or(VOLUME_PERCENT_MAX, |stream| stream.volume_percent);
        let all = if self.hardware_volume { VOLUME_PERCENT_MAX } else { self.options.volume_percent };
        volume_factor(own) * volume_factor(all)
    }

    fn set_hardware_volume(&mut self) {
        let percent = self.options.volume_percent;
        self.hardware_volume = self.line.as_mut().is_some_and(|line| line.pcm.set_volume(percent));
    }

    /// The sample of the first stream that stands at a frame of the present run.
    fn position_of(&self, frame: u64) -> u64 {
        let (Some(stream), Some(line)) = (self.streams.front(), &self.line) else { return self.anchor };
        self.anchor + resample::scaled_down(frame, line.shape.rate_hz, stream.rate_hz)
    }
}
