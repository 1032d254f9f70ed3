//! MQTT against a real broker: Debian's mosquitto, started by each test on a port of its own. Where it is not installed
//! the tests say so and pass; `scripts/setup.sh` installs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod appliance;
mod broker;
mod connection;
mod home_assistant;
mod proxy;
mod speaking;
mod tls;
