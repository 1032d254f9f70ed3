//! Push-buttons: keys of input devices, selected by key code and device name, and the actions of their presses.

mod action;
pub mod board;
pub mod gesture;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crier_config::{ButtonAction, ButtonSettings};
use crier_wire::LossReason;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::action::message_of;
use self::board::{Board, Keys, Machine};
use self::gesture::{GestureDetector, GestureTiming, KeyEvent};
use crate::input_status::InputStatus;
use crate::submitter::Submitter;
use crate::{HubClosed, InputHandle, PressKind, Pressed};

/// Interval of the search for devices. Polling needs neither udev nor a netlink socket.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Devices that are opened at a time, each in a thread of its own: one whose driver hangs keeps its thread.
const OPENINGS_MAX: usize = 16;
/// Key events on their way; beyond that they wait in the kernel.
const KEY_EVENTS_MAX: usize = 64;
/// Actions of presses during one submission, which takes as long as the disk needs. More are dropped and counted:
/// only a contact that chatters makes them.
const ACTIONS_MAX: usize = 16;
/// Text of presses that wait for room in the queue. It is that of the configuration, at most 4000 characters a press.
const WAITING_BYTES_MAX: usize = 256 * 1024;
/// Limit of announcements in a minute: four in a second are more than anybody presses.
const PRESSES_PER_MINUTE: u32 = 240;

/// Listens to the buttons of this machine until the hub is closed. Devices may come and go.
pub async fn run(settings: Vec<ButtonSettings>, handle: InputHandle) {
    run_on(Machine, settings, handle).await;
}

/// [`run`] on another machine, for tests.
pub async fn run_on(board: impl Board, settings: Vec<ButtonSettings>, handle: InputHandle) {
    let HubClosed = match serve(Arc::new(board), &settings, &handle).await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
}

/// Event of a device.
enum DeviceEvent {
    Key(u16, KeyEvent),
    Gone(io::Error),
}

struct DeviceMessage {
    device: PathBuf,
    at: Instant,
    event: DeviceEvent,
}

async fn serve(
    board: Arc<impl Board>,
    settings: &[ButtonSettings],
    handle: &InputHandle,
) -> Result<std::convert::Infallible, HubClosed> {
    let (sender, mut messages) = mpsc::channel(KEY_EVENTS_MAX);
    let (actions, mut waiting) = mpsc::channel(ACTIONS_MAX);
    let mut panel = ButtonPanel::new(settings, handle.clone(), actions);
    let mut devices = Devices::new(board, panel.watched(), sender);
    let mut submitter = Submitter::new(handle.clone(), PRESSES_PER_MINUTE, WAITING_BYTES_MAX);
    // Beside the reading, since a submission waits for the disk: meanwhile a short press must not become a long one.
    let submitting = async {
        let mut report = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                Some(action) = waiting.recv(), if submitter.has_room() => {
                    submitter.accept(message_of(&action)).await?;
                }
                () = submitter.due() => submitter.submit_waiting().await?,
                _ = report.tick() => submitter.report_losses().await?,
            }
        }
    };
    let listening = async {
        let mut status = InputStatus::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    // Even if a device is still being opened: that one may hang.
                    if devices.searched {
                        devices.report(&mut status, handle, &panel).await?;
                    }
                    devices.look();
                    panel.report_dropped().await?;
                }
                found = devices.found() => {
                    devices.take(found);
                    if devices.is_complete() {
                        devices.report(&mut status, handle, &panel).await?;
                    }
                }
                Some(message) = messages.recv() => panel.message(message, &mut devices),
                () = panel.silence() => panel.elapse(Instant::now()),
            }
        }
    };
    tokio::select! {
        () = handle.closed() => Err(HubClosed),
        ended = submitting => ended,
        ended = listening => ended,
    }
}

/// State of a device that was listed.
enum InputDevice {
    Opening,
    /// It has none of the keys, and is remembered in order not to open it each second.
    Unused,
    /// Its events are read; with its name.
    Read(String),
}

/// Result of a thread that looks for devices.
enum SearchResult<K> {
    Listed(Vec<PathBuf>),
    /// `None` is a device without any of the keys.
    Opened(PathBuf, io::Result<Option<(String, K)>>),
}

/// Devices of the machine. They are listed and opened in threads, since a driver may take its time over either.
struct Devices<B: Board> {
    board: Arc<B>,
    watched: Arc<[WatchedCode]>,
    searches: JoinSet<SearchResult<B::Keys>>,
    listing: bool,
    /// True once devices have been listed.
    searched: bool,
    readers: JoinSet<()>,
    known: BTreeMap<PathBuf, InputDevice>,
    sender: mpsc::Sender<DeviceMessage>,
}

impl<B: Board> Devices<B> {
    fn new(board: Arc<B>, watched: Arc<[WatchedCode]>, sender: mpsc::Sender<DeviceMessage>) -> Self {
        let (searches, readers, known) = (JoinSet::new(), JoinSet::new(), BTreeMap::new());
        Self { board, watched, searches, listing: false, searched: false, readers, known, sender }
    }

