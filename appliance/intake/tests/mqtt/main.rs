//! MQTT against a real broker: Debian's mosquitto, started by each test on a port of its own. Where it is not installed
//! the tests say so and pass; `scripts/setup.sh` installs it.

mod appliance;
mod broker;
mod connection;
mod home_assistant;
mod proxy;
mod speaking;
mod tls;
