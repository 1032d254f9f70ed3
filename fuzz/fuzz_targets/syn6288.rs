//! Serial protocol `syn6288`, with the properties of `dialect`.
#![no_main]

mod dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialect::check(crier_config::DialectName::Syn6288, bytes));
