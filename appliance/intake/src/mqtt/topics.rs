//! Topics of one appliance.

use super::options::MqttOptions;

/// Levels below `crier/<id>/`. Constants, so that code and discovery payload cannot disagree.
pub(super) mod level {
    pub(crate) const SPEAK: &str = "speak";
    pub(crate) const STOP: &str = "stop";
    pub(crate) const PAUSE: &str = "pause";
    pub(crate) const VOLUME_SET: &str = "volume/set";
    pub(crate) const MUTE_SET: &str = "mute/set";
    pub(crate) const VOICE_SET: &str = "voice/set";
    pub(crate) const AVAILABILITY: &str = "availability";
    pub(crate) const STATE: &str = "state";
    pub(crate) const VOLUME: &str = "volume";
    pub(crate) const MUTE: &str = "mute";
    pub(crate) const VOICE: &str = "voice";
    pub(crate) const PROBLEM: &str = "problem";
    pub(crate) const DIAG: &str = "diag";
    pub(crate) const EVENT: &str = "event";
}

/// Kind of a message, by its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// An announcement.
    Speak,
    /// A command, with its level.
    Command(&'static str),
    /// Birth message or last will of Home Assistant.
    Birth,
    /// Discovery payload of this appliance.
    Discovery,
    /// No topic of this appliance.
    Other,
}

/// Levels of commands.
pub(super) const COMMANDS: [&str; 5] =
    [level::STOP, level::PAUSE, level::VOLUME_SET, level::MUTE_SET, level::VOICE_SET];

/// Topics of one appliance.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    /// `crier/<id>/`.
    base: String,
    birth: String,
    discovery: String,
}

impl Topics {
    pub(super) fn new(settings: &MqttOptions) -> Self {
        let (id, broker) = (&settings.identity.id, &settings.broker);
        Self {
            base: format!("{}/{id}/", broker.base_topic),
            birth: format!("{}/status", broker.discovery_prefix),
            discovery: format!("{}/device/{id}/config", broker.discovery_prefix),
        }
    }

    /// Returns the topic of a level.
    pub(super) fn of(&self, level: &str) -> String {
        format!("{}{level}", self.base)
    }

    /// Topic of Home Assistant's birth message.
    pub(super) fn birth(&self) -> &str {
        &self.birth
    }

    /// Topic of the discovery payload.
    pub(super) fn discovery(&self) -> &str {
        &self.discovery
    }

    /// Returns the kind of message on a topic.
    pub(super) fn subject(&self, topic: &str) -> Subject {
        if topic == self.birth {
            return Subject::Birth;
        }
        if topic == self.discovery {
            return Subject::Discovery;
        }
        // Compared whole: wildcards are never subscribed to, and retained messages of an old session may have any
        // topic.
        match topic.strip_prefix(&self.base) {
            Some(level::SPEAK) => Subject::Speak,
            Some(other) => {
                COMMANDS.iter().find(|level| **level == other).map_or(Subject::Other, |l| Subject::Command(l))
            }
            None => Subject::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::options::tests::options;

    #[test]
    fn subject_is_found_by_exact_topic() {
        let topics = Topics::new(&options());
        assert_eq!(topics.subject("crier/8f3a21/speak"), Subject::Speak);
        assert_eq!(topics.subject("crier/8f3a21/volume/set"), Subject::Command(level::VOLUME_SET));
        assert_eq!(topics.subject("homeassistant/status"), Subject::Birth);
        assert_eq!(topics.subject("homeassistant/device/8f3a21/config"), Subject::Discovery);
        for other in ["crier/8f3a21/speak/", "crier/8f3a22/speak", "crier/8f3a21/volume", "speak", ""] {
            assert_eq!(topics.subject(other), Subject::Other, "{other}");
        }
    }
}
