//! What the MQTT input is told at its start: who the appliance is, and where its broker is.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Characters of an appliance's id; it is part of topics, ids and file names of others.
const ID_CHARACTERS_MAX: usize = 32;
/// Bytes of the first level of topics; there is no reason for more.
const BASE_BYTES_MAX: usize = 128;

/// Everything that [`crate::mqtt::run`] needs to know. Holds no secrets: those stay in their files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttOptions {
    /// Who the appliance is.
    pub identity: ApplianceIdentity,
    /// Where the broker is and how to talk to it.
    pub broker: MqttSettings,
}

/// Who the appliance is, in topics and in Home Assistant's list of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplianceIdentity {
    /// 1 to 32 letters, digits, `-` and `_`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// What it runs on, such as `CM3588`.
    pub hardware: String,
}

/// The `[mqtt]` section of the configuration, under the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttSettings {
    /// Name or address of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Version of the protocol.
    pub version: Version,
    /// Client id; the appliance's id if absent.
    pub client_id: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// File that holds the password, which nobody but its owner may read.
    pub password_file: Option<PathBuf>,
    /// How the connection is encrypted; `None`: it is not.
    pub tls: Option<Tls>,
    /// Whether an unencrypted connection to another machine is allowed on purpose.
    pub insecure: bool,
    /// First level of all topics: `crier/<id>/speak`.
    pub base_topic: String,
    /// Whether Home Assistant is told of the appliance.
    pub discovery: bool,
    /// First level of Home Assistant's topics.
    pub discovery_prefix: String,
    /// Silence after which the connection is tested, in seconds.
    pub keep_alive_s: u16,
    /// Announcements taken in a minute; more are refused.
    pub max_per_minute: u32,
}

/// Version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// 3.1.1.
    V3,
    /// 5.0.
    V5,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificates of those who may vouch for the broker, in PEM; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// What the appliance shows of itself.
    pub client_certificate: Option<ClientCertificate>,
}

/// A certificate that the appliance shows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate and those between it and its root, in PEM.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM, which nobody but its owner may read.
    pub key_file: PathBuf,
}

/// Settings that cannot work, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MqttOptionsError {
    /// The id would not fit into topics.
    #[error("`id` is {0:?}; use 1 to 32 letters, digits, `-` and `_`")]
    Id(String),
    /// A first level of topics that MQTT or the topics below it do not allow.
    #[error(
        "`{key}` is {value:?}; use 1 to 128 bytes without `+`, `#` and control characters, not ending with `/`"
    )]
    Topic {
        /// Name of the setting.
        key: &'static str,
        /// What it is.
        value: String,
    },
    /// No broker can have this name.
    #[error("`host` is {0:?}; give the name or the address of the broker")]
    Host(String),
    /// A password without a user name.
    #[error("`password_file` needs `username`; give both or none")]
    PasswordWithoutUser,
    /// Words and passwords would travel readable.
    #[error(
        "the connection to `{0}` is not encrypted; set `tls`, or `insecure = true` if everybody in this network may \
         read and send announcements"
    )]
    Unencrypted(String),
    /// Nothing would ever be taken.
    #[error("`max_per_minute` is 0; give at least 1, or leave `[mqtt]` out")]
    NothingTaken,
}

