//! The player from outside: on a device with a virtual clock that fails in every way devices fail, and on alsa-lib.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of the test functions themselves"
)]

mod card;
mod check;
mod commands;
mod disturbed;
mod rig;
mod undisturbed;
