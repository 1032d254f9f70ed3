//! How text comes in: serial lines, FIFOs, MQTT and buttons, each an independent input with bounds of its own.
//!
//! Inputs know nothing of each other and of the supervisor. Each has a [`Desk`], where it hands in what it read and is
//! told what became of it; whoever runs the inputs has the other side, the [`Counter`].
//!
//! ```text
//! serial · FIFO · MQTT · buttons -> Desk -> Counter -> supervisor
//!                                <- answers, events, state <-
//! ```

#![forbid(unsafe_code)]

pub mod buttons;
pub mod fifo;
pub mod mqtt;
pub mod serial;

mod descriptor;
mod desk;
mod gate;
mod health;
mod lines;
mod message;
mod text;

pub use desk::{Counter, Desk, DeskClosed, PressKind, Pressed};
pub use gate::Outcome;
pub use lines::{Line, Lines};
pub use message::{Defaults, Message};
pub use text::Encoding;
