//! FIFOs as shells and programs use them.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crier_announce::{Priority, TEXT_BYTES_MAX};
use crier_config::FifoSettings;
use crier_intake::fifo::run;
use crier_wire::{Command, LossReason};
use tempfile::TempDir;

use crate::supervisor::{FULL, PATIENCE, Supervisor};

async fn open(settings: impl FnOnce(&mut FifoSettings)) -> (TempDir, PathBuf, Supervisor) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("say");
    let mut set = FifoSettings::new(&path);
    settings(&mut set);
    let mut supervisor = Supervisor::new("fifo:test");
    tokio::spawn(run(set, supervisor.handle.clone()));
    supervisor.input(true).await;
    (folder, path, supervisor)
}

/// A writer; it finds a reader at once or fails.
fn writer(path: &Path) -> File {
    let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
    OpenOptions::new().write(true).custom_flags(nonblocking).open(path).unwrap()
}

/// What `echo` does.
fn echo(path: &Path, bytes: &[u8]) {
    writer(path).write_all(bytes).unwrap();
}

#[tokio::test]
async fn fifo_is_created_with_its_mode_and_lines_are_spoken() {
    let (_folder, path, mut supervisor) = open(|set| set.priority = Priority::Notification).await;
    let metadata = std::fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_fifo());
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o620);
    echo(&path, b"Hello.\n{\"text\":\"From JSON\"}\n!stop\n");
    let (_, draft) = supervisor.draft().await;
    assert_eq!((draft.text.as_str(), draft.priority), ("Hello.", Priority::Notification));
    assert_eq!(supervisor.text().await, "From JSON");
    assert_eq!(supervisor.command().await, Command::Stop);
}

#[tokio::test]
async fn writers_come_and_go_and_nothing_is_lost() {
    let (_folder, path, mut supervisor) = open(|set| set.max_per_minute = 6000).await;
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let path = path.clone();
            std::thread::spawn(move || {
                for number in 0..50 {
                    echo(&path, format!("{thread}-{number}\n").as_bytes());
                }
            })
        })
        .collect();
    let mut texts = Vec::new();
    for _ in 0..200 {
        texts.push(supervisor.text().await);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 200);
}

#[tokio::test]
async fn several_writers_at_once_do_not_mix_lines() {
    let (_folder, path, mut supervisor) = open(|set| set.max_per_minute = 6000).await;
    let (mut first, mut second) = (writer(&path), writer(&path));
    for _ in 0..20 {
        first.write_all(b"aaaaaaaaaa\n").unwrap();
        second.write_all(b"bbbbbbbbbb\n").unwrap();
    }
    for _ in 0..40 {
        let text = supervisor.text().await;
        assert!(text == "aaaaaaaaaa" || text == "bbbbbbbbbb", "{text}");
    }
}

#[tokio::test]
async fn the_last_line_of_the_last_writer_is_a_line() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    let mut staying = writer(&path);
    echo(&path, b"no newline");
    staying.write_all(b", still the same line\nand the last").unwrap();
    assert_eq!(supervisor.text().await, "no newline, still the same line");
    drop(staying);
    assert_eq!(supervisor.text().await, "and the last");
    echo(&path, b"after it");
    assert_eq!(supervisor.text().await, "after it");
}

#[tokio::test]
async fn characters_may_come_in_pieces() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    let mut writer = writer(&path);
    for byte in "Grüße 👋\n".bytes() {
        writer.write_all(&[byte]).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(supervisor.text().await, "Grüße 👋");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_next_line_taken() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    let sent = path.clone();
    let long = tokio::task::spawn_blocking(move || {
        let mut writer = OpenOptions::new().write(true).open(sent).unwrap();
        writer.write_all(&vec![b'x'; 3 * TEXT_BYTES_MAX]).unwrap();
        writer.write_all(b"\n\xFF\xFE junk \x80\n{nonsense}\nfine\n").unwrap();
    });
    assert_eq!(supervisor.text().await, "fine");
    long.await.unwrap();
    assert_eq!(supervisor.refused(3).await, 3);
}

#[tokio::test]
async fn more_than_a_minute_may_have_is_refused_but_commands_are_not() {
    let (_folder, path, mut supervisor) = open(|set| set.max_per_minute = 3).await;
    echo(&path, b"1\n2\n3\n4\n5\n!stop all\n");
    assert_eq!(supervisor.command().await, Command::StopAll);
    assert_eq!(supervisor.refused(2).await, 2);
}

#[tokio::test]
async fn lines_wait_in_order_while_the_queue_is_full_and_none_is_lost() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    echo(&path, format!("first\n{FULL}\nlast\n").as_bytes());
    supervisor.accepted("first").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    supervisor.make_room();
    supervisor.accepted(FULL).await;
    supervisor.accepted("last").await;
    assert_eq!(supervisor.unread_losses(), 0);
}

#[tokio::test]
async fn stop_and_pause_take_effect_while_a_line_before_them_waits_for_room() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    echo(&path, format!("{FULL}\n!pause\n!voice anna\nlast\n!resume\n!stop\n").as_bytes());
    assert_eq!(supervisor.command().await, Command::Pause);
    assert_eq!(supervisor.command().await, Command::Resume);
    assert_eq!(supervisor.command().await, Command::Stop);
    supervisor.make_room();
    // The voice is that of the lines behind the command, so the command waits with them.
    assert_eq!(supervisor.command().await, Command::Voice { name: "anna".into() });
    supervisor.accepted(FULL).await;
    supervisor.accepted("last").await;
}

