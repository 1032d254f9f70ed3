//! Requirements of tests: programs, privileges and devices without which a test cannot run.
//!
//! A missing requirement fails the test, because a test that returns early counts as passed. Only a developer who sets
//! `CRIER_TESTS_MAY_SKIP=1` gets a message in place of the failure; CI never sets it.
#![allow(clippy::panic, clippy::print_stderr)]

/// Name of the environment variable that allows tests to be skipped.
pub const MAY_SKIP: &str = "CRIER_TESTS_MAY_SKIP";

/// Fails the running test for lack of `requirement`, or returns if tests may be skipped, in which case the caller
/// ends the test. `remedy` tells how to meet the requirement.
#[track_caller]
pub fn missing(requirement: &str, remedy: &str) {
    assert!(
        std::env::var_os(MAY_SKIP).is_some_and(|value| value == "1"),
        "this test needs {requirement}: {remedy}; or set {MAY_SKIP}=1 to skip it"
    );
    eprintln!("skipped: this test needs {requirement}: {remedy}");
}
