//! Journal: records and corrupt records cover every byte in order, and records round-trip through their encoding.
#![no_main]

use crier_announce::JournalReader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut reader = JournalReader::new(bytes);
    let mut end = 0;
    while let Some(item) = reader.next() {
        assert!(reader.offset() > end && reader.offset() <= bytes.len());
        end = reader.offset();
        if let Ok(record) = item {
            let again = record.encode().unwrap();
            let copy: Vec<_> = JournalReader::new(&again).collect();
            assert_eq!(copy, [Ok(record)]);
        }
    }
    assert_eq!(end, bytes.len());
});
