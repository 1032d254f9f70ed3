//! The code predictor: the other fifteen codes of a frame from one hidden state of the talker.
//!
//! A small Qwen3 transformer takes the talker's hidden state and the frame's first code, and then autoregressively the
//! codes that were sampled from its own output; every step has its own output head. Its key-value cache spans one
//! frame, which is sixteen positions, so that the whole frame, sampling included, is one ggml graph, built once.
//!
//! If ggml cannot load its file, ONNX Runtime runs the same network step by step.

mod attention;
mod error;
mod ggml;
mod onnx;
mod predictor;
mod rows;

pub use error::PredictorError;
pub use predictor::{Backend, Predictor, PredictorOptions};
