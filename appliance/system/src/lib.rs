//! Interface to the operating system: processes and the channels between them, CPUs, clocks, durable files, the
//! hardware watchdog and the init system.
//!
//! Besides the engines this is the only crate with `unsafe` code; every block states why it is sound. Every descriptor
//! that leaves it is an [`OwnedFd`](std::os::fd::OwnedFd) or implements [`AsFd`](std::os::fd::AsFd), so that an event
//! loop can wait for it.

mod backoff;
mod channel;
mod clock;
mod durable;
mod error;
mod files;
mod hardware;
mod memory;
mod notify;
mod partial_file;
mod process;
mod processors;
mod realtime;
mod token_bucket;
mod user;
mod watchdog;
mod watched;

pub use backoff::{Backoff, random_fraction};
pub use channel::{CHANNEL_FD, Channel, ChannelError, PACKET_BYTES_MAX};
pub use clock::{boot_id, monotonic_ms, uptime_ms};
pub use durable::{AppendFile, replace_file};
pub use error::SystemError;
pub use files::read_bounded;
pub use hardware::{THERMAL_ROOT, hexadecimal, machine_id, random_id, temperature_celsius};
pub use memory::{FileMap, cpu_time_of, map_file, peak_rss_bytes, peak_rss_bytes_of, process_cpu_time};
pub use notify::{Notice, Notifier, ReadinessFd, watchdog_interval};
pub use partial_file::PartialFile;
pub use process::{Child, Ended, Reaping, Refusal, Spawn};
pub use processors::{
    Cluster, PROCESSORS_ROOT, ProcessorList, clusters, own_processors, parse_processor_list, pin_thread,
};
pub use realtime::{limit_realtime, lock_memory, run_realtime};
pub use token_bucket::TokenBucket;
pub use user::{User, is_root};
pub use watchdog::Watchdog;
pub use watched::{Ready, Watched};
