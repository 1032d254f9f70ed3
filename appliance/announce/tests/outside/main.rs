//! The queue and its journal from outside, driven as the supervisor drives them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of the test functions themselves"
)]

mod driver;
mod journal;
mod model;
mod operation;
mod ssip;
