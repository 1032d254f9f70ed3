//! What goes wrong around the appliance: a full disk, a damaged voice, a watchdog that bites.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};

use crate::rig::{Appliance, PATIENCE, SENTENCE, assert_same, reference};

#[test]
fn a_full_disk_is_told_and_speech_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let small = Some("size=32k");
    if mount(Some("none"), &state, Some("tmpfs"), MsFlags::empty(), small).is_err() {
        return crier_test_needs::missing("the right to mount a tmpfs", "run it as root");
    }
    let mut appliance = Appliance::start_in(folder, "");
    std::fs::write(state.join("filler"), vec![0_u8; 40_000]).unwrap_err();
    // There is room for some records in the journal's last block.
    let told = (0..60).any(|_| appliance.ask(&["say", "--wait", "Yes."]).contains("not in the journal"));
    assert!(told, "{}", appliance.log());
    appliance.heard();
    appliance.ask(&["say", "--wait", SENTENCE]);
    assert_same(&appliance.heard(), &reference(SENTENCE), "what is heard");
    let status = appliance.status();
    assert!(status["state"]["problems"].to_string().contains("journal"), "{status:#}");
    // Once there is room again the journal is written anew, with what waits.
    std::fs::remove_file(state.join("filler")).unwrap();
    appliance.wait("whole", |status| !status["state"]["problems"].to_string().contains("journal"));
    assert!(!appliance.ask(&["say", "--wait", SENTENCE]).contains("cannot"));
    drop(appliance);
    umount2(&state, MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn a_damaged_voice_is_told_and_the_embedded_one_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    let embedded = concat!(env!("CARGO_MANIFEST_DIR"), "/voices/default");
    std::fs::create_dir(&broken).unwrap();
    for entry in std::fs::read_dir(embedded).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), broken.join(entry.file_name())).unwrap();
    }
    let talker = broken.join("talker.gguf");
    let mut bytes = std::fs::read(&talker).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&talker, bytes).unwrap();
    let config = format!("[voice]\nbundle = \"{}\"\n", broken.display());
    let mut appliance = Appliance::start_in(folder, &config);
    let heard = appliance.say(SENTENCE);
    let expected = reference(SENTENCE);
    assert!(heard.windows(expected.len()).any(|window| window == expected), "{} samples", heard.len());
    let status =
        appliance.wait("told", |status| status["state"]["problems"].to_string().contains("talker.gguf"));
    assert_eq!(status["state"]["voice"], "default");
}

#[test]
fn the_watchdog_is_petted_while_all_is_well_and_not_by_a_frozen_supervisor() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("watchdog");
    nix::unistd::mkfifo(&device, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut reader =
        std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&device).unwrap();
    let config = format!("[watchdog]\ndevice = \"{}\"\ntimeout_s = 2\n", device.display());
    let mut appliance = Appliance::start_in(folder, &config);
    let mut petted = |within: Duration| {
        let (begin, mut count, mut block) = (Instant::now(), 0, [0; 64]);
        while begin.elapsed() < within {
            count += reader.read(&mut block).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(20));
        }
        count
    };
    assert!(petted(Duration::from_secs(3)) >= 2);
    appliance.say(SENTENCE);
    kill(appliance.pid(), Signal::SIGSTOP).unwrap();
    petted(Duration::from_millis(200));
    assert_eq!(petted(Duration::from_secs(3)), 0, "the watchdog would bite now");
    kill(appliance.pid(), Signal::SIGCONT).unwrap();
    assert!(petted(Duration::from_secs(3)) >= 1);
}

#[test]
fn the_service_manager_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    crate::rig::write_config(folder.path(), "");
    let mut serve = crate::rig::crier();
    serve.arg("serve").arg("--config").arg(folder.path().join("crier.toml"));
    serve.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let mut child = serve.stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut told = String::new();
    let begin = Instant::now();
    while !(told.contains("READY=1") && told.contains("WATCHDOG=1")) && begin.elapsed() < PATIENCE {
        let mut block = [0; 256];
        let count = socket.recv(&mut block).unwrap();
        told.push_str(&String::from_utf8_lossy(&block[..count]));
        told.push('\n');
    }
    assert!(told.contains("READY=1") && told.contains("WATCHDOG=1"), "{told}");
    kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_appliance_without_any_usable_voice_reports_it_and_a_release_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[voice]\nbundle = \"/nonexistent\"\nfallback = false\n";
    crate::rig::write_config(folder.path(), config);
    let mut child = crate::rig::spawn(folder.path());
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let status = || {
        let output = crate::rig::crier()
            .env("CRIER_CONTROL", folder.path().join("run/control"))
            .args(["ctl", "status", "--json"])
            .output()
            .unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_default()
    };
    let wait = |what: &str, wanted: &dyn Fn(&serde_json::Value) -> bool| {
        let begin = Instant::now();
        while !wanted(&status()) {
            assert!(begin.elapsed() < PATIENCE, "never {what}: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // The embedded voice can speak, so the appliance is ready, until its engines are held.
    wait("ready", &|status| status["state"]["mode"] == "idle");
    for stage in ["embedded/talker", "embedded/predictor", "embedded/vocoder"] {
        let held = crate::rig::crier()
            .env("CRIER_CONTROL", folder.path().join("run/control"))
            .args(["ctl", "hold", stage])
            .output()
            .unwrap();
        assert!(held.status.success(), "{}", String::from_utf8_lossy(&held.stderr));
    }
    wait("in fault", &|status| status["state"]["mode"] == "fault");
    let problems = status()["state"]["problems"].to_string();
    assert!(problems.contains("/nonexistent") && problems.contains("is held"), "{problems}");
    assert!(log().contains("no voice can speak"), "{}", log());
    for stage in ["talker", "predictor", "vocoder"] {
        let mut release = crate::rig::crier();
        release.env("CRIER_CONTROL", folder.path().join("run/control")).args(["ctl", "release", stage]);
        assert!(release.output().unwrap().status.success());
    }
    wait("idle again", &|status| status["state"]["mode"] == "idle");
    kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}
