//! The ways in, each with its real other end: a FIFO, a pseudo-terminal, a broker.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::rig::{Appliance, PATIENCE, SENTENCE, assert_same, reference};

#[test]
fn a_line_into_the_fifo_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let config = format!("[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n", fifo.display());
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait("open", |status| status["inputs"].to_string().contains("\"up\":true"));
    assert!(std::fs::metadata(&fifo).unwrap().file_type().is_fifo());
    std::fs::write(&fifo, format!("{SENTENCE}\n")).unwrap();
    appliance.wait_for("finished", 1);
    assert_same(&appliance.heard(), &reference(SENTENCE), "what is heard");
    std::fs::write(&fifo, "{\"text\":\"Twenty degrees.\",\"id\":\"t\"}\n").unwrap();
    std::fs::write(&fifo, b"\xff\xfe\x00\x01\n").unwrap();
    appliance.wait_for("finished", 2);
    assert_same(&appliance.heard(), &reference("Twenty degrees."), "what is heard");
    // The intake may die; the next one opens the same FIFO.
    appliance.signal("intake", Signal::SIGKILL);
    appliance.stage("intake");
    appliance.wait("open again", |status| status["inputs"].to_string().contains("\"up\":true"));
    std::fs::write(&fifo, format!("{SENTENCE}\n")).unwrap();
    appliance.wait_for("finished", 3);
    assert_same(&appliance.heard(), &reference(SENTENCE), "what is heard");
}

#[test]
fn lines_into_the_fifo_wait_while_the_queue_is_full_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let config =
        format!("[queue]\nentries_max = 5\n[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n", fifo.display());
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait("open", |status| status["inputs"].to_string().contains("\"up\":true"));
    std::fs::write(&fifo, "Yes.\n".repeat(30)).unwrap();
    appliance.wait_for("finished", 30);
    let status = appliance.status();
    let refused =
        status["inputs"].as_object().unwrap().values().map(|input| input["refused"].as_u64().unwrap());
    assert_eq!(refused.sum::<u64>(), 0, "{status:#}");
}

#[test]
fn a_serial_line_is_spoken_and_answered() {
    let terminal = nix::pty::openpty(None, None).unwrap();
    let name = nix::unistd::ttyname(&terminal.slave).unwrap();
    let config = format!("[[serial]]\ndevice = \"{}\"\nbaud = 115200\n", name.display());
    let mut appliance = Appliance::start(&config);
    appliance.wait("open", |status| status["inputs"].to_string().contains("\"up\":true"));
    let mut master = File::from(terminal.master);
    master.write_all(format!("{SENTENCE}\r\n").as_bytes()).unwrap();
    appliance.wait_for("finished", 1);
    assert_same(&appliance.heard(), &reference(SENTENCE), "what is heard");
    let reply = read_until(&mut master, "ok");
    assert!(reply.contains("ok"), "{reply:?}");
}

#[test]
fn a_message_to_the_broker_is_spoken_and_its_end_is_told() {
    let Some(broker) = Broker::start() else { return };
    let config = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\nclient_id = \"test\"\n", broker.port);
    let mut appliance = Appliance::start(&config);
    appliance.wait("connected", |status| status["inputs"]["mqtt"]["up"] == true);
    let mut events = broker.subscribe("crier/test/event", 3);
    let discovery = broker.subscribe("homeassistant/device/+/config", 1).wait();
    assert!(discovery.contains("crier/test/speak"), "{discovery}");
    broker.publish("crier/test/speak", &format!("{{\"text\":\"{SENTENCE}\",\"id\":\"m\"}}"));
    appliance.wait_for("finished", 1);
    assert_same(&appliance.heard(), &reference(SENTENCE), "what is heard");
    let events = events.wait_with(&broker);
    for event in ["accepted", "started", "finished"] {
        assert!(events.contains(event), "{event} is missing in {events}");
    }
    broker.publish("crier/test/volume/set", "40");
    appliance.wait("quieter", |status| status["state"]["volume_percent"] == 40);
}

#[test]
fn marks_of_a_message_in_ssml_are_told_to_the_broker() {
    let Some(broker) = Broker::start() else { return };
    let config = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\nclient_id = \"test\"\n", broker.port);
    let mut appliance = Appliance::start(&config);
    appliance.wait("connected", |status| status["inputs"]["mqtt"]["up"] == true);
    let mut events = broker.subscribe("crier/test/event", 5);
    let ssml = "<speak>Yes.<break time='200ms'/><mark name='middle'/>No.</speak>";
    broker.publish("crier/test/speak", &format!("{{\"format\":\"ssml\",\"text\":\"{ssml}\",\"id\":\"m\"}}"));
    appliance.wait_for("finished", 1);
    let expected = [reference("Yes."), vec![0; 24_000 / 5], reference("No.")].concat();
    assert_same(&appliance.heard(), &expected, "what is heard");
    broker.publish("crier/test/speak", "{\"format\":\"ssml\",\"text\":\"<speak>\\n<p>\"}");
    let events = events.wait_with(&broker);
    for part in
        ["accepted", "started", "\"event\":\"mark\"", "\"name\":\"middle\"", "finished", "line 2, column"]
    {
        assert!(events.contains(part), "{part} is missing in {events}");
    }
}

