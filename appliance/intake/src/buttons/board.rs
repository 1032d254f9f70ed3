//! Sources of key events: the input devices of the system, behind traits for which tests have others.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use evdev::{Device, EventSummary, KeyCode};
use tokio::io::unix::AsyncFd;

use crate::buttons::gesture::KeyEvent;
use crate::descriptor;

/// Devices examined; a machine has a dozen.
const DEVICES_MAX: usize = 256;
/// Directory of the input devices.
const FOLDER: &str = "/dev/input";

/// A machine with input devices.
pub trait Board: Send + Sync + 'static {
    /// Device of this machine.
    type Keys: Keys;

    /// Returns the paths of the present devices. May block.
    fn list(&self) -> Vec<PathBuf>;

    /// Opens a device, in the context of a runtime. May block.
    ///
    /// # Errors
    /// Error of the operating system.
    fn open(&self, path: &Path) -> io::Result<Self::Keys>;
}

/// Input device with keys.
pub trait Keys: Send + 'static {
    /// Returns the name of the device.
    fn name(&self) -> &str;

    /// Returns true if the device has the key of this code.
    fn has(&self, code: u16) -> bool;

    /// Waits for the next event, and returns it with the code of its key.
    ///
    /// # Errors
    /// Error of the operating system; the device is gone then.
    fn next(&mut self) -> impl Future<Output = io::Result<(u16, KeyEvent)>> + Send;
}

/// Returns the code of a key by the kernel's name for it.
#[must_use]
pub fn code(name: &str) -> Option<u16> {
    name.parse::<KeyCode>().ok().map(KeyCode::code)
}

/// Returns the meaning of the value in a kernel's key event.
#[must_use]
pub fn key_event(value: i32) -> Option<KeyEvent> {
    match value {
        0 => Some(KeyEvent::Up),
        1 => Some(KeyEvent::Down),
        2 => Some(KeyEvent::Repeat),
        _ => None,
    }
}

/// The machine that this program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Board for Machine {
    type Keys = Evdev;

    fn list(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(FOLDER) else { return Vec::new() };
        let is_event = |path: &PathBuf| {
            // Its other nodes, `mouse0` and `js0`, repeat events of these.
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"event"))
        };
        entries.flatten().map(|entry| entry.path()).filter(is_event).take(DEVICES_MAX).collect()
    }

    fn open(&self, path: &Path) -> io::Result<Evdev> {
        let device = Device::open(path)?;
        device.set_nonblocking(true)?;
        // The runtime needs a descriptor to own; a duplicate shares its readiness with the device.
        let ready = descriptor::watch(device.as_fd().try_clone_to_owned()?)?;
        Ok(Evdev { device, ready, key_events: Vec::new() })
    }
}

/// An input device of the system.
#[derive(Debug)]
pub struct Evdev {
    device: Device,
    ready: AsyncFd<OwnedFd>,
    /// Events read and not returned yet, the next one last.
    key_events: Vec<(u16, KeyEvent)>,
}

impl Keys for Evdev {
    fn name(&self) -> &str {
        self.device.name().unwrap_or_default()
    }

    fn has(&self, code: u16) -> bool {
        self.device.supported_keys().is_some_and(|keys| keys.contains(KeyCode(code)))
    }

    async fn next(&mut self) -> io::Result<(u16, KeyEvent)> {
        loop {
            if let Some(key_event) = self.key_events.pop() {
                return Ok(key_event);
            }
            let mut ready = self.ready.readable().await?;
            let (device, key_events) = (&mut self.device, &mut self.key_events);
            let read = ready.try_io(|_| {
                key_events.extend(device.fetch_events()?.filter_map(|event| match event.destructure() {
                    EventSummary::Key(_, key, value) => Some((key.code(), key_event(value)?)),
                    _ => None,
                }));
                // Taken from the end, so that the oldest has to be last.
                key_events.reverse();
                Ok(())
            });
            match read {
                Ok(Err(error)) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }
}
