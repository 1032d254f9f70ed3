//! `crier.toml`: parsing never panics, and a rejected file has at least one error with a message.
#![no_main]

use crier_config::Config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(errors) = Config::parse_bytes("crier.toml", bytes) {
        assert!(!errors.is_empty());
        for error in errors {
            assert!(!error.to_string().is_empty());
        }
    }
});
