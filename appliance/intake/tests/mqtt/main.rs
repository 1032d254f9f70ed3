//! MQTT input with a real broker: Debian's mosquitto, started by each test on a port of its own. `scripts/setup.sh`
//! installs it; without it the tests fail in CI and are skipped with a message elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod appliance;
mod broker;
mod connection;
mod home_assistant;
mod proxy;
mod speaking;
mod tls;
