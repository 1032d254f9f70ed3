//! The parts of a voice that ONNX Runtime runs: the vocoder, a twin of the code predictor, and the encoders that turn a
//! recording into a speaker.
//!
//! All are written directly, without a training framework: `builder` makes nodes and streams weights, `proto`
//! is the file format.

use std::path::Path;

use crate::ConvertError;

mod builder;
pub mod codec_codes;
pub mod codec_features;
mod mel;
pub mod predictor;
mod proto;
mod snake;
pub mod speaker;
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

/// A row-major `[rows, columns]` matrix as `[columns, rows]`.
fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.len()];
    for (r, row) in matrix.chunks_exact(columns).enumerate() {
        for (c, &value) in row.iter().enumerate() {
            out[c * rows + r] = value;
        }
    }
    out
}
