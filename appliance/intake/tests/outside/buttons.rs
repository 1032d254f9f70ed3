//! Buttons on a machine of the test's own: real records of the kernel come through a pipe.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crier_announce::Priority;
use crier_config::{ButtonAction, ButtonSettings, MannerSettings, Mute};
use crier_intake::buttons::board::{Board, Keys, code, key_event};
use crier_intake::buttons::gesture::KeyEvent;
use crier_intake::buttons::run_on;
use crier_intake::{PressKind, Pressed};
use crier_wire::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use crate::supervisor::{FULL, PATIENCE, Supervisor};

/// Devices by path: name, keys, and where their records come from until they are opened.
#[derive(Clone, Default)]
struct Bench(Arc<Mutex<BTreeMap<PathBuf, Plugged>>>);

struct Plugged {
    name: &'static str,
    keys: Vec<u16>,
    records: Option<pipe::Receiver>,
    /// Keeps a call of `open` waiting until its sender is gone.
    driver: Option<std::sync::mpsc::Receiver<()>>,
}

impl Bench {
    fn plug(&self, path: &str, name: &'static str, keys: &[&str]) -> Finger {
        let (sender, receiver) = pipe::pipe().unwrap();
        let keys = keys.iter().map(|key| code(key).unwrap()).collect();
        self.0
            .lock()
            .unwrap()
            .insert(path.into(), Plugged { name, keys, records: Some(receiver), driver: None });
        Finger(sender)
    }

    /// The same for a device whose driver hangs until the sender is dropped.
    fn plug_hanging(
        &self,
        path: &str,
        name: &'static str,
        keys: &[&str],
    ) -> (Finger, std::sync::mpsc::Sender<()>) {
        let (release, driver) = std::sync::mpsc::channel();
        let finger = self.plug(path, name, keys);
        self.0.lock().unwrap().get_mut(Path::new(path)).unwrap().driver = Some(driver);
        (finger, release)
    }

    fn unplug(&self, path: &str, finger: Finger) {
        self.0.lock().unwrap().remove(Path::new(path));
        drop(finger);
    }
}

impl Board for Bench {
    type Keys = Records;

    fn list(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn open(&self, path: &Path) -> io::Result<Records> {
        let driver = self.0.lock().unwrap().get_mut(path).and_then(|device| device.driver.take());
        // Without the lock: the other devices can be opened.
        driver.map(|driver| driver.recv());
        let mut devices = self.0.lock().unwrap();
        let device = devices.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        let records = device.records.take().ok_or(io::ErrorKind::ResourceBusy)?;
        Ok(Records { name: device.name, keys: device.keys.clone(), records })
    }
}

struct Records {
    name: &'static str,
    keys: Vec<u16>,
    records: pipe::Receiver,
}

impl Keys for Records {
    fn name(&self) -> &str {
        self.name
    }

    fn has(&self, code: u16) -> bool {
        self.keys.contains(&code)
    }

    async fn next(&mut self) -> io::Result<(u16, KeyEvent)> {
        loop {
            // Time of two words, type, code, value.
            let mut record = [0; 24];
            self.records.read_exact(&mut record).await?;
            let kind = u16::from_ne_bytes([record[16], record[17]]);
            let code = u16::from_ne_bytes([record[18], record[19]]);
            let value = i32::from_ne_bytes([record[20], record[21], record[22], record[23]]);
            if let (1, Some(key_event)) = (kind, key_event(value)) {
                return Ok((code, key_event));
            }
        }
    }
}

struct Finger(pipe::Sender);

impl Finger {
    async fn event(&mut self, kind: u16, code: u16, value: i32) {
        let mut record = [0; 24];
        record[16..18].copy_from_slice(&kind.to_ne_bytes());
        record[18..20].copy_from_slice(&code.to_ne_bytes());
        record[20..24].copy_from_slice(&value.to_ne_bytes());
        self.0.write_all(&record).await.unwrap();
    }

    async fn key(&mut self, name: &str, value: i32) {
        self.event(1, code(name).unwrap(), value).await;
        // The end of the report.
        self.event(0, 0, 0).await;
    }

