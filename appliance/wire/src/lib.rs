//! Messages between the supervisor and its stages, and their encoding as packets. No I/O.
//!
//! ```text
//! packet   length of the head, u32 little endian | head, JSON | payload, the rest: f32 little endian
//! ```
//!
//! The head is small and readable, so that a crash report can show the last messages of a stage. Large data (rows,
//! logits, samples) is payload. A packet is one message of a `SOCK_SEQPACKET` socket and at most
//! [`PACKET_BYTES_MAX`] long.
//!
//! All stages have the same session ([`ToStage`], [`FromStage`]): the start message, the reply that the stage is ready,
//! then requests and replies of its own kind, and heartbeats. Every request to an engine has an address, [`At`], which
//! the reply repeats; an unexpected reply, such as one to a cancelled utterance, is dropped.

#![forbid(unsafe_code)]

mod engines;
mod error;
mod intake;
mod packet;
mod player;
mod shown_text;
mod start;

pub use engines::{
    Decode, Failure, PredictorReply, PredictorRequest, TalkerReply, TalkerRequest, VocoderReply,
    VocoderRequest,
};
pub use error::WireError;
pub use intake::{
    AnnouncementEvent, Answer, ApplianceState, Command, IntakeReport, IntakeRequest, LossReason, Mode,
};
pub use packet::{PACKET_BYTES_MAX, Packet, decode, encode, floats, read_floats};
pub use player::{
    PlayerRefusal, PlayerReport, PlayerRequest, STREAM_OFFSET_MAX, STREAM_RATES_HZ, SoundDevice,
};
pub use shown_text::{SentenceEntry, ShownEntry, ShownText};
pub use start::{At, EngineSettings, FromStage, PredictorBackend, Started, ToStage, VERSION};
