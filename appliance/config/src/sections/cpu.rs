//! `[cpu]`: assignment of CPUs to stages.

use serde::{Deserialize, Serialize};

use crate::key::{KeyDefault, quoted};
use crate::reader::Trouble;
use crate::section::Section;
use crate::values::{is_word, list, number};

/// Processor numbers as the kernel counts them, rising, without doubles; never empty.
pub type Processors = Vec<usize>;

/// Assignment of CPUs to stages. `None` (`"auto"`) leaves a choice to the plan that the appliance makes from the
/// clusters it finds; everything else overrides that plan. `crier tune` writes this section.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CpuSettings {
    /// Threads of talker and predictor, which take turns.
    pub talker_threads: Option<usize>,
    /// CPUs of talker and predictor.
    pub talker_processors: Option<Processors>,
    /// Threads of the vocoder.
    pub vocoder_threads: Option<usize>,
    /// CPUs of the vocoder.
    pub vocoder_processors: Option<Processors>,
    /// CPUs of the player.
    pub player_processors: Option<Processors>,
    /// CPUs of the intake: serial ports, FIFOs, MQTT and buttons.
    pub intake_processors: Option<Processors>,
    /// CPUs of the supervisor.
    pub supervisor_processors: Option<Processors>,
}

/// The word for what is left to the plan.
const AUTO: &str = "auto";
/// Threads that one stage may have; beyond the cores of any board, more of them only wait for each other.
const THREADS_MAX: usize = 64;
/// Highest number of a CPU: `cpu_set_t` of the C library has 1024 bits.
const PROCESSOR_MAX: usize = 1023;

impl CpuSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let cpu = Self {
            talker_threads: section.optional_number("talker_threads", Some(AUTO), 1..=THREADS_MAX),
            talker_processors: read_processors(section, "talker_processors"),
            vocoder_threads: section.optional_number("vocoder_threads", Some(AUTO), 1..=THREADS_MAX),
            vocoder_processors: read_processors(section, "vocoder_processors"),
            player_processors: read_processors(section, "player_processors"),
            intake_processors: read_processors(section, "intake_processors"),
            supervisor_processors: read_processors(section, "supervisor_processors"),
        };
        for (key, threads, processors) in [
            ("talker_threads", cpu.talker_threads, &cpu.talker_processors),
            ("vocoder_threads", cpu.vocoder_threads, &cpu.vocoder_processors),
        ] {
            // The CPUs of "auto" are known at the start of the appliance only.
            let count = processors.as_ref().map_or(usize::MAX, Vec::len);
            if threads.is_some_and(|threads| threads > count) {
                let problem = format!(
                    "is more than the {count} processors they run on: they would wait for each other"
                );
                section.warn(key, problem, format!("write {count}"));
            }
        }
        cpu
    }
}

fn read_processors(section: &mut Section<'_, '_>, key: &'static str) -> Option<Processors> {
    let takes = "`\"auto\"` or a list of processor numbers such as [4, 5]";
    section
        .value(key, takes, KeyDefault::Value(quoted(AUTO)), |_, value| {
            if is_word(value, Some(AUTO)) {
                return Ok(None);
            }
            let mut processors = list(value, takes, |value| number(value, &(0..=PROCESSOR_MAX)))?;
            let count = processors.len();
            // In one order, another order of the same CPUs is no change that would restart the engines at a reload.
            processors.sort_unstable();
            processors.dedup();
            if processors.is_empty() {
                Err(Trouble::new("is an empty list", "write \"auto\", or the processors"))
            } else if processors.len() < count {
                Err(Trouble::new("names a processor twice", format!("write {processors:?}")))
            } else {
                Ok(Some(processors))
            }
        })
        .flatten()
}