    async fn press(&mut self, name: &str) {
        self.key(name, 1).await;
        self.key(name, 0).await;
    }
}

fn say(text: &str) -> Option<ButtonAction> {
    let (text, priority) = (text.to_owned().into(), Priority::Important);
    let manner = MannerSettings::default();
    Some(ButtonAction::Say { text, language: Some("en".into()), voice: None, manner, priority })
}

async fn start(bench: &Bench, buttons: Vec<ButtonSettings>) -> Supervisor {
    let supervisor = Supervisor::new("buttons");
    tokio::spawn(run_on(bench.clone(), buttons, supervisor.handle.clone()));
    supervisor
}

fn button(key: &str, press: Option<ButtonAction>) -> ButtonSettings {
    ButtonSettings { press, ..ButtonSettings::new(key) }
}

#[tokio::test]
async fn each_press_does_what_is_configured() {
    let bench = Bench::default();
    let mut finger = bench.plug("/dev/input/event0", "gpio-keys", &["KEY_PROG1", "KEY_PROG2", "KEY_MUTE"]);
    let chime = ButtonAction::Wav { file: "bell.wav".into(), priority: Priority::Message };
    let actions = [
        (ButtonAction::Volume { step_percent: -5 }, Command::VolumeStep { percent: -5 }),
        (ButtonAction::Mute(Mute::Toggle), Command::Mute { on: None }),
        (ButtonAction::Stop, Command::Stop),
        (ButtonAction::StopAll, Command::StopAll),
        (ButtonAction::Repeat, Command::RepeatLast),
        (ButtonAction::Pause, Command::PauseToggle),
    ];
    let mut buttons = vec![button("KEY_PROG1", say("Dinner is ready.")), button("KEY_PROG2", Some(chime))];
    buttons.extend(actions.iter().map(|(action, _)| button("KEY_MUTE", Some(action.clone()))));
    let mut supervisor = start(&bench, buttons).await;
    assert_eq!(supervisor.input(true).await, "gpio-keys (/dev/input/event0)");
    finger.press("KEY_PROG1").await;
    let (_, draft) = supervisor.draft().await;
    assert_eq!((draft.text.as_str(), draft.priority), ("Dinner is ready.", Priority::Important));
    assert_eq!((draft.language.as_deref(), draft.source.as_deref()), (Some("en"), Some("buttons")));
    finger.press("KEY_PROG2").await;
    let (_, draft) = supervisor.draft().await;
    assert_eq!((draft.text.as_str(), draft.chime.as_deref()), ("", Some("bell.wav")));
    finger.press("KEY_MUTE").await;
    for (_, command) in actions {
        assert_eq!(supervisor.command().await, command);
    }
}

#[tokio::test]
async fn short_double_and_long_presses_act_and_are_published() {
    let bench = Bench::default();
    let mut finger = bench.plug("/dev/input/event0", "gpio-keys", &["KEY_PROG1"]);
    let mut supervisor = start(
        &bench,
        vec![ButtonSettings {
            double_press: Some(ButtonAction::Repeat),
            long_press: Some(ButtonAction::StopAll),
            ..button("KEY_PROG1", Some(ButtonAction::Pause))
        }],
    )
    .await;
    let mut presses = supervisor.handle.presses();
    supervisor.input(true).await;
    finger.press("KEY_PROG1").await;
    assert_eq!(supervisor.command().await, Command::PauseToggle);
    finger.press("KEY_PROG1").await;
    finger.press("KEY_PROG1").await;
    assert_eq!(supervisor.command().await, Command::RepeatLast);
    finger.key("KEY_PROG1", 1).await;
    finger.key("KEY_PROG1", 2).await;
    assert_eq!(supervisor.command().await, Command::StopAll);
    finger.key("KEY_PROG1", 0).await;
    for kind in [PressKind::Press, PressKind::Double, PressKind::Long] {
        assert_eq!(presses.recv().await.unwrap(), Pressed { key: "KEY_PROG1".into(), kind });
    }
}

#[tokio::test]
async fn a_press_waits_for_room_in_the_queue_and_a_stop_button_does_not() {
    let bench = Bench::default();
    let mut finger = bench.plug("/dev/input/event0", "gpio-keys", &["KEY_PROG1", "KEY_PROG2"]);
    let buttons = vec![button("KEY_PROG1", say(FULL)), button("KEY_PROG2", Some(ButtonAction::Stop))];
    let mut supervisor = start(&bench, buttons).await;
    supervisor.input(true).await;
    finger.press("KEY_PROG1").await;
    supervisor.text().await;
    finger.press("KEY_PROG2").await;
    assert_eq!(supervisor.command().await, Command::Stop);
    supervisor.make_room();
    supervisor.accepted(FULL).await;
    assert_eq!(supervisor.unread_losses(), 0);
}

#[tokio::test]
async fn devices_come_and_go() {
    let bench = Bench::default();
    let keyboard = bench.plug("/dev/input/event0", "keyboard", &["KEY_A"]);
    let mut supervisor = start(&bench, vec![button("KEY_PROG1", Some(ButtonAction::Stop))]).await;
    assert!(supervisor.input(false).await.contains("no input device"));
    let mut finger = bench.plug("/dev/input/event1", "gpio-keys", &["KEY_PROG1"]);
    assert_eq!(supervisor.input(true).await, "gpio-keys (/dev/input/event1)");
    finger.press("KEY_PROG1").await;
    assert_eq!(supervisor.command().await, Command::Stop);
    bench.unplug("/dev/input/event1", finger);
    supervisor.input(false).await;
    let mut finger = bench.plug("/dev/input/event1", "gpio-keys", &["KEY_PROG1"]);
    supervisor.input(true).await;
    finger.press("KEY_PROG1").await;
    assert_eq!(supervisor.command().await, Command::Stop);
    drop(keyboard);
}

#[tokio::test]
async fn device_whose_driver_hangs_delays_no_other_device() {
    let bench = Bench::default();
    let (mut slow, release) = bench.plug_hanging("/dev/input/event0", "slow", &["KEY_PROG2"]);
    let mut early = bench.plug("/dev/input/event1", "early", &["KEY_PROG1"]);
    let buttons =
        vec![button("KEY_PROG1", Some(ButtonAction::Stop)), button("KEY_PROG2", Some(ButtonAction::StopAll))];
    let mut supervisor = start(&bench, buttons).await;
    assert_eq!(supervisor.input(true).await, "early (/dev/input/event1)");
    let mut late = bench.plug("/dev/input/event2", "late", &["KEY_PROG1"]);
    assert_eq!(supervisor.input(true).await, "early (/dev/input/event1), late (/dev/input/event2)");
    for finger in [&mut early, &mut late] {
        finger.press("KEY_PROG1").await;
        assert_eq!(supervisor.command().await, Command::Stop);
    }
    drop(release);
    supervisor.input(true).await;
    slow.press("KEY_PROG2").await;
    assert_eq!(supervisor.command().await, Command::StopAll);
}

#[tokio::test]
async fn a_button_may_belong_to_one_device() {
    let bench = Bench::default();
    let keys = ["KEY_PROG1"];
    let mut door = bench.plug("/dev/input/event0", "door", &keys);
    let mut kitchen = bench.plug("/dev/input/event1", "kitchen", &keys);
    let of = |device: &str, text: &str| ButtonSettings {
        device: Some(device.into()),
        ..button("KEY_PROG1", say(text))
    };
    let mut supervisor = start(&bench, vec![of("door", "Someone rings."), of("kitchen", "Dinner.")]).await;
    supervisor.input(true).await;
    kitchen.press("KEY_PROG1").await;
    assert_eq!(supervisor.text().await, "Dinner.");
    door.press("KEY_PROG1").await;
    assert_eq!(supervisor.text().await, "Someone rings.");
}

#[tokio::test]
async fn chattering_key_is_limited_and_unknown_key_is_named() {
    let bench = Bench::default();
    let mut finger = bench.plug("/dev/input/event0", "gpio-keys", &["KEY_PROG1"]);
    let mut supervisor =
        start(&bench, vec![button("KEY_PROG1", say("Hello.")), ButtonSettings::new("KEY_NONSENSE")]).await;
    assert!(supervisor.input(false).await.contains("KEY_NONSENSE"));
    for _ in 0..2000 {
        finger.press("KEY_PROG1").await;
    }
    supervisor.text().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let mut taken = 1;
    while tokio::time::timeout(Duration::from_millis(50), supervisor.draft()).await.is_ok() {
        taken += 1;
    }
    assert!(taken <= 250, "{taken} announcements");
    assert!(supervisor.refused(1).await > 0);
}

#[tokio::test]
async fn buttons_end_when_the_hub_is_gone() {
    let supervisor = Supervisor::new("buttons");
    let running = tokio::spawn(run_on(Bench::default(), Vec::new(), supervisor.handle.clone()));
    supervisor.leave();
    tokio::time::timeout(PATIENCE, running).await.expect("it ends").unwrap();
}
