//! Whole conversations in each dialect over a real pseudo-terminal.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crier_announce::{EventKind, Priority};
use crier_config::{CharacterFormat, DialectName, SerialSettings};
use crier_intake::serial::run;
use crier_wire::{Command, LossReason};
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::parsers::hi;
use crate::supervisor::{FULL, PATIENCE, Supervisor};

/// The other side of the wire.
struct Wire {
    master: std::fs::File,
    slave: OwnedFd,
    path: PathBuf,
    seen: Vec<u8>,
}

impl Wire {
    fn new() -> Self {
        let pty = nix::pty::openpty(None, None).unwrap();
        let path = nix::unistd::ttyname(&pty.slave).unwrap();
        fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        Self { master: pty.master.into(), slave: pty.slave, path, seen: Vec::new() }
    }

    async fn send(&mut self, mut bytes: &[u8]) {
        let start = Instant::now();
        while !bytes.is_empty() {
            match self.master.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    assert!(start.elapsed() < PATIENCE, "nobody reads");
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until exactly `expected` has come.
    async fn expect(&mut self, expected: &[u8]) {
        let start = Instant::now();
        while self.seen.len() < expected.len() && start.elapsed() < PATIENCE {
            self.read();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let came = self.seen.len().min(expected.len());
        let came: Vec<u8> = self.seen.drain(..came).collect();
        assert_eq!(came, expected, "{:?} instead of {:?}", came.escape_ascii(), expected.escape_ascii());
    }

    /// Waits a while and sees that nothing comes.
    async fn expect_nothing(&mut self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.read();
        assert_eq!(self.seen, b"");
    }

    fn read(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(bytes @ 1..) = self.master.read(&mut buffer) {
            self.seen.extend_from_slice(&buffer[..bytes]);
        }
    }
}

fn settings(path: &Path, dialect: DialectName) -> SerialSettings {
    SerialSettings { dialect, ..SerialSettings::new(path) }
}

/// A port that is open, with a supervisor behind it.
async fn open(settings: impl FnOnce(&mut SerialSettings)) -> (Wire, Supervisor) {
    let wire = Wire::new();
    let mut set = SerialSettings::new(&wire.path);
    settings(&mut set);
    let mut supervisor = Supervisor::new("serial:test");
    tokio::spawn(run(set, supervisor.handle.clone()));
    supervisor.input(true).await;
    (wire, supervisor)
}

#[tokio::test]
async fn lines_are_spoken_and_answered() {
    let (mut wire, mut supervisor) = open(|set| set.priority = Priority::Text).await;
    wire.send(b"Hello.\r\n").await;
    let (sequence, draft) = supervisor.draft().await;
    assert_eq!((draft.text.as_str(), draft.priority), ("Hello.", Priority::Text));
    assert_eq!(draft.source.as_deref(), Some("serial:test"));
    wire.expect(b"ok #1\r\n").await;
    supervisor.tell(sequence, EventKind::Started);
    supervisor.tell(sequence, EventKind::Finished);
    wire.expect(b"end #1 finished\r\n").await;
    wire.send(b"{\"id\":\"door\",\"text\":\"Ding\"}\n").await;
    wire.expect(b"ok door\r\n").await;
    wire.send(b"!volume +5\n").await;
    assert_eq!(supervisor.command().await, Command::VolumeStep { percent: 5 });
    wire.expect(b"ok\r\n").await;
    wire.send(b"{\"text\":\"\"}\n").await;
    wire.expect(b"error: `text` is empty; send something to say, or a chime\r\n").await;
    wire.send(b"\xFF\n").await;
    wire.expect(b"error: the text is not UTF-8").await;
    assert_eq!(supervisor.refused(2).await, 2);
}

#[tokio::test]
async fn a_port_told_to_be_silent_is() {
    let (mut wire, mut supervisor) = open(|set| set.replies = false).await;
    wire.send(b"Hello.\n!explode\n").await;
    assert_eq!(supervisor.text().await, "Hello.");
    wire.expect_nothing().await;
}

#[tokio::test]
async fn more_than_a_minute_may_have_is_busy() {
    let (mut wire, mut supervisor) = open(|set| set.max_per_minute = 2).await;
    wire.send(b"one\ntwo\nthree\n").await;
    wire.expect(b"ok #1\r\nok #2\r\nbusy\r\n").await;
    assert_eq!(supervisor.refused(1).await, 1);
    // Commands are not announcements.
    wire.send(b"!stop\n").await;
    wire.expect(b"ok\r\n").await;
}

#[tokio::test]
async fn a_full_queue_is_busy_in_every_dialect() {
    let text = FULL.as_bytes();
    let length = u8::try_from(text.len()).unwrap();
    let sum = text.iter().fold(0xFD ^ (length + 3) ^ 1, |sum, byte| sum ^ byte);
    let table: [(DialectName, Vec<u8>, &[u8]); 4] = [
        (DialectName::Line, [text, b"\n"].concat(), b"busy\r\n"),
        (DialectName::Emic2, [b"S", text, b"\n"].concat(), b":?:"),
        (DialectName::Syn6288, [&[0xFD, 0, length + 3, 1, 0], text, &[sum]].concat(), b"\x4A\x4E"),
        (DialectName::Xfs5152, [&[0xFD, 0, length + 2, 1, 0], text].concat(), b"\x4A\x4E"),
    ];
    for (dialect, message, answer) in table {
        let (mut wire, supervisor) = open(|set| set.dialect = dialect).await;
        wire.send(&message).await;
        wire.expect(answer).await;
        drop(supervisor);
    }
}

#[tokio::test]
async fn a_dectalk_holds_the_other_side_back_while_the_queue_is_full() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Dectalk).await;
    wire.send(format!("{FULL}\x0b[:in re 5]last\x0b").as_bytes()).await;
    wire.expect(b"\x13").await;
    supervisor.make_room();
    supervisor.accepted(FULL).await;
    supervisor.accepted("last").await;
    wire.expect(b"\x11").await;
    // The mark waited with the texts: it is about the first, which has number 1.
    supervisor.tell(1, EventKind::Finished);
    wire.expect(b"\x1bP0;31;5z\x1b\\").await;
    assert_eq!(supervisor.unread_losses(), 0);
}

#[tokio::test]
async fn a_dectalk_flush_cancels_texts_that_wait_for_room_and_counts_them() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Dectalk).await;
    wire.send(format!("{FULL}\x0bsecond\x0b").as_bytes()).await;
    wire.expect(b"\x13").await;
    wire.send(b"\x03").await;
    assert_eq!(supervisor.command().await, Command::StopSource { source: "serial:test".into() });
    wire.expect(b"\x11\x01").await;
    wire.send(b"after it\x0b").await;
    supervisor.accepted("after it").await;
    assert_eq!(supervisor.lost().await, (LossReason::Cancelled, 2));
}

