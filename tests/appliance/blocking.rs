//! The event loop never blocks: with system calls delayed by seconds, status is answered, stages keep their heartbeats,
//! and playback has no underrun.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::rig::{Appliance, PATIENCE, terminal};

/// Delay of each system call: an SD card that erases blocks, a child stuck in the kernel.
const DELAY: Duration = Duration::from_secs(3);
/// Time in which the status has to be answered, start of the client included.
const ANSWER: Duration = Duration::from_millis(100);
/// Factor on [`ANSWER`] for a machine that builds and tests other things: still a third of a single [`DELAY`].
const LOADED: u32 = 10;
/// Some seconds of speech, so that it goes on while calls are delayed.
const LONG: &str = "The front door is open. The kitchen light is on. The washing machine has finished. \
                    The next train leaves at eight fifteen from platform four. Dinner is ready.";

/// A strace that delays system calls of every thread of one process, each by itself: other threads run on meanwhile.
pub(crate) struct Delayed(Child);

impl Delayed {
    pub(crate) fn attach(pid: Pid, calls: &str, paths: &[&str]) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e"]);
        command.arg(format!("inject={calls}:delay_enter={}", DELAY.as_micros()));
        for path in paths {
            command.args(["-P", path]);
        }
        let started = command.args(["-p", &pid.to_string()]).stderr(Stdio::null()).spawn();
        let Ok(child) = started else {
            crier_test_needs::missing("strace", "run scripts/setup.sh");
            return None;
        };
        let traced = || {
            let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            tasks.all(|task| {
                let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            })
        };
        let begin = Instant::now();
        while !traced() {
            assert!(begin.elapsed() < PATIENCE, "strace cannot attach");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self(child))
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        // SIGTERM makes it detach; SIGKILL would leave the process stopped.
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Compiles a library of this folder that stands in for calls of others, and returns its path.
fn preload(name: &str, folder: &Path) -> String {
    let library = folder.join(name).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/appliance").join(name).with_extension("c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).args([&library, &source]);
    let built = compiler.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library.display().to_string()
}

/// Asks for the status again and again for `time`, and returns the longest time to an answer.
fn longest_answer(appliance: &Appliance, time: Duration) -> Duration {
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    while begin.elapsed() < time {
        let asked = Instant::now();
        assert!(appliance.status().is_object(), "{}", appliance.log());
        longest = longest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    longest
}

#[track_caller]
fn assert_undisturbed(appliance: &Appliance, longest: Duration, restarts: u64) {
    assert!(longest < ANSWER * LOADED, "a status took {longest:?}\n{}", appliance.log());
    let status = appliance.status();
    assert_eq!(status["state"]["restarts"].as_u64(), Some(restarts), "{status:#}\n{}", appliance.log());
    assert_eq!(status["underruns"].as_u64(), Some(0), "{status:#}");
}

/// The calls by which files are opened. A filter by path would miss those relative to a folder.
pub(crate) const OPEN: &str = "open,openat";
/// The calls that look at a path without opening it, as the search for voice bundles does.
const LOOK: &str = "stat,lstat,newfstatat,statx,readlink,readlinkat,access,faccessat,faccessat2";

#[test]
fn slow_files_of_a_reload_delay_neither_status_nor_playback() {
    let mut appliance = Appliance::start("");
    let lexicon = appliance.path("state/lexicon/house.toml");
    std::fs::create_dir_all(lexicon.parent().unwrap()).unwrap();
    std::fs::write(&lexicon, "[[pronunciation]]\ntext = \"dB\"\nsay = \"decibel\"\n").unwrap();
    appliance.ask(&["say", LONG]);
    // Those of the owner, which may lie on a slow disk; what the kernel shows of its processors is never slow.
    let voice = Path::new(env!("CARGO_MANIFEST_DIR")).join("voices/default/voice.toml");
    let files = [appliance.path("crier.toml"), voice, lexicon.parent().unwrap().to_owned(), lexicon.clone()];
    let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let Some(_delayed) = Delayed::attach(appliance.pid(), OPEN, &files) else { return };
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
    appliance.wait_log("configuration reloaded", 1);
}

#[test]
fn slow_search_for_voice_bundles_delays_neither_status_nor_playback() {
    let appliance = Appliance::start("");
    appliance.ask(&["say", LONG]);
    let Some(_delayed) = Delayed::attach(appliance.pid(), LOOK, &[]) else { return };
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
}

#[test]
fn slow_reader_of_the_log_delays_neither_status_nor_playback() {
    let appliance = Appliance::start("[log]\nlevel = \"debug\"");
    let log = appliance.path("log").display().to_string();
    let Some(_delayed) = Delayed::attach(appliance.pid(), "write,writev", &[&log]) else { return };
    appliance.ask(&["say", LONG]);
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
}

#[test]
fn slow_medium_delays_acknowledgements_only() {
    let mut appliance = Appliance::start("");
    appliance.ask(&["say", LONG]);
    let calls = format!("{OPEN},fsync,fdatasync,rename,renameat,renameat2,ftruncate");
    let Some(_delayed) = Delayed::attach(appliance.pid(), &calls, &[]) else { return };
    // The journal's thread is held up by this one, the settings' thread by the volume.
    let mut client = appliance.ctl().args(["say", "Yes."]).stdout(Stdio::null()).spawn().unwrap();
    for percent in 50..60 {
        appliance.ask(&["volume", &percent.to_string()]);
    }
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
    assert!(client.wait().unwrap().success());
    appliance.wait_for("finished", 2);
}

#[test]
fn slow_watchdog_delays_neither_status_nor_playback() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("watchdog");
    std::fs::write(&device, "").unwrap();
    let device = device.display().to_string();
    let config = format!("[watchdog]\ndevice = \"{device}\"\ntimeout_s = 2\n");
    let appliance = Appliance::start_in(folder, &config);
    appliance.ask(&["say", LONG]);
    let pets = || std::fs::metadata(&device).unwrap().len();
    let before = pets();
    let Some(_delayed) = Delayed::attach(appliance.pid(), "write", &[&device]) else { return };
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
    assert!(pets() > before, "it is petted");
}