impl MqttOptions {
    /// Checks what can be checked without the broker.
    ///
    /// # Errors
    /// [`MqttOptionsError`] names the setting and what to write instead.
    pub fn check(&self) -> Result<(), MqttOptionsError> {
        let id = &self.identity.id;
        let in_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if id.is_empty() || id.chars().count() > ID_CHARACTERS_MAX || !id.chars().all(in_id) {
            return Err(MqttOptionsError::Id(id.clone()));
        }
        let broker = &self.broker;
        if broker.host.is_empty() || broker.host.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(MqttOptionsError::Host(broker.host.clone()));
        }
        for (key, value) in
            [("base_topic", &broker.base_topic), ("discovery_prefix", &broker.discovery_prefix)]
        {
            let wrong = |c: char| c.is_control() || matches!(c, '+' | '#');
            let length_is_right = (1..=BASE_BYTES_MAX).contains(&value.len());
            if !length_is_right || value.ends_with('/') || value.starts_with('$') || value.chars().any(wrong)
            {
                return Err(MqttOptionsError::Topic { key, value: value.clone() });
            }
        }
        if broker.password_file.is_some() && broker.username.is_none() {
            return Err(MqttOptionsError::PasswordWithoutUser);
        }
        if broker.tls.is_none() && !broker.insecure && !is_this_machine(&broker.host) {
            return Err(MqttOptionsError::Unencrypted(broker.host.clone()));
        }
        if broker.max_per_minute == 0 {
            return Err(MqttOptionsError::NothingTaken);
        }
        Ok(())
    }

    /// What the broker knows the appliance by.
    pub(super) fn client_id(&self) -> &str {
        self.broker.client_id.as_deref().unwrap_or(&self.identity.id)
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings for a broker on this machine.
    pub(crate) fn settings() -> MqttOptions {
        MqttOptions {
            identity: ApplianceIdentity {
                id: "8f3a21".into(),
                name: "Kitchen voice".into(),
                version: "0.4.0".into(),
                hardware: "CM3588".into(),
            },
            broker: MqttSettings {
                host: "127.0.0.1".into(),
                port: 1883,
                version: Version::V5,
                client_id: None,
                username: None,
                password_file: None,
                tls: None,
                insecure: false,
                base_topic: "crier".into(),
                discovery: true,
                discovery_prefix: "homeassistant".into(),
                keep_alive_s: 30,
                max_per_minute: 60,
            },
        }
    }

    fn problem(change: fn(&mut MqttOptions)) -> MqttOptionsError {
        let mut settings = settings();
        change(&mut settings);
        settings.check().unwrap_err()
    }

    #[test]
    fn each_setting_that_cannot_work_is_named() {
        settings().check().unwrap();
        assert!(matches!(problem(|s| s.identity.id = "a/b".into()), MqttOptionsError::Id(_)));
        assert!(matches!(problem(|s| s.identity.id = "a".repeat(33)), MqttOptionsError::Id(_)));
        assert!(matches!(problem(|s| s.broker.host = "a b".into()), MqttOptionsError::Host(_)));
        for wrong in ["", "a/+", "#", "a/", "$SYS", "a\0"] {
            let mut settings = settings();
            settings.broker.base_topic = wrong.into();
            assert!(matches!(settings.check(), Err(MqttOptionsError::Topic { .. })), "{wrong:?}");
        }
        let password = |s: &mut MqttOptions| s.broker.password_file = Some("/etc/password".into());
        assert_eq!(problem(password), MqttOptionsError::PasswordWithoutUser);
        assert_eq!(problem(|s| s.broker.max_per_minute = 0), MqttOptionsError::NothingTaken);
    }

    #[test]
    fn other_machines_need_encryption_or_the_word_insecure() {
        let unencrypted = |s: &mut MqttOptions| s.broker.host = "192.168.1.2".into();
        assert!(matches!(problem(unencrypted), MqttOptionsError::Unencrypted(_)));
        for allowed in [
            (|s: &mut MqttOptions| s.broker.insecure = true) as fn(&mut MqttOptions),
            |s| s.broker.tls = Some(Tls::default()),
            |s| s.broker.host = "localhost".into(),
            |s| s.broker.host = "::1".into(),
        ] {
            let mut settings = settings();
            unencrypted(&mut settings);
            allowed(&mut settings);
            settings.check().unwrap();
        }
    }

    /// As the configuration hands its section on.
    #[test]
    fn the_section_of_the_configuration_is_taken_as_it_is() {
        let section = r#"{"host":"broker.lan","port":8883,"version":"V3","client_id":null,"username":"crier",
            "password_file":"/etc/crier/mqtt-password","tls":{"ca_file":"/etc/crier/ca.pem","client_certificate":
            {"certificate_file":"/etc/crier/client.pem","key_file":"/etc/crier/client.key"}},"insecure":false,
            "base_topic":"house/crier","discovery":false,"discovery_prefix":"homeassistant","keep_alive_s":30,
            "max_per_minute":60}"#;
        let broker: MqttSettings = serde_json::from_str(section).unwrap();
        assert_eq!((broker.version, broker.port), (Version::V3, 8883));
        assert!(broker.tls.as_ref().is_some_and(|tls| tls.client_certificate.is_some()));
        MqttOptions { broker, ..settings() }.check().unwrap();
    }

    #[test]
    fn unknown_settings_are_refused() {
        let mut json = serde_json::to_value(settings()).unwrap();
        assert_eq!(serde_json::from_value::<MqttOptions>(json.clone()).unwrap(), settings());
        json["broker"]["pasword"] = "x".into();
        assert!(serde_json::from_value::<MqttOptions>(json).unwrap_err().to_string().contains("pasword"));
    }
}