#[tokio::test]
async fn a_line_without_replies_waits_for_room_and_its_stop_does_not() {
    let (mut wire, mut supervisor) = open(|set| set.replies = false).await;
    wire.send(format!("{FULL}\n!stop\nlast\n").as_bytes()).await;
    assert_eq!(supervisor.command().await, Command::Stop);
    supervisor.make_room();
    supervisor.accepted(FULL).await;
    supervisor.accepted("last").await;
    wire.send(b"!stop all\n").await;
    assert_eq!(supervisor.command().await, Command::StopAll);
    assert_eq!(supervisor.unread_losses(), 0);
}

#[tokio::test]
async fn texts_that_wait_for_room_outlive_their_port() {
    let wire = Wire::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tty");
    std::os::unix::fs::symlink(&wire.path, &path).unwrap();
    let set = SerialSettings { replies: false, ..SerialSettings::new(&path) };
    let mut supervisor = Supervisor::new("serial:test");
    tokio::spawn(run(set, supervisor.handle.clone()));
    supervisor.input(true).await;
    let mut wire = wire;
    wire.send(format!("{FULL}\nlast\n").as_bytes()).await;
    supervisor.text().await;
    std::fs::remove_file(&path).unwrap();
    drop(wire);
    supervisor.input(false).await;
    supervisor.make_room();
    supervisor.accepted(FULL).await;
    supervisor.accepted("last").await;
}

#[tokio::test]
async fn an_emic2_says_when_it_is_ready() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Emic2).await;
    wire.expect(b":").await;
    wire.send(b"\n").await;
    wire.expect(b":").await;
    wire.send(b"V18\nSHello\n").await;
    let (sequence, draft) = supervisor.draft().await;
    assert_eq!((draft.text.as_str(), draft.volume), ("Hello", Some(100)));
    wire.expect(b":").await;
    wire.send(b"\n").await;
    wire.expect_nothing().await;
    supervisor.tell(sequence, EventKind::Started);
    supervisor.tell(sequence, EventKind::Finished);
    wire.expect(b":").await;
    wire.send(b"SStop me\n").await;
    let (sequence, _) = supervisor.draft().await;
    supervisor.tell(sequence, EventKind::Started);
    wire.send(b"Z").await;
    assert_eq!(supervisor.command().await, Command::PauseToggle);
    wire.expect(b".").await;
    wire.send(b"X").await;
    assert_eq!(supervisor.command().await, Command::StopSource { source: "serial:test".to_owned() });
    wire.expect(b".:").await;
    supervisor.stopped(sequence);
    wire.expect_nothing().await;
    wire.send(b"Q\n").await;
    wire.expect(b"?:").await;
}

