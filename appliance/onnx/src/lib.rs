//! ONNX Runtime: found, checked and started once per process, and sessions with the settings that all of Crier's
//! networks share.
//!
//! The library is loaded when it is first needed, so a program that only speaks through other engines runs without
//! it. A process can have one ONNX Runtime environment only, which is why this is a crate of its own.

mod error;
mod library;
mod session;

pub use error::OnnxError;
pub use library::{environment, one_line};
pub use session::{SessionOptions, open};
