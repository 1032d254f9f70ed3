//! Client of the player stage: keeps the samples of the one stream that were not played yet.
//!
//! The samples that were not heard yet stay here. A player that died is replaced and told where to go on, so that at
//! most one period is heard twice or not at all.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crier_player::PREBUFFER_MS;
use crier_wire::{PlayerReport, PlayerRequest, SoundDevice};
use tokio::sync::{Notify, watch};

use crier_supervisor::{Connection, ConnectionSource, Disabled, Disconnected};

use crate::device_list::{DEVICE_LIST_TIMEOUT, DeviceListError, PendingDeviceLists};

/// Samples that a stream may be ahead of playback: 20 s at 24 kHz, 2 MB. Long enough that the engines rest for whole
/// sentences, and short enough that little work is thrown away by a stop.
const AHEAD_SAMPLES_MAX: usize = 480_000;
/// Samples of a stream that was not released yet: 120 s at 24 kHz, 12 MB. Beyond that memory is worth more than the
/// wish to hear a text only when it is whole, so it is released.
const UNRELEASED_SAMPLES_MAX: usize = 2_880_000;
/// Samples in one packet: 19 kB, far below the limit of a packet, and 200 ms, so that a stop waits for no long
/// transfer.
const PACKET_SAMPLES_MAX: usize = 4_800;

/// The player, seen from the supervisor.
pub struct PlayerClient {
    state: RefCell<PlayerState>,
    /// Wakes the task that sends.
    wake: Notify,
    /// Number of reports of the player; a task that waits for a state looks again when it changes.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct PlayerState {
    streams: u64,
    current: Option<PlayedStream>,
    /// Requests that are sent before any samples.
    requests: VecDeque<PlayerRequest>,
    volume_percent: u32,
    muted: bool,
    paused: bool,
    device: DeviceState,
    underruns: u64,
    /// A player is connected.
    connected: bool,
    device_lists: PendingDeviceLists,
}

/// The sound device, as last reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceState {
    /// True while the device is open.
    pub open: bool,
    /// Name of the device, or the reason why it is not open.
    pub detail: String,
}

struct PlayedStream {
    number: u64,
    rate_hz: u32,
    volume_percent: Option<u32>,
    /// Samples that were played and are forgotten; the first of `samples` is the next one.
    played: u64,
    samples: VecDeque<f32>,
    /// Playback may begin.
    released: bool,
    begun: bool,
    /// Samples that the present player was sent.
    sent: u64,
    /// Flow-control window of the present player: it takes samples up to this offset.
    credit_until: u64,
    /// No more samples come.
    complete: bool,
    end_sent: bool,
    finished: bool,
    refused: Option<String>,
}

impl PlayedStream {
    fn new(number: u64, rate_hz: u32, volume_percent: Option<u32>) -> Self {
        Self {
            number,
            rate_hz,
            volume_percent,
            played: 0,
            samples: VecDeque::new(),
            released: false,
            begun: false,
            sent: 0,
            credit_until: 0,
            complete: false,
            end_sent: false,
            finished: false,
            refused: None,
        }
    }

    fn length(&self) -> u64 {
        self.played + self.samples.len() as u64
    }

    fn advance(&mut self, offset: u64) {
        // Reports of a player that was replaced meanwhile may be behind what is known already.
        let over = offset.min(self.length()).saturating_sub(self.played);
        self.samples.drain(..usize::try_from(over).unwrap_or(0));
        self.played += over;
    }

    /// Returns true if the player has what it needs to go on: enough sound, or the stream's end.
    fn is_due(&self) -> bool {
        let prebuffer = u64::from(self.rate_hz) * u64::from(PREBUFFER_MS) / 1000;
        self.released && !self.finished && (self.complete || self.samples.len() as u64 >= prebuffer)
    }

    /// Begins again with a new player.
    fn rewind(&mut self) {
        (self.begun, self.end_sent) = (false, false);
        (self.sent, self.credit_until) = (self.played, self.played);
    }
}

