//! Work of the player between requests: it opens the device, feeds it, watches its position and recovers from faults.

use std::time::Duration;

use crier_wire::PlayerReport;

use super::device_buffer::DeviceBuffer;
use super::parameters::{FADE_IN_MS, FADE_OUT_MS, PREBUFFER_MS, RESTART_FADE_IN_MS, UNDERRUN_FADE_MS};
use super::render::Renderer;
use super::{FadeReason, PlaybackPhase, Player};
use crate::pcm::device::{Fault, StreamConfig};

/// Sound that is rendered at a time, in milliseconds: what was rendered no longer follows the volume.
const RENDER_MS: u32 = 10;
/// Movement of the playback position at which it is reported again, in milliseconds: well below a period, which is the
/// most that may be lost or repeated when a player dies.
const PLAYED_STEP_MS: u32 = 5;
/// Periods left in a device at which an underrun is imminent: the player is woken twice a period, so there is time
/// for a fade-out.
const UNDERRUN_MARGIN_PERIODS: u64 = 2;
/// Stalls in a row after which a device is opened again, and not only prepared: some drivers recover only so.
const STALLS_MAX: u32 = 2;
/// Steps of one poll: a device without a clock plays a stream in one step, so a few streams take a few. The limit
/// keeps a device that fails at once from holding the caller.
const STEPS_MAX: usize = 16;
/// Longest sleep of an idle player: requests wake it anyway.
const IDLE: Duration = Duration::from_millis(500);

impl Player {
    /// Does what is due at `now`, and returns the longest time until the next poll; after a request, poll at once.
    pub fn poll(&mut self, now: Duration) -> Duration {
        if self.device.is_none() && now >= self.reopen_at {
            self.open(now);
        }
        for _ in 0..STEPS_MAX {
            if !self.step(now) {
                break;
            }
        }
        self.grant_credit();
        match (&self.device, self.phase) {
            (None, _) => self.reopen_at.saturating_sub(now).min(IDLE),
            (_, PlaybackPhase::Waiting) => IDLE,
            (Some(device), _) => half_a_period(device.config),
        }
    }

    fn open(&mut self, now: Duration) {
        match (self.opener)(self.options.rate_hz) {
            Ok(pcm) => {
                let device = DeviceBuffer::new(pcm);
                let detail = format!("{} Hz", device.config.rate_hz);
                // Gain and resampler of the device before were made for its rate.
                self.renderer = Renderer::new(device.config.rate_hz);
                self.device = Some(device);
                self.set_hardware_volume();
                self.phase = PlaybackPhase::Waiting;
                self.reports.push_back(PlayerReport::Device { open: true, detail });
            }
            Err(error) => self.close(&error.to_string(), now),
        }
    }

    /// Closes a lost device; it is opened again later, each time after a longer delay.
    fn close(&mut self, why: &str, now: Duration) {
        self.device = None;
        self.phase = PlaybackPhase::Waiting;
        // The next device may have no volume of its own.
        self.hardware_volume = false;
        self.reopen_at = now + self.reopen_backoff.next_delay();
        self.reports.push_back(PlayerReport::Device { open: false, detail: why.to_owned() });
    }

    /// Does one step; returns `true` if another may follow at once.
    fn step(&mut self, now: Duration) -> bool {
        if self.device.is_none() {
            return false;
        }
        let phase = self.phase;
        let stepped = match phase {
            PlaybackPhase::Waiting => return self.begin_run(now),
            PlaybackPhase::Playing => self.watch(now).and_then(|()| self.feed(now)),
            PlaybackPhase::Draining => self.watch(now).and_then(|()| self.drain()),
            PlaybackPhase::FadingOut(reason, since) => self.watch_fade_out(reason, since, now),
        };
        match stepped {
            // A new phase may have work at once; within the same one the device is full, or waits for samples.
            Ok(()) => self.phase != phase,
            Err(fault) => {
                self.recover(&fault, now);
                self.device.is_some()
            }
        }
    }

