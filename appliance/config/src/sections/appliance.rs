//! `[appliance]`: identity and folders.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::values::Text;

/// Identity of the appliance, and its folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplianceSettings {
    /// Name in MQTT topics and client ids: 1 to 32 letters, digits, `-` and `_`. `None` (`"auto"`): derived
    /// from the hardware.
    pub id: Option<String>,
    /// Name for people, as shown by Home Assistant.
    pub name: String,
    /// Folder that outlives a reboot: journal, cache, voices.
    pub state_dir: PathBuf,
    /// Folder for sockets and FIFOs; may be emptied by a reboot.
    pub run_dir: PathBuf,
}

impl Default for ApplianceSettings {
    fn default() -> Self {
        Self {
            id: None,
            name: "Crier".to_owned(),
            state_dir: "/var/lib/crier".into(),
            run_dir: "/run/crier".into(),
        }
    }
}

pub(crate) const ID: Text = Text {
    takes: "1 to 32 letters (a to z), digits, `-` and `_`",
    // The id is part of topics, client ids, and names in the files of other programs.
    characters_max: 32,
    allowed: |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'),
};
const NAME: Text = Text::any("1 to 64 characters", 64);

impl ApplianceSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let appliance = Self {
            id: section.optional_text("id", Some("auto"), &ID),
            name: section.text("name", "Crier", &NAME),
            state_dir: section.path("state_dir", "/var/lib/crier"),
            run_dir: section.path("run_dir", "/run/crier"),
        };
        // `run_dir` may be emptied by a reboot, and the journal with it.
        if appliance.state_dir == appliance.run_dir {
            section.error("run_dir", "is the same folder as `state_dir`", "write another folder");
        }
        for emptied in ["/tmp", "/run", "/var/run", "/dev/shm"] {
            if appliance.state_dir.starts_with(emptied) {
                let problem = format!("is below {emptied}, which a reboot empties: what waits would be lost");
                section.warn("state_dir", problem, "write a folder that outlives a reboot");
            }
        }
        appliance
    }
}
