//! What the player does as time goes by: opens the device, keeps it fed, watches it, and mends what breaks.

use std::time::Duration;

use crier_wire::PlayerReport;

use super::line::Line;
use super::render::Renderer;
use super::{CUSHION_MS, DRY_FADE_MS, FADE_IN_MS, FADE_OUT_MS, Phase, Player, Purpose, RESTART_FADE_IN_MS};
use crate::pcm::{Fault, Shape};

/// Samples that are rendered at a time, in milliseconds.
const RENDER_MS: u32 = 10;
/// How much must have been heard before that is told again, in milliseconds.
const HEARD_STEP_MS: u32 = 5;
/// A device that holds less than this many periods is about to run dry.
const DRY_PERIODS: u64 = 2;
/// A device that stands still this often without having played is opened again.
const STALLS_MAX: u32 = 2;
/// Steps of one poll: a device without a clock plays a stream in one, and there are only so many streams.
const STEPS_MAX: usize = 16;
/// How long a player with nothing to do may sleep.
const IDLE: Duration = Duration::from_millis(500);

impl Player {
    /// Does what is due at `now`, and says how long it may take until the next poll; after a command, poll at once.
    pub fn poll(&mut self, now: Duration) -> Duration {
        if self.line.is_none() && now >= self.reopen_at {
            self.open(now);
        }
        for _ in 0..STEPS_MAX {
            if !self.step(now) {
                break;
            }
        }
        self.tell_credit();
        match (&self.line, self.phase) {
            (None, _) => self.reopen_at.saturating_sub(now).min(IDLE),
            (_, Phase::Waiting) => IDLE,
            (Some(line), _) => half_a_period(line.shape),
        }
    }

    fn open(&mut self, now: Duration) {
        match (self.opener)(self.options.rate_hz) {
            Ok(pcm) => {
                let line = Line::new(pcm);
                let detail = format!("{} Hz", line.shape.rate_hz);
                self.renderer = Renderer::new(line.shape.rate_hz);
                self.line = Some(line);
                self.set_hardware_volume();
                self.phase = Phase::Waiting;
                self.reports.push_back(PlayerReport::Device { open: true, detail });
            }
            Err(error) => self.close(&error.to_string(), now),
        }
    }

    /// The device is lost; it is opened again later, each time after a longer wait.
    fn close(&mut self, why: &str, now: Duration) {
        self.line = None;
        self.phase = Phase::Waiting;
        self.hardware_volume = false;
        self.reopen_at = now + self.reopen_backoff.next_delay();
        self.reports.push_back(PlayerReport::Device { open: false, detail: why.to_owned() });
    }

    /// One step; `true` when another may follow at once.
    fn step(&mut self, now: Duration) -> bool {
        if self.line.is_none() {
            return false;
        }
        let phase = self.phase;
        let stepped = match phase {
            Phase::Waiting => return self.begin_run(now),
            Phase::Playing => self.watch(now).and_then(|()| self.feed(now)),
            Phase::Draining => self.watch(now).and_then(|()| self.drain()),
            Phase::Falling(purpose, since) => self.fallen(purpose, since, now),
        };
        match stepped {
            Ok(()) => self.phase != phase,
            Err(fault) => {
                self.mend(&fault, now);
                self.line.is_some()
            }
        }
    }

    /// Begins to play the first stream, once there is enough of it.
    fn begin_run(&mut self, now: Duration) -> bool {
        let (false, Some(stream), Some(line)) = (self.paused, self.streams.front_mut(), &mut self.line)
        else {
            return false;
        };
        let enough = stream.available() >= stream.samples_of(CUSHION_MS);
        if !enough && !stream.is_complete() {
            return false;
        }
        if !self.renderer.begin(stream.rate_hz, stream.fade_in_ms) {
            self.forget_stopped(0);
            return true;
        }
        stream.fade_in_ms = 0;
        self.anchor = stream.cursor;
        line.begin();
        (self.watched_at, self.still_for, self.moved_to) = (now, Duration::ZERO, 0);
        self.phase = Phase::Playing;
        let factor = self.factor();
        self.renderer.gain.jump_to(factor);
        true
    }

