//! The configuration as its readers and writers see it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, outside of the test functions themselves"
)]

mod changes;
mod documents;
mod hostile;
mod meaning;
mod refusals;
mod report;

use std::path::{Path, PathBuf};

use crier_config::{Config, ConfigError, Finding, Warning};

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Parses a text that must be valid and free of warnings.
fn valid(text: &str) -> Config {
    match Config::parse("crier.toml", text) {
        Ok((config, warnings)) if warnings.is_empty() => config,
        Ok((_, warnings)) => panic!("{}", crier_config::report(&[], &warnings, false)),
        Err(errors) => panic!("{}", crier_config::report(&errors, &[], false)),
    }
}

/// The warnings about a text, which must be valid.
fn warnings(text: &str) -> Vec<Finding> {
    let (_, warnings) = Config::parse("crier.toml", text).unwrap_or_else(|errors| panic!("{errors:?}"));
    warnings.into_iter().map(|Warning(finding)| finding).collect()
}

/// The places of all errors in a text, which must not be valid.
fn errors(text: &str) -> Vec<Finding> {
    let errors = Config::parse("crier.toml", text).expect_err("a refusal");
    let place = |error| match error {
        ConfigError::At(finding) => finding,
        other => panic!("{other}"),
    };
    errors.into_iter().map(place).collect()
}
