//! An appliance under test: `crier serve` as a user starts it, in folders of its own, heard through a WAV file.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long anything may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A sentence of some seconds.
pub(crate) const SENTENCE: &str = "The front door is open. The kitchen light is on.";

/// See the module's text.
pub(crate) struct Appliance {
    child: Child,
    folder: tempfile::TempDir,
    heard: u64,
}

impl Appliance {
    /// Starts an appliance with `config` besides its folders, and waits until it can speak.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, config)
    }

    /// The same in a folder that an earlier one may have used. The first `[player]` keys are given: sound is captured.
    pub(crate) fn start_in(folder: tempfile::TempDir, config: &str) -> Self {
        Self::start_with(folder, config, &[])
    }

    /// The same with variables of the environment, which the stages inherit.
    pub(crate) fn start_with(folder: tempfile::TempDir, config: &str, variables: &[(&str, String)]) -> Self {
        write_config(folder.path(), config);
        let child = spawn_with(folder.path(), variables);
        let mut appliance = Self { child, folder, heard: 0 };
        appliance.wait("ready", |status| {
            !matches!(status["state"]["mode"].as_str(), Some("starting")) && status["device_open"] == true
        });
        appliance.heard = appliance.wav_bytes();
        appliance
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Process number of the supervisor.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// `crier ctl` with its socket.
    pub(crate) fn ctl(&self) -> Command {
        let mut command = crier();
        command.env("CRIER_CONTROL", self.path("run/control")).arg("ctl");
        command
    }

    /// What `crier ctl` with these arguments prints.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let output = self.try_ask(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn try_ask(&self, arguments: &[&str]) -> Output {
        self.ctl().args(arguments).output().unwrap()
    }

    /// `crier ctl status --json`; null while nobody answers.
    pub(crate) fn status(&self) -> Value {
        let output = self.try_ask(&["status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
            if let Some(ended) = self.child.try_wait().unwrap() {
                panic!("the appliance ended ({ended}) before it was {what}\n{}", self.log());
            }
            assert!(begin.elapsed() < PATIENCE, "never {what}: {status:#}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How often an event was seen so far.
    pub(crate) fn count(&self, event: &str) -> u64 {
        self.status()["events"][event].as_u64().unwrap_or(0)
    }

    /// Waits until this number of inputs work.
    #[track_caller]
    pub(crate) fn wait_for_inputs(&mut self, count: usize) {
        self.wait("open", |status| {
            let inputs = status["inputs"].as_object();
            inputs.is_some_and(|inputs| inputs.values().filter(|input| input["up"] == true).count() == count)
        });
    }

    /// Waits until an event was seen so often.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, event: &str, count: u64) {
        self.wait(event, |status| status["events"][event].as_u64().unwrap_or(0) >= count);
    }

    /// Says something, waits for its end, and gives what was heard.
    #[track_caller]
    pub(crate) fn say(&mut self, text: &str) -> Vec<i16> {
        self.ask(&["say", "--wait", text]);
        self.heard()
    }

    /// What was heard since the last call.
    pub(crate) fn heard(&mut self) -> Vec<i16> {
        let mut file = std::fs::File::open(self.path("heard.wav")).unwrap();
        file.seek(SeekFrom::Start(self.heard)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        self.heard += bytes.len() as u64;
        bytes.as_chunks::<2>().0.iter().map(|&sample| i16::from_le_bytes(sample)).collect()
    }

    pub(crate) fn wav_bytes(&self) -> u64 {
        std::fs::metadata(self.path("heard.wav")).map_or(44, |metadata| metadata.len().max(44))
    }

    /// Process number of a stage, once it runs.
    #[track_caller]
    pub(crate) fn stage(&mut self, name: &str) -> Pid {
        let of = |status: &Value| {
            let stages = status["stages"].as_array().cloned().unwrap_or_default();
            let stage = stages.into_iter().find(|stage| {
                let known = stage["name"].as_str().unwrap_or_default();
                known == name || known.ends_with(&format!("/{name}"))
            })?;
            (stage["condition"] == "running").then(|| stage["pid"].as_i64()).flatten()
        };
        let status = self.wait("running", |status| of(status).is_some());
        Pid::from_raw(i32::try_from(of(&status).unwrap()).unwrap())
    }

    /// Sends a signal to a stage. It may have died meanwhile.
    pub(crate) fn signal(&mut self, stage: &str, signal: Signal) {
        let _ = kill(self.stage(stage), signal);
    }

    /// Kills the supervisor as nothing can be prepared for, and gives the folder for the next one.
    pub(crate) fn kill(mut self) -> tempfile::TempDir {
        kill(self.pid(), Signal::SIGKILL).unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Waits until it has ended, after a signal.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        let begin = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < PATIENCE, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a service manager does; gives its exit code and the folder.
    pub(crate) fn terminate(mut self) -> (Option<i32>, tempfile::TempDir) {
        kill(self.pid(), Signal::SIGTERM).unwrap();
        let ended = self.child.wait().unwrap();
        (ended.code(), std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()))
    }

    /// All that it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until a text is in the log so many times.
    #[track_caller]
    pub(crate) fn wait_log(&mut self, text: &str, count: usize) {
        let begin = Instant::now();
        while self.log().matches(text).count() < count {
            assert!(begin.elapsed() < PATIENCE, "never {count} times in the log: {text}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration of [`Appliance::start`].
pub(crate) fn write_config(folder: &Path, config: &str) {
    let at = |name: &str| folder.join(name).display().to_string();
    let sections = ["[player]", "[supervisor]"].map(|section| {
        let own = config.split(section).nth(1).unwrap_or_default();
        own.split("\n[").next().unwrap_or_default().to_owned()
    });
    let mut rest = config.to_owned();
    for (section, own) in ["[player]", "[supervisor]"].iter().zip(&sections) {
        rest = rest.replace(&format!("{section}{own}"), "");
    }
    let [player, supervisor] = sections;
    let output = if player.contains("output") {
        String::new()
    } else {
        format!("output = \"capture\"\nwav_file = \"{}\"", at("heard.wav"))
    };
    let restarts = if supervisor.contains("stage_restarts_max") { "" } else { "stage_restarts_max = 1000" };
    let volume = if player.contains("volume_percent") { "" } else { "volume_percent = 100" };
    let text = format!(
        "[appliance]\nid = \"test\"\nstate_dir = \"{}\"\nrun_dir = \"{}\"\n\n\
         [player]\n{volume}\n{output}\n{player}\n\n\
         [supervisor]\n{restarts}\n{supervisor}\n\n{rest}",
        at("state"),
        at("run"),
    );
    std::fs::write(folder.join("crier.toml"), text).unwrap();
}

/// `crier serve` in a folder, logging into it.
pub(crate) fn spawn(folder: &Path) -> Child {
    spawn_with(folder, &[])
}

fn spawn_with(folder: &Path, variables: &[(&str, String)]) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = crier();
    command.arg("serve").arg("--config").arg(folder.join("crier.toml"));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// The program, without what the caller's environment says of it.
pub(crate) fn crier() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crier"));
    for variable in ["CRIER_VOICE", "CRIER_LOG", "CRIER_CONFIG", "CRIER_CONTROL", "GOMP_SPINCOUNT"] {
        command.env_remove(variable);
    }
    command
}

/// What the in-process engine makes of a text, as the appliance would say it.
pub(crate) fn reference(text: &str) -> Vec<i16> {
    said(&[text])
}

/// What `crier say` makes of these arguments.
pub(crate) fn said(arguments: &[&str]) -> Vec<i16> {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("reference.wav");
    let output = crier().arg("say").arg("--wav").arg(&wav).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hound::WavReader::open(&wav).unwrap().samples::<i16>().map(Result::unwrap).collect()
}

/// Compares samples without printing them all.
#[track_caller]
pub(crate) fn assert_same(heard: &[i16], expected: &[i16], what: &str) {
    if heard != expected {
        let begin = heard.iter().zip(expected).take_while(|(a, b)| a == b).count();
        let end = heard.iter().rev().zip(expected.iter().rev()).take_while(|(a, b)| a == b).count();
        let (heard, expected) = (heard.len(), expected.len());
        panic!(
            "{what}: {heard} samples instead of {expected}, the first {begin} and the last {end} are right"
        );
    }
}

/// A pseudo-terminal: its master, the path of its slave, and the slave itself, without which a master that no program
/// has opened yet would fail.
pub(crate) fn terminal() -> (std::fs::File, PathBuf, std::os::fd::OwnedFd) {
    let terminal = nix::pty::openpty(None, None).unwrap();
    let path = nix::unistd::ttyname(&terminal.slave).unwrap();
    (std::fs::File::from(terminal.master), path, terminal.slave)
}

/// A small generator of repeatable "random" numbers.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
