//! What the supervisor and its stages say to each other, and how it stands in a packet. No I/O.
//!
//! ```text
//! packet   length of the head, u32 little endian | head, JSON | payload, the rest: f32 little endian
//! ```
//!
//! The head is small and readable, so that the last messages of a stage that died can be shown; what is large (rows,
//! logits, samples) is payload. A packet is one message of a `SOCK_SEQPACKET` socket and at most
//! [`PACKET_BYTES_MAX`] long.
//!
//! The life of a stage is the same for all ([`ToStage`], [`FromStage`]): it is told to start, answers once it can work,
//! and then requests and replies of its own kind follow, and probes whether it is still there. Every piece of work has an address, [`At`], which its reply repeats;
//! whoever gets a reply that he does not wait for drops it.

#![forbid(unsafe_code)]

mod engines;
mod error;
mod intake;
mod packet;
mod player;
mod start;

pub use engines::{
    Decode, Failure, PredictorReply, PredictorRequest, TalkerReply, TalkerRequest, VocoderReply,
    VocoderRequest,
};
pub use error::WireError;
pub use intake::{Answer, Command, IntakeReport, IntakeRequest, Mode, State, Told};
pub use packet::{PACKET_BYTES_MAX, Packet, decode, encode, floats, read_floats};
pub use player::{PlayerReport, PlayerRequest, Refusal, STREAM_OFFSET_MAX, STREAM_RATES_HZ, SoundDevice};
pub use start::{At, EngineSettings, FromStage, Started, ToStage, VERSION};
