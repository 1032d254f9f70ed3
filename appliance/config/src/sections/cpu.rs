//! `[cpu]`: which processors do what.

use serde::{Deserialize, Serialize};

/// Processor numbers as the kernel counts them, rising, without doubles; never empty.
pub type Processors = Vec<usize>;

/// Which processors do what. `None` (`"auto"`) leaves a choice to the plan that the appliance makes from the clusters it
/// finds; everything else overrides that plan. `crier tune` writes this section.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cpu {
    /// Threads of talker and predictor, which take turns.
    pub talker_threads: Option<usize>,
    /// Where they run.
    pub talker_processors: Option<Processors>,
    /// Threads of the vocoder.
    pub vocoder_threads: Option<usize>,
    /// Where they run.
    pub vocoder_processors: Option<Processors>,
    /// Where the player runs.
    pub player_processors: Option<Processors>,
    /// Where serial ports, FIFOs, MQTT and buttons are read.
    pub intake_processors: Option<Processors>,
    /// Where the supervisor runs.
    pub supervisor_processors: Option<Processors>,
}
