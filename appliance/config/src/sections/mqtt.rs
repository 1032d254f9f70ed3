//! `[mqtt]`: text and commands from a broker, events to it.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::key::{KeyDefault, quoted};
use crate::reader::Trouble;
use crate::section::Section;
use crate::values::{Text, is_word, number};

/// The broker and the connection to it. Holds no secrets: those stay in their files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MqttSettings {
    /// Name or address of the broker.
    pub host: String,
    /// Port; when the file names none, 8883 with TLS and 1883 without.
    pub port: u16,
    /// Version of the protocol.
    pub version: MqttVersion,
    /// Client id; `None` (`"auto"`): made from the appliance's id.
    pub client_id: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// File that holds the password; only its owner may have permission to read it.
    pub password_file: Option<PathBuf>,
    /// Encryption of the connection; `None`: none.
    pub tls: Option<Tls>,
    /// True if an unencrypted connection to another machine is permitted.
    pub insecure: bool,
    /// First level of all topics: `crier/<id>/speak`.
    pub base_topic: String,
    /// True if discovery messages for Home Assistant are published.
    pub discovery: bool,
    /// First level of Home Assistant's topics.
    pub discovery_prefix: String,
    /// Silence after which the connection is tested, in seconds.
    pub keep_alive_s: u16,
    /// Announcements accepted in a minute; more are answered with an error.
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

/// Encryption of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tls {
    /// Certificate authorities that may sign the broker's certificate, in PEM; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Certificate by which the broker recognises the appliance.
    pub client_certificate: Option<ClientCertificate>,
}

/// Client certificate with its private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// The certificate, in PEM.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM.
    pub key_file: PathBuf,
}

impl MqttSettings {
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
            // A broker gives a client up after one and a half times this, so that an appliance without power is
            // offline in 45 s.
            keep_alive_s: 30,
            max_per_minute: 60,
        }
    }
}

const HOST: Text = Text {
    takes: "the name or address of the broker alone, such as \"broker.local\"",
    // The longest name of the DNS.
    characters_max: 253,
    allowed: |character| character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | ':' | '%'),
};
const CLIENT_ID: Text = Text {
    takes: "1 to 64 letters (a to z), digits, `-`, `_` and `.`",
    characters_max: 64,
    allowed: |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'),
};
const USERNAME: Text = Text::any("1 to 128 characters", 128);
const TOPIC: Text = Text {
    takes: "levels of a topic such as \"crier\" or \"house/crier\": no `+`, `#` or `$`, no `/` at the ends",
    characters_max: 64,
    allowed: |character| !matches!(character, '+' | '#' | '$') && !character.is_whitespace(),
};

