//! `[users]`: users of the stages.

use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::values::Text;

/// User of each stage, by name. `None` (`"auto"`): a stage runs as the user `crier-STAGE` if root has started the
/// appliance and there is such a user, and else as the user who has started it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UserSettings {
    /// Needs the voice's files.
    pub talker: Option<String>,
    /// Needs the voice's files.
    pub predictor: Option<String>,
    /// Needs the voice's files.
    pub vocoder: Option<String>,
    /// Needs the sound device.
    pub player: Option<String>,
    /// Needs serial ports, buttons, the network and the folders of its FIFOs.
    pub intake: Option<String>,
}

const USER: Text = Text {
    takes: "the name of a user of this machine",
    // The limit of `useradd`.
    characters_max: 32,
    allowed: |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'),
};

impl UserSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let mut user = |key| section.optional_text(key, Some("auto"), &USER);
        Self {
            talker: user("talker"),
            predictor: user("predictor"),
            vocoder: user("vocoder"),
            player: user("player"),
            intake: user("intake"),
        }
    }
}
