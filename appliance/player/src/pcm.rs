//! Playback devices behind one interface.

mod alsa;
mod capture;
pub(crate) mod device;
mod handle;
mod mixer;
mod open;
mod paced;

pub use self::alsa::AlsaPcm;
pub use self::capture::CapturePcm;
pub use self::device::{BUFFER_MS, Fault, PERIOD_MS, Pcm, StreamConfig, Timing};
pub use self::mixer::Mixer;
pub use self::open::Output;
pub use self::paced::{Clock, PacedPcm, steady_clock};
