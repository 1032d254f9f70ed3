//! The line into an open device: frames that wait for room, frames that were sent, and how many of them were heard.

use crate::gain::rise;
use crate::pcm::{Fault, Pcm, Shape};

/// Frames just before the play position that are left alone when the rest is taken back, in milliseconds: the hardware
/// may have fetched them already.
const FETCHED_MS: u32 = 2;

/// See the module's description. All counts are frames since [`Line::begin`].
pub(super) struct Line {
    pub(super) pcm: Box<dyn Pcm>,
    pub(super) shape: Shape,
    /// Frames that are rendered; those before `outbox_sent` were sent.
    pub(super) outbox: Vec<f32>,
    outbox_sent: usize,
    /// The frames that were sent last, at most a device's worth.
    echo: std::collections::VecDeque<f32>,
    echo_frames_max: usize,
    sent: u64,
    /// Where the sound ends and padding begins.
    sound_end: u64,
    started: bool,
}

impl Line {
    pub(super) fn new(pcm: Box<dyn Pcm>) -> Self {
        let shape = pcm.shape();
        // A device with a larger buffer than ours is filled no further.
        let echo_frames_max = shape.buffer_frames.max(shape.period_frames);
        Self {
            pcm,
            shape,
            outbox: Vec::with_capacity(frames(shape.rate_hz, 100)),
            outbox_sent: 0,
            echo: std::collections::VecDeque::with_capacity(echo_frames_max + 1),
            echo_frames_max,
            sent: 0,
            sound_end: u64::MAX,
            started: false,
        }
    }

    /// A new run of sound; the device is empty.
    pub(super) fn begin(&mut self) {
        self.outbox.clear();
        self.echo.clear();
        (self.outbox_sent, self.sent, self.sound_end, self.started) = (0, 0, u64::MAX, false);
    }

    /// Frames of this many milliseconds.
    pub(super) fn frames(&self, ms: u32) -> usize {
        frames(self.shape.rate_hz, ms)
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

    /// Hands the outbox over as far as the device takes it; `true` when all of it is there.
    pub(super) fn send(&mut self) -> Result<bool, Fault> {
        while !self.outbox_is_empty() {
            let waiting = &self.outbox[self.outbox_sent..];
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

    /// Frames sent that nobody has heard.
    pub(super) fn delay(&mut self) -> Result<u64, Fault> {
        let delay = self.pcm.delay()? as u64;
        Ok(delay.min(self.sent))
    }

    /// Frames of sound that were heard, when `delay` frames were not.
    pub(super) fn heard(&self, delay: u64) -> u64 {
        (self.sent - delay.min(self.sent)).min(self.sound_end)
    }

    /// The frame where the sound ended; everything behind it is padding.
    pub(super) fn is_silent(&self, delay: u64) -> bool {
        self.outbox_is_empty() && self.sent - delay.min(self.sent) >= self.sound_end
    }

    /// Lets the sound that is being played fall to silence within `fade_ms`: what the device holds is taken back (or,
    /// where it cannot do that, forgotten), and its beginning is sent again, fading, with silence behind it.
    ///
    /// Returns the frame where the fade begins. What was rendered behind the fade is thrown away.
    pub(super) fn fall(&mut self, fade_ms: u32, draining: bool) -> Result<u64, Fault> {
        let delay = self.delay()?;
        let fetched = self.frames(FETCHED_MS) as u64;
        let wanted = usize::try_from(delay.saturating_sub(fetched)).unwrap_or(usize::MAX);
        // A device that plays to its end takes nothing more, whatever is taken back.
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
        // The frames taken back come first again.
        self.outbox.splice(..0, self.echo.drain(kept..));
        self.sent = begin;
        self.outbox.truncate(self.frames(fade_ms));
        self.fade_out_tail(fade_ms);
        Ok(begin)
    }

    /// The end of the outbox, at most `fade_ms`, fades out; a period of silence follows.
    pub(super) fn fade_out_tail(&mut self, fade_ms: u32) {
        let fade = self.frames(fade_ms).min(self.outbox.len() - self.outbox_sent);
        let begin = self.outbox.len() - fade;
        for (i, frame) in self.outbox[begin..].iter_mut().enumerate() {
            *frame *= 1.0 - rise(i as u32, fade as u32);
        }
        self.sound_end = self.sent + (self.outbox.len() - self.outbox_sent) as u64;
        // A whole period, so that the device never plays on into what it held before.
        self.outbox.resize(self.outbox.len() + self.shape.period_frames, 0.0);
    }
}

fn frames(rate_hz: u32, ms: u32) -> usize {
    (u64::from(rate_hz) * u64::from(ms) / 1000) as usize
}
