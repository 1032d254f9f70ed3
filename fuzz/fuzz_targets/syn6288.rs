//! The dialect `syn6288`.
#![no_main]

mod dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dialect::check(crier_intake::serial::DialectName::Syn6288, bytes));