#[tokio::test]
async fn a_syn6288_tells_by_single_bytes() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Syn6288).await;
    let (query, stop) = ([0xFD, 0, 2, 0x21, 0xDE], [0xFD, 0, 2, 2, 0xFD]);
    wire.expect(b"\x4A").await;
    wire.send(&query).await;
    wire.expect(b"\x41\x4F").await;
    wire.send(&[0xFD, 0x00, 0x07, 0x01, 0x01, 0xD6, 0xB1, 0xD0, 0xD0, 0x9D]).await;
    let (sequence, draft) = supervisor.draft().await;
    assert_eq!(draft.text, "直行");
    wire.expect(b"\x41").await;
    supervisor.tell(sequence, EventKind::Started);
    wire.send(&query).await;
    wire.expect(b"\x41\x4E").await;
    supervisor.tell(sequence, EventKind::Finished);
    wire.expect(b"\x4F").await;
    wire.send(&[0xFD, 0x00, 0x02, 0x03, 0xFD]).await;
    wire.expect(b"\x45").await;
    // A stop is told apart from the texts of others.
    wire.send(&stop).await;
    wire.expect(b"\x41").await;
    wire.send(hi(DialectName::Syn6288)).await;
    let (sequence, _) = supervisor.draft().await;
    supervisor.tell(sequence, EventKind::Started);
    wire.expect(b"\x41").await;
    wire.send(&stop).await;
    assert_eq!(supervisor.command().await, Command::StopSource { source: "serial:test".to_owned() });
    wire.expect(b"\x41").await;
    supervisor.stopped(sequence);
    wire.expect(b"\x4F").await;
}

#[tokio::test]
async fn a_syn6288_changes_its_speed_and_goes_on() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Syn6288).await;
    wire.expect(b"\x4A").await;
    wire.send(&[0xFD, 0, 3, 0x31, 2, 0xFD ^ 3 ^ 0x31 ^ 2]).await;
    wire.expect(b"\x41").await;
    wire.send(hi(DialectName::Syn6288)).await;
    assert_eq!(supervisor.text().await, "Hi");
    assert_eq!(rustix::termios::tcgetattr(&wire.slave).unwrap().input_speed(), 38_400);
}

#[tokio::test]
async fn an_xfs5152_is_busy_when_the_minute_is_full() {
    let set = |set: &mut SerialSettings| (set.dialect, set.max_per_minute) = (DialectName::Xfs5152, 1);
    let (mut wire, mut supervisor) = open(set).await;
    wire.expect(b"\x4A").await;
    wire.send(hi(DialectName::Xfs5152)).await;
    assert_eq!(supervisor.text().await, "Hi");
    wire.expect(b"\x41").await;
    wire.send(hi(DialectName::Xfs5152)).await;
    wire.expect(b"\x4E").await;
    wire.send(&[0xFD, 0, 1, 3]).await;
    assert_eq!(supervisor.command().await, Command::Pause);
    wire.expect(b"\x41").await;
    wire.send(&[0xFD, 0, 1, 0x77]).await;
    wire.expect(b"\x45").await;
}

#[tokio::test]
async fn a_dectalk_flushes_and_marks() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Dectalk).await;
    wire.send(b"\x03").await;
    assert!(matches!(supervisor.command().await, Command::StopSource { .. }));
    wire.expect(b"\x01").await;
    wire.send(b"[:in re 1 ]one[:in re 2 ]two\x0b").await;
    wire.expect(b"\x1bP0;31;1z\x1b\\").await;
    let (one, draft) = supervisor.draft().await;
    assert_eq!(draft.text, "one");
    let (two, draft) = supervisor.draft().await;
    assert_eq!(draft.text, "two");
    supervisor.tell(one, EventKind::Started);
    wire.expect_nothing().await;
    supervisor.tell(one, EventKind::Finished);
    wire.expect(b"\x1bP0;31;2z\x1b\\").await;
    wire.send(b"three\x0bfour\x0b").await;
    let (three, _) = supervisor.draft().await;
    let (four, _) = supervisor.draft().await;
    wire.send(b"\x03").await;
    assert!(matches!(supervisor.command().await, Command::StopSource { .. }));
    wire.expect(b"\x01").await;
    for sequence in [two, three, four] {
        supervisor.stopped(sequence);
    }
    wire.expect_nothing().await;
}

#[tokio::test]
async fn a_dectalk_asks_to_wait_and_to_go_on() {
    let (mut wire, mut supervisor) = open(|set| set.dialect = DialectName::Dectalk).await;
    wire.send("word\x0b".repeat(32).as_bytes()).await;
    wire.expect(b"\x13").await;
    for _ in 0..16 {
        let (sequence, _) = supervisor.draft().await;
        wire.expect_nothing_yet();
        supervisor.tell(sequence, EventKind::Finished);
    }
    wire.expect(b"\x11").await;
}

