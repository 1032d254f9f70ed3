//! The vocoder: codes in, samples out, every streaming state explicit, on ONNX Runtime.
//!
//! [`Vocoder`] runs the graph that `crier convert` wrote. The decoder is strictly causal: a frame's samples depend on
//! the frames up to it, and what it needs of the earlier ones is carried in tensors that alternate between being read
//! and being written. So chunks of any length give the samples of one long call, and nothing is computed twice.

mod error;
mod kept;
mod operators;
mod snake;
mod vocoder;

pub use error::VocoderError;
pub use kept::state_path;
pub use vocoder::{CODES, FRAMES_MAX, Vocoder, VocoderOptions, VocoderState};
