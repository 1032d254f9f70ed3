//! `crier.toml`.

#![forbid(unsafe_code)]

mod config;
mod sections;

pub use config::Config;
pub use sections::*;
