//! Disks that are full or read-only. The limits hold for a whole process, so each is set in a child of its own: this
//! file again, started with one of the ignored tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use crier_system::{AppendFile, Ended, Spawn, SystemError, replace_file};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};

const RECORD: [u8; 1000] = [b'r'; 1000];

/// What the child says where the machine lets nobody mount a file system of its own.
const NO_MOUNT: i32 = 77;

/// Runs one of the ignored tests in a process of its own; returns its exit code.
fn in_a_child(name: &str) -> i32 {
    let spawn = Spawn {
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", name, "--ignored", "--nocapture"].map(Into::into).to_vec(),
        environment: vec![("TMPDIR".into(), std::env::temp_dir().into())],
        ..Spawn::default()
    };
    match spawn.start().unwrap().wait(Duration::from_secs(20)).unwrap() {
        Some(Ended::Exited { code }) => code,
        other => panic!("{name}: {other:?}"),
    }
}

/// Appends until the disk is full; the file must then hold whole records only, and take more once there is room.
fn fill(path: &Path, make_room: impl FnOnce()) {
    let mut file = AppendFile::open(path).unwrap();
    let error = (0..1000).find_map(|_| file.append(&RECORD).err()).expect("the disk is never full");
    assert!(matches!(error, SystemError::StorageFull { .. }), "{error}");
    let full = file.len_bytes();
    assert!(full > 0 && full.is_multiple_of(1000));
    assert_eq!(std::fs::metadata(path).unwrap().len(), full, "half a record is left in the file");
    assert!(matches!(file.append(&vec![b'r'; 100_000]), Err(SystemError::StorageFull { .. })));
    assert_eq!(std::fs::metadata(path).unwrap().len(), full);
    let error = file.replace(&vec![b'x'; 200_000]).unwrap_err();
    assert!(matches!(error, SystemError::StorageFull { .. }), "{error}");
    assert_eq!(std::fs::read(path).unwrap(), vec![b'r'; usize::try_from(full).unwrap()]);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "something is left beside it");
    make_room();
    file.append(&RECORD).unwrap();
    assert_eq!(file.len_bytes(), full + 1000);
}

#[test]
#[ignore = "the child's side of `a_limit_on_file_size_leaves_whole_records`"]
fn with_a_limit_on_file_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut limit_signal = SigSet::empty();
    limit_signal.add(Signal::SIGXFSZ);
    limit_signal.thread_block().unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 65_432, 100_000).unwrap();
    fill(&folder.path().join("journal"), || setrlimit(Resource::RLIMIT_FSIZE, 100_000, 100_000).unwrap());
}

#[test]
fn a_limit_on_file_size_leaves_whole_records() {
    assert_eq!(in_a_child("with_a_limit_on_file_size"), 0);
}

#[test]
#[ignore = "the child's side of `a_full_or_read_only_disk_is_named_and_leaves_whole_records`"]
fn on_a_small_disk() {
    let folder = tempfile::tempdir().unwrap();
    let space = unshare(CloneFlags::CLONE_NEWNS)
        .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS));
    let private = mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    let disk = mount(Some("tmpfs"), folder.path(), Some("tmpfs"), MsFlags::empty(), Some("size=64k"));
    if space.and(private).and(disk).is_err() {
        std::process::exit(NO_MOUNT);
    }
    let path = folder.path().join("journal");
    fill(&path, || remount(folder.path(), MsFlags::MS_REMOUNT, Some("size=128k")));

    remount(folder.path(), MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, None);
    for error in [AppendFile::open(&path).unwrap_err(), replace_file(&path, b"x").unwrap_err()] {
        assert!(matches!(error, SystemError::StorageReadOnly { .. }), "{error}");
    }
    remount(folder.path(), MsFlags::MS_REMOUNT, None);
    AppendFile::open(&path).unwrap().append(&RECORD).unwrap();
    nix::mount::umount2(folder.path(), nix::mount::MntFlags::MNT_DETACH).unwrap();
}

fn remount(path: &Path, flags: MsFlags, options: Option<&str>) {
    mount(None::<&str>, path, None::<&str>, flags, options).unwrap();
}

#[test]
fn a_full_or_read_only_disk_is_named_and_leaves_whole_records() {
    match in_a_child("on_a_small_disk") {
        NO_MOUNT => {
            crier_test_needs::missing("the right to mount a tmpfs", "run it as root");
        }
        code => assert_eq!(code, 0),
    }
}
