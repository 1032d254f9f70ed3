//! `[mqtt]`: text and commands from a broker, events to it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The broker and how to talk to it. It holds no secrets: those stay in their files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqtt {
    /// Name or address of the broker.
    pub host: String,
    /// Its port; when the file names none, 8883 with TLS and 1883 without.
    pub port: u16,
    /// Version of the protocol.
    pub version: MqttVersion,
    /// Client id; `None` (`"auto"`): made from the appliance's id.
    pub client_id: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// File that holds the password, which nobody else should be able to read.
    pub password_file: Option<PathBuf>,
    /// How the connection is encrypted; `None`: it is not.
    pub tls: Option<Tls>,
    /// Whether an unencrypted connection to another machine was allowed on purpose.
    pub insecure: bool,
    /// First level of all topics: `crier/<id>/speak`.
    pub base_topic: String,
    /// Whether Home Assistant is told of the appliance.
    pub discovery: bool,
    /// First level of Home Assistant's topics.
    pub discovery_prefix: String,
    /// Silence after which the connection is tested, in seconds.
    pub keep_alive_s: u16,
    /// Announcements taken in a minute; more are answered with an error.
    pub max_per_minute: u32,
}

/// Version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MqttVersion {
    /// 3.1.1.
    V3,
    /// 5.0.
    V5,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tls {
    /// Certificates of those who may vouch for the broker, in PEM; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// What the appliance shows of itself.
    pub client_certificate: Option<ClientCertificate>,
}

/// A certificate that the appliance shows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// The certificate, in PEM.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM.
    pub key_file: PathBuf,
}

impl Mqtt {
    /// An unencrypted connection with every other key at its default.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 1883,
            version: MqttVersion::V5,
            client_id: None,
            username: None,
            password_file: None,
            tls: None,
            insecure: false,
            base_topic: "crier".to_owned(),
            discovery: true,
            discovery_prefix: "homeassistant".to_owned(),
            keep_alive_s: 30,
            max_per_minute: 60,
        }
    }
}