#[test]
fn disk_that_hangs_does_not_keep_the_appliance_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let hang = folder.path().join("hang");
    let environment = [
        ("LD_PRELOAD", preload("hanging_disk", folder.path())),
        ("CRIER_TEST_HANG", hang.display().to_string()),
    ];
    let mut appliance = Appliance::start_with(folder, "", &environment);
    appliance.ask(&["pause"]);
    appliance.ask(&["say", "It is in the journal."]);
    let file = appliance.path("state/journal");
    let journal = || std::fs::metadata(&file).unwrap().len();
    let before = journal();
    std::fs::write(&hang, "").unwrap();
    let mut client =
        appliance.ctl().args(["say", "It may be lost, and is not acknowledged."]).spawn().unwrap();
    let asked = Instant::now();
    while journal() == before {
        assert!(asked.elapsed() < PATIENCE, "{}", appliance.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(appliance.pid(), Signal::SIGTERM).unwrap();
    appliance.wait_for_end();
    assert!(!client.wait().unwrap().success());
    appliance.wait_log("the journal was not written to its end", 1);
}

#[test]
fn slow_reaping_of_a_dead_stage_delays_neither_status_nor_playback() {
    let mut appliance = Appliance::start("");
    appliance.ask(&["say", LONG]);
    let intake = appliance.stage("intake");
    let Some(_delayed) = Delayed::attach(appliance.pid(), "waitid,wait4", &[]) else { return };
    kill(intake, Signal::SIGKILL).unwrap();
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_ne!(appliance.stage("intake"), intake, "it is replaced");
    assert_undisturbed(&appliance, longest, 1);
}

#[test]
fn slow_serial_driver_delays_neither_heartbeats_nor_other_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let (fifo, device) = (folder.path().join("say"), folder.path().join("port"));
    let config = format!(
        "[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n[[serial]]\ndevice = \"{}\"\ndialect = \"syn6288\"\n",
        fifo.display(),
        device.display()
    );
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait_for_inputs(1);
    appliance.ask(&["pause"]);
    // Each call of tcgetattr, tcsetattr, tcdrain and isatty is an ioctl, and only a port is asked by such.
    let intake = appliance.stage("intake");
    let Some(delayed) = Delayed::attach(intake, "ioctl", &[]) else { return };
    let (mut master, port, _slave) = terminal();
    std::os::unix::fs::symlink(port, &device).unwrap();
    let longest = longest_acceptance(&appliance, &fifo, 0);
    assert!(longest < DELAY / 2, "a line of the FIFO waited {longest:?} for the port to open");
    appliance.wait_for_inputs(2);

    // The frame for another speed: it goes out, drains and sets, each with a delay.
    std::io::Write::write_all(&mut master, &[0xfd, 0, 3, 0x31, 0, 0xcf]).unwrap();
    let longest = longest_acceptance(&appliance, &fifo, 10);
    assert!(longest < DELAY / 2, "a line of the FIFO waited {longest:?} for the speed of a port");
    assert_undisturbed(&appliance, Duration::ZERO, 0);
    drop(delayed);
}

