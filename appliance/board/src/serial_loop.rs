//! Check of a serial port with its two data pins connected: what is sent must come back.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::termios::{OptionalActions, isatty, tcgetattr, tcsetattr};

use crate::report::ReportSection;

/// Speed of the check; every port has it.
const BAUD: u32 = 115_200;
/// Bytes that are sent: each value once, so that a lost bit shows.
const BYTES: usize = 256;
/// Time for all of them: more than ten times what they take.
const TIME_MAX: Duration = Duration::from_millis(500);

/// Sends bytes through a port and counts those that come back. A port that another program has open is left alone: the
/// appliance would take the bytes for text.
#[must_use]
pub fn serial_loop(path: &Path) -> ReportSection {
    let mut section = ReportSection::new("Serial port");
    let what = path.display().to_string();
    let finding = match check(path) {
        Ok(BYTES) => Ok(format!("all {BYTES} bytes came back at {BAUD} baud")),
        Ok(0) => Err("nothing came back; connect its receive and transmit pins for this check".to_owned()),
        Ok(count) => Ok(format!("FAULT: {count} of {BYTES} bytes came back right at {BAUD} baud")),
        Err(error) => Err(error.to_string()),
    };
    match finding {
        Ok(value) => section.value(what, value),
        Err(reason) => section.absent(what, reason),
    }
    section
}

/// Returns the number of bytes that came back in their order before the first wrong one.
fn check(path: &Path) -> io::Result<usize> {
    if is_open_elsewhere(path) {
        let reason =
            "another program has it open; stop the appliance, or take the port out of its configuration";
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, reason));
    }
    let port = open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    if !isatty(&port) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a serial port"));
    }
    let before = tcgetattr(&port)?;
    let mut raw = before.clone();
    raw.make_raw();
    raw.set_speed(BAUD)?;
    tcsetattr(&port, OptionalActions::Flush, &raw)?;
    let count = exchange(&port);
    // Another program may rely on the settings.
    tcsetattr(&port, OptionalActions::Flush, &before)?;
    count
}

fn exchange(port: &OwnedFd) -> io::Result<usize> {
    let sent: Vec<u8> = (0..BYTES).map(|value| value as u8).collect();
    let (mut written, mut right, deadline) = (0, 0, Instant::now() + TIME_MAX);
    while right < BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        // Writable only while there is something to write: an idle port is always writable, and would not wait.
        let mut wanted = PollFlags::IN;
        wanted.set(PollFlags::OUT, written < BYTES);
        let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        if left.is_zero() || poll(&mut [PollFd::new(port, wanted)], Some(&limit))? == 0 {
            break;
        }
        match rustix::io::write(port, &sent[written..]) {
            Ok(count) => written += count,
            Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        let mut received = [0; BYTES];
        match rustix::io::read(port, &mut received) {
            Ok(0) => break,
            Ok(count) => {
                let same = received[..count].iter().zip(&sent[right..]).take_while(|(a, b)| a == b).count();
                right += same;
                // What follows a wrong byte is shifted, and proves nothing.
                if same < count {
                    break;
                }
            }
            Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(right)
}

fn is_open_elsewhere(path: &Path) -> bool {
    let Ok(device) = path.canonicalize() else { return false };
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter(|process| process.file_name().to_string_lossy() != own).any(|process| {
        let files = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        files.into_iter().any(|file| std::fs::read_link(file.path()).is_ok_and(|open| open == device))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Evidence;
    use std::os::fd::AsFd;

    /// A pseudo-terminal whose other end runs `answer` on all that it gets.
    fn terminal(
        answer: impl Fn(&mut [u8]) + Send + 'static,
    ) -> (std::path::PathBuf, std::thread::JoinHandle<()>) {
        let master =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let path = std::path::PathBuf::from(name.to_str().unwrap());
        let echo = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            // EIO is the end: nobody has the other end open any more. Before it is opened, it is the same.
            for _ in 0..2000 {
                match rustix::io::read(master.as_fd(), &mut buffer) {
                    Ok(count) => {
                        answer(&mut buffer[..count]);
                        rustix::io::write(master.as_fd(), &buffer[..count]).unwrap();
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        (path, echo)
    }

    #[test]
    fn connected_pins_give_every_byte_back() {
        let (path, _echo) = terminal(|_| {});
        let section = serial_loop(&path);
        assert_eq!(section.rows()[0].1, Evidence::Value("all 256 bytes came back at 115200 baud".to_owned()));
    }

    #[test]
    fn bytes_that_change_on_their_way_are_a_fault() {
        let (path, _echo) = terminal(|bytes| bytes.iter_mut().for_each(|byte| *byte &= 0x7f));
        let section = serial_loop(&path);
        assert!(
            matches!(&section.rows()[0].1, Evidence::Value(text) if text.starts_with("FAULT: 128 of 256")),
            "{section:?}"
        );
    }

    #[test]
    fn missing_port_and_file_are_absent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [Path::new("/dev/no-such-port"), file.path()] {
            assert!(matches!(serial_loop(path).rows()[0].1, Evidence::Absent(_)));
        }
    }
}
