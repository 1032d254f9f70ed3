//! Announcements and commands.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crier_announce::{Draft, EventKind, Priority, QueueEvent, Sequence};
use crier_wire::{AnnouncementEvent, Answer, Command, IntakeReport, IntakeRequest};
use tokio::time::{sleep, timeout};

use crate::appliance::{Appliance, VERSIONS, settings};
use crate::broker::{Mosquitto, PATIENCE};
use crate::proxy::Proxy;
use crier_config::MqttVersion;

const SPEAK: &str = "crier/8f3a21/speak";
const EVENT: &str = "crier/8f3a21/event";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_and_json_are_announced_and_rejections_published() {
    let Some(broker) = Mosquitto::start() else { return };
    for version in VERSIONS {
        let mut appliance = Appliance::connected(&broker, version).await;
        let mut listener = broker.listen().await;
        broker.publish(SPEAK, "Grüß dich.", &["-q", "1"]);
        let draft = appliance.accept().await;
        assert_eq!((draft.text.as_str(), draft.source.as_deref()), ("Grüß dich.", Some("mqtt")));
        let json = r#"{"id":"door-1","text":"Somebody is at the door.","priority":"important","volume":80}"#;
        broker.publish(SPEAK, json, &["-q", "1"]);
        let draft = appliance.accept().await;
        assert_eq!((draft.id.as_deref(), draft.priority), (Some("door-1"), Priority::Important));

        for wrong in [r#"{"id":"w","text":"a","volume":101}"#, r#"{"text":"a","speed":1}"#, "{"] {
            broker.publish(SPEAK, wrong, &["-q", "1"]);
        }
        let refused = listener.hear_json(EVENT, "event", "refused").await;
        assert_eq!((&refused["id"], &refused["topic"]), (&"w".into(), &"speak".into()));
        assert!(refused["reason"].as_str().unwrap().contains("`volume` is 101"), "{refused}");
        let refused = listener.hear_json(EVENT, "event", "refused").await;
        assert!(refused["reason"].as_str().unwrap().contains("speed"), "{refused}");
        listener.hear_json(EVENT, "event", "refused").await;

        broker.publish(SPEAK, "Last.", &["-q", "0"]);
        let (request_id, draft) = appliance.submitted().await;
        assert_eq!(draft.text, "Last.");
        appliance
            .answer(request_id, Answer::Refused { reason: "the chime is not there".into(), later: false });
        let refused = listener.hear_json(EVENT, "event", "refused").await;
        assert_eq!(refused["reason"], "the chime is not there");
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_all_inputs_are_published() {
    let Some(broker) = Mosquitto::start() else { return };
    let appliance = Appliance::connected(&broker, MqttVersion::V5).await;
    let mut listener = broker.listen().await;
    let event = QueueEvent {
        sequence: Sequence::default(),
        id: "x".into(),
        source: Some("fifo:/run/crier/say".into()),
        priority: Priority::Message,
        kind: EventKind::Finished,
    };
    appliance.request(IntakeRequest::Event(AnnouncementEvent { sequence: 1, event }));
    let told = listener.hear_json(EVENT, "event", "finished").await;
    assert_eq!(told, serde_json::json!({"event": "finished", "id": "x", "source": "fifo:/run/crier/say"}));
    appliance.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_carried_out() {
    let Some(broker) = Mosquitto::start() else { return };
    for version in VERSIONS {
        let mut appliance = Appliance::connected(&broker, version).await;
        let mut listener = broker.listen().await;
        let commands = [
            ("stop", "", Command::Stop),
            ("stop", "all", Command::StopAll),
            ("pause", "toggle", Command::PauseToggle),
            ("volume/set", "40", Command::Volume { percent: 40 }),
            ("mute/set", "ON", Command::Mute { on: Some(true) }),
            ("voice/set", "de", Command::Voice { name: "de".into() }),
        ];
        for (level, payload, command) in commands {
            broker.publish(&format!("crier/8f3a21/{level}"), payload, &["-q", "1"]);
            let (request_id, commanded) = appliance.commanded().await;
            assert_eq!(commanded, command);
            appliance.answer(request_id, Answer::Done);
        }
        broker.publish("crier/8f3a21/volume/set", "loud", &[]);
        assert_eq!(listener.hear_json(EVENT, "event", "refused").await["topic"], "volume/set");
        broker.publish("crier/8f3a21/voice/set", "xx", &[]);
        let mut counted = 0;
        while counted < 2 {
            match appliance.report().await {
                IntakeReport::Lost { count, .. } => counted += count,
                IntakeReport::Command { request_id, command: Command::Voice { .. } } => {
                    let reason = "no such voice".into();
                    appliance.answer(request_id, Answer::Refused { reason, later: false });
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        let refused = listener.hear_json(EVENT, "topic", "voice/set").await;
        assert_eq!(refused["reason"], "no such voice");
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unanswered_publish_is_redelivered_and_answered_one_is_not() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut appliance = Appliance::connected(&broker, version).await;
        broker.publish(SPEAK, "First.", &["-q", "1"]);
        broker.publish(SPEAK, "Second.", &["-q", "1"]);
        assert_eq!(appliance.accept().await.text, "First.");
        broker.logged("Received PUBACK from 8f3a21").await;
        assert_eq!(appliance.submitted().await.1.text, "Second.", "received, and not answered");
        appliance.kill().await;

        let mut again = Appliance::start(settings(broker.port, version));
        // Only the message that was not acknowledged is redelivered, before or after the connection is reported.
        let mut texts = Vec::new();
        broker.publish(SPEAK, "Third.", &["-q", "1"]);
        while texts.last().is_none_or(|last| last != "Third.") {
            match again.report().await {
                IntakeReport::Submit { request_id, draft } => {
                    texts.push(draft.text);
                    again.answer(request_id, Answer::Duplicate { sequence: request_id, id: "any".into() });
                }
                IntakeReport::Input { up: true, .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(texts, ["Second.", "Third."]);
        again.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_puback_repeats_no_announcement_without_id() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let proxy = Proxy::to(broker.port).await;
        let mut appliance = Appliance::start(settings(proxy.port, version));
        appliance.up().await;
        broker.publish(SPEAK, "Once.", &["-q", "1"]);
        let (request_id, draft) = appliance.submitted().await;
        assert_eq!((draft.text.as_str(), draft.id), ("Once.", None));
        proxy.swallow(true);
        appliance.answer(request_id, Answer::Accepted { sequence: 1, id: "#1".into(), durable: true });
        sleep(Duration::from_millis(300)).await;
        proxy.swallow(false);
        proxy.cut();
        appliance.down().await;
        // Redelivered now, together with a new message.
        broker.publish(SPEAK, "Next.", &["-q", "1"]);
        loop {
            match appliance.report().await {
                IntakeReport::Input { up: true, .. } => {}
                IntakeReport::Submit { draft, .. } => {
                    assert_eq!(draft.text, "Next.");
                    break;
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        broker.logged("Sending PUBLISH to 8f3a21 (d1").await;
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retained_messages_are_rejected() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        broker.publish(SPEAK, "Again and again.", &["-r", "-q", "1"]);
        broker.publish("crier/8f3a21/stop", "all", &["-r"]);
        let mut listener = broker.listen().await;
        let mut appliance = Appliance::connected(&broker, version).await;
        for topic in ["speak", "stop"] {
            let refused = listener.hear_json(EVENT, "topic", topic).await;
            assert!(refused["reason"].as_str().unwrap().contains("retained"), "{refused}");
        }
        broker.publish(SPEAK, "Now.", &["-q", "1"]);
        assert_eq!(appliance.accept().await.text, "Now.");
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announcements_wait_for_full_queue_and_stop_passes_them() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut appliance = Appliance::connected(&broker, version).await;
        // More than mosquitto sends without acknowledgements (`max_inflight_messages`, 20).
        for number in 0..25 {
            broker.publish(SPEAK, &format!("{number}"), &["-q", "1"]);
        }
        let full = || Answer::Refused { reason: "the queue is full".into(), later: true };
        let (request_id, draft) = appliance.submitted().await;
        assert_eq!(draft.text, "0");
        appliance.answer(request_id, full());
        broker.publish("crier/8f3a21/stop", "all", &["-q", "1"]);
        let mut stopped = false;
        let mut texts = Vec::new();
        while texts.len() < 25 {
            match appliance.report().await {
                IntakeReport::Command { request_id, command: Command::StopAll } => {
                    stopped = true;
                    appliance.answer(request_id, Answer::Done);
                }
                IntakeReport::Submit { request_id, .. } if !stopped => appliance.answer(request_id, full()),
                IntakeReport::Submit { request_id, draft } => {
                    texts.push(draft.text);
                    appliance.answer(
                        request_id,
                        Answer::Accepted { sequence: request_id, id: "any".into(), durable: true },
                    );
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(texts, (0..25).map(|number| number.to_string()).collect::<Vec<_>>(), "in their order");
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_long_message_is_skipped_on_the_same_connection() {
    let Some(broker) = Mosquitto::start() else { return };
    let long = broker.folder.path().join("long");
    std::fs::write(&long, vec![b'a'; 2_000_000]).unwrap();
    for version in VERSIONS {
        let mut appliance = Appliance::connected(&broker, version).await;
        let mut listener = broker.listen().await;
        let sent = broker
            .client("mosquitto_pub")
            .args(["-t", SPEAK, "-q", "1", "-f", long.to_str().unwrap()])
            .status();
        assert!(sent.unwrap().success());
        broker.publish(SPEAK, "Short.", &["-q", "1"]);
        assert_eq!(appliance.accept().await.text, "Short.", "on the same connection");
        if version == MqttVersion::V3 {
            let refused = listener.hear_json(EVENT, "event", "refused").await;
            assert!(refused["reason"].as_str().unwrap().contains("at most"), "{refused}");
        }
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_5_message_expiry_becomes_announcement_expiry() {
    let Some(broker) = Mosquitto::start() else { return };
    let expiring = |text: &str, seconds: &str| {
        let expiry = ["-V", "mqttv5", "-D", "PUBLISH", "message-expiry-interval", seconds];
        broker.publish(SPEAK, text, &[&["-q", "1"][..], &expiry].concat());
    };
    let mut appliance = Appliance::connected(&broker, MqttVersion::V5).await;
    expiring("Soon.", "100");
    let draft = appliance.accept().await;
    assert!(draft.expires_in_s.is_some_and(|seconds| (70..=100).contains(&seconds)), "{draft:?}");
    broker.logged("Received PUBACK from 8f3a21").await;
    appliance.kill().await;

    expiring("Too late.", "1");
    broker.publish(SPEAK, "Still good.", &["-q", "1"]);
    sleep(Duration::from_millis(2500)).await;
    let mut again = Appliance::start(settings(broker.port, MqttVersion::V5));
    loop {
        match again.report().await {
            IntakeReport::Input { up: true, .. } => {}
            IntakeReport::Submit { draft, .. } => {
                assert_eq!(draft.text, "Still good.");
                break;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    again.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_is_rejected_with_limited_reports_while_another_input_works() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut appliance = Appliance::connected(&broker, version).await;
        let mut listener = broker.listen().await;
        let mut flood =
            broker.client("mosquitto_pub").args(["-t", SPEAK, "-l"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut lines = flood.stdin.take().unwrap();
        // 10 MB a second, for three seconds.
        let pouring = thread::spawn(move || {
            let line = format!("{}\n", "x".repeat(9_999));
            let begun = Instant::now();
            for tenth in 1..=30_u32 {
                for _ in 0..100 {
                    lines.write_all(line.as_bytes()).unwrap();
                }
                thread::sleep((Duration::from_millis(100) * tenth).saturating_sub(begun.elapsed()));
            }
        });

        let other = appliance.other.clone();
        let working = tokio::spawn(async move {
            for _ in 0..20 {
                let answer = timeout(PATIENCE, other.submit(Draft::plain("Local."))).await;
                assert!(matches!(answer, Ok(Ok(Answer::Accepted { .. }))), "{answer:?}");
                sleep(Duration::from_millis(100)).await;
            }
        });
        let (mut from_mqtt, mut refused, mut local) = (0, 0, 0);
        while local < 20 || refused < 100 {
            match appliance.report().await {
                IntakeReport::Submit { request_id, draft } => {
                    let counted = if draft.text == "Local." { &mut local } else { &mut from_mqtt };
                    *counted += 1;
                    appliance.answer(
                        request_id,
                        Answer::Accepted { sequence: request_id, id: "any".into(), durable: true },
                    );
                }
                IntakeReport::Lost { input, reason, count, .. } => {
                    assert_eq!(reason, crier_wire::LossReason::RateLimited);
                    assert_eq!(input, "mqtt");
                    refused += count;
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        working.await.unwrap();
        pouring.join().unwrap();
        flood.wait().unwrap();
        assert!((1..=70).contains(&from_mqtt), "{from_mqtt} announcements in less than ten seconds");
        let first = listener.hear_json(EVENT, "event", "refused").await;
        assert!(first["reason"].as_str().unwrap().contains("more than 60"), "{first}");
        let together = listener.hear_json(EVENT, "reason", "too many rejections to report each").await;
        assert!(together["count"].as_u64().unwrap() > 0);
        broker.publish("crier/8f3a21/stop", "", &[]);
        loop {
            if let IntakeReport::Command { command: Command::Stop, .. } = appliance.report().await {
                break;
            }
        }
        appliance.end().await;
    }
}
