//! Enrolment: a voice file from a recording, with the embedding of its speaker and, given a transcript, its codes.
//!
//! ```text
//! samples at 24 kHz -> speaker encoder -> embedding
//!                   -> codec encoder   -> reference codes (with a transcript only)
//! ```
//!
//! The networks are needed for enrolment only; they are opened for it and closed afterwards.

mod encoders;
mod enrol;
mod error;
mod fitness;
mod limits;
mod network;

pub use encoders::{CodecEncoder, SpeakerEncoder};
pub use enrol::{Description, Enrolled, can_enrol, enrol, needs};
pub use error::EnrolError;
pub use limits::{SAMPLE_RATE_HZ, SECONDS_MAX, SECONDS_MIN};
