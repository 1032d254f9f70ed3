//! The parts of a voice that ONNX Runtime runs: the vocoder, and a twin of the code predictor.
//!
//! Both are written directly, without a training framework: `builder` makes nodes and streams weights, `proto`
//! is the file format.

use std::path::Path;

use crate::ConvertError;

mod builder;
pub mod predictor;
mod proto;
mod snake;
pub mod vocoder;

/// The domain of Crier's own operators.
const DOMAIN: &str = "crier";

/// Path of the weights that belong to the model at `path`: beside it, `.bin` in place of its extension.
#[must_use]
pub fn data_path(path: &Path) -> std::path::PathBuf {
    path.with_extension("bin")
}

fn write_failed(path: &Path, source: std::io::Error) -> ConvertError {
    ConvertError::Write { path: path.to_owned(), source }
}
