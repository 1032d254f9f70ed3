//! The talker on llama.cpp: rows of embeddings in, logits over the codec vocabulary and a hidden state out.
//!
//! The constant part of a prompt, which depends on the voice but not on the text, is decoded once and then reused
//! from the key-value cache: in a causal transformer the state of a position depends only on the rows up to it.

mod error;
mod talker;

pub use error::TalkerError;
pub use talker::{Talker, TalkerOptions};
