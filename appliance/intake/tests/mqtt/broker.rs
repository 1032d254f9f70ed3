//! Mosquitto, one process per test, and its command line clients.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Timeout of everything that should happen, generous for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Ports that are tried.
const PORTS_MAX: usize = 5;
/// Topic of a retained message whose receipt shows that a subscription is established.
const READY: &str = "crier/test/ready";

/// Broker that can be stopped and started again, and keeps its sessions meanwhile.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    /// Command line arguments of its clients for access.
    credentials: Vec<String>,
    program: &'static str,
    process: Option<Child>,
}

impl Mosquitto {
    /// Starts a broker with anonymous access. `None` with a message if mosquitto is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::configured(|_| "allow_anonymous true".to_owned(), Some(&[]))
    }

    /// Starts a broker with additional lines in its configuration, and with credentials for its clients.
    pub(crate) fn configured(
        lines: impl FnOnce(&Path) -> String,
        credentials: Option<&[&str]>,
    ) -> Option<Self> {
        let Some(program) = program() else {
            crier_test_needs::missing("mosquitto", "run scripts/setup.sh");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let lines = lines(folder.path());
        let words = credentials.unwrap_or_default().iter().map(|&word| word.to_owned()).collect();
        let mut broker = Self { port: 0, folder, credentials: words, program, process: None };
        let started = (0..PORTS_MAX).any(|_| {
            broker.port = free_port();
            broker.write_configuration(&lines);
            broker.start_process()
        });
        assert!(started, "mosquitto ended: {}", broker.log());
        if credentials.is_some() {
            broker.publish(READY, "here", &["-r"]);
        }
        Some(broker)
    }

    fn write_configuration(&self, lines: &str) {
        let path = self.folder.path();
        let configuration = format!(
            "user root\nlistener {port} 127.0.0.1\npersistence true\npersistence_location {path}/\n\
             log_dest file {path}/log\nlog_type all\n{lines}\n",
            port = self.port,
            path = path.display()
        );
        fs::write(path.join("conf"), configuration).unwrap();
    }

    /// Starts the process again, on the same port.
    pub(crate) fn run(&mut self) {
        assert!(self.start_process(), "mosquitto ended: {}", self.log());
    }

    /// Starts the process; false if it ends, as when something else has bound its port.
    fn start_process(&mut self) -> bool {
        let mut command = Command::new(self.program);
        command.arg("-c").arg(self.folder.path().join("conf")).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
        let begun = Instant::now();
        loop {
            if self.process.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.process = None;
                return false;
            }
            // The log, since whatever else has the port would answer a connection, too.
            if self.log().contains(" running\n")
                && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            {
                return true;
            }
            assert!(begun.elapsed() < PATIENCE, "mosquitto does not start: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the process, which saves its sessions first.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            process.wait().unwrap();
        }
    }

    /// Publishes one message.
    pub(crate) fn publish(&self, topic: &str, payload: &str, more: &[&str]) {
        let payload = if payload.is_empty() { vec!["-n"] } else { vec!["-m", payload] };
        let status = self.client("mosquitto_pub").args(["-t", topic]).args(payload).args(more).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the log contains these words.
    pub(crate) async fn logged(&self, words: &str) {
        let begun = Instant::now();
        while !self.log().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "no {words:?} in {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Subscribes to everything, retained messages included.
    pub(crate) async fn listen(&self) -> Listener {
        let mut client = self.client("mosquitto_sub");
        client.args(["-t", "#", "-q", "1", "-F", "%r %t %p"]).stdout(Stdio::piped());
        let mut process = client.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, heard) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut listener = Listener { process, heard };
        listener.hear(READY).await;
        listener
    }

    /// Returns the command of one of mosquitto's clients, with address and credentials.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(&self.credentials);
        command
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Subscriber that records what is published.
pub(crate) struct Listener {
    process: Child,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Listener {
    /// Returns the payload of the next message on this topic.
    pub(crate) async fn hear(&mut self, topic: &str) -> String {
        self.hear_where(topic, |_| true).await
    }

    /// Returns the payload of the next message on this topic that satisfies `wanted`.
    pub(crate) async fn hear_where(&mut self, topic: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut others = Vec::new();
        loop {
            let Ok(line) = timeout(PATIENCE, self.heard.recv()).await else {
                panic!("nothing wanted on {topic}, but {others:#?}")
            };
            let line = line.expect("the listener lives");
            let mut words = line.splitn(3, ' ').skip(1);
            if words.next() == Some(topic) {
                let payload = words.next().unwrap_or_default();
                if wanted(payload) {
                    return payload.to_owned();
                }
            }
            others.push(line);
        }
    }

    /// Returns the next JSON on this topic with this value under this key.
    pub(crate) async fn hear_json(&mut self, topic: &str, key: &str, value: &str) -> serde_json::Value {
        let json = |payload: &str| serde_json::from_str::<serde_json::Value>(payload).unwrap_or_default();
        json(&self.hear_where(topic, |payload| json(payload)[key] == value).await)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Path of mosquitto, if installed. Debian has it in `/usr/sbin`, which is not in the path of users.
fn program() -> Option<&'static str> {
    let runs = |program: &&str| Command::new(program).arg("-h").stdout(Stdio::null()).status().is_ok();
    ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find(runs)
}

/// Returns a port that nothing listens on, and that no other test of this process was given: tests run side by side,
/// and a broker binds its port only a moment later.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        if GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}