    /// Looks how much was heard, and whether the device moves.
    fn watch(&mut self, now: Duration) -> Result<(), Fault> {
        let Some(line) = &mut self.line else { return Ok(()) };
        let delay = line.delay()?;
        let heard = line.heard(delay);
        let patience = Duration::from_secs(2 * line.shape.buffer_frames as u64) / line.shape.rate_hz.max(1);
        let should_move = line.is_started() && delay > 0;
        if heard != self.moved_to || !should_move {
            if heard > self.moved_to {
                self.stalls = 0;
                // Only a device that plays has recovered: one that opens and then fails keeps its long delay.
                self.reopen_backoff.reset();
            }
            (self.still_for, self.moved_to) = (Duration::ZERO, heard);
        } else {
            // Only time in which the device was looked at counts: the player may have slept itself.
            self.still_for += now.saturating_sub(self.watched_at).min(4 * half_a_period(line.shape));
        }
        self.watched_at = now;
        if self.still_for >= patience {
            return Err(Fault::Stalled);
        }
        self.tell_heard(self.position_of(heard));
        Ok(())
    }

    fn tell_heard(&mut self, position: u64) {
        let Some(stream) = self.streams.front_mut() else { return };
        stream.heard_to(position);
        if stream.heard >= stream.told_heard + stream.samples_of(HEARD_STEP_MS).max(1) {
            stream.told_heard = stream.heard;
            self.reports.push_back(PlayerReport::Played { stream: stream.id, offset: stream.heard });
        }
    }

    /// Renders and sends until the device is full or the samples are gone.
    fn feed(&mut self, now: Duration) -> Result<(), Fault> {
        let (Some(line), Some(stream)) = (&mut self.line, self.streams.front_mut()) else { return Ok(()) };
        let held_back = stream.samples_of(DRY_FADE_MS);
        let mut full = !line.send()?;
        // A device that takes more than it can hold has no pace of its own; the sender must be able to follow.
        let enough = line.sent() + line.shape.buffer_frames as u64;
        while !full && line.sent() < enough {
            let complete = stream.is_complete();
            let kept = if complete || !line.pcm.runs_dry() { 0 } else { held_back };
            let usable = stream.available().saturating_sub(kept);
            self.taken.clear();
            if usable > 0 {
                stream.take(usable.min(stream.samples_of(RENDER_MS).max(1)), &mut self.taken);
                self.renderer.push(&self.taken, &mut line.outbox);
            } else if complete {
                self.renderer.finish(&mut line.outbox);
                // What does not fit yet goes out while the device drains no sooner than all of it is there.
                if line.outbox_is_empty() {
                    self.phase = Phase::Draining;
                    break;
                }
            } else {
                let nearly_dry = DRY_PERIODS * line.shape.period_frames as u64;
                let runs_dry = line.is_started() && line.pcm.runs_dry();
                if runs_dry && line.delay()? <= nearly_dry {
                    stream.take(u64::MAX, &mut self.taken);
                    self.renderer.push(&self.taken, &mut line.outbox);
                    self.renderer.finish(&mut line.outbox);
                    line.fade_out_tail(DRY_FADE_MS);
                    self.phase = Phase::Falling(Purpose::Dry, now);
                    self.reports.push_back(PlayerReport::Underrun { stream: stream.id });
                    line.send()?;
                }
                break;
            }
            full = !line.send()?;
        }
        // The cushion was there: nothing more is waited for.
        if !line.is_started() && line.sent() > 0 { line.start() } else { Ok(()) }
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let Some(line) = &mut self.line else { return Ok(()) };
        if line.pcm.drain()? { self.finish() } else { Ok(()) }
    }

    /// All of the first stream was heard.
    fn finish(&mut self) -> Result<(), Fault> {
        if let Some(stream) = self.streams.pop_front() {
            if stream.told_heard < stream.cursor {
                self.reports.push_back(PlayerReport::Played { stream: stream.id, offset: stream.cursor });
            }
            self.reports.push_back(PlayerReport::Finished { stream: stream.id });
        }
        self.phase = Phase::Waiting;
        self.line.as_mut().map_or(Ok(()), |line| line.pcm.discard())
    }

    /// Lets what sounds fall to silence.
    pub(super) fn fall(&mut self, purpose: Purpose, now: Duration) {
        let Some(line) = &mut self.line else { return };
        if !line.is_started() {
            // Nothing was heard yet.
            let discarded = line.pcm.discard();
            let position = self.anchor;
            return match discarded {
                Ok(()) => self.silent(with_position(purpose, position)),
                Err(fault) => self.interrupted(purpose, &fault, now),
            };
        }
        let draining = self.phase == Phase::Draining;
        let fallen = line.fall(FADE_OUT_MS, draining).and_then(|begin| {
            line.send()?;
            if !line.is_started() {
                line.start()?;
            }
            Ok(begin)
        });
        match fallen {
            Ok(begin) => {
                let position = self.position_of(begin);
                self.phase = Phase::Falling(with_position(purpose, position), now);
            }
            Err(fault) => self.interrupted(purpose, &fault, now),
        }
    }

