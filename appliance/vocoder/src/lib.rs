//! The vocoder on ONNX Runtime: codes in, samples out, with explicit streaming states.
//!
//! [`Vocoder`] runs the graph that `crier convert` wrote. The decoder is strictly causal: the samples of a frame depend
//! on the frames up to it, and the context it needs from earlier ones is carried in state tensors, kept in two sets
//! that alternate between input and output. Chunks of any length therefore yield the samples of one long call, and
//! nothing is computed twice.

mod error;
mod operators;
mod snake;
mod state_cache;
mod vocoder;

pub use error::VocoderError;
pub use state_cache::state_path;
pub use vocoder::{CODES, FRAMES_MAX, Vocoder, VocoderOptions, VocoderState};