    /// Begins to play the first stream, once its prebuffer is full or all of it was received.
    fn begin_run(&mut self, now: Duration) -> bool {
        let (false, Some(stream), Some(device)) = (self.paused, self.streams.front_mut(), &mut self.device)
        else {
            return false;
        };
        let enough = stream.available() >= stream.samples_of(PREBUFFER_MS);
        if !enough && !stream.is_complete() {
            return false;
        }
        // Rates are checked when a stream begins. Should one fail here, it must not block the streams behind it.
        if !self.renderer.begin(stream.rate_hz, stream.fade_in_ms) {
            self.forget_stopped(0);
            return true;
        }
        stream.fade_in_ms = 0;
        self.run_start = stream.cursor;
        device.begin();
        (self.watched_at, self.still_for, self.moved_to) = (now, Duration::ZERO, 0);
        self.phase = PlaybackPhase::Playing;
        let factor = self.factor();
        // No ramp from the volume of the stream before, which would be an audible swell.
        self.renderer.gain.jump_to(factor);
        true
    }

    /// Reads the playback position, reports it, and detects a stall.
    fn watch(&mut self, now: Duration) -> Result<(), Fault> {
        let Some(device) = &mut self.device else { return Ok(()) };
        let delay = device.delay()?;
        let played = device.played(delay);
        let patience =
            Duration::from_secs(2 * device.config.buffer_frames as u64) / device.config.rate_hz.max(1);
        // A device without frames stands still rightly.
        let should_move = device.is_started() && delay > 0;
        if played != self.moved_to || !should_move {
            if played > self.moved_to {
                self.stalls = 0;
                // Only a device that plays has recovered: one that opens and then fails keeps its long delay.
                self.reopen_backoff.reset();
            }
            (self.still_for, self.moved_to) = (Duration::ZERO, played);
        } else {
            // A player that was not scheduled for a while has not seen the device stall: only the time between polls in
            // time counts.
            self.still_for += now.saturating_sub(self.watched_at).min(4 * half_a_period(device.config));
        }
        self.watched_at = now;
        if self.still_for >= patience {
            return Err(Fault::Stalled);
        }
        self.report_played(self.position_of(played));
        Ok(())
    }

    fn report_played(&mut self, position: u64) {
        let Some(stream) = self.streams.front_mut() else { return };
        stream.mark_played(position);
        if stream.played >= stream.reported_played + stream.samples_of(PLAYED_STEP_MS).max(1) {
            stream.reported_played = stream.played;
            self.reports.push_back(PlayerReport::Played { stream: stream.id, offset: stream.played });
        }
    }

    /// Renders and sends until the device is full or no samples are left.
    fn feed(&mut self, now: Duration) -> Result<(), Fault> {
        let (Some(device), Some(stream)) = (&mut self.device, self.streams.front_mut()) else {
            return Ok(());
        };
        let held_back = stream.samples_of(UNDERRUN_FADE_MS);
        // Frames that the device did not take at the last poll come first.
        let mut full = !device.send()?;
        // A capture file takes any amount at once; without this limit one poll would drain the queue and grant credit
        // for more, before requests are read again.
        let enough = device.sent() + device.config.buffer_frames as u64;
        while !full && device.sent() < enough {
            let complete = stream.is_complete();
            // The last samples are held back, so that there is something to fade out if no more arrive.
            let kept = if complete || !device.pcm.can_underrun() { 0 } else { held_back };
            let usable = stream.available().saturating_sub(kept);
            self.taken.clear();
            if usable > 0 {
                stream.take(usable.min(stream.samples_of(RENDER_MS).max(1)), &mut self.taken);
                self.renderer.push(&self.taken, &mut device.outbox);
            } else if complete {
                self.renderer.finish(&mut device.outbox);
                // A draining device accepts nothing, so all frames must have been sent before.
                if device.outbox_is_empty() {
                    self.phase = PlaybackPhase::Draining;
                    break;
                }
            } else {
                let margin = UNDERRUN_MARGIN_PERIODS * device.config.period_frames as u64;
                let can_underrun = device.is_started() && device.pcm.can_underrun();
                if can_underrun && device.delay()? <= margin {
                    // The samples that were held back become the fade-out.
                    stream.take(u64::MAX, &mut self.taken);
                    self.renderer.push(&self.taken, &mut device.outbox);
                    self.renderer.finish(&mut device.outbox);
                    device.fade_out_tail(UNDERRUN_FADE_MS);
                    self.phase = PlaybackPhase::FadingOut(FadeReason::Underrun, now);
                    self.reports.push_back(PlayerReport::Underrun { stream: stream.id });
                    device.send()?;
                }
                break;
            }
            full = !device.send()?;
        }
        // The prebuffer was full, so a device that waits for more than that is started by hand.
        if !device.is_started() && device.sent() > 0 { device.start() } else { Ok(()) }
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let Some(device) = &mut self.device else { return Ok(()) };
        if device.pcm.drain()? { self.finish() } else { Ok(()) }
    }