    /// The device failed while it was told to fall silent: it is silent.
    fn interrupted(&mut self, purpose: Purpose, fault: &Fault, now: Duration) {
        self.phase = Phase::Falling(with_position(purpose, self.heard()), now);
        self.mend(fault, now);
    }

    /// Looks whether the fall has reached silence.
    fn fallen(&mut self, purpose: Purpose, since: Duration, now: Duration) -> Result<(), Fault> {
        let Some(line) = &mut self.line else { return Ok(()) };
        line.send()?;
        let delay = line.delay()?;
        let heard = line.heard(delay);
        let patience = Duration::from_secs(2 * line.shape.buffer_frames as u64) / line.shape.rate_hz.max(1);
        let late = now.saturating_sub(since) >= patience;
        let silent = line.is_silent(delay);
        let position = self.position_of(heard);
        self.tell_heard(match purpose {
            // What fades is heard again after the pause.
            Purpose::Pause(resumed) => position.min(resumed),
            Purpose::Stop | Purpose::Dry => position,
        });
        if !silent && late {
            return Err(Fault::Stalled);
        }
        if silent {
            if let Some(line) = &mut self.line {
                line.pcm.discard()?;
            }
            self.silent(purpose);
        }
        Ok(())
    }

    /// The fall has reached silence.
    fn silent(&mut self, purpose: Purpose) {
        self.phase = Phase::Waiting;
        match purpose {
            Purpose::Stop => self.forget_stopped(0),
            Purpose::Pause(position) => self.go_back(position, FADE_IN_MS),
            Purpose::Dry => {
                let position = self.streams.front().map_or(0, |stream| stream.cursor);
                self.go_back(position, FADE_IN_MS);
            }
        }
    }

    /// The first stream goes on at a sample, with a fade.
    fn go_back(&mut self, position: u64, fade_in_ms: u32) {
        if let Some(stream) = self.streams.front_mut() {
            stream.heard_to(position);
            stream.go_back_to(position);
            stream.fade_in_ms = fade_in_ms;
        }
    }

    fn heard(&self) -> u64 {
        self.streams.front().map_or(0, |stream| stream.heard)
    }

    /// Something is wrong with the device: keeps what was not heard, and makes the device ready again or closes it.
    fn mend(&mut self, fault: &Fault, now: Duration) {
        tracing::debug!(%fault, phase = ?self.phase, "sound device");
        match self.phase {
            Phase::Waiting => {}
            Phase::Falling(Purpose::Stop, _) => self.silent(Purpose::Stop),
            Phase::Falling(Purpose::Pause(position), _) => {
                let heard = if *fault == Fault::Underrun { position } else { position.min(self.heard()) };
                self.silent(Purpose::Pause(heard));
            }
            Phase::Draining if *fault == Fault::Underrun => {
                // It ran dry because all was heard.
                if let Err(fault) = self.finish() {
                    self.close(&fault.to_string(), now);
                }
                return;
            }
            Phase::Playing | Phase::Draining | Phase::Falling(Purpose::Dry, _) => self.lose(fault),
        }
        self.phase = Phase::Waiting;
        if *fault == Fault::Stalled {
            self.stalls += 1;
        }
        let mendable = match fault {
            Fault::Underrun | Fault::Suspended => true,
            Fault::Stalled => self.stalls <= STALLS_MAX,
            Fault::Gone | Fault::Failed(_) => false,
        };
        let mended = match (&mut self.line, mendable) {
            (Some(line), true) => line.pcm.discard(),
            _ => Err(fault.clone()),
        };
        if let Err(fault) = mended {
            self.close(&fault.to_string(), now);
        }
    }

    /// Goes back to what was not heard: after an under-run that is what was not sent, else what was last seen unheard.
    fn lose(&mut self, fault: &Fault) {
        let Some(id) = self.streams.front().map(|stream| stream.id) else { return };
        match (&self.line, fault) {
            (Some(line), Fault::Underrun) => {
                self.tell_heard(self.position_of(line.sent()));
                if self.phase == Phase::Playing {
                    self.reports.push_back(PlayerReport::Underrun { stream: id });
                }
                self.go_back(self.heard(), FADE_IN_MS);
            }
            _ => self.go_back(self.heard(), RESTART_FADE_IN_MS),
        }
    }
}

fn with_position(purpose: Purpose, position: u64) -> Purpose {
    if let Purpose::Pause(_) = purpose { Purpose::Pause(position) } else { purpose }
}

/// How long a player that plays may sleep.
fn half_a_period(shape: Shape) -> Duration {
    let period_s = shape.period_frames as f64 / f64::from(shape.rate_hz.max(1));
    Duration::from_secs_f64(period_s / 2.0)
}
