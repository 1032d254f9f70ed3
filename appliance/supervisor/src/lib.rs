//! Process supervision: keeps the stages of the appliance alive.
//!
//! [`Lifecycle`] decides: a state machine without I/O and clock, events in, actions out, so that every transition is a
//! table test. [`Stage`] carries out: a task around it with a process, a channel and timers. A client talks to a
//! stage by a [`Connection`] for each of its instances: when an instance dies its connection ends, and the client
//! waits at the [`ConnectionSource`] for the next one and gives the new process what it has to know. [`CpuPlan`] says
//! on which CPUs stages run.
//!
//! "What happens when the vocoder dies?" Its process exits, `Stage` reports `Event::Exited`, `Lifecycle` answers with a
//! crash report and a back-off, then with a spawn; the synthesis driver gets `Disconnected`, replays to the new
//! instance the frames it needs, and not a sample is lost.

#![forbid(unsafe_code)]

mod connection;
mod cpus;
mod crash_report;
mod error;
mod instance;
mod lifecycle;
mod packets;
mod restart;
mod spec;
mod stage;

pub use connection::{Connection, Disconnected, ReplyReceiver, RequestSender, RequestSlot};
pub use cpus::{CpuAssignment, CpuOverrides, CpuPlan, EngineCpus};
pub use crash_report::CrashReport;
pub use error::SupervisorError;
pub use lifecycle::{Action, Condition, EndReason, Event, Lifecycle, StageTimeouts};
pub use packets::{PacketError, Packets};
pub use restart::{Restart, RestartPolicy};
pub use spec::StageSpec;
pub use stage::{ConnectionSource, Disabled, Stage, StageStatus};
