//! `[watchdog]`: the hardware watchdog.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::sections::SupervisorSettings;

/// The hardware watchdog, and the conditions for serving it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchdogSettings {
    /// The device; `None`: the hardware is left alone.
    pub device: Option<PathBuf>,
    /// Silence after which the machine is reset, in seconds.
    pub timeout_s: u32,
    /// Age of an announcement that waits although nothing hinders it, in seconds; beyond it the appliance is taken to
    /// hang and the watchdog is not petted any more.
    pub announcement_age_max_s: u32,
}

impl Default for WatchdogSettings {
    fn default() -> Self {
        // Half a minute survives a busy card; ten minutes of silence while texts wait are no pause of anything.
        Self { device: None, timeout_s: 30, announcement_age_max_s: 600 }
    }
}

impl WatchdogSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>, supervisor: &SupervisorSettings) -> Self {
        let default = Self::default();
        let watchdog = Self {
            device: section.optional_path("device", Some("none")),
            // It is served several times within this, and drivers count in whole seconds.
            timeout_s: section.number("timeout_s", default.timeout_s, 2..=3600),
            announcement_age_max_s: section.number(
                "announcement_age_max_s",
                default.announcement_age_max_s,
                10..=86_400,
            ),
        };
        if watchdog.device.is_some() && watchdog.timeout_s < 10 {
            section.warn("timeout_s", "is short: a busy moment resets the machine", "write 10 or more");
        }
        if watchdog.announcement_age_max_s <= supervisor.stage_start_timeout_s {
            let problem = "is not longer than `supervisor.stage_start_timeout_s`: a stage that starts slowly would \
                           reset the machine";
            section.error(
                "announcement_age_max_s",
                problem,
                format!("write more than {}", supervisor.stage_start_timeout_s),
            );
        }
        watchdog
    }
}