/// Reasons why a stream is not played to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// It was stopped.
    Stopped,
    /// The player refused it.
    Refused(String),
}

impl PlayerClient {
    /// Drives the player behind `connections`.
    pub fn start(connections: ConnectionSource<PlayerReport>, volume_percent: u32, muted: bool) -> Rc<Self> {
        let state = PlayerState { volume_percent, muted, ..PlayerState::default() };
        let player =
            Rc::new(Self { state: RefCell::new(state), wake: Notify::new(), changed: watch::channel(0).0 });
        let driven = Rc::clone(&player);
        // For as long as the event loop runs: there is always a player, or one that is being started.
        tokio::task::spawn_local(async move { driven.drive(connections).await });
        player
    }

    /// Begins a stream in place of the present one, and returns its number. Nothing is played before
    /// [`PlayerClient::release`].
    pub fn begin(&self, rate_hz: u32, volume_percent: Option<u32>) -> u64 {
        let mut state = self.state.borrow_mut();
        state.streams += 1;
        let number = state.streams;
        state.current = Some(PlayedStream::new(number, rate_hz, volume_percent));
        number
    }

    /// Appends samples to the stream; waits while it is far ahead of playback.
    pub async fn push(&self, number: u64, samples: &[f32]) -> Result<(), StreamError> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match &mut self.state.borrow_mut().current {
                Some(stream) if stream.number == number => {
                    if let Some(reason) = &stream.refused {
                        return Err(StreamError::Refused(reason.clone()));
                    }
                    // The check precedes the samples of this call, so one push may exceed the limit by its length.
                    stream.released |= stream.samples.len() >= UNRELEASED_SAMPLES_MAX;
                    if stream.samples.len() < AHEAD_SAMPLES_MAX || !stream.released {
                        stream.samples.extend(samples);
                        break;
                    }
                    self.wake.notify_one();
                }
                _ => return Err(StreamError::Stopped),
            }
            // The sender lives as long as this.
            let _ = changed.changed().await;
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Allows playback of the stream.
    pub fn release(&self, number: u64) {
        self.with_stream(number, |stream| stream.released = true);
    }

    /// Marks the stream as complete: no more samples come.
    pub fn complete(&self, number: u64) {
        self.with_stream(number, |stream| (stream.complete, stream.released) = (true, true));
    }

