//! Specification of a stage.

use std::ffi::OsString;
use std::path::PathBuf;

use crier_system::User;

use crate::lifecycle::StageTimeouts;

/// Specification of a stage: what is run, as whom, where, and with which settings. Read at each spawn.
#[derive(Debug, Clone)]
pub struct StageSpec<S> {
    /// Name in status, log and metrics. Never changes in the life of a stage.
    pub name: String,
    /// Path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Environment variables in addition to those of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// First message to the stage.
    pub settings: S,
    /// User of the process; `None` is the user of this process.
    pub user: Option<User>,
    /// CPUs of the process; `None` leaves those that this process has.
    pub cpus: Option<Vec<usize>>,
    /// Preference of the kernel's out-of-memory killer, -1000 to 1000; the highest goes first.
    pub oom_score_adjust: i16,
    /// Timeouts and limits.
    pub timeouts: StageTimeouts,
    /// True if messages may carry spoken text, which must not get into crash reports.
    pub private: bool,
}
