//! The talker: rows of embeddings in, logits over the codec vocabulary and a hidden state out, on llama.cpp.
//!
//! The constant part of a prompt (all that depends on the voice and not on the text) is read once: rows that stand
//! where equal rows stood before are not read again, since a position's state depends on nothing but the rows up to it.

mod error;
mod talker;

pub use error::TalkerError;
pub use talker::{Talker, TalkerOptions};