    /// Waits until all of the stream was played.
    pub async fn finished(&self, number: u64) -> Result<(), StreamError> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match &self.state.borrow().current {
                Some(stream) if stream.number == number => match &stream.refused {
                    Some(reason) => return Err(StreamError::Refused(reason.clone())),
                    None if stream.finished => return Ok(()),
                    None => {}
                },
                _ => return Err(StreamError::Stopped),
            }
            let _ = changed.changed().await;
        }
    }

    /// Number of samples of the stream that were not played yet.
    pub fn ahead_samples(&self, number: u64) -> u64 {
        match &self.state.borrow().current {
            Some(stream) if stream.number == number => stream.samples.len() as u64,
            _ => 0,
        }
    }

    /// Stops playback and forgets the stream.
    pub fn stop(&self) {
        {
            let mut state = self.state.borrow_mut();
            if let Some(stream) = state.current.take()
                && stream.begun
            {
                state.requests.push_back(PlayerRequest::Stop { stream: stream.number });
            }
            // A pause belongs to what was playing: the next announcement must not wait for a forgotten one.
            if std::mem::take(&mut state.paused) {
                state.requests.push_back(PlayerRequest::Resume);
            }
        }
        self.notify();
    }

    /// Pauses playback; the position is kept.
    pub fn pause(&self) {
        self.request(|state| {
            state.paused = true;
            PlayerRequest::Pause
        });
    }

    /// Resumes playback.
    pub fn resume(&self) {
        self.request(|state| {
            state.paused = false;
            PlayerRequest::Resume
        });
    }

    /// Sets the loudness, 0 to 100.
    pub fn set_volume(&self, percent: u32) {
        self.request(|state| {
            state.volume_percent = percent.min(100);
            PlayerRequest::Volume { percent: state.volume_percent }
        });
    }

    /// Mutes or unmutes; playback goes on.
    pub fn set_mute(&self, on: bool) {
        self.request(|state| {
            state.muted = on;
            PlayerRequest::Mute { on }
        });
    }

    /// Loudness, 0 to 100.
    pub fn volume_percent(&self) -> u32 {
        self.state.borrow().volume_percent
    }

    /// Returns true while muted.
    pub fn is_muted(&self) -> bool {
        self.state.borrow().muted
    }

    /// The sound device, as last reported.
    pub fn device(&self) -> DeviceState {
        self.state.borrow().device.clone()
    }

    /// Returns the sound devices that the player finds.
    pub async fn list_devices(&self) -> Result<Vec<SoundDevice>, DeviceListError> {
        let result = {
            let mut state = self.state.borrow_mut();
            if !state.connected {
                return Err(DeviceListError::NotRunning);
            }
            let (request, result) = state.device_lists.add()?;
            state.requests.push_back(request);
            result
        };
        self.wake.notify_one();
        match tokio::time::timeout(DEVICE_LIST_TIMEOUT, result).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(DeviceListError::Interrupted),
            Err(_) => Err(DeviceListError::TimedOut),
        }
    }

    /// Number of underruns.
    pub fn underruns(&self) -> u64 {
        self.state.borrow().underruns
    }

    /// Changes with everything that the player reports.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Number of samples of the present stream that were played.
    pub fn played_samples(&self) -> Option<u64> {
        self.state.borrow().current.as_ref().map(|stream| stream.played)
    }

    /// Number of samples of a stream that were played; `None` if it is not the present one.
    pub(crate) fn played_of(&self, number: u64) -> Option<u64> {
        let state = self.state.borrow();
        state.current.as_ref().filter(|stream| stream.number == number).map(|stream| stream.played)
    }

    /// Returns true if playback should advance: there are samples, and the stream is neither finished nor short of
    /// them.
    pub fn is_due(&self) -> bool {
        self.state.borrow().current.as_ref().is_some_and(PlayedStream::is_due)
    }

    fn with_stream(&self, number: u64, change: impl FnOnce(&mut PlayedStream)) {
        if let Some(stream) = self.state.borrow_mut().current.as_mut().filter(|s| s.number == number) {
            change(stream);
        }
        self.notify();
    }

    fn request(&self, change: impl FnOnce(&mut PlayerState) -> PlayerRequest) {
        {
            let mut state = self.state.borrow_mut();
            let request = change(&mut state);
            state.requests.push_back(request);
        }
        self.notify();
    }

    fn notify(&self) {
        self.wake.notify_one();
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn drive(&self, connections: ConnectionSource<PlayerReport>) {
        loop {
            match connections.next().await {
                Ok(mut connection) => {
                    self.introduce();
                    let Disconnected = self.exchange(&mut connection).await;
                    self.lost("the player has ended and is started again");
                }
                Err(Disabled) => {
                    self.lost("the player is held");
                    connections.released().await;
                }
            }
        }
    }

    /// A new player knows nothing.
    fn introduce(&self) {
        let mut state = self.state.borrow_mut();
        // They were meant for the player that has ended; volume, mute and pause are sent again below.
        state.requests.clear();
        state.connected = true;
        let (percent, on, paused) = (state.volume_percent, state.muted, state.paused);
        state.requests.extend([PlayerRequest::Volume { percent }, PlayerRequest::Mute { on }]);
        if let Some(stream) = &mut state.current {
            stream.rewind();
        }
        if paused {
            state.requests.push_back(PlayerRequest::Pause);
        }
    }

    fn lost(&self, detail: &str) {
        {
            let mut state = self.state.borrow_mut();
            state.device = DeviceState { open: false, detail: detail.to_owned() };
            state.connected = false;
            state.device_lists.interrupt();
        }
        self.notify();
    }

    async fn exchange(&self, connection: &mut Connection<PlayerReport>) -> Disconnected {
        loop {
            loop {
                let next = self.state.borrow_mut().next();
                let Some((request, payload)) = next else { break };
                if connection.send(request, &payload).await.is_err() {
                    return Disconnected;
                }
            }
            // Both branches are cancel safe: a report that has begun to arrive is kept by the connection, a wake-up
            // by `Notify`.
            tokio::select! {
                report = connection.receive() => match report {
                    Ok((report, _)) => self.take(report),
                    Err(lost) => return lost,
                },
                () = self.wake.notified() => {}
            }
        }
    }

    fn take(&self, report: PlayerReport) {
        let number = |state: &PlayerState| state.current.as_ref().map(|stream| stream.number);
        {
            let mut state = self.state.borrow_mut();
            let present = number(&state);
            let Some(report) = state.device_lists.take(report) else { return };
            match report {
                PlayerReport::Played { stream, offset } if present == Some(stream) => {
                    // A player cannot have played what it was not sent; believing it would lose samples.
                    state.with(|stream| stream.advance(offset.min(stream.sent)));
                }
                PlayerReport::Credit { stream, until } if present == Some(stream) => {
                    state.with(|stream| stream.credit_until = until);
                }
                PlayerReport::Finished { stream } if present == Some(stream) => state.with(|stream| {
                    stream.advance(u64::MAX);
                    stream.finished = true;
                }),
                PlayerReport::Refused { stream, reason } if present == Some(stream) => {
                    tracing::error!(%reason, "the player refuses what it was sent");
                    state.with(|stream| stream.refused = Some(reason.to_string()));
                }
                PlayerReport::Underrun { stream } if present == Some(stream) => state.underruns += 1,
                PlayerReport::Device { open, detail } => {
                    if state.device.open != open {
                        tracing::info!(open, %detail, "the sound device changed");
                    }
                    state.device = DeviceState { open, detail };
                }
                // About a stream that was stopped meanwhile.
                _ => {}
            }
        }
        self.notify();
    }
}

