//! A sender, a player and a device with a clock that only the test moves.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crier_player::{Clock, Fault, Options, PacedPcm, Pcm, Player, PlayerError, Sink, StreamConfig};
use crier_wire::{PlayerReport, PlayerRequest};

pub(crate) const RATE_HZ: u32 = 24_000;

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Samples played, and the millisecond in which each was played.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) samples: Vec<f32>,
    pub(crate) at_ms: Vec<u64>,
}

struct Recorder {
    played: Arc<Mutex<Recorded>>,
    now_ms: Arc<Mutex<u64>>,
}

impl Sink for Recorder {
    fn write(&mut self, samples: &[f32]) -> Result<(), PlayerError> {
        let mut played = self.played.lock().unwrap();
        let now_ms = *self.now_ms.lock().unwrap();
        played.samples.extend_from_slice(samples);
        let length = played.samples.len();
        played.at_ms.resize(length, now_ms);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), PlayerError> {
        Ok(())
    }
}

/// Current behaviour of the device.
#[derive(Default)]
pub(crate) struct Behaviour {
    /// The next call fails so.
    pub(crate) fault: Option<Fault>,
    /// All calls fail so, and so does opening.
    pub(crate) gone: bool,
    /// No write takes more frames than this.
    pub(crate) take_max: Option<usize>,
    /// The device's clock stands still.
    pub(crate) frozen: bool,
}

/// The device as the player sees it; the test keeps the other end.
struct FakePcm {
    pcm: Rc<RefCell<PacedPcm>>,
    behaviour: Rc<RefCell<Behaviour>>,
}

impl FakePcm {
    fn check(&self) -> Result<(), Fault> {
        let mut behaviour = self.behaviour.borrow_mut();
        if behaviour.gone {
            return Err(Fault::Gone);
        }
        match behaviour.fault.take() {
            Some(fault) => {
                if fault != Fault::Underrun {
                    // What the device held is lost.
                    self.pcm.borrow_mut().discard()?;
                }
                Err(fault)
            }
            None => Ok(()),
        }
    }
}

impl Pcm for FakePcm {
    fn config(&self) -> StreamConfig {
        self.pcm.borrow().config()
    }

    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault> {
        self.check()?;
        let most = self.behaviour.borrow().take_max.unwrap_or(usize::MAX);
        self.pcm.borrow_mut().write(&frames[..frames.len().min(most)])
    }

    fn start(&mut self) -> Result<(), Fault> {
        self.check()?;
        self.pcm.borrow_mut().start()
    }

    fn delay(&mut self) -> Result<usize, Fault> {
        self.check()?;
        self.pcm.borrow_mut().delay()
    }

    fn rewind(&mut self, frames: usize) -> usize {
        self.pcm.borrow_mut().rewind(frames)
    }

    fn drain(&mut self) -> Result<bool, Fault> {
        self.check()?;
        self.pcm.borrow_mut().drain()
    }

    fn discard(&mut self) -> Result<(), Fault> {
        if self.behaviour.borrow().gone {
            return Err(Fault::Gone);
        }
        self.pcm.borrow_mut().discard()
    }
}

impl Drop for FakePcm {
    /// Closing a device silences it.
    fn drop(&mut self) {
        let _ = self.pcm.borrow_mut().discard();
    }
}

/// A stream as the sender knows it.
struct Source {
    id: u64,
    samples: Vec<f32>,
    sent: u64,
    credit: u64,
    /// Samples that are made per millisecond; they are there at once when this is 0.
    rate_per_ms: usize,
    made: usize,
    ended: bool,
    over: bool,
}

