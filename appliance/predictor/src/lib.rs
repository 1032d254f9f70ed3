//! The code predictor: fifteen codes of a frame from one hidden state of the talker.
//!
//! A small Qwen3 transformer reads the talker's hidden state and the frame's first code, and then, one after the other,
//! the codes that it chose itself; every step has a head of its own. Its memory lasts for one frame. Sixteen positions
//! are all there ever is, so the whole frame, choices included, is one ggml graph, built once.
//!
//! Where ggml cannot be used, ONNX Runtime runs the same numbers step by step.

mod attention;
mod error;
mod ggml;
mod onnx;
mod predictor;

pub use error::PredictorError;
pub use predictor::{Backend, Predictor, PredictorOptions};
