//! Queue and journal through the public interface.

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
