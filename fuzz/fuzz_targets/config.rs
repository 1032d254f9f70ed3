//! `crier.toml`: every error names a line of the file, and what was read can be read again.
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
