//! Options of the MQTT input: identity of the appliance, and its broker.

use crier_config::MqttSettings;

/// Options of [`crate::mqtt::run`]. They hold no secrets: those stay in their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttOptions {
    /// Identity of the appliance.
    pub identity: ApplianceIdentity,
    /// The broker, as configured.
    pub broker: MqttSettings,
}

/// Identity of the appliance in topics and in Home Assistant's list of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplianceIdentity {
    /// 1 to 32 letters, digits, `-` and `_`.
    pub id: String,
    /// Name given by its owner.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Hardware, such as `CM3588`.
    pub hardware: String,
}

impl MqttOptions {
    /// Returns the client id: the configured one, or the appliance's id.
    pub(super) fn client_id(&self) -> &str {
        self.broker.client_id.as_deref().unwrap_or(&self.identity.id)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Options for a broker on this machine.
    pub(crate) fn options() -> MqttOptions {
        MqttOptions {
            identity: ApplianceIdentity {
                id: "8f3a21".into(),
                name: "Kitchen voice".into(),
                version: "0.4.0".into(),
                hardware: "CM3588".into(),
            },
            broker: MqttSettings::new("127.0.0.1"),
        }
    }
}