/// See the module's description.
pub(crate) struct Rig {
    pub(crate) player: Player,
    pub(crate) reports: Vec<(u64, PlayerReport)>,
    pub(crate) behaviour: Rc<RefCell<Behaviour>>,
    pub(crate) now_ms: u64,
    /// The player is not polled, as on a machine that is too busy.
    pub(crate) asleep: bool,
    /// The sender makes nothing more, for the moment.
    pub(crate) dry: bool,
    pcm: Rc<RefCell<PacedPcm>>,
    device_now: Rc<Cell<Duration>>,
    recorder_now_ms: Arc<Mutex<u64>>,
    played: Arc<Mutex<Recorded>>,
    sources: Vec<Source>,
    poll_at_ms: u64,
    options: Options,
}

fn player(options: &Options, pcm: &Rc<RefCell<PacedPcm>>, behaviour: &Rc<RefCell<Behaviour>>) -> Player {
    let (pcm, behaviour) = (Rc::clone(pcm), Rc::clone(behaviour));
    let opener = move |rate_hz| {
        if behaviour.borrow().gone {
            // Any error of opening will do.
            let source = crier_player::AlsaPcm::open(
                "no-such-device",
                rate_hz,
                &crier_player::Mixer::None,
                crier_player::Timing::default(),
            );
            return Err(source.err().unwrap());
        }
        Ok(Box::new(FakePcm { pcm: Rc::clone(&pcm), behaviour: Rc::clone(&behaviour) }) as Box<dyn Pcm>)
    };
    Player::new(options.clone(), Box::new(opener))
}

impl Rig {
    pub(crate) fn new(device_hz: u32, rewinds: bool) -> Self {
        Self::with_options(device_hz, rewinds, Options::default())
    }

    pub(crate) fn with_options(device_hz: u32, rewinds: bool, options: Options) -> Self {
        let (played, recorder_now_ms) = (Arc::default(), Arc::default());
        let device_now = Rc::new(Cell::new(Duration::ZERO));
        let clock: Clock = Rc::new({
            let device_now = Rc::clone(&device_now);
            move || device_now.get()
        });
        let recorder = Recorder { played: Arc::clone(&played), now_ms: Arc::clone(&recorder_now_ms) };
        let pcm = PacedPcm::new(StreamConfig::with_default_buffer(device_hz), Box::new(recorder), clock);
        let pcm = Rc::new(RefCell::new(if rewinds { pcm } else { pcm.without_rewind() }));
        let behaviour = Rc::new(RefCell::new(Behaviour::default()));
        let player = player(&options, &pcm, &behaviour);
        Self {
            player,
            reports: Vec::new(),
            behaviour,
            now_ms: 0,
            asleep: false,
            dry: false,
            pcm,
            device_now,
            recorder_now_ms,
            played,
            sources: Vec::new(),
            poll_at_ms: 0,
            options,
        }
    }

    pub(crate) fn request(&mut self, request: &PlayerRequest) {
        self.request_with(request, &[]);
    }

    pub(crate) fn request_with(&mut self, request: &PlayerRequest, samples: &[f32]) {
        self.player.handle(request, samples, ms(self.now_ms));
        self.poll_at_ms = self.now_ms;
    }

    /// Begins a stream of which `rate_per_ms` samples are made in each millisecond, or all at once.
    pub(crate) fn say(&mut self, id: u64, samples: &[f32], rate_per_ms: usize) {
        self.begin(id, 0, None);
        let samples = samples.to_vec();
        self.sources.push(Source {
            id,
            samples,
            sent: 0,
            credit: 0,
            rate_per_ms,
            made: 0,
            ended: false,
            over: false,
        });
    }

    pub(crate) fn begin(&mut self, stream: u64, offset: u64, volume_percent: Option<u32>) {
        self.request(&PlayerRequest::Begin { stream, rate_hz: RATE_HZ, volume_percent, offset });
    }

    /// Replaces the player, as after a kill; the new one resumes at the last reported position.
    pub(crate) fn kill_player(&mut self) {
        self.player = player(&self.options, &self.pcm, &self.behaviour);
        let unfinished: Vec<u64> = self.sources.iter().filter(|s| !s.over).map(|s| s.id).collect();
        for id in unfinished {
            let offset = self.played_of(id);
            self.begin(id, offset, None);
            for source in self.sources.iter_mut().filter(|source| source.id == id) {
                (source.sent, source.ended, source.credit) = (offset, false, 0);
            }
        }
    }

