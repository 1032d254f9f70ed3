//! Push-buttons: keys of input devices, found by the key they have and by name, and what their presses do.

pub mod board;
pub mod press;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crier_wire::LossReason;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::settings::{Action, Button, Settings};

use self::board::{Board, Keys, Machine};
use self::press::{Recogniser, Stroke, Timing};
use self::settings::Asks;
use crate::gate::{Gate, Outcome};
use crate::health::Health;
use crate::{Desk, DeskClosed, PressKind, Pressed};

/// How often devices are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Strokes on their way; the kernel keeps more.
const STROKES_MAX: usize = 64;
/// Actions that wait for the supervisor; more are refused.
const ACTIONS_MAX: usize = 16;
/// Presses in a minute that are taken.
const PRESSES_PER_MINUTE: u32 = 240;

/// Listens to the buttons of this machine until the desk is closed. Devices may come and go.
pub async fn run(settings: Settings, desk: Desk) {
    run_on(Machine, settings, desk).await;
}

/// As [`run`], on another machine.
pub async fn run_on(board: impl Board, settings: Settings, desk: Desk) {
    let DeskClosed = match serve(&board, &settings, &desk).await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
}

/// What a device tells.
enum Told {
    Stroke(u16, Stroke),
    Gone(std::io::Error),
}

struct Message {
    device: PathBuf,
    at: Instant,
    told: Told,
}

async fn serve(
    board: &impl Board,
    settings: &Settings,
    desk: &Desk,
) -> Result<std::convert::Infallible, DeskClosed> {
    let (sender, mut messages) = mpsc::channel(STROKES_MAX);
    let (actions, mut waiting) = mpsc::channel(ACTIONS_MAX);
    let mut panel = Panel::new(settings, desk.clone(), actions);
    let mut devices = Devices { tasks: JoinSet::new(), open: BTreeMap::new(), sender };
    let mut gate = Gate::new(desk.clone(), PRESSES_PER_MINUTE);
    // What a press does may take its time; it must not make the next press a long one.
    let handing_in = async {
        loop {
            let action = tokio::select! {
                Some(action) = waiting.recv() => action,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    gate.report_losses().await?;
                    continue;
                }
            };
            hand_in(&mut gate, &action).await?;
        }
    };
    let listening = async {
        let mut health = Health::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    devices.look(board, &panel);
                    devices.tell(&mut health, desk, &panel).await?;
                    panel.tell_dropped().await?;
                }
                Some(message) = messages.recv() => panel.message(message, &mut devices),
                () = panel.silence() => panel.elapse(Instant::now()),
            }
        }
    };
    tokio::select! {
        () = desk.closed() => Err(DeskClosed),
        ended = handing_in => ended,
        ended = listening => ended,
    }
}

async fn hand_in(gate: &mut Gate, action: &Action) -> Result<(), DeskClosed> {
    let outcome = match action.asks() {
        Asks::Announcement(draft) => gate.say(*draft).await?,
        Asks::Command(command) => gate.command(command).await?,
    };
    if let Outcome::Refused(reason) = outcome {
        tracing::warn!(input = gate.desk().input(), reason, "what a button asks for was refused");
    }
    Ok(())
}

/// The devices that are listened to.
struct Devices {
    tasks: JoinSet<()>,
    /// Their names; `None` for one that has none of the keys or cannot be opened.
    open: BTreeMap<PathBuf, Option<String>>,
    sender: mpsc::Sender<Message>,
}

impl Devices {
    fn look(&mut self, board: &impl Board, panel: &Panel) {
        while self.tasks.try_join_next().is_some() {}
        let listed = board.list();
        self.open.retain(|path, name| name.is_some() || listed.contains(path));
        for path in listed {
            if self.open.contains_key(&path) {
                continue;
            }
            let keys = match board.open(&path) {
                Ok(keys) => keys,
                // A node is there before its permissions are: it is tried again.
                Err(error) => {
                    tracing::debug!(device = %path.display(), %error, "input device not opened");
                    continue;
                }
            };
            let name = panel.wants(&keys).then(|| keys.name().to_owned());
            if name.is_some() {
                self.tasks.spawn(listen(keys, path.clone(), self.sender.clone()));
            }
            self.open.insert(path, name);
        }
    }

    async fn tell(&self, health: &mut Health, desk: &Desk, panel: &Panel) -> Result<(), DeskClosed> {
        let found: Vec<_> = self
            .open
            .iter()
            .filter_map(|(path, name)| Some(format!("{} ({})", name.as_ref()?, path.display())))
            .collect();
        let unknown = panel.unknown.join(", ");
        if !unknown.is_empty() {
            let detail =
                format!("there is no key named {unknown}; the names are those of the kernel, as KEY_PROG1");
            health.down(desk, detail).await.map(drop)
        } else if found.is_empty() {
            let detail = "no input device has the keys of the configuration; `evtest` shows what there is";
            health.down(desk, detail.to_owned()).await.map(drop)
        } else {
            health.up(desk, found.join(", ")).await
        }
    }
}

