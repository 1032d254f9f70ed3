//! Loads ONNX Runtime once per process, and opens sessions with the settings that all of Crier's networks share.
//!
//! The library is loaded on first use, so that a process without ONNX networks runs without it. A process can have
//! only one ONNX Runtime environment, which is why this is a separate crate.

mod error;
mod library;
mod session;

pub use error::OnnxError;
pub use library::{environment, library_version, one_line};
pub use session::{SessionOptions, open};