    /// Begins to list the devices, unless that is still under way.
    fn look(&mut self) {
        // Ended tasks are kept until they are joined; devices that come and go would fill the set.
        while self.readers.try_join_next().is_some() {}
        if !std::mem::replace(&mut self.listing, true) {
            let board = self.board.clone();
            self.searches.spawn_blocking(move || SearchResult::Listed(board.list()));
        }
    }

    /// Waits for the next result of the search.
    async fn found(&mut self) -> SearchResult<B::Keys> {
        loop {
            match self.searches.join_next().await {
                Some(Ok(found)) => return found,
                // Only a panic in a driver's wrapper ends here; the next look tries again.
                Some(Err(_)) => self.listing = false,
                None => std::future::pending().await,
            }
        }
    }

    /// Returns true if nothing is being listed or opened.
    fn is_complete(&self) -> bool {
        self.searches.is_empty()
    }

    fn take(&mut self, found: SearchResult<B::Keys>) {
        match found {
            SearchResult::Listed(paths) => {
                (self.listing, self.searched) = (false, true);
                self.open(paths);
            }
            SearchResult::Opened(path, Ok(Some((name, keys)))) => {
                self.readers.spawn(listen(keys, path.clone(), self.sender.clone()));
                self.known.insert(path, InputDevice::Read(name));
            }
            SearchResult::Opened(path, Ok(None)) => drop(self.known.insert(path, InputDevice::Unused)),
            // A node is there before its permissions are: it is tried again.
            SearchResult::Opened(path, Err(error)) => {
                tracing::debug!(device = %path.display(), %error, "input device not opened");
                self.known.remove(&path);
            }
        }
    }

    /// Begins to open the devices that are new.
    fn open(&mut self, listed: Vec<PathBuf>) {
        // A device in use is removed by its read error, not here: its node may be gone before its last events are
        // read.
        self.known.retain(|path, state| !matches!(state, InputDevice::Unused) || listed.contains(path));
        for path in listed {
            if self.known.contains_key(&path) || self.searches.len() >= OPENINGS_MAX {
                continue;
            }
            self.known.insert(path.clone(), InputDevice::Opening);
            let (board, watched) = (self.board.clone(), self.watched.clone());
            self.searches.spawn_blocking(move || {
                let opened = open_watched(&*board, &watched, &path);
                SearchResult::Opened(path, opened)
            });
        }
    }

    async fn report(
        &self,
        status: &mut InputStatus,
        handle: &InputHandle,
        panel: &ButtonPanel,
    ) -> Result<(), HubClosed> {
        let found: Vec<_> = self
            .known
            .iter()
            .filter_map(|(path, state)| match state {
                InputDevice::Read(name) => Some(format!("{name} ({})", path.display())),
                InputDevice::Opening | InputDevice::Unused => None,
            })
            .collect();
        // Down although other buttons may work: a misspelt key is a fault that only this line shows.
        let unknown = panel.unknown.join(", ");
        if !unknown.is_empty() {
            let detail =
                format!("there is no key named {unknown}; the names are those of the kernel, as KEY_PROG1");
            status.down(handle, detail).await.map(drop)
        } else if found.is_empty() {
            let detail = "no input device has the keys of the configuration; `evtest` shows what there is";
            status.down(handle, detail.to_owned()).await.map(drop)
        } else {
            status.up(handle, found.join(", ")).await
        }
    }
}

/// Opens a device. One without a watched key is closed again: keyboards have no business here.
fn open_watched<B: Board>(
    board: &B,
    watched: &[WatchedCode],
    path: &Path,
) -> io::Result<Option<(String, B::Keys)>> {
    let keys = board.open(path)?;
    let name = keys.name().to_owned();
    let wanted = watched
        .iter()
        .any(|key| keys.has(key.code) && key.device.as_ref().is_none_or(|device| *device == name));
    Ok(wanted.then_some((name, keys)))
}

async fn listen(mut keys: impl Keys, device: PathBuf, sender: mpsc::Sender<DeviceMessage>) {
    loop {
        let event = match keys.next().await {
            Ok((code, key_event)) => DeviceEvent::Key(code, key_event),
            Err(error) => DeviceEvent::Gone(error),
        };
        let gone = matches!(event, DeviceEvent::Gone(_));
        // The time of reading, not of handling: two presses are told apart by it even if the loop is late.
        let message = DeviceMessage { device: device.clone(), at: Instant::now(), event };
        if sender.send(message).await.is_err() || gone {
            return;
        }
    }
}

/// Key of a configured button.
struct WatchedKey {
    code: u16,
    button: ButtonSettings,
    detector: GestureDetector,
    /// Device on which it was pressed last.
    device: Option<PathBuf>,
}