    /// Ends the first stream, all of which was played.
    fn finish(&mut self) -> Result<(), Fault> {
        if let Some(stream) = self.streams.pop_front() {
            // The last report may be a step behind.
            if stream.reported_played < stream.cursor {
                self.reports.push_back(PlayerReport::Played { stream: stream.id, offset: stream.cursor });
            }
            self.reports.push_back(PlayerReport::Finished { stream: stream.id });
        }
        self.phase = PlaybackPhase::Waiting;
        // A drained device accepts no frames before it is prepared again.
        self.device.as_mut().map_or(Ok(()), |device| device.pcm.discard())
    }

    /// Fades the playing sound out.
    pub(super) fn fade_out(&mut self, reason: FadeReason, now: Duration) {
        let Some(device) = &mut self.device else { return };
        if !device.is_started() {
            // Nothing was played yet, so there is nothing to fade.
            let discarded = device.pcm.discard();
            let position = self.run_start;
            return match discarded {
                Ok(()) => self.silent(with_position(reason, position)),
                Err(fault) => self.interrupted(reason, &fault, now),
            };
        }
        let draining = self.phase == PlaybackPhase::Draining;
        let begun = device.fade_out(FADE_OUT_MS, draining).and_then(|begin| {
            device.send()?;
            if !device.is_started() {
                // A device that cannot rewind was stopped, and a fade-out is shorter than the start threshold.
                device.start()?;
            }
            Ok(begin)
        });
        match begun {
            Ok(begin) => {
                let position = self.position_of(begin);
                self.phase = PlaybackPhase::FadingOut(with_position(reason, position), now);
            }
            Err(fault) => self.interrupted(reason, &fault, now),
        }
    }

    /// Completes a fade-out that failed: the device is silent.
    fn interrupted(&mut self, reason: FadeReason, fault: &Fault, now: Duration) {
        self.phase = PlaybackPhase::FadingOut(with_position(reason, self.played()), now);
        self.recover(fault, now);
    }

    /// Reads the playback position during a fade-out, and ends it at silence.
    fn watch_fade_out(&mut self, reason: FadeReason, since: Duration, now: Duration) -> Result<(), Fault> {
        let Some(device) = &mut self.device else { return Ok(()) };
        device.send()?;
        let delay = device.delay()?;
        let played = device.played(delay);
        let patience =
            Duration::from_secs(2 * device.config.buffer_frames as u64) / device.config.rate_hz.max(1);
        // A fade-out is far shorter than the buffer: a device that has not played it by then never will.
        let late = now.saturating_sub(since) >= patience;
        let silent = device.is_silent(delay);
        let position = self.position_of(played);
        self.report_played(match reason {
            // The fade-out is not reported as played: after the pause the same samples are played at full volume.
            FadeReason::Pause(resumed) => position.min(resumed),
            FadeReason::Stop | FadeReason::Underrun => position,
        });
        if !silent && late {
            return Err(Fault::Stalled);
        }
        if silent {
            if let Some(device) = &mut self.device {
                device.pcm.discard()?;
            }
            self.silent(reason);
        }
        Ok(())
    }

