//! The dialect `emic2`.
#![no_main]

mod dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialect::check(crier_config::DialectName::Emic2, bytes));
