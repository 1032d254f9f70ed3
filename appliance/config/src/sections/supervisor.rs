//! `[supervisor]`: start, stop and patience.

use serde::{Deserialize, Serialize};

/// How the supervisor starts, stops and waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    /// What becomes of the announcement being spoken when the appliance is told to end.
    pub stop: Stop,
    /// How long it may still be spoken, in seconds.
    pub stop_timeout_s: u32,
    /// How long a stage may take to become ready, in seconds.
    pub stage_start_timeout_s: u32,
    /// How long a stage may hold a request, in milliseconds; then it is taken to hang and started again.
    pub stage_progress_timeout_ms: u32,
    /// What is said once the appliance is ready; `None`: nothing.
    pub ready_announcement: Option<String>,
    /// Inherited file descriptor that gets a line break once the appliance is ready, as s6 wants it.
    pub readiness_fd: Option<u32>,
}

/// What becomes of the announcement being spoken when the appliance is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// It is spoken to its end; what waits stays in the journal.
    #[default]
    Finish,
    /// It fades out, and is spoken again at the next start.
    Cut,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            stop: Stop::Finish,
            stop_timeout_s: 20,
            stage_start_timeout_s: 60,
            stage_progress_timeout_ms: 3000,
            ready_announcement: None,
            readiness_fd: None,
        }
    }
}
