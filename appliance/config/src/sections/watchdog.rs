//! `[watchdog]`: when the machine itself is to start again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The hardware watchdog, and what counts as life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchdog {
    /// The device; `None`: the hardware is left alone.
    pub device: Option<PathBuf>,
    /// Silence after which the machine is reset, in seconds.
    pub timeout_s: u32,
    /// Age of an announcement that waits although nothing hinders it, in seconds; beyond it the appliance is taken to
    /// hang and the watchdog is not petted any more.
    pub announcement_age_max_s: u32,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self { device: None, timeout_s: 30, announcement_age_max_s: 600 }
    }
}
