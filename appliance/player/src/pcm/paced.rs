//! Device without hardware that behaves as a sound card: it plays at its rate by a clock, holds a buffer of frames,
//! has an underrun when it is not fed, and writes played frames to a sink (a WAV file, or nothing).
//!
//! It is the output of machines without sound, and with a virtual clock the device of the player's tests.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::device::{Fault, Pcm, StreamConfig};
use crate::error::PlayerError;
use crate::sink::Sink;

/// Time since any fixed moment; never decreases.
pub type Clock = Rc<dyn Fn() -> Duration>;

/// Returns the monotonic clock of the system.
#[must_use]
pub fn steady_clock() -> Clock {
    let begin = Instant::now();
    Rc::new(move || begin.elapsed())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PacedState {
    Prepared,
    Running,
    Draining,
    Drained,
    Underrun,
}

/// Device that plays by a clock into a sink.
pub struct PacedPcm {
    config: StreamConfig,
    clock: Clock,
    sink: Box<dyn Sink>,
    state: PacedState,
    held: VecDeque<f32>,
    /// Begin of playback, and frames played since.
    began: Duration,
    played_frames: u64,
    rewinds: bool,
}

impl PacedPcm {
    /// Creates a device that plays into `sink` by `clock`.
    #[must_use]
    pub fn new(config: StreamConfig, sink: Box<dyn Sink>, clock: Clock) -> Self {
        let held = VecDeque::with_capacity(config.buffer_frames);
        let state = PacedState::Prepared;
        Self { config, clock, sink, state, held, began: Duration::ZERO, played_frames: 0, rewinds: true }
    }

    /// Makes it a device that cannot rewind, like many plug-ins.
    #[must_use]
    pub fn without_rewind(mut self) -> Self {
        self.rewinds = false;
        self
    }

    /// Plays the frames that are due.
    fn advance(&mut self) -> Result<(), Fault> {
        if !matches!(self.state, PacedState::Running | PacedState::Draining) {
            return Ok(());
        }
        // From the begin of playback each time: adding up rounded steps would drift from the clock.
        let elapsed = (self.clock)().saturating_sub(self.began);
        let due = elapsed.as_nanos() * u128::from(self.config.rate_hz) / 1_000_000_000;
        let due = usize::try_from(due - u128::from(self.played_frames).min(due)).unwrap_or(usize::MAX);
        let frames = due.min(self.held.len());
        self.play(frames).map_err(|error| Fault::Failed(error.to_string()))?;
        if self.state == PacedState::Draining && self.held.is_empty() {
            self.state = PacedState::Drained;
        } else if due > frames {
            self.state = PacedState::Underrun;
        }
        Ok(())
    }

    fn play(&mut self, frames: usize) -> Result<(), PlayerError> {
        if frames > 0 {
            let (first, second) = self.held.as_slices();
            let split = frames.min(first.len());
            self.sink.write(&first[..split])?;
            self.sink.write(&second[..frames - split])?;
            self.held.drain(..frames);
            self.played_frames += frames as u64;
        }
        Ok(())
    }

    fn alive(&mut self) -> Result<(), Fault> {
        self.advance()?;
        if self.state == PacedState::Underrun { Err(Fault::Underrun) } else { Ok(()) }
    }
}

impl Pcm for PacedPcm {
    fn config(&self) -> StreamConfig {
        self.config
    }

    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault> {
        self.alive()?;
        if matches!(self.state, PacedState::Draining | PacedState::Drained) {
            return Err(Fault::Failed("sound was handed over after the end".to_owned()));
        }
        let taken = frames.len().min(self.config.buffer_frames - self.held.len());
        self.held.extend(&frames[..taken]);
        if self.held.len() + self.config.period_frames > self.config.buffer_frames {
            self.start()?;
        }
        Ok(taken)
    }

    fn start(&mut self) -> Result<(), Fault> {
        if self.state == PacedState::Prepared && !self.held.is_empty() {
            (self.state, self.began, self.played_frames) = (PacedState::Running, (self.clock)(), 0);
        }
        Ok(())
    }

    fn delay(&mut self) -> Result<usize, Fault> {
        self.alive()?;
        Ok(self.held.len())
    }

    fn rewind(&mut self, frames: usize) -> usize {
        if !self.rewinds || self.alive().is_err() || self.state == PacedState::Drained {
            return 0;
        }
        let taken = frames.min(self.held.len());
        self.held.truncate(self.held.len() - taken);
        taken
    }

    fn drain(&mut self) -> Result<bool, Fault> {
        self.start()?;
        self.advance()?;
        match self.state {
            PacedState::Underrun | PacedState::Drained | PacedState::Prepared => Ok(true),
            PacedState::Running | PacedState::Draining => {
                self.state = if self.held.is_empty() { PacedState::Drained } else { PacedState::Draining };
                Ok(self.state == PacedState::Drained)
            }
        }
    }

    fn discard(&mut self) -> Result<(), Fault> {
        self.advance()?;
        self.held.clear();
        self.state = PacedState::Prepared;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::{Clock, Fault, PacedPcm, Pcm, StreamConfig};
    use crate::sink::NullSink;

    fn device() -> (PacedPcm, Rc<Cell<Duration>>) {
        let now = Rc::new(Cell::new(Duration::ZERO));
        let clock: Clock = Rc::new({
            let now = Rc::clone(&now);
            move || now.get()
        });
        (PacedPcm::new(StreamConfig::with_default_buffer(1000), Box::new(NullSink), clock), now)
    }

    #[test]
    fn plays_by_the_clock_until_an_underrun() {
        let (mut pcm, now) = device();
        assert_eq!(pcm.write(&[0.0; 500]), Ok(200));
        now.set(Duration::from_millis(50));
        assert_eq!((pcm.delay(), pcm.write(&[0.0; 500])), (Ok(150), Ok(50)));
        now.set(Duration::from_millis(251));
        assert_eq!(pcm.delay(), Err(Fault::Underrun));
        assert_eq!((pcm.discard(), pcm.delay()), (Ok(()), Ok(0)));
    }

    #[test]
    fn fewer_frames_than_the_threshold_are_drained() {
        let (mut pcm, now) = device();
        assert_eq!(pcm.write(&[0.0; 30]), Ok(30));
        now.set(Duration::from_millis(40));
        assert_eq!(pcm.delay(), Ok(30));
        assert_eq!(pcm.drain(), Ok(false));
        now.set(Duration::from_millis(69));
        assert_eq!((pcm.delay(), pcm.drain()), (Ok(1), Ok(false)));
        now.set(Duration::from_millis(90));
        assert_eq!((pcm.delay(), pcm.drain()), (Ok(0), Ok(true)));
    }

    #[test]
    fn rewinds_frames_that_were_not_played() {
        let (mut pcm, now) = device();
        assert_eq!(pcm.write(&[0.0; 100]), Ok(100));
        pcm.start().unwrap();
        now.set(Duration::from_millis(30));
        assert_eq!((pcm.rewind(500), pcm.delay()), (70, Ok(0)));
        let (pcm, _) = device();
        let mut pcm = pcm.without_rewind();
        assert_eq!((pcm.write(&[0.0; 100]), pcm.rewind(50), pcm.delay()), (Ok(100), 0, Ok(100)));
    }
}
