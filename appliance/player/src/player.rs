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
pub(crate) use self::render::RESAMPLER_BLOCK_FRAMES;
use self::render::Renderer;
use self::stream::Stream;
use crier_audio::scaled_down;
use crier_system::Backoff;
use crier_wire::{PlayerRefusal, PlayerReport, PlayerRequest, STREAM_OFFSET_MAX, STREAM_RATES_HZ};

use crate::PlayerError;
use crate::gain::{VOLUME_PERCENT_MAX, volume_factor};
use crate::pcm::Pcm;

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
    reopen_backoff: Backoff,
    streams: VecDeque<Stream>,
    phase: Phase,
    paused: bool,
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
    reports: VecDeque<PlayerReport>,
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
            reopen_backoff: Backoff::new(REOPEN_MIN, REOPEN_MAX),
            streams: VecDeque::with_capacity(STREAMS_MAX),
            phase: Phase::Waiting,
            paused: false,
            hardware_volume: false,
            anchor: 0,
            taken: Vec::with_capacity(*STREAM_RATES_HZ.end() as usize / 100),
            watched_at: Duration::ZERO,
            still_for: Duration::ZERO,
            moved_to: 0,
            stalls: 0,
            reports: VecDeque::with_capacity(64),
        }
    }

    /// Carries out a request, or begins to; `samples` are those of [`PlayerRequest::Samples`]. Poll at once afterwards.
    pub fn handle(&mut self, request: &PlayerRequest, samples: &[f32], now: Duration) {
        match *request {
            PlayerRequest::Begin { stream, rate_hz, volume_percent, offset } => {
                let begun = self.begin(stream, rate_hz, volume_percent.map(clamp_percent), offset);
                self.report_refusal(stream, begun);
            }
            PlayerRequest::Samples { stream, offset } => {
                let accepted = self.stream_mut(stream).and_then(|known| known.accept(offset, samples));
                self.report_refusal(stream, accepted);
            }
            PlayerRequest::End { stream, length } => {
                let ended = self.stream_mut(stream).and_then(|known| known.end(length));
                self.report_refusal(stream, ended);
            }
            PlayerRequest::Stop { stream } => self.stop(stream, now),
            PlayerRequest::Pause => {
                self.paused = true;
                if matches!(self.phase, Phase::Playing | Phase::Draining) {
                    self.fall(Purpose::Pause(0), now);
                }
            }
            PlayerRequest::Resume => self.paused = false,
            PlayerRequest::Volume { percent } => {
                self.options.volume_percent = clamp_percent(percent);
                self.set_hardware_volume();
                self.glide();
            }
            PlayerRequest::Mute { on } => {
                self.options.muted = on;
                self.glide();
            }
            // Listing can take seconds; the stage does it in a thread of its own and never passes it on.
            PlayerRequest::ListDevices { .. } => {}
        }
    }

    /// Returns the next report, if there is one.
    pub fn report(&mut self) -> Option<PlayerReport> {
        self.reports.pop_front()
    }

    fn begin(&mut self, id: u64, rate_hz: u32, volume: Option<u8>, offset: u64) -> Result<(), PlayerRefusal> {
        if self.streams.iter().any(|stream| stream.id == id) {
            return Err(PlayerRefusal::KnownStream);
        }
        if self.streams.len() >= STREAMS_MAX {
            return Err(PlayerRefusal::TooManyStreams);
        }
        if !STREAM_RATES_HZ.contains(&rate_hz) {
            return Err(PlayerRefusal::Rate);
        }
        if offset > STREAM_OFFSET_MAX {
            return Err(PlayerRefusal::Offset);
        }
        let fade_in_ms = if offset > 0 { RESTART_FADE_IN_MS } else { 0 };
        let volume = volume.unwrap_or(VOLUME_PERCENT_MAX).min(VOLUME_PERCENT_MAX);
        self.streams.push_back(Stream::new(id, rate_hz, volume, offset, fade_in_ms));
        self.tell_credit();
        Ok(())
    }

    fn stream_mut(&mut self, id: u64) -> Result<&mut Stream, PlayerRefusal> {
        self.streams.iter_mut().find(|stream| stream.id == id).ok_or(PlayerRefusal::UnknownStream)
    }

    fn report_refusal(&mut self, stream: u64, result: Result<(), PlayerRefusal>) {
        if let Err(reason) = result {
            self.reports.push_back(PlayerReport::Refused { stream, reason });
        }
    }

    fn stop(&mut self, id: u64, now: Duration) {
        let Some(place) = self.streams.iter().position(|stream| stream.id == id) else {
            return self.report_refusal(id, Err(PlayerRefusal::UnknownStream));
        };
        match self.phase {
            Phase::Playing | Phase::Draining if place == 0 => self.fall(Purpose::Stop, now),
            Phase::Falling(_, since) if place == 0 => self.phase = Phase::Falling(Purpose::Stop, since),
            _ => self.forget_stopped(place),
        }
    }

    fn forget_stopped(&mut self, place: usize) {
        if let Some(stream) = self.streams.remove(place) {
            self.reports.push_back(PlayerReport::Stopped { stream: stream.id, offset: stream.heard });
        }
    }

    fn tell_credit(&mut self) {
        for stream in &mut self.streams {
            if let Some(until) = stream.credit_to_tell() {
                self.reports.push_back(PlayerReport::Credit { stream: stream.id, until });
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
        self.anchor + scaled_down(frame, line.shape.rate_hz, stream.rate_hz)
    }
}

fn clamp_percent(percent: u32) -> u8 {
    u8::try_from(percent).map_or(VOLUME_PERCENT_MAX, |percent| percent.min(VOLUME_PERCENT_MAX))
}
