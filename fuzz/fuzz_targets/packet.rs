//! Packets between supervisor and stages, decoded as each kind of message that a stage may send.
#![no_main]

use crier_wire::{IntakeReport, PlayerReport, decode, read_floats};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = decode::<IntakeReport>(bytes);
    if let Ok((_, payload)) = decode::<PlayerReport>(bytes) {
        let mut numbers = Vec::new();
        let _ = read_floats(payload, &mut numbers);
        assert!(numbers.len() * 4 <= bytes.len());
    }
});
