//! Buffers of an open device: rendered frames that it has not taken yet, and copies of the frames that it holds.

use std::collections::VecDeque;

use crate::gain::rise;
use crate::pcm::device::{Fault, Pcm, StreamConfig};

/// Frames just behind the playback position that are not rewound, in milliseconds: the hardware may have fetched them.
const FETCHED_MS: u32 = 2;

/// Open device and the frames on their way to it. All counts are frames since [`DeviceBuffer::begin`].
pub(super) struct DeviceBuffer {
    pub(super) pcm: Box<dyn Pcm>,
    pub(super) config: StreamConfig,
    /// Rendered frames; those before `outbox_sent` were sent.
    pub(super) outbox: Vec<f32>,
    outbox_sent: usize,
    /// Frames that were sent last, at most a device's buffer: they are rendered only once, and needed again after a
    /// rewind.
    echo: VecDeque<f32>,
    echo_frames_max: usize,
    sent: u64,
    /// End of the sound and begin of the padding.
    sound_end: u64,
    started: bool,
}

impl DeviceBuffer {
    pub(super) fn new(pcm: Box<dyn Pcm>) -> Self {
        let config = pcm.config();
        let echo_frames_max = config.buffer_frames.max(config.period_frames);
        // Allocated once: the thread that feeds the device has real-time priority and locked memory.
        Self {
            pcm,
            config,
            outbox: Vec::with_capacity(frames(config.rate_hz, 100)),
            outbox_sent: 0,
            echo: VecDeque::with_capacity(echo_frames_max + 1),
            echo_frames_max,
            sent: 0,
            sound_end: u64::MAX,
            started: false,
        }
    }

    /// Begins a new run of sound; the device is empty.
    pub(super) fn begin(&mut self) {
        self.outbox.clear();
        self.echo.clear();
        (self.outbox_sent, self.sent, self.sound_end, self.started) = (0, 0, u64::MAX, false);
    }

    /// Number of frames in `ms` milliseconds.
    pub(super) fn frames(&self, ms: u32) -> usize {
        frames(self.config.rate_hz, ms)
    }

    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn outbox_is_empty(&self) -> bool {
        self.outbox_sent == self.outbox.len()
    }

    /// Sends the outbox as far as the device takes it; returns `true` when it is empty.
    pub(super) fn send(&mut self) -> Result<bool, Fault> {
        while !self.outbox_is_empty() {
            let waiting = &self.outbox[self.outbox_sent..];
            // A faulty plug-in may report more frames than it was given; the position would run ahead of the sound.
            let taken = self.pcm.write(waiting)?.min(waiting.len());
            if taken == 0 {
                return Ok(false);
            }
            let excess = (self.echo.len() + taken).saturating_sub(self.echo_frames_max);
            self.echo.drain(..excess.min(self.echo.len()));
            let kept = &waiting[taken.saturating_sub(self.echo_frames_max)..taken];
            self.echo.extend(kept);
            self.outbox_sent += taken;
            self.sent += taken as u64;
        }
        self.outbox.clear();
        self.outbox_sent = 0;
        Ok(true)
    }

    pub(super) fn start(&mut self) -> Result<(), Fault> {
        self.started = true;
        self.pcm.start()
    }

    /// Frames that were sent and not played yet.
    pub(super) fn delay(&mut self) -> Result<u64, Fault> {
        let delay = self.pcm.delay()? as u64;
        // Some drivers count their own latency, too, and report more than they were sent.
        Ok(delay.min(self.sent))
    }

    /// Frames of sound that were played, when `delay` frames were not.
    pub(super) fn played(&self, delay: u64) -> u64 {
        (self.sent - delay.min(self.sent)).min(self.sound_end)
    }

    /// True if the playback position is at or behind the end of the sound.
    pub(super) fn is_silent(&self, delay: u64) -> bool {
        self.outbox_is_empty() && self.sent - delay.min(self.sent) >= self.sound_end
    }

    /// Fades the playing sound out within `fade_ms`: rewinds what the device holds (or discards it, if the device
    /// cannot rewind), and renders the begin of it again with a fade-out and silence behind it. The rest is thrown
    /// away.
    ///
    /// Returns the frame at which the fade-out begins.
    pub(super) fn fade_out(&mut self, fade_ms: u32, draining: bool) -> Result<u64, Fault> {
        let delay = self.delay()?;
        let fetched = self.frames(FETCHED_MS) as u64;
        let wanted = usize::try_from(delay.saturating_sub(fetched)).unwrap_or(usize::MAX);
        // A draining device accepts no more frames, so rewinding it would only lose some.
        let mut back = if draining { 0 } else { self.pcm.rewind(wanted.min(self.echo.len())) as u64 };
        if back == 0 && delay > 0 {
            self.pcm.discard()?;
            self.started = false;
            back = delay.min(self.echo.len() as u64);
        }
        let begin = self.sent - back.min(self.sent);
        let kept = self.echo.len().saturating_sub(back as usize);
        self.outbox.drain(..self.outbox_sent);
        self.outbox_sent = 0;
        // The frames taken back come before those that were not sent.
        self.outbox.splice(..0, self.echo.drain(kept..));
        self.sent = begin;
        self.outbox.truncate(self.frames(fade_ms));
        self.fade_out_tail(fade_ms);
        Ok(begin)
    }

    /// Fades the end of the outbox out, at most `fade_ms`, and appends a period of silence.
    pub(super) fn fade_out_tail(&mut self, fade_ms: u32) {
        let fade = self.frames(fade_ms).min(self.outbox.len() - self.outbox_sent);
        let begin = self.outbox.len() - fade;
        for (i, frame) in self.outbox[begin..].iter_mut().enumerate() {
            *frame *= 1.0 - rise(i as u32, fade as u32);
        }
        self.sound_end = self.sent + (self.outbox.len() - self.outbox_sent) as u64;
        // A whole period, so that the device never plays on into what its ring buffer held before.
        self.outbox.resize(self.outbox.len() + self.config.period_frames, 0.0);
    }
}

fn frames(rate_hz: u32, ms: u32) -> usize {
    (u64::from(rate_hz) * u64::from(ms) / 1000) as usize
}
