//! The topics of one appliance.

use super::options::MqttOptions;

/// Levels below `crier/<id>/`, as constants so that the code and the discovery payload cannot disagree.
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

/// What a message is about, by its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Something to say.
    Speak,
    /// `stop`, `pause` or one of the settings, by its level.
    Command(&'static str),
    /// Home Assistant says that it is there or goes.
    Birth,
    /// What was published here about this appliance for Home Assistant.
    Discovery,
    /// Not asked for.
    Other,
}

/// Commands, by level.
pub(super) const COMMANDS: [&str; 5] =
    [level::STOP, level::PAUSE, level::VOLUME_SET, level::MUTE_SET, level::VOICE_SET];

/// The topics of one appliance.
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

    /// The topic of this level.
    pub(super) fn of(&self, level: &str) -> String {
        format!("{}{level}", self.base)
    }

    /// Where Home Assistant tells that it is there.
    pub(super) fn birth(&self) -> &str {
        &self.birth
    }

    /// Where Home Assistant is told of the appliance.
    pub(super) fn discovery(&self) -> &str {
        &self.discovery
    }

    /// What a message on this topic is about.
    pub(super) fn subject(&self, topic: &str) -> Subject {
        if topic == self.birth {
            return Subject::Birth;
        }
        if topic == self.discovery {
            return Subject::Discovery;
        }
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