    /// Last reported playback position of a stream.
    pub(crate) fn played_of(&self, id: u64) -> u64 {
        let of = |report: &PlayerReport| match report {
            PlayerReport::Played { stream, offset } if *stream == id => Some(*offset),
            _ => None,
        };
        self.reports.iter().rev().find_map(|(_, report)| of(report)).unwrap_or(0)
    }

    /// One millisecond.
    pub(crate) fn tick(&mut self) {
        self.now_ms += 1;
        *self.recorder_now_ms.lock().unwrap() = self.now_ms;
        if !self.behaviour.borrow().frozen {
            self.device_now.set(self.device_now.get() + ms(1));
        }
        // So that what is played is recorded in the millisecond in which it is played.
        let _ = self.pcm.borrow_mut().delay();
        self.send();
        if !self.asleep && self.now_ms >= self.poll_at_ms {
            let wait = self.player.poll(ms(self.now_ms));
            self.poll_at_ms = self.now_ms + (wait.as_micros() as u64).div_ceil(1000).max(1);
        }
        while let Some(report) = self.player.report() {
            for source in &mut self.sources {
                match report {
                    PlayerReport::Credit { stream, until } if stream == source.id => source.credit = until,
                    PlayerReport::Finished { stream } | PlayerReport::Stopped { stream, .. }
                        if stream == source.id =>
                    {
                        source.over = true;
                    }
                    _ => {}
                }
            }
            self.reports.push((self.now_ms, report));
        }
    }

    fn send(&mut self) {
        for source in self.sources.iter_mut().filter(|source| !source.over) {
            let all = source.samples.len();
            if !self.dry {
                source.made =
                    if source.rate_per_ms == 0 { all } else { (source.made + source.rate_per_ms).min(all) };
            }
            let until = source.credit.min(source.made as u64);
            if until > source.sent {
                let samples = source.samples[source.sent as usize..until as usize].to_vec();
                let (stream, offset) = (source.id, source.sent);
                self.player.handle(&PlayerRequest::Samples { stream, offset }, &samples, ms(self.now_ms));
                source.sent = until;
                self.poll_at_ms = self.now_ms;
            }
            if source.sent == all as u64 && !source.ended {
                source.ended = true;
                let end = PlayerRequest::End { stream: source.id, length: source.sent };
                self.player.handle(&end, &[], ms(self.now_ms));
                self.poll_at_ms = self.now_ms;
            }
        }
    }

    pub(crate) fn run(&mut self, count_ms: u64) {
        for _ in 0..count_ms {
            self.tick();
        }
    }

    /// Runs until all streams are over; so many milliseconds at most.
    pub(crate) fn run_to_end(&mut self, most_ms: u64) {
        for _ in 0..most_ms {
            if self.sources.iter().all(|source| source.over) {
                return;
            }
            self.tick();
        }
        panic!("not over after {most_ms} ms: {:?}", self.reports.iter().rev().take(8).collect::<Vec<_>>());
    }

    pub(crate) fn played(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.played.lock().unwrap()
    }

    pub(crate) fn count(&self, wanted: impl Fn(&PlayerReport) -> bool) -> usize {
        self.reports.iter().filter(|(_, report)| wanted(report)).count()
    }

    /// When the first such report came.
    pub(crate) fn when(&self, wanted: impl Fn(&PlayerReport) -> bool) -> Option<u64> {
        self.reports.iter().find(|(_, report)| wanted(report)).map(|(at_ms, _)| *at_ms)
    }
}

/// Samples that all differ from their neighbours and never repeat, well below full scale.
pub(crate) fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / 16_777_216.0 * 1.6 - 0.8
    };
    (0..count).map(|_| next()).collect()
}
