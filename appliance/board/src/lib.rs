//! The program and the machine it runs on, as they are: the contents of `crier --version --verbose` and of
//! `crier board-report`.
//!
//! ```text
//! /proc, /sys, alsa-lib --+
//!                         +--> ReportSection --> BoardReport --> Markdown
//! measurements -----------+
//! ```
//!
//! Nothing here changes the machine, and nothing is guessed: a part that is not there is a row that says so.

#![deny(unsafe_code)]

mod facts;
mod load;
mod measured;
mod program;
mod report;
mod serial_loop;
mod speed;

pub use facts::{boot, hardware, processors, sound};
pub use load::LoadWatch;
pub use measured::measured;
pub use program::ProgramVersion;
pub use report::{BoardReport, Evidence, ReportSection};
pub use serial_loop::serial_loop;
pub use speed::{disk_speed, memory_speed};