    /// Ends a fade-out: the device is silent.
    fn silent(&mut self, reason: FadeReason) {
        self.phase = PlaybackPhase::Waiting;
        match reason {
            FadeReason::Stop => self.forget_stopped(0),
            FadeReason::Pause(position) => self.resume_at(position, FADE_IN_MS),
            FadeReason::Underrun => {
                let position = self.streams.front().map_or(0, |stream| stream.cursor);
                self.resume_at(position, FADE_IN_MS);
            }
        }
    }

    /// Lets the first stream resume at a sample, with a fade-in.
    fn resume_at(&mut self, position: u64, fade_in_ms: u32) {
        if let Some(stream) = self.streams.front_mut() {
            stream.mark_played(position);
            stream.rewind_to(position);
            stream.fade_in_ms = fade_in_ms;
        }
    }

    fn played(&self) -> u64 {
        self.streams.front().map_or(0, |stream| stream.played)
    }

    /// Recovers from a fault: keeps the samples that were not played, and prepares the device again or closes it.
    fn recover(&mut self, fault: &Fault, now: Duration) {
        tracing::debug!(%fault, phase = ?self.phase, "sound device");
        match self.phase {
            PlaybackPhase::Waiting => {}
            PlaybackPhase::FadingOut(FadeReason::Stop, _) => self.silent(FadeReason::Stop),
            PlaybackPhase::FadingOut(FadeReason::Pause(position), _) => {
                // After an underrun everything sent was played, the fade-out included; other faults lose frames.
                let played = if *fault == Fault::Underrun { position } else { position.min(self.played()) };
                self.silent(FadeReason::Pause(played));
            }
            PlaybackPhase::Draining if *fault == Fault::Underrun => {
                // Some drivers report the end of draining as an underrun: all was played.
                if let Err(fault) = self.finish() {
                    self.close(&fault.to_string(), now);
                }
                return;
            }
            PlaybackPhase::Playing
            | PlaybackPhase::Draining
            | PlaybackPhase::FadingOut(FadeReason::Underrun, _) => self.rewind_stream(fault),
        }
        self.phase = PlaybackPhase::Waiting;
        if *fault == Fault::Stalled {
            self.stalls += 1;
        }
        let recoverable = match fault {
            Fault::Underrun | Fault::Suspended => true,
            Fault::Stalled => self.stalls <= STALLS_MAX,
            Fault::Gone | Fault::Failed(_) => false,
        };
        let recovered = match (&mut self.device, recoverable) {
            (Some(device), true) => device.pcm.discard(),
            _ => Err(fault.clone()),
        };
        if let Err(fault) = recovered {
            self.close(&fault.to_string(), now);
        }
    }

    /// Moves back to the samples that were not played: after an underrun those that were not sent, otherwise those
    /// behind the last known playback position.
    fn rewind_stream(&mut self, fault: &Fault) {
        let Some(id) = self.streams.front().map(|stream| stream.id) else { return };
        match (&self.device, fault) {
            (Some(device), Fault::Underrun) => {
                // An underrun means that everything sent was played.
                self.report_played(self.position_of(device.sent()));
                if self.phase == PlaybackPhase::Playing {
                    self.reports.push_back(PlayerReport::Underrun { stream: id });
                }
                self.resume_at(self.played(), FADE_IN_MS);
            }
            _ => self.resume_at(self.played(), RESTART_FADE_IN_MS),
        }
    }
}

fn with_position(reason: FadeReason, position: u64) -> FadeReason {
    if let FadeReason::Pause(_) = reason { FadeReason::Pause(position) } else { reason }
}

/// Longest sleep of a playing player: half a period, so that no period passes without a look at the position.
fn half_a_period(config: StreamConfig) -> Duration {
    let period_s = config.period_frames as f64 / f64::from(config.rate_hz.max(1));
    Duration::from_secs_f64(period_s / 2.0)
}
