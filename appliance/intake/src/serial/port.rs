//! Serial port of the system: opened raw and exclusively, read and written without blocking.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use crier_config::{CharacterFormat, DataBits, FlowControl, Parity, SerialSettings, StopBits};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, ioctl_tiocexcl,
    isatty, tcdrain, tcflush, tcgetattr, tcsetattr,
};
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::descriptor;

/// Time for written bytes to leave before a change of speed: a reply of a few bytes at 300 baud takes less.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// Error of opening a port.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It cannot be opened.
    #[error("{} cannot be opened: {source}; is it plugged in, and may this user open it?", path.display())]
    Open {
        /// The port.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The file is no terminal.
    #[error("{} is not a serial port; write the path of one, such as /dev/ttyS6 or /dev/ttyUSB0", path.display())]
    NotAPort {
        /// The path.
        path: PathBuf,
    },
    /// The driver does not accept the settings.
    #[error("{} does not take {baud} baud {format}: {source}; choose other settings", path.display())]
    Settings {
        /// The port.
        path: PathBuf,
        /// Configured speed.
        baud: u32,
        /// Configured format.
        format: CharacterFormat,
        /// The error.
        source: io::Error,
    },
}

/// An open port.
#[derive(Debug)]
pub struct Port {
    file: AsyncFd<OwnedFd>,
}

impl Port {
    /// Opens the port that `settings` name.
    ///
    /// # Errors
    /// See [`PortError`].
    pub async fn open(settings: &SerialSettings) -> Result<Self, PortError> {
        let (path, settings) = (settings.device.clone(), settings.clone());
        let failed = |source| PortError::Open { path, source };
        // A USB adapter takes its settings by messages over the bus, which a bad cable delays by seconds.
        let opened = match spawn_blocking(move || open(&settings)).await {
            Ok(opened) => opened?,
            Err(died) => return Err(failed(died.into())),
        };
        Ok(Self { file: descriptor::watch(opened).map_err(failed)? })
    }

    /// Reads at least one byte; 0 means that the other side hung up.
    ///
    /// # Errors
    /// Error of `read(2)`, such as EIO when an adapter was pulled.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        descriptor::read(&self.file, buffer).await
    }

    /// Writes as many of `bytes` as fit, at least one.
    ///
    /// # Errors
    /// Error of `write(2)`.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        descriptor::write(&self.file, bytes).await
    }

    /// Changes the speed, after what was written before has gone out or half a second (`DRAIN_MAX`) has passed.
    ///
    /// # Errors
    /// Error of `tcsetattr(3)`; the speed stays.
    pub async fn set_baud(&self, baud: u32) -> io::Result<()> {
        let copy = || self.file.get_ref().try_clone();
        // TCSADRAIN would wait in this thread, and for ever if a peer keeps CTS low: all other inputs would hang.
        let draining = copy()?;
        let drained = spawn_blocking(move || tcdrain(&draining));
        if timeout(DRAIN_MAX, drained).await.is_err() {
            // An empty output buffer also ends the wait of the other thread.
            self.discard_output().await;
        }
        let file = copy()?;
        spawn_blocking(move || set_speed(&file, baud)).await??;
        Ok(())
    }

    /// Discards bytes that are not sent yet.
    pub async fn discard_output(&self) {
        if let Ok(file) = self.file.get_ref().try_clone() {
            // Fails only if the port is gone, and its output with it.
            let _ = spawn_blocking(move || tcflush(&file, QueueSelector::OFlush)).await;
        }
    }
}

fn open(settings: &SerialSettings) -> Result<OwnedFd, PortError> {
    let path = settings.device.as_path();
    let opened = |source: Errno| PortError::Open { path: path.into(), source: source.into() };
    // NOCTTY: a hang-up on the line must not become a SIGHUP, which means a reload here. NONBLOCK: without a carrier,
    // opening would wait for one.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(opened)?;
    if !isatty(&file) {
        return Err(PortError::NotAPort { path: path.into() });
    }
    // A second reader, such as a terminal program left open, would take every other byte.
    ioctl_tiocexcl(&file).map_err(opened)?;
    set(&file, settings).map_err(|source| PortError::Settings {
        path: path.into(),
        baud: settings.baud,
        format: settings.format,
        source: source.into(),
    })?;
    Ok(file)
}

