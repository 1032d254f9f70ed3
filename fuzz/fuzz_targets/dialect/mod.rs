//! Properties of all serial protocols: no panic, requests independent of chunks, bounded memory.

use std::time::Instant;

use crier_config::{DialectName, SerialSettings};
use crier_intake::serial::{DialectRequest, dialect};

/// Limit on the bytes that a parser buffers: above the longest message of every protocol.
const HELD_MAX: usize = 2 * 1024 * 1024;

/// Parses `bytes` whole and byte by byte, and compares the requests.
pub(crate) fn check(name: DialectName, bytes: &[u8]) {
    let now = Instant::now();
    assert_eq!(requests(name, bytes, usize::MAX, now), requests(name, bytes, 1, now));
}

fn requests(name: DialectName, bytes: &[u8], chunk: usize, now: Instant) -> Vec<DialectRequest> {
    let mut parser = dialect(&SerialSettings { dialect: name, ..SerialSettings::new("") });
    let mut requests = Vec::new();
    for part in bytes.chunks(chunk) {
        parser.read(part, now, &mut requests);
        assert!(parser.held() <= HELD_MAX);
    }
    if let Some(deadline) = parser.deadline() {
        parser.silence(deadline, &mut requests);
    }
    requests
}
