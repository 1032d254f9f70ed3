//! Serial protocol `xfs5152`, with the properties of `dialect`.
#![no_main]

mod dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialect::check(crier_config::DialectName::Xfs5152, bytes));
