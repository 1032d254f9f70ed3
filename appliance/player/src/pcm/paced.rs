//! A device without hardware that behaves as one: it plays at its rate by a clock, holds a buffer's worth, runs dry
//! when it is not fed, and hands what it has played to a sink (a WAV file, or nothing).
//!
//! On a machine without sound the appliance is heard here; with a virtual clock it is what the player is tested on.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Fault, Pcm, Shape};
use crate::{PlayerError, Sink};

/// Time since any fixed moment; never goes back.
pub type Clock = Rc<dyn Fn() -> Duration>;

/// The system's steady clock.
#[must_use]
pub fn steady_clock() -> Clock {
    let begin = Instant::now();
    Rc::new(move || begin.elapsed())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Prepared,
    Running,
    Draining,
    Drained,
    Dry,
}

/// See the module's description.
pub struct PacedPcm {
    shape: Shape,
    clock: Clock,
    sink: Box<dyn Sink>,
    state: State,
    held: VecDeque<f32>,
    /// When the device began to play, and what it has played since.
    began: Duration,
    played_frames: u64,
    rewinds: bool,
}

impl PacedPcm {
    /// A device of a shape that plays into `sink` by `clock`.
    #[must_use]
    pub fn new(shape: Shape, sink: Box<dyn Sink>, clock: Clock) -> Self {
        let held = VecDeque::with_capacity(shape.buffer_frames);
        let state = State::Prepared;
        Self { shape, clock, sink, state, held, began: Duration::ZERO, played_frames: 0, rewinds: true }
    }

    /// A device that cannot take anything back, as many plug-ins cannot.
    #[must_use]
    pub fn without_rewind(mut self) -> Self {
        self.rewinds = false;
        self
    }

    /// Plays up to now.
    fn advance(&mut self) -> Result<(), Fault> {
        if !matches!(self.state, State::Running | State::Draining) {
            return Ok(());
        }
        let elapsed = (self.clock)().saturating_sub(self.began);
        let due = elapsed.as_nanos() * u128::from(self.shape.rate_hz) / 1_000_000_000;
        let due = usize::try_from(due - u128::from(self.played_frames).min(due)).unwrap_or(usize::MAX);
        let frames = due.min(self.held.len());
        self.play(frames).map_err(|error| Fault::Failed(error.to_string()))?;
        if self.state == State::Draining && self.held.is_empty() {
            self.state = State::Drained;
        } else if due > frames {
            self.state = State::Dry;
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
        if self.state == State::Dry { Err(Fault::Underrun) } else { Ok(()) }
    }
}

impl Pcm for PacedPcm {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault> {
        self.alive()?;
        if matches!(self.state, State::Draining | State::Drained) {
            return Err(Fault::Failed("sound was handed over after the end".to_owned()));
        }
        let taken = frames.len().min(self.shape.buffer_frames - self.held.len());
        self.held.extend(&frames[..taken]);
        if self.held.len() + self.shape.period_frames > self.shape.buffer_frames {
            self.start()?;
        }
        Ok(taken)
    }

    fn start(&mut self) -> Result<(), Fault> {
        if self.state == State::Prepared && !self.held.is_empty() {
            (self.state, self.began, self.played_frames) = (State::Running, (self.clock)(), 0);
        }
        Ok(())
    }

    fn delay(&mut self) -> Result<usize, Fault> {
        self.alive()?;
        Ok(self.held.len())
    }

    fn rewind(&mut self, frames: usize) -> usize {
        if !self.rewinds || self.alive().is_err() || self.state == State::Drained {
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
            State::Dry | State::Drained | State::Prepared => Ok(true),
            State::Running | State::Draining => {
                self.state = if self.held.is_empty() { State::Drained } else { State::Draining };
                Ok(self.state == State::Drained)
            }
        }
    }

    fn discard(&mut self) -> Result<(), Fault> {
        self.advance()?;
        self.held.clear();
        self.state = State::Prepared;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::{Clock, Fault, PacedPcm, Pcm, Shape};
    use crate::NullSink;

    fn device() -> (PacedPcm, Rc<Cell<Duration>>) {
        let now = Rc::new(Cell::new(Duration::ZERO));
        let clock: Clock = Rc::new({
            let now = Rc::clone(&now);
            move || now.get()
        });
        (PacedPcm::new(Shape::usual(1000), Box::new(NullSink), clock), now)
    }

    #[test]
    fn plays_by_the_clock_and_runs_dry() {
        let (mut pcm, now) = device();
        assert_eq!(pcm.write(&[0.0; 500]), Ok(200));
        now.set(Duration::from_millis(50));
        assert_eq!((pcm.delay(), pcm.write(&[0.0; 500])), (Ok(150), Ok(50)));
        now.set(Duration::from_millis(251));
        assert_eq!(pcm.delay(), Err(Fault::Underrun));
        assert_eq!((pcm.discard(), pcm.delay()), (Ok(()), Ok(0)));
    }

    #[test]
    fn little_is_played_when_started_and_drained_to_its_end() {
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
    fn takes_back_what_was_not_heard() {
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