/// Key by which a device is chosen.
struct WatchedCode {
    code: u16,
    /// Name of the only device on which it counts.
    device: Option<String>,
}

/// All configured buttons.
struct ButtonPanel {
    keys: Vec<WatchedKey>,
    unknown: Vec<String>,
    handle: InputHandle,
    actions: mpsc::Sender<ButtonAction>,
    /// Presses that found too many actions waiting, since the last report.
    dropped: u64,
}

impl ButtonPanel {
    fn new(settings: &[ButtonSettings], handle: InputHandle, actions: mpsc::Sender<ButtonAction>) -> Self {
        let mut panel = Self { keys: Vec::new(), unknown: Vec::new(), handle, actions, dropped: 0 };
        for button in settings {
            let Some(code) = board::code(&button.key) else {
                panel.unknown.push(button.key.clone());
                continue;
            };
            let bound = |action: &Option<ButtonAction>, ms: u32| {
                // A gesture without an action is not waited for, which would delay every short press.
                action.as_ref().map(|_| Duration::from_millis(u64::from(ms)))
            };
            let timing = GestureTiming {
                double: bound(&button.double_press, button.double_press_ms),
                long: bound(&button.long_press, button.long_press_ms),
            };
            let (button, detector) = (button.clone(), GestureDetector::new(timing));
            panel.keys.push(WatchedKey { code, button, detector, device: None });
        }
        panel
    }

    fn watched(&self) -> Arc<[WatchedCode]> {
        let watched = |key: &WatchedKey| WatchedCode { code: key.code, device: key.button.device.clone() };
        self.keys.iter().map(watched).collect()
    }

    fn message<B: Board>(&mut self, message: DeviceMessage, devices: &mut Devices<B>) {
        match message.event {
            DeviceEvent::Key(code, key_event) => {
                // An event that was still on its way when its device went.
                let Some(InputDevice::Read(name)) = devices.known.get(&message.device) else { return };
                self.key_event(code, key_event, name, &message);
            }
            DeviceEvent::Gone(error) => {
                tracing::info!(device = %message.device.display(), %error, "input device gone");
                devices.known.remove(&message.device);
                for key in &mut self.keys {
                    // The release of a key that was down will never come; it must not become a long press.
                    if key.device.as_ref() == Some(&message.device) {
                        key.detector.lost();
                    }
                }
            }
        }
    }

    fn key_event(&mut self, code: u16, key_event: KeyEvent, name: &str, message: &DeviceMessage) {
        let mut made = Vec::new();
        for (index, key) in self.keys.iter_mut().enumerate() {
            let here = key.button.device.as_deref().is_none_or(|device| device == name);
            if key.code != code || !here {
                continue;
            }
            key.device = Some(message.device.clone());
            let mut presses = Vec::new();
            key.detector.key_event(key_event, message.at, &mut presses);
            made.extend(presses.into_iter().map(|kind| (index, kind)));
        }
        self.act(made);
    }

    fn elapse(&mut self, now: Instant) {
        let mut made = Vec::new();
        for (index, key) in self.keys.iter_mut().enumerate() {
            let mut presses = Vec::new();
            key.detector.elapse(now, &mut presses);
            made.extend(presses.into_iter().map(|kind| (index, kind)));
        }
        self.act(made);
    }

    fn act(&mut self, made: Vec<(usize, PressKind)>) {
        for (index, kind) in made {
            let button = &self.keys[index].button;
            // Published whatever the action does: an automation may use a button without one.
            self.handle.pressed(Pressed { key: button.key.clone(), kind });
            let action = match kind {
                PressKind::Press => &button.press,
                PressKind::Double => &button.double_press,
                PressKind::Long => &button.long_press,
            };
            if let Some(action) = action
                // Not awaited: the time of the next key event decides what press it is.
                && self.actions.try_send(action.clone()).is_err()
            {
                self.dropped += 1;
                tracing::warn!(
                    key = button.key,
                    "too many presses wait for the supervisor; this one is dropped"
                );
            }
        }
    }

    async fn report_dropped(&mut self) -> Result<(), HubClosed> {
        match std::mem::take(&mut self.dropped) {
            0 => Ok(()),
            count => self.handle.lost(LossReason::Dropped, count, None).await,
        }
    }

    /// Waits until the time alone completes a gesture.
    async fn silence(&self) {
        let deadline = self.keys.iter().filter_map(|key| key.detector.deadline()).min();
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hub;

    #[test]
    fn press_is_counted_as_dropped_when_too_many_actions_wait() {
        let hub = Hub::new();
        let (actions, _waiting) = mpsc::channel(1);
        let button = ButtonSettings { press: Some(ButtonAction::Stop), ..ButtonSettings::new("KEY_PROG1") };
        let mut panel = ButtonPanel::new(&[button], hub.handle("buttons"), actions);
        panel.act(vec![(0, PressKind::Press); 3]);
        assert_eq!(panel.dropped, 2);
    }
}
