//! The dialect `xfs5152`.
#![no_main]

mod dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialect::check(crier_intake::serial::DialectName::Xfs5152, bytes));
