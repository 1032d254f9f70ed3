//! Prosody: speech made faster or slower without a change of pitch, and higher or lower without a change of duration.
//!
//! The samples that a [`Stretcher`] makes depend on the samples that it was given and on nothing else: not on how they
//! were divided into pieces, and not on time. So a stream whose engine died in the middle goes on as if it had not.

#![forbid(unsafe_code)]

mod loudness;
mod stretcher;
mod time_scale;

pub use loudness::{LoudnessMeter, amplify, equalise, soft_limit};
pub use stretcher::{PITCH_CENTS, RATE_THOUSANDTHS, Stretcher, stretched};