#[tokio::test]
async fn stop_all_cancels_lines_that_wait_for_room_and_counts_them() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    echo(&path, format!("{FULL}\nsecond\n!stop all\nthird\n").as_bytes());
    assert_eq!(supervisor.command().await, Command::StopAll);
    supervisor.accepted("third").await;
    assert_eq!(supervisor.lost().await, (LossReason::Cancelled, 2));
}

#[tokio::test]
async fn writer_is_held_back_while_the_queue_is_full() {
    let (_folder, path, mut supervisor) = open(|set| set.max_per_minute = 6000).await;
    let line = format!("{FULL}\n");
    let mut writer = writer(&path);
    let mut written = 0;
    let mut refused_at = None;
    // More than pipe and read-ahead hold; the writer is non-blocking and gets EAGAIN where another would wait.
    while written < 1024 * 1024 {
        match writer.write(line.as_bytes()) {
            Ok(bytes) => (written, refused_at) = (written + bytes, None),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                let since = *refused_at.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(500) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        tokio::task::yield_now().await;
    }
    assert!((64 * 1024..128 * 1024).contains(&written), "{written} bytes were taken");
    supervisor.make_room();
    for _ in 0..written / line.len() {
        supervisor.accepted(FULL).await;
    }
    assert_eq!(supervisor.unread_losses(), 0);
}

#[tokio::test]
async fn a_fifo_that_is_deleted_or_replaced_is_made_anew() {
    let (_folder, path, mut supervisor) = open(|_| {}).await;
    std::fs::remove_file(&path).unwrap();
    wait_for(|| path.exists()).await;
    echo_patiently(&path, b"made anew\n").await;
    assert_eq!(supervisor.text().await, "made anew");
    std::fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    echo_patiently(&path, b"another one\n").await;
    assert_eq!(supervisor.text().await, "another one");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o620);
}

#[tokio::test]
async fn what_is_no_fifo_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("say");
    std::fs::write(&path, "precious").unwrap();
    let mut supervisor = Supervisor::new("fifo:test");
    tokio::spawn(run(FifoSettings::new(&path), supervisor.handle.clone()));
    assert!(supervisor.input(false).await.contains("is no FIFO"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    assert_eq!(supervisor.unread_reports(), 0, "a state is told once");
    std::fs::remove_file(&path).unwrap();
    supervisor.input(true).await;
    echo(&path, b"now\n");
    assert_eq!(supervisor.text().await, "now");
}

#[tokio::test]
async fn a_group_that_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("say");
    let set = FifoSettings { group: Some("no-such-group".into()), ..FifoSettings::new(&path) };
    let mut supervisor = Supervisor::new("fifo:test");
    tokio::spawn(run(set, supervisor.handle.clone()));
    assert!(supervisor.input(false).await.contains("no-such-group"));
}

#[tokio::test]
async fn fifo_ends_when_the_hub_is_gone_and_idles_without_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("say");
    let mut supervisor = Supervisor::new("fifo:test");
    let running = tokio::spawn(run(FifoSettings::new(&path), supervisor.handle.clone()));
    supervisor.input(true).await;
    // After a writer has gone there is nothing to do; a loop that turns would eat a processor.
    echo(&path, b"x\n");
    supervisor.text().await;
    let used = || std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let busy = |text: String| text.split(' ').next().unwrap().parse::<u64>().unwrap();
    let before = busy(used());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let spent = Duration::from_nanos(busy(used()) - before);
    assert!(spent < Duration::from_millis(250), "half a second of nothing took {spent:?}");
    supervisor.leave();
    tokio::time::timeout(PATIENCE, running).await.expect("it ends").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_junk_leaves_other_inputs_alone() {
    let (folder, path, mut supervisor) = open(|set| set.max_per_minute = 6000).await;
    let noisy = folder.path().join("noisy");
    tokio::spawn(run(FifoSettings::new(&noisy), supervisor.handle("fifo:noisy").await));
    wait_for(|| noisy.exists()).await;
    let end = Instant::now() + Duration::from_secs(1);
    let flood = std::thread::spawn(move || {
        let mut writer = OpenOptions::new().write(true).open(&noisy).unwrap();
        let mut sent = 0;
        while Instant::now() < end {
            sent += writer.write(b"a short line\n\xFF\xFF\n{\n!\n\0\0").unwrap();
        }
        sent
    });
    let mut said = 0;
    while Instant::now() < end {
        said += 1;
        echo(&path, format!("Number {said}\n").as_bytes());
        assert_eq!(supervisor.text().await, format!("Number {said}"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(said >= 3, "only {said} were spoken");
    assert!(tokio::task::spawn_blocking(|| flood.join().unwrap()).await.unwrap() > 200_000);
}

async fn wait_for(happened: impl Fn() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a reader, as a blocking `open` would.
async fn echo_patiently(path: &Path, bytes: &[u8]) {
    let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let start = Instant::now();
    loop {
        match OpenOptions::new().write(true).custom_flags(nonblocking).open(path) {
            Ok(mut writer) => return writer.write_all(bytes).unwrap(),
            Err(error) => assert!(start.elapsed() < PATIENCE, "nobody reads: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
