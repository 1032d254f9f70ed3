//! Discovery and state for Home Assistant.

use crier_config::MqttVersion;
use crier_wire::{ApplianceState, IntakeRequest, Mode};
use serde_json::Value;

use crate::appliance::{Appliance, VERSIONS, idle, settings};
use crate::broker::Mosquitto;

const CONFIG: &str = "homeassistant/device/8f3a21/config";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_is_published_at_birth_message_and_when_voices_change() {
    let Some(broker) = Mosquitto::start() else { return };
    for version in VERSIONS {
        let mut listener = broker.listen().await;
        let appliance = Appliance::connected(&broker, version).await;
        let golden = json(include_str!("discovery.json"));
        let introduced = |payload: &str| json(payload) == golden;
        listener.hear_where(CONFIG, introduced).await;
        broker.publish("homeassistant/status", "online", &[]);
        listener.hear("homeassistant/status").await;
        listener.hear_where(CONFIG, introduced).await;
        let mut late = broker.listen().await;
        assert_eq!(json(&late.hear(CONFIG).await), golden, "retained");

        let more = ApplianceState { voices: vec!["fr".into()], ..idle() };
        appliance.request(IntakeRequest::State(Box::new(more)));
        let changed = |payload: &str| json(payload)["cmps"]["voice"]["options"] == json(r#"["fr"]"#);
        listener.hear_where(CONFIG, changed).await;
        appliance.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_discovery_payload_is_removed_when_discovery_is_off() {
    let Some(broker) = Mosquitto::start() else { return };
    for version in VERSIONS {
        Appliance::connected(&broker, version).await.end().await;
        let mut listener = broker.listen().await;
        listener.hear_where(CONFIG, |payload| !payload.is_empty()).await;
        let mut settings = settings(broker.port, version);
        settings.broker.discovery = false;
        let mut appliance = Appliance::start(settings.clone());
        appliance.up().await;
        listener.hear_where(CONFIG, str::is_empty).await;
        appliance.end().await;

        // A payload of another origin on the same topic stays.
        broker.publish(CONFIG, r#"{"o":{"name":"other"}}"#, &["-r"]);
        let mut appliance = Appliance::start(settings);
        appliance.up().await;
        broker.publish("crier/8f3a21/speak", "Hello.", &["-q", "1"]);
        appliance.accept().await;
        appliance.end().await;
        let mut late = broker.listen().await;
        assert_eq!(late.hear(CONFIG).await, r#"{"o":{"name":"other"}}"#);
        broker.publish(CONFIG, "", &["-r"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appliance_state_is_published() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut listener = broker.listen().await;
    let appliance = Appliance::connected(&broker, MqttVersion::V5).await;
    let topic = |level: &str| format!("crier/8f3a21/{level}");
    let state = listener.hear_json(&topic("state"), "state", "idle").await;
    assert_eq!((&state["volume"], &state["voice"]), (&70.into(), &"en".into()));
    let speaking = ApplianceState {
        mode: Mode::Speaking,
        announcement: Some("door-1".into()),
        queued: 2,
        volume_percent: 40,
        muted: true,
        problems: vec!["no sound card".into()],
        voice: "de".into(),
        soc_celsius: None,
        restarts: 3,
        ..idle()
    };
    appliance.request(IntakeRequest::State(Box::new(speaking)));
    let state = listener.hear_json(&topic("state"), "state", "speaking").await;
    assert_eq!((&state["announcement"], &state["queued"]), (&"door-1".into(), &2.into()));
    let mut late = broker.listen().await;
    for (level, payload) in [("volume", "40"), ("mute", "ON"), ("problem", "ON")] {
        assert_eq!(listener.hear(&topic(level)).await, payload);
    }
    let diag = json(&listener.hear(&topic("diag")).await);
    assert_eq!((&diag["soc_celsius"], &diag["restarts"]), (&Value::Null, &3.into()));
    assert_eq!(listener.hear(&topic("voice")).await, "de");
    late.hear_where(&topic("voice"), |heard| heard == "de").await;
    appliance.end().await;
}
