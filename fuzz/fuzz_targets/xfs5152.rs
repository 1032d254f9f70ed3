//! The dialect `xfs5152`.
#![no_main]

mod dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialect::check(crier_config::DialectName::Xfs5152, bytes));