impl MqttSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let host = section.optional_text("host", None, &HOST);
        let default = Self::new("");
        let version =
            section.value("version", "3 (for 3.1.1) or 5", KeyDefault::Value("5".to_owned()), |_, value| {
                match number(value, &(3..=5)) {
                    Ok(3) => Ok(MqttVersion::V3),
                    Ok(5) => Ok(MqttVersion::V5),
                    _ => Err(Trouble::new("is not a version that is spoken", "write 3 (for 3.1.1) or 5")),
                }
            });
        // Read before the port, whose default depends on it.
        let encrypted = section.flag("tls", false);
        let tls = Self::read_tls(section, encrypted);
        let mqtt = Self {
            host: host.clone().unwrap_or_default(),
            port: read_port(section, encrypted),
            version: version.unwrap_or(default.version),
            client_id: section.optional_text("client_id", Some("auto"), &CLIENT_ID),
            username: section.optional_text("username", None, &USERNAME),
            password_file: section.optional_path("password_file", None),
            tls,
            insecure: section.flag("insecure", false),
            base_topic: section.text("base_topic", &default.base_topic, &TOPIC),
            discovery: section.flag("discovery", default.discovery),
            discovery_prefix: section.text("discovery_prefix", &default.discovery_prefix, &TOPIC),
            // Below, a slow network ends connections; above, a router forgets them first.
            keep_alive_s: section.number("keep_alive_s", default.keep_alive_s, 5..=3600),
            max_per_minute: section.number("max_per_minute", default.max_per_minute, 1..=6000),
        };
        for (key, topic) in [("base_topic", &mqtt.base_topic), ("discovery_prefix", &mqtt.discovery_prefix)] {
            // MQTT permits empty levels, but nobody who subscribes by hand would look for them.
            if topic.split('/').any(str::is_empty) {
                section.error(key, "has an empty level", format!("write {}", TOPIC.takes));
            }
        }
        if host.is_some() {
            mqtt.check(section);
            Some(mqtt)
        } else {
            // Other keys have defaults, which the shipped file shows without a host.
            for key in ["username", "password_file", "ca_file", "certificate_file", "key_file"] {
                if section.has(key) && !section.has("host") {
                    section.warn(key, "says nothing without `host`: MQTT is off", "add `host = \"BROKER\"`");
                }
            }
            None
        }
    }

    fn read_tls(section: &mut Section<'_, '_>, encrypted: bool) -> Option<Tls> {
        let ca_file = section.optional_path("ca_file", None);
        let certificate_file = section.optional_path("certificate_file", None);
        let key_file = section.optional_path("key_file", None);
        for (key, other) in [("certificate_file", "key_file"), ("key_file", "certificate_file")] {
            // One of the two alone is no identity: the connection would go on without the client certificate, and
            // fail at the broker.
            if encrypted && section.has(key) && !section.has(other) {
                section.error(key, format!("needs `{other}` beside it"), format!("add `{other} = \"PATH\"`"));
            }
        }
        if !encrypted {
            for key in ["ca_file", "certificate_file", "key_file"] {
                if section.has(key) {
                    section.error(
                        key,
                        "is for an encrypted connection, but `tls` is false",
                        "add `tls = true`",
                    );
                }
            }
            return None;
        }
        let client_certificate = match (certificate_file, key_file) {
            (Some(certificate_file), Some(key_file)) => {
                Some(ClientCertificate { certificate_file, key_file })
            }
            _ => None,
        };
        Some(Tls { ca_file, client_certificate })
    }

    /// Returns true if the broker is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    fn check(&self, section: &mut Section<'_, '_>) {
        // The characters of an IPv6 address are permitted, so that "host:port" has to be found here.
        if self.host.contains(':') && self.host.parse::<std::net::Ipv6Addr>().is_err() {
            let problem = "has more in it than a name or an address";
            section.error("host", problem, "write the name alone, and the port as `port = ...`");
        }
        if self.password_file.is_some() && self.username.is_none() {
            section.error("password_file", "needs `username` beside it", "add `username = \"NAME\"`");
        }
        if self.tls.is_some() && self.insecure {
            section.warn("insecure", "says nothing while `tls` is true", "leave it out");
        }
        // On the loopback interface there is no wire to listen to.
        if self.tls.is_some() || self.is_local() {
            return;
        }
        if !self.insecure {
            let problem = "is another machine, and the connection is not encrypted: who listens reads every \
                           announcement and the password";
            section.error("host", problem, "add `tls = true`, or accept this with `insecure = true`");
        } else if self.password_file.is_some() {
            let problem = "crosses the network unencrypted, where others can read it";
            section.warn("password_file", problem, "write `tls = true` instead of `insecure = true`");
        }
    }
}

fn read_port(section: &mut Section<'_, '_>, encrypted: bool) -> u16 {
    let usual = if encrypted { 8883 } else { 1883 };
    let bounds = 1..=u16::MAX;
    let takes = "`\"auto\"` (8883 with TLS, 1883 without) or a whole number from 1 to 65535";
    let port = section.value("port", takes, KeyDefault::Value(quoted("auto")), |_, value| {
        if is_word(value, Some("auto")) { Ok(usual) } else { number(value, &bounds) }
    });
    let port = port.unwrap_or(usual);
    if encrypted && port == 1883 {
        section.warn("port", "is the port for connections without TLS", "write 8883, or leave it out");
    } else if !encrypted && port == 8883 {
        section.warn("port", "is the port for connections with TLS", "write `tls = true`, or leave it out");
    }
    port
}
