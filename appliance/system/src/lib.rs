//! What the operating system is asked for: memory maps, processor sets.