#[test]
fn junk_on_every_input_does_not_disturb_speech() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("say");
    let terminal = nix::pty::openpty(None, None).unwrap();
    let name = nix::unistd::ttyname(&terminal.slave).unwrap();
    let config = format!(
        "[[fifo]]\npath = \"{}\"\nmode = \"0600\"\n[[serial]]\ndevice = \"{}\"\ndialect = \"syn6288\"\n",
        fifo.display(),
        name.display()
    );
    let mut appliance = Appliance::start_in(folder, &config);
    appliance.wait("open", |status| status["inputs"].to_string().matches("\"up\":true").count() == 2);
    let flood = |mut file: File| {
        std::thread::spawn(move || {
            let junk: Vec<u8> =
                (0..65_536_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_secs(3) && file.write_all(&junk).is_ok() {}
        })
    };
    let floods = [
        flood(std::fs::OpenOptions::new().write(true).open(&fifo).unwrap()),
        flood(File::from(terminal.master.try_clone().unwrap())),
    ];
    // Echoes of the junk are read, or the terminal would stop.
    let mut echo = File::from(terminal.master);
    std::thread::spawn(move || {
        let mut block = vec![0; 65_536];
        while echo.read(&mut block).is_ok_and(|count| count > 0) {}
    });
    let expected = reference(SENTENCE);
    for _ in 0..4 {
        appliance.ask(&["say", "--wait", "--priority", "important", SENTENCE]);
    }
    let heard = appliance.heard();
    let whole = heard.windows(expected.len()).filter(|window| *window == expected).count();
    assert!(whole >= 4, "{whole} of 4 sentences are whole");
    for flood in floods {
        flood.join().unwrap();
    }
    let status = appliance.status();
    assert_eq!(status["stages"].as_array().map(Vec::len), Some(5));
    assert_eq!(status["state"]["restarts"], 0, "{status:#}");
}

#[test]
fn metrics_are_read_from_their_socket() {
    let mut appliance = Appliance::start("");
    appliance.say(SENTENCE);
    let mut socket = std::os::unix::net::UnixStream::connect(appliance.path("run/metrics")).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
    };
    assert_eq!(value("crier_announcements_total{event=\"finished\"}"), Some(1.0), "{text}");
    assert_eq!(value("crier_stage_up{stage=\"player\"}"), Some(1.0), "{text}");
    assert!(value("crier_real_time_factor").is_some_and(|factor| factor > 0.0), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("crier_") && number.parse::<f64>().is_ok(), "{line}");
        let family = name.split('{').next().unwrap();
        assert!(text.contains(&format!("# TYPE {family} ")), "{family} has no type");
    }
}

fn read_until(file: &mut File, word: &str) -> String {
    let mut text = String::new();
    let mut block = [0; 256];
    let begin = Instant::now();
    while !text.contains(word) && begin.elapsed() < PATIENCE {
        let count = file.read(&mut block).unwrap();
        text.push_str(&String::from_utf8_lossy(&block[..count]));
    }
    text
}

/// A mosquitto of the test's own.
struct Broker {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

struct Subscription(Option<Child>);

impl Broker {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.path().join("mosquitto.conf");
        std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        let program = if std::path::Path::new("/usr/sbin/mosquitto").exists() {
            "/usr/sbin/mosquitto"
        } else {
            "mosquitto"
        };
        let started = Command::new(program).arg("-c").arg(&config).stderr(Stdio::null()).spawn();
        let Ok(child) = started else {
            crier_test_needs::missing("mosquitto", "run scripts/setup.sh");
            return None;
        };
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, port, _folder: folder })
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1"]);
        command
    }

    fn publish(&self, topic: &str, text: &str) {
        let status = self.client("mosquitto_pub").args(["-t", topic, "-m", text]).status().unwrap();
        assert!(status.success());
    }

    fn subscribe(&self, topic: &str, count: u32) -> Subscription {
        let mut command = self.client("mosquitto_sub");
        command.args(["-t", topic, "-C", &count.to_string(), "-W", "60"]).stdout(Stdio::piped());
        let subscription = Subscription(Some(command.spawn().unwrap()));
        // The subscription has to be there before anything is published.
        std::thread::sleep(Duration::from_millis(300));
        subscription
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Subscription {
    fn wait(mut self) -> String {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn wait_with(&mut self, _broker: &Broker) -> String {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