fn set_speed(file: &OwnedFd, baud: u32) -> Result<(), Errno> {
    let mut termios = tcgetattr(file)?;
    termios.set_speed(baud)?;
    tcsetattr(file, OptionalActions::Now, &termios)
}

fn set(file: &OwnedFd, settings: &SerialSettings) -> Result<(), Errno> {
    let mut termios = tcgetattr(file)?;
    termios.make_raw();
    // CLOCAL: three wires have no carrier detect, and without it reads would fail.
    termios.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    // A break, as when the other side is switched on, would be read as a zero byte.
    termios.input_modes |= InputModes::IGNBRK;
    // Characters with a wrong parity bit are left out.
    termios.input_modes.set(InputModes::INPCK | InputModes::IGNPAR, settings.format.parity != Parity::None);
    set_format(&mut termios, settings.format);
    let (bytes, wires) = match settings.flow_control {
        FlowControl::None => (false, false),
        FlowControl::XonXoff => (true, false),
        FlowControl::RtsCts => (false, true),
    };
    termios.input_modes.set(InputModes::IXON | InputModes::IXOFF, bytes);
    termios.control_modes.set(ControlModes::CRTSCTS, wires);
    termios.special_codes[SpecialCodeIndex::VMIN] = 1;
    termios.special_codes[SpecialCodeIndex::VTIME] = 0;
    termios.set_speed(settings.baud)?;
    tcsetattr(file, OptionalActions::Now, &termios)?;
    // The system takes what it can and is silent about the rest.
    let taken = tcgetattr(file)?;
    if taken.input_speed() != settings.baud { Err(Errno::INVAL) } else { Ok(()) }
}

fn set_format(termios: &mut Termios, format: CharacterFormat) {
    let modes = &mut termios.control_modes;
    modes.remove(ControlModes::CSIZE);
    modes.insert(match format.data_bits {
        DataBits::Seven => ControlModes::CS7,
        DataBits::Eight => ControlModes::CS8,
    });
    modes.set(ControlModes::PARENB, format.parity != Parity::None);
    modes.set(ControlModes::PARODD, format.parity == Parity::Odd);
    modes.set(ControlModes::CSTOPB, format.stop_bits == StopBits::Two);
}

/// Returns the settings of a port in words, such as `9600 baud 8N1`.
pub(crate) fn describe(settings: &SerialSettings) -> String {
    format!("{} baud {}", settings.baud, settings.format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::termios::LocalModes;

    /// A pseudo-terminal takes every format and keeps 8 bits without parity, so what is asked for is looked at.
    #[test]
    fn character_format_sets_the_termios_bits() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let bits = ControlModes::CSIZE | ControlModes::PARENB | ControlModes::PARODD | ControlModes::CSTOPB;
        let table = [
            ("8N1", ControlModes::CS8),
            ("7E1", ControlModes::CS7 | ControlModes::PARENB),
            ("8O2", ControlModes::CS8 | ControlModes::PARENB | ControlModes::PARODD | ControlModes::CSTOPB),
        ];
        // One after the other, so that what one sets the next has to clear.
        let mut termios = tcgetattr(&pty.slave).unwrap();
        for (format, expected) in table.iter().chain(&table) {
            set_format(&mut termios, format.parse().unwrap());
            assert_eq!(termios.control_modes & bits, *expected, "{format}");
        }
    }

    #[test]
    fn port_is_raw_with_the_configured_flow_control() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let bytes = InputModes::IXON | InputModes::IXOFF;
        let table = [
            (FlowControl::XonXoff, bytes, ControlModes::empty()),
            (FlowControl::RtsCts, InputModes::empty(), ControlModes::CRTSCTS),
            (FlowControl::None, InputModes::empty(), ControlModes::empty()),
        ];
        for (flow_control, input, control) in table {
            set(&pty.slave, &SerialSettings { flow_control, ..SerialSettings::new("") }).unwrap();
            let termios = tcgetattr(&pty.slave).unwrap();
            assert_eq!(termios.input_modes & bytes, input, "{flow_control:?}");
            assert_eq!(termios.control_modes & ControlModes::CRTSCTS, control, "{flow_control:?}");
            let edited = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
            assert!(!termios.local_modes.intersects(edited), "nothing is echoed, edited or a signal");
        }
    }
}
