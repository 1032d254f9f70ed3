//! `[supervisor]`: start, stop and time limits.

use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::sections::common::SpokenText;
use crate::values::{Text, words};

/// Start, stop and time limits of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorSettings {
    /// Treatment of the announcement being spoken at shutdown.
    pub stop: Stop,
    /// Longest time for which it may still be spoken, in seconds.
    pub stop_timeout_s: u32,
    /// Longest time from the start of a stage until it is ready, in seconds.
    pub stage_start_timeout_s: u32,
    /// Longest time for one request, in milliseconds; a stage that exceeds it is taken to hang and is restarted.
    pub stage_progress_timeout_ms: u32,
    /// Restarts of a stage allowed within a minute; beyond that it is held.
    pub stage_restarts_max: u32,
    /// Text spoken once the appliance is ready, if any.
    pub ready_announcement: Option<SpokenText>,
    /// Inherited file descriptor that gets a line break once the appliance is ready, as s6 wants it.
    pub readiness_fd: Option<u32>,
}

/// Treatment of the announcement being spoken at shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// It is spoken to its end; what waits stays in the journal.
    #[default]
    Finish,
    /// It fades out, and is spoken again at the next start.
    Cut,
}

impl Default for SupervisorSettings {
    fn default() -> Self {
        Self {
            stop: Stop::Finish,
            // Longer than a sentence, shorter than the 90 s after which systemd kills.
            stop_timeout_s: 20,
            stage_start_timeout_s: 60,
            // A request takes some tens of milliseconds; a hang should end before a listener takes the speech for
            // finished.
            stage_progress_timeout_ms: 3000,
            // What five restarts in a minute do not mend, a sixth will not.
            stage_restarts_max: 5,
            ready_announcement: None,
            readiness_fd: None,
        }
    }
}

words!(Stop { "finish" => Finish, "cut" => Cut });

const READY: Text = Text::any("what is to be said, 1 to 1000 characters", 1000);

impl SupervisorSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            stop: section.choice("stop", default.stop),
            stop_timeout_s: section.number("stop_timeout_s", default.stop_timeout_s, 1..=600),
            stage_start_timeout_s: section.number(
                "stage_start_timeout_s",
                default.stage_start_timeout_s,
                1..=3600,
            ),
            stage_progress_timeout_ms: section.number(
                "stage_progress_timeout_ms",
                default.stage_progress_timeout_ms,
                200..=600_000,
            ),
            stage_restarts_max: section.number("stage_restarts_max", default.stage_restarts_max, 1..=10_000),
            ready_announcement: section
                .optional_text("ready_announcement", None, &READY)
                .map(SpokenText::from),
            // 0, 1 and 2 are the standard streams.
            readiness_fd: section.optional_number("readiness_fd", None, 3..=1023),
        }
    }
}