async fn listen(mut keys: impl Keys, device: PathBuf, sender: mpsc::Sender<Message>) {
    loop {
        let told = match keys.next().await {
            Ok((code, stroke)) => Told::Stroke(code, stroke),
            Err(error) => Told::Gone(error),
        };
        let gone = matches!(told, Told::Gone(_));
        let message = Message { device: device.clone(), at: Instant::now(), told };
        if sender.send(message).await.is_err() || gone {
            return;
        }
    }
}

/// A key of the configuration on a device that has it.
struct Key {
    code: u16,
    button: Button,
    recogniser: Recogniser,
    /// The device it was pressed on last.
    device: Option<PathBuf>,
}

/// The keys of the configuration.
struct Panel {
    keys: Vec<Key>,
    unknown: Vec<String>,
    desk: Desk,
    actions: mpsc::Sender<Action>,
    /// Presses whose actions found too many waiting.
    dropped: u64,
}

impl Panel {
    fn new(settings: &Settings, desk: Desk, actions: mpsc::Sender<Action>) -> Self {
        let mut panel = Self { keys: Vec::new(), unknown: Vec::new(), desk, actions, dropped: 0 };
        for button in &settings.buttons {
            let Some(code) = board::code(&button.key) else {
                panel.unknown.push(button.key.clone());
                continue;
            };
            let bound = |action: &Option<Action>, ms: u32| {
                action.as_ref().map(|_| Duration::from_millis(u64::from(ms)))
            };
            let timing = Timing {
                double: bound(&button.double_press, button.double_press_ms),
                long: bound(&button.long_press, button.long_press_ms),
            };
            let (button, recogniser) = (button.clone(), Recogniser::new(timing));
            panel.keys.push(Key { code, button, recogniser, device: None });
        }
        panel
    }

    fn wants(&self, device: &impl Keys) -> bool {
        let named = |button: &Button| button.device.as_deref().is_none_or(|name| name == device.name());
        self.keys.iter().any(|key| device.has(key.code) && named(&key.button))
    }

    fn message(&mut self, message: Message, devices: &mut Devices) {
        match message.told {
            Told::Stroke(code, stroke) => {
                let Some(name) = devices.open.get(&message.device).cloned().flatten() else { return };
                self.stroke(code, stroke, &name, &message);
            }
            Told::Gone(error) => {
                tracing::info!(device = %message.device.display(), %error, "input device gone");
                devices.open.remove(&message.device);
                for key in &mut self.keys {
                    if key.device.as_ref() == Some(&message.device) {
                        key.recogniser.lost();
                    }
                }
            }
        }
    }

    fn stroke(&mut self, code: u16, stroke: Stroke, name: &str, message: &Message) {
        let mut made = Vec::new();
        for (index, key) in self.keys.iter_mut().enumerate() {
            let here = key.button.device.as_deref().is_none_or(|device| device == name);
            if key.code != code || !here {
                continue;
            }
            key.device = Some(message.device.clone());
            let mut presses = Vec::new();
            key.recogniser.stroke(stroke, message.at, &mut presses);
            made.extend(presses.into_iter().map(|kind| (index, kind)));
        }
        self.act(made);
    }

    fn elapse(&mut self, now: Instant) {
        let mut made = Vec::new();
        for (index, key) in self.keys.iter_mut().enumerate() {
            let mut presses = Vec::new();
            key.recogniser.elapse(now, &mut presses);
            made.extend(presses.into_iter().map(|kind| (index, kind)));
        }
        self.act(made);
    }

    fn act(&mut self, made: Vec<(usize, PressKind)>) {
        for (index, kind) in made {
            let button = &self.keys[index].button;
            self.desk.pressed(Pressed { key: button.key.clone(), kind });
            let action = match kind {
                PressKind::Press => &button.press,
                PressKind::Double => &button.double_press,
                PressKind::Long => &button.long_press,
            };
            if let Some(action) = action
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

    async fn tell_dropped(&mut self) -> Result<(), DeskClosed> {
        match std::mem::take(&mut self.dropped) {
            0 => Ok(()),
            count => self.desk.lost(LossReason::Dropped, count).await,
        }
    }

    /// Waits until the time alone makes a press.
    async fn silence(&self) {
        let deadline = self.keys.iter().filter_map(|key| key.recogniser.deadline()).min();
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counter;

    #[test]
    fn presses_that_find_too_many_waiting_are_counted() {
        let counter = Counter::new();
        let (actions, _waiting) = mpsc::channel(1);
        let button = Button { press: Some(Action::Stop), ..Button::new("KEY_PROG1") };
        let mut panel = Panel::new(&Settings { buttons: vec![button] }, counter.desk("buttons"), actions);
        panel.act(vec![(0, PressKind::Press); 3]);
        assert_eq!(panel.dropped, 2);
    }
}