impl Wire {
    fn expect_nothing_yet(&mut self) {
        self.read();
        assert_eq!(self.seen, b"");
    }
}

#[tokio::test]
async fn ports_take_odd_speeds_and_every_format() {
    for (format, baud) in [("8N1", 9600), ("7E2", 115_200), ("8O1", 74_880), ("7N1", 31_250)] {
        let set = |set: &mut SerialSettings| {
            (set.baud, set.format) = (baud, format.parse::<CharacterFormat>().unwrap());
        };
        let (wire, supervisor) = open(set).await;
        let termios = rustix::termios::tcgetattr(&wire.slave).unwrap();
        assert_eq!((termios.input_speed(), termios.output_speed()), (baud, baud));
        drop(supervisor);
    }
}

#[tokio::test]
async fn what_is_no_port_is_told_once_and_used_when_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("port");
    let mut supervisor = Supervisor::new("serial:test");
    tokio::spawn(run(settings(&path, DialectName::Line), supervisor.handle.clone()));
    assert!(supervisor.input(false).await.contains("cannot be opened"));
    std::fs::write(&path, "a file").unwrap();
    assert!(supervisor.input(false).await.contains("is not a serial port"));
    let mut wire = Wire::new();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&wire.path, &path).unwrap();
    assert_eq!(supervisor.input(true).await, "9600 baud 8N1");
    wire.send(b"At last\n").await;
    assert_eq!(supervisor.text().await, "At last");
    assert!(supervisor.unread_reports() <= 1, "a state is told once");
}

#[tokio::test]
async fn a_port_that_vanishes_and_comes_back_under_the_same_name_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("port");
    let first = Wire::new();
    std::os::unix::fs::symlink(&first.path, &path).unwrap();
    let mut supervisor = Supervisor::new("serial:test");
    tokio::spawn(run(settings(&path, DialectName::Line), supervisor.handle.clone()));
    supervisor.input(true).await;
    let mut first = first;
    first.send(b"half a li").await;
    drop(first);
    assert!(supervisor.input(false).await.contains("failed"));
    let mut second = Wire::new();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&second.path, &path).unwrap();
    supervisor.input(true).await;
    second.send(b"Whole line\n").await;
    assert_eq!(supervisor.text().await, "Whole line");
}

#[tokio::test]
async fn input_ends_when_the_hub_is_gone() {
    let wire = Wire::new();
    let mut supervisor = Supervisor::new("serial:test");
    let running = tokio::spawn(run(SerialSettings::new(&wire.path), supervisor.handle.clone()));
    let missing =
        tokio::spawn(run(SerialSettings::new("/nowhere"), supervisor.handle("serial:nowhere").await));
    supervisor.input(true).await;
    supervisor.leave();
    tokio::time::timeout(PATIENCE, running).await.expect("it ends").unwrap();
    tokio::time::timeout(PATIENCE, missing).await.expect("it ends").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_a_second_of_junk_leave_other_inputs_alone() {
    for dialect in [DialectName::Line, DialectName::Xfs5152] {
        let noisy = Wire::new();
        let (mut quiet, mut supervisor) = open(|_| {}).await;
        let handle = supervisor.handle("serial:noisy").await;
        tokio::spawn(run(settings(&noisy.path, dialect), handle));
        let end = Instant::now() + Duration::from_millis(1500);
        let junk = std::thread::spawn(move || shout(&noisy, end));
        let mut said = 0;
        while Instant::now() < end {
            said += 1;
            let asked = Instant::now();
            quiet.send(format!("Number {said}\n").as_bytes()).await;
            let (_, draft) = supervisor.draft().await;
            assert_eq!(draft.text, format!("Number {said}"));
            assert!(asked.elapsed() < Duration::from_secs(2), "an answer took {:?}", asked.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(said >= 3);
        let sent = junk.join().unwrap();
        assert!(sent > 200_000, "only {sent} bytes of junk were read");
        supervisor.leave();
    }
}

/// Writes junk of every kind as fast as it is taken, up to 10 MB a second; gives how much was taken.
fn shout(wire: &Wire, end: Instant) -> u64 {
    let junk: Vec<u8> = (0..64 * 1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (start, mut sent) = (Instant::now(), 0_u64);
    let mut master = &wire.master;
    while Instant::now() < end {
        let due = start.elapsed().as_micros() as u64 * 10;
        let at = (sent as usize) % (junk.len() - 4096);
        match master.write(&junk[at..at + 4096]) {
            Ok(written) if sent < due => sent += written as u64,
            Ok(written) => {
                sent += written as u64;
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        // The replies are read as well, so that the line is busy in both directions.
        let _ = rustix::io::read(wire.master.as_fd(), &mut [0_u8; 4096]);
    }
    sent
}
