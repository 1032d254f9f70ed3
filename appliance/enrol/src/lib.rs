//! From a recording of somebody to a voice: who speaks, and, where it is known what is said, every sound of it.
//!
//! ```text
//! samples at 24 kHz -> speaker encoder -> embedding
//!                   -> codec encoder   -> reference codes (with a transcript only)
//! ```
//!
//! The networks are needed while enrolling and never again; they are opened for it and closed afterwards.

mod encoders;
mod enrol;
mod error;
mod fitness;
mod network;

pub use encoders::{CodecEncoder, SAMPLE_RATE_HZ, SpeakerEncoder};
pub use enrol::{Description, Enrolled, can_enrol, enrol, needs};
pub use error::EnrolError;
pub use fitness::{SECONDS_MAX, SECONDS_MIN};