#[test]
fn slow_secrets_of_the_broker_delay_no_other_input() {
    let folder = tempfile::tempdir().unwrap();
    let (fifo, password) = (folder.path().join("say"), folder.path().join("password"));
    std::fs::write(&password, "secret").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // The port of a listener that is gone: the password is read again at each attempt to connect.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\n\
         username = \"crier\"\npassword_file = \"{}\"\n",
        fifo.display(),
        password.display()
    );
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait_for_inputs(1);
    appliance.ask(&["pause"]);
    let intake = appliance.stage("intake");
    let Some(_delayed) = Delayed::attach(intake, OPEN, &[&password.display().to_string()]) else { return };
    let longest = longest_acceptance(&appliance, &fifo, 0);
    assert!(longest < DELAY / 2, "a line of the FIFO waited {longest:?} for a file");
    assert_undisturbed(&appliance, Duration::ZERO, 0);
}

/// Writes lines into the FIFO for twice the delay, and returns the longest time until one was accepted.
fn longest_acceptance(appliance: &Appliance, fifo: &Path, accepted: u64) -> Duration {
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    for count in accepted + 1..accepted + 11 {
        let written = Instant::now();
        std::fs::write(fifo, "Yes.\n").unwrap();
        while appliance.count("accepted") < count {
            assert!(written.elapsed() < PATIENCE, "{}", appliance.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        longest = longest.max(written.elapsed());
        let next = begin + 2 * DELAY * u32::try_from(count - accepted).unwrap() / 10;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    longest
}

#[test]
fn slow_device_list_delays_neither_heartbeats_nor_playback() {
    let mut appliance = Appliance::start("");
    appliance.ask(&["say", LONG]);
    let player = appliance.stage("player");
    // alsa-lib opens its configuration, and then each card.
    let Some(_delayed) = Delayed::attach(player, OPEN, &[]) else { return };
    let mut client =
        appliance.ctl().arg("devices").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 0);
    // Whether there is a list depends on the sound cards of the machine.
    client.wait().unwrap();
    assert_undisturbed(&appliance, longest, 0);
    appliance.wait_for("finished", 1);
}

#[test]
fn slow_calls_of_the_sound_driver_delay_neither_heartbeats_nor_status() {
    let folder = tempfile::tempdir().unwrap();
    let devices = folder.path().join("asound.conf");
    std::fs::write(&devices, "pcm.test { type null }\n").unwrap();
    let environment = [
        ("LD_PRELOAD", preload("slow_alsa", folder.path())),
        ("ALSA_CONFIG_PATH", devices.display().to_string()),
        ("CRIER_TEST_DELAY_S", DELAY.as_secs().to_string()),
    ];
    let config = "[player]\noutput = \"alsa\"\ndevice = \"test\"\n";
    let mut appliance = Appliance::start_with(folder, config, &environment);
    assert_undisturbed(&appliance, Duration::ZERO, 0);
    appliance.signal("player", Signal::SIGKILL);
    let longest = longest_answer(&appliance, 2 * DELAY);
    assert_undisturbed(&appliance, longest, 1);
    assert_eq!(appliance.status()["device_open"], true);

    // A write, the loss of the card, its closing, its opening, and the drain at the end.
    let mut client = appliance.ctl().args(["say", "--wait", "Yes."]).spawn().unwrap();
    let longest = longest_answer(&appliance, 5 * DELAY);
    assert!(client.wait().unwrap().success(), "{}", appliance.log());
    assert_undisturbed(&appliance, longest, 1);
    // At the start, by the second process, and after the loss.
    appliance.wait_log("open=true", 3);
}
