//! The voice bundle on disk: manifest, hashes, limits, memory-mapped embedding tables.
