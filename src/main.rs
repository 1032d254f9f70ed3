//! The `crier` program: command line only; the work is done by the crates under `appliance/`.

fn main() {}
