//! Connection and reconnection, and their reported status.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crier_announce::Draft;
use crier_config::MqttVersion;
use crier_wire::{Answer, IntakeReport};
use tokio::time::{sleep, timeout};

use crate::appliance::{Appliance, VERSIONS, settings};
use crate::broker::{Mosquitto, PATIENCE};

const AVAILABILITY: &str = "crier/8f3a21/availability";

/// A privileged port without a listener. A free one might be given to the listener of another test meanwhile.
const UNUSED_PORT: u16 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn availability_is_offline_after_kill_and_after_shutdown() {
    let Some(broker) = Mosquitto::start() else { return };
    for version in VERSIONS {
        let mut listener = broker.listen().await;
        let appliance = Appliance::connected(&broker, version).await;
        listener.hear_where(AVAILABILITY, |payload| payload == "online").await;
        appliance.kill().await;
        listener.hear_where(AVAILABILITY, |payload| payload == "offline").await;

        let appliance = Appliance::connected(&broker, version).await;
        listener.hear_where(AVAILABILITY, |payload| payload == "online").await;
        appliance.end().await;
        listener.hear_where(AVAILABILITY, |payload| payload == "offline").await;
        let mut late = broker.listen().await;
        assert_eq!(late.hear(AVAILABILITY).await, "offline", "retained");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_reconnects_after_broker_restart() {
    for version in VERSIONS {
        let Some(mut broker) = Mosquitto::start() else { return };
        let mut appliance = Appliance::connected(&broker, version).await;
        broker.publish("crier/8f3a21/speak", "Before.", &["-q", "1"]);
        let (request_id, _) = appliance.submitted().await;
        broker.stop();
        let lost = appliance.down().await;
        assert!(lost.contains("closed") || lost.contains("lost") || lost.contains("ended"), "{lost}");
        let unreachable = appliance.down().await;
        assert!(unreachable.contains("cannot connect to"), "{unreachable}");

        // The supervisor answers without a broker, and other inputs work meanwhile.
        appliance.answer(request_id, Answer::Accepted { sequence: 1, id: "#1".into(), durable: true });
        let other = appliance.other.clone();
        let local = tokio::spawn(async move { other.submit(Draft::plain("Local.")).await });
        assert_eq!(appliance.accept().await.text, "Local.");
        local.await.unwrap().unwrap();

        broker.run();
        appliance.up().await;
        broker.publish("crier/8f3a21/speak", "After.", &["-q", "1"]);
        assert_eq!(appliance.accept().await.text, "After.", "and `Before.` not again");
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_password_is_reported_once_and_corrected_one_needs_no_restart() {
    let password = |folder: &Path| {
        let file = folder.join("passwords");
        let made =
            Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&file).args(["crier", "right"]).status();
        assert!(made.unwrap().success());
        format!("allow_anonymous false\npassword_file {}", file.display())
    };
    let Some(broker) = Mosquitto::configured(password, Some(&["-u", "crier", "-P", "right"])) else { return };
    for version in VERSIONS {
        let file = broker.folder.path().join("secret");
        let write = |password: &str| {
            fs::write(&file, format!("{password}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        };
        write("guessed");
        let mut settings = settings(broker.port, version);
        settings.broker.username = Some("crier".into());
        settings.broker.password_file = Some(file.clone());
        let mut appliance = Appliance::start(settings);
        let refused = appliance.down().await;
        assert!(refused.contains("password") && !refused.contains("guessed"), "{refused}");
        sleep(Duration::from_millis(2500)).await;
        assert!(appliance.reports.try_recv().is_err(), "tried again, and not reported again");

        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = appliance.down().await;
        assert!(exposed.contains("chmod 600"), "{exposed}");
        write("right");
        appliance.up().await;
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn example_acl_permits_appliance_and_denies_others() {
    let rights = |folder: &Path| {
        fs::write(folder.join("acl"), include_str!("../../../../examples/mosquitto.acl")).unwrap();
        let user = |more: &[&str], name: &str| {
            let file = folder.join("passwords");
            let mut make = Command::new("mosquitto_passwd");
            let made = make.args(more).arg("-b").arg(file).args([name, "right"]).status();
            assert!(made.unwrap().success());
        };
        user(&["-c"], "homeassistant");
        user(&[], "8f3a21");
        user(&[], "neighbour");
        let path = folder.display();
        format!("allow_anonymous false\npassword_file {path}/passwords\nacl_file {path}/acl")
    };
    let access = ["-u", "homeassistant", "-P", "right"];
    let Some(broker) = Mosquitto::configured(rights, Some(&access)) else { return };
    let secret = broker.folder.path().join("secret");
    fs::write(&secret, "right").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    for version in VERSIONS {
        let mut settings = settings(broker.port, version);
        settings.broker.username = Some("8f3a21".into());
        settings.broker.password_file = Some(secret.clone());
        let mut listener = broker.listen().await;
        let mut appliance = Appliance::start(settings);
        appliance.up().await;
        listener.hear_where(AVAILABILITY, |payload| payload == "online").await;
        listener.hear_where("homeassistant/device/8f3a21/config", |payload| !payload.is_empty()).await;
        let neighbour = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-u", "neighbour", "-P", "right"])
            .args(["-t", "crier/8f3a21/speak", "-m", "Intruder.", "-q", "1"])
            .status();
        neighbour.unwrap();
        broker.publish("crier/8f3a21/speak", "Allowed.", &["-q", "1"]);
        assert_eq!(appliance.accept().await.text, "Allowed.");
        appliance.end().await;
        listener.hear_where(AVAILABILITY, |payload| payload == "offline").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_failures_are_distinguished() {
    let down = async |change: &dyn Fn(&mut crier_config::MqttSettings)| {
        let mut settings = settings(UNUSED_PORT, MqttVersion::V5);
        change(&mut settings.broker);
        let mut appliance = Appliance::start(settings);
        let detail = appliance.down().await;
        appliance.end().await;
        detail
    };
    let unreachable = down(&|_| {}).await;
    assert!(unreachable.contains("cannot connect to"), "{unreachable}");
    let nameless = down(&|broker| {
        broker.host = "broker.invalid".into();
        broker.insecure = true;
    });
    let nameless = nameless.await;
    assert!(nameless.contains("cannot be resolved"), "{nameless}");
    let missing = down(&|broker| {
        broker.username = Some("crier".into());
        broker.password_file = Some("/nonexistent/password".into());
    });
    let missing = missing.await;
    assert!(missing.contains("/nonexistent/password"), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_ends_with_the_hub_in_every_state() {
    let unreachable = Appliance::start(settings(UNUSED_PORT, MqttVersion::V3));
    unreachable.end().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Appliance::start(settings(listener.local_addr().unwrap().port(), MqttVersion::V5));
    let (_held, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    silent.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_client_with_same_id_is_reported() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut first = Appliance::connected(&broker, MqttVersion::V5).await;
    let mut second = Appliance::connected(&broker, MqttVersion::V5).await;
    let told = first.down().await;
    assert!(told.contains("client id `8f3a21`"), "{told}");
    first.kill().await;
    // The two push each other out, so the first may have connected once more.
    while second.reports.try_recv().is_ok() {}
    broker.publish("crier/8f3a21/speak", "Hello.", &["-q", "1"]);
    loop {
        if let IntakeReport::Submit { draft, .. } = second.report().await {
            assert_eq!(draft.text, "Hello.");
            break;
        }
    }
    second.end().await;
}

/// Counter of log lines.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicUsize>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO && metadata.target().starts_with("crier_intake")
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn state_change_is_logged_once_across_retries() {
    let lines = Lines::default();
    let _all_on_this_thread = tracing::subscriber::set_default(lines.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut appliance = Appliance::start(settings(listener.local_addr().unwrap().port(), MqttVersion::V5));
    for attempt in 0..3 {
        // Closes without CONNACK, each time.
        drop(timeout(PATIENCE, listener.accept()).await.unwrap().unwrap());
        if attempt == 0 {
            let told = appliance.down().await;
            assert!(told.contains("did not answer the MQTT handshake"), "{told}");
        }
    }
    assert_eq!(lines.0.load(Ordering::SeqCst), 1);
    drop(listener);
    assert!(appliance.down().await.contains("cannot connect to"));
    assert_eq!(lines.0.load(Ordering::SeqCst), 2);
    appliance.end().await;
}
