//! Discovery payload for Home Assistant: one device with all its entities, in one message.

use crier_wire::ApplianceState;
use serde_json::{Value, json};

use super::options::MqttOptions;
use super::topics::{Topics, level};

/// Name of the payload's origin, by which own payloads are recognized.
const ORIGIN: &str = "crier";
/// Values of [`crier_wire::Mode`] in JSON.
const MODES: [&str; 6] = ["starting", "idle", "preparing", "speaking", "paused", "fault"];

/// Returns the payload for `homeassistant/device/<id>/config`.
pub(super) fn payload(settings: &MqttOptions, topics: &Topics, state: &ApplianceState) -> Value {
    let identity = &settings.identity;
    json!({
        "dev": {
            "ids": [device_id(settings)],
            "name": identity.name,
            "mf": "Crier",
            "mdl": "Crier voice appliance",
            "sw": identity.version,
            "hw": identity.hardware,
            "sn": identity.id,
        },
        "o": { "name": ORIGIN, "sw": identity.version },
        "availability": [{ "topic": topics.of(level::AVAILABILITY) }],
        "qos": 1,
        "cmps": components(settings, topics, state),
    })
}

fn components(settings: &MqttOptions, topics: &Topics, state: &ApplianceState) -> Value {
    // Home Assistant keeps names and settings of an entity by this id, so it must never change.
    let unique_id = |component: &str| format!("crier_{}_{component}", settings.identity.id);
    let mut components = json!({
        "announce": {
            // `null` makes it the main entity, named like the device.
            "p": "notify", "unique_id": unique_id("announce"), "name": null,
            "command_topic": topics.of(level::SPEAK),
        },
        "volume": {
            "p": "number", "unique_id": unique_id("volume"), "name": "Volume",
            "command_topic": topics.of(level::VOLUME_SET), "state_topic": topics.of(level::VOLUME),
            "min": 0, "max": 100, "step": 1, "mode": "slider",
            "unit_of_measurement": "%", "entity_category": "config",
        },
        "state": {
            "p": "sensor", "unique_id": unique_id("state"), "name": "State",
            "device_class": "enum", "options": MODES,
            "state_topic": topics.of(level::STATE), "value_template": "{{ value_json.state }}",
            "json_attributes_topic": topics.of(level::STATE),
        },
        // The default payload is `PRESS`, which `stop` does not accept.
        "stop": {
            "p": "button", "unique_id": unique_id("stop"), "name": "Stop",
            "command_topic": topics.of(level::STOP), "payload_press": "all",
        },
        "mute": {
            "p": "switch", "unique_id": unique_id("mute"), "name": "Mute",
            "command_topic": topics.of(level::MUTE_SET), "state_topic": topics.of(level::MUTE),
        },
        "problem": {
            "p": "binary_sensor", "unique_id": unique_id("problem"), "name": "Problem",
            "device_class": "problem", "state_topic": topics.of(level::PROBLEM),
            "entity_category": "diagnostic",
        },
        "temp": {
            "p": "sensor", "unique_id": unique_id("temp"), "name": "SoC temperature",
            "device_class": "temperature", "unit_of_measurement": "°C", "state_class": "measurement",
            "state_topic": topics.of(level::DIAG), "value_template": "{{ value_json.soc_celsius }}",
            "entity_category": "diagnostic",
        },
        "queue": {
            "p": "sensor", "unique_id": unique_id("queue"), "name": "Queue", "state_class": "measurement",
            "state_topic": topics.of(level::DIAG), "value_template": "{{ value_json.queued }}",
            "entity_category": "diagnostic",
        },
    });
    // A starting appliance has no voices yet, and a select needs options.
    if !state.voices.is_empty() {
        components["voice"] = json!({
            "p": "select", "unique_id": unique_id("voice"), "name": "Voice",
            "command_topic": topics.of(level::VOICE_SET), "state_topic": topics.of(level::VOICE),
            "options": state.voices, "entity_category": "config",
        });
    }
    components
}

fn device_id(settings: &MqttOptions) -> String {
    format!("crier-{}", settings.identity.id)
}

/// Returns true if this appliance published the payload, and so may remove it. Another program may use the same topic.
pub(super) fn is_ours(settings: &MqttOptions, payload: &[u8]) -> bool {
    let Ok(payload) = serde_json::from_slice::<Value>(payload) else { return false };
    payload["o"]["name"] == ORIGIN && payload["dev"]["ids"] == json!([device_id(settings)])
}

#[cfg(test)]
mod tests {
    use crier_wire::Mode;

    use super::*;
    use crate::mqtt::options::tests::options;

    fn made(voices: &[&str]) -> Value {
        let settings = options();
        let voices = voices.iter().map(|&voice| voice.to_owned()).collect();
        payload(&settings, &Topics::new(&settings), &ApplianceState { voices, ..ApplianceState::default() })
    }

    #[test]
    fn discovery_payload_equals_golden_file() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/mqtt/discovery.json")).unwrap();
        let made = made(&["ru", "en", "de"]);
        assert_eq!(made, golden, "{}", serde_json::to_string_pretty(&made).unwrap());
    }

    #[test]
    fn discovery_has_no_voice_select_without_voices() {
        assert!(made(&[])["cmps"].get("voice").is_none());
    }

    #[test]
    fn discovery_lists_all_modes() {
        let modes = [Mode::Starting, Mode::Idle, Mode::Preparing, Mode::Speaking, Mode::Paused, Mode::Fault];
        assert_eq!(json!(modes), json!(MODES));
    }

    #[test]
    fn only_own_discovery_payload_is_recognized() {
        let own = made(&["en"]);
        assert!(is_ours(&options(), own.to_string().as_bytes()));
        let mut other = options();
        other.identity.id = "other".into();
        assert!(!is_ours(&other, own.to_string().as_bytes()));
        let mut foreign = own;
        foreign["o"]["name"] = "zigbee".into();
        assert!(!is_ours(&options(), foreign.to_string().as_bytes()));
        assert!(!is_ours(&options(), b""));
    }
}
