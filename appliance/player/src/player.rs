//! Core of the player: streams of samples in, sound on one device out, and reports of the playback position.
//!
//! It has no clock and starts no thread. The stage passes [`PlayerRequest`]s in as they come, calls
//! [`poll`](Player::poll) with the time at least as often as the last call asked for, and sends the [`PlayerReport`]s.

mod device_buffer;
pub(crate) mod parameters;
mod playing;
mod render;
mod stream;

use std::collections::VecDeque;
use std::time::Duration;

use crier_audio::scaled_down;
use crier_system::Backoff;
use crier_wire::{PlayerRefusal, PlayerReport, PlayerRequest, STREAM_OFFSET_MAX, STREAM_RATES_HZ};

use self::device_buffer::DeviceBuffer;
use self::parameters::{REOPEN_MAX, REOPEN_MIN, RESTART_FADE_IN_MS, STREAMS_MAX};
use self::render::Renderer;
use self::stream::Stream;
use crate::error::PlayerError;
use crate::gain::{VOLUME_PERCENT_MAX, volume_factor};
use crate::pcm::device::Pcm;

/// Initial state of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Preferred rate of the device, in Hz.
    pub rate_hz: u32,
    /// Volume in percent.
    pub volume_percent: u8,
    /// True to begin muted.
    pub muted: bool,
}

impl Default for Options {
    /// The voice's 24 kHz, at full volume.
    fn default() -> Self {
        Self { rate_hz: 24_000, volume_percent: VOLUME_PERCENT_MAX, muted: false }
    }
}

/// Opens the device, at a rate in Hz or the nearest that the device supports; called again after each loss.
pub type Opener = Box<dyn FnMut(u32) -> Result<Box<dyn Pcm>, PlayerError>>;

/// Reason of a fade-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FadeReason {
    Stop,
    /// Resumes at this sample.
    Pause(u64),
    /// Resumes when the prebuffer is full again.
    Underrun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaybackPhase {
    /// Silence; the first stream has not enough samples.
    Waiting,
    /// Samples of the first stream go to the device.
    Playing,
    /// All samples of the first stream were sent and are played to their end.
    Draining,
    /// The sound fades out, since the given time.
    FadingOut(FadeReason, Duration),
}

/// Player of one device: streams in the order in which they began, the first of them playing.
pub struct Player {
    options: Options,
    opener: Opener,
    device: Option<DeviceBuffer>,
    renderer: Renderer,
    reopen_at: Duration,
    reopen_backoff: Backoff,
    streams: VecDeque<Stream>,
    phase: PlaybackPhase,
    paused: bool,
    /// True if the device sets the volume itself.
    hardware_volume: bool,
    /// Sample of the first stream at which the current run of sound began.
    run_start: u64,
    /// Samples on their way from a stream to the renderer.
    taken: Vec<f32>,
    /// Stall detection: time of the last look, time without movement, the frame it stands at, and stalls in a row.
    watched_at: Duration,
    still_for: Duration,
    moved_to: u64,
    stalls: u32,
    reports: VecDeque<PlayerReport>,
}

impl Player {
    /// Creates a player that opens its device at the first [`poll`](Self::poll).
    #[must_use]
    pub fn new(options: Options, opener: Opener) -> Self {
        Self {
            renderer: Renderer::new(options.rate_hz),
            options,
            opener,
            device: None,
            reopen_at: Duration::ZERO,
            reopen_backoff: Backoff::new(REOPEN_MIN, REOPEN_MAX),
            streams: VecDeque::with_capacity(STREAMS_MAX),
            phase: PlaybackPhase::Waiting,
            paused: false,
            hardware_volume: false,
            run_start: 0,
            // The largest pieces that are rendered at once; the thread that plays should not allocate later.
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
                // A waiting player has nothing to fade; a fade-out under way ends in silence anyway.
                if matches!(self.phase, PlaybackPhase::Playing | PlaybackPhase::Draining) {
                    self.fade_out(FadeReason::Pause(0), now);
                }
            }
            PlayerRequest::Resume => self.paused = false,
            PlayerRequest::Volume { percent } => {
                self.options.volume_percent = clamp_percent(percent);
                self.set_hardware_volume();
                self.glide();
            }
            PlayerRequest::Mute { on } => {
                // By scaling samples on every device: not every card has a switch, and playback must keep its time.
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
        // Above 0, a predecessor of this player was cut off in the middle of a wave. A begin is not faded, for speech
        // may start with a plosive.
        let fade_in_ms = if offset > 0 { RESTART_FADE_IN_MS } else { 0 };
        let volume = volume.unwrap_or(VOLUME_PERCENT_MAX).min(VOLUME_PERCENT_MAX);
        self.streams.push_back(Stream::new(id, rate_hz, volume, offset, fade_in_ms));
        self.grant_credit();
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
            PlaybackPhase::Playing | PlaybackPhase::Draining if place == 0 => {
                self.fade_out(FadeReason::Stop, now);
            }
            // The fade-out under way is kept: a second one would begin at full volume again.
            PlaybackPhase::FadingOut(_, since) if place == 0 => {
                self.phase = PlaybackPhase::FadingOut(FadeReason::Stop, since);
            }
            // No frame of this stream is in the device.
            _ => self.forget_stopped(place),
        }
    }

    fn forget_stopped(&mut self, place: usize) {
        if let Some(stream) = self.streams.remove(place) {
            self.reports.push_back(PlayerReport::Stopped { stream: stream.id, offset: stream.played });
        }
    }

    fn grant_credit(&mut self) {
        for stream in &mut self.streams {
            if let Some(until) = stream.credit_to_grant() {
                self.reports.push_back(PlayerReport::Credit { stream: stream.id, until });
            }
        }
    }

    /// Starts a smooth change to the volume that is set.
    fn glide(&mut self) {
        let factor = self.factor();
        self.renderer.gain.glide_to(factor);
    }

    fn factor(&self) -> f32 {
        if self.options.muted {
            return 0.0;
        }
        let own = self.streams.front().map_or(VOLUME_PERCENT_MAX, |stream| stream.volume_percent);
        // A volume that the device applies must not be applied to the samples again.
        let all = if self.hardware_volume { VOLUME_PERCENT_MAX } else { self.options.volume_percent };
        volume_factor(own) * volume_factor(all)
    }

    fn set_hardware_volume(&mut self) {
        let percent = self.options.volume_percent;
        self.hardware_volume = self.device.as_mut().is_some_and(|device| device.pcm.set_volume(percent));
    }

    /// Sample of the first stream at a frame of the current run.
    fn position_of(&self, frame: u64) -> u64 {
        let (Some(stream), Some(device)) = (self.streams.front(), &self.device) else {
            return self.run_start;
        };
        // Rounded down: a sample counts as played when all of it was.
        self.run_start + scaled_down(frame, device.config.rate_hz, stream.rate_hz)
    }
}

fn clamp_percent(percent: u32) -> u8 {
    u8::try_from(percent).map_or(VOLUME_PERCENT_MAX, |percent| percent.min(VOLUME_PERCENT_MAX))
}
