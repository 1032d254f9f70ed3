//! The inputs from outside: whole conversations, the hub answered by a supervisor of the test's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, outside of the test functions themselves"
)]

mod buttons;
mod corpus;
mod fifo;
mod parsers;
mod serial;
mod supervisor;
