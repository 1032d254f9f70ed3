//! The appliance from outside: real processes, real signals, real inputs, and what is heard compared to the sample.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod blocking;
mod commands;
mod control;
mod deaths;
mod doors;
mod languages;
mod lexicon;
mod losses;
mod markup;
mod prosody;
mod reload;
mod rig;
mod rollback;
mod say;
mod serial;
mod speech;
mod stick;
mod troubles;
mod users;
mod voices;
