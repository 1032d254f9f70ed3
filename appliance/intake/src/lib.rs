//! Inputs of the appliance: serial lines, FIFOs, MQTT and buttons, each independent and with limits of its own.
//!
//! Inputs know nothing of each other and of the supervisor. Each has an [`InputHandle`], through which it submits
//! announcements and commands and gets their results. The [`Hub`] connects all handles to the supervisor.
//!
//! ```text
//! serial · FIFO · MQTT · buttons -> InputHandle -> Hub -> supervisor
//!                                <- answers, events, state <-
//! ```

#![forbid(unsafe_code)]

pub mod buttons;
pub mod fifo;
pub mod mqtt;
pub mod serial;

mod backlog;
mod descriptor;
mod hub;
mod input_status;
mod lines;
mod message;
mod rate_limited;
mod submitter;
mod text;

pub use hub::{Hub, HubClosed, InputHandle, PressKind, Pressed};
pub use lines::{InputLine, LineSplitter};
pub use message::{Defaults, Message};
pub use rate_limited::RequestOutcome;