impl PlayerState {
    fn with(&mut self, change: impl FnOnce(&mut PlayedStream)) {
        if let Some(stream) = &mut self.current {
            change(stream);
        }
    }

    /// The next request to the player, if one is due.
    fn next(&mut self) -> Option<(PlayerRequest, Vec<f32>)> {
        if let Some(request) = self.requests.pop_front() {
            return Some((request, Vec::new()));
        }
        // Nothing of a stream is sent before its release, so that the player never holds what may still be dropped.
        let stream = self.current.as_mut().filter(|stream| stream.released && !stream.finished)?;
        let number = stream.number;
        if !stream.begun {
            stream.begun = true;
            let request = PlayerRequest::Begin {
                stream: number,
                rate_hz: stream.rate_hz,
                volume_percent: stream.volume_percent,
                offset: stream.sent,
            };
            return Some((request, Vec::new()));
        }
        let credit = usize::try_from(stream.credit_until.saturating_sub(stream.sent)).unwrap_or(usize::MAX);
        if stream.sent < stream.length() && credit > 0 {
            let skip = usize::try_from(stream.sent.saturating_sub(stream.played)).unwrap_or(usize::MAX);
            let count = credit.min(PACKET_SAMPLES_MAX);
            let samples: Vec<f32> = stream.samples.iter().skip(skip).take(count).copied().collect();
            let request = PlayerRequest::Samples { stream: number, offset: stream.sent };
            stream.sent += samples.len() as u64;
            return Some((request, samples));
        }
        if stream.complete && !stream.end_sent && stream.sent == stream.length() {
            stream.end_sent = true;
            return Some((PlayerRequest::End { stream: number, length: stream.length() }, Vec::new()));
        }
        None
    }
}

#[cfg(test)]
mod tests;
