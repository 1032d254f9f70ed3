//! `[appliance]`: who this one is and where it keeps its things.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who this appliance is and where it keeps its things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appliance {
    /// What it is called in MQTT topics and client ids: 1 to 32 letters, digits, `-` and `_`. `None` (`"auto"`): derived
    /// from the hardware.
    pub id: Option<String>,
    /// What people call it, as shown by Home Assistant.
    pub name: String,
    /// Folder that outlives a reboot: journal, cache, voices.
    pub state_dir: PathBuf,
    /// Folder for sockets and FIFOs; may be emptied by a reboot.
    pub run_dir: PathBuf,
}

impl Default for Appliance {
    fn default() -> Self {
        Self {
            id: None,
            name: "Crier".to_owned(),
            state_dir: "/var/lib/crier".into(),
            run_dir: "/run/crier".into(),
        }
    }
}
