//! Opens sessions with the settings that all of Crier's networks share.

use std::path::{Path, PathBuf};

use ort::operator::OperatorDomain;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use crate::library::one_line;
use crate::{OnnxError, environment};

/// Settings that differ from network to network.
#[derive(Default)]
pub struct SessionOptions {
    /// Number of threads that share the work of one operator, including the caller's; 0 means 1.
    pub threads: usize,
    /// Custom operators.
    pub operators: Option<OperatorDomain>,
    /// Path prefix of the profile to write, if any.
    pub profile: Option<PathBuf>,
}

/// Opens a model. Weights in a separate file are memory-mapped.
///
/// Threads do not spin, because their CPUs have other work between two chunks. Memory patterns are off because ONNX
/// Runtime would keep one plan, with its memory, for every input length it has seen.
///
/// # Errors
/// Those of [`environment`], and [`OnnxError::Model`].
pub fn open(path: &Path, options: SessionOptions) -> Result<Session, OnnxError> {
    let environment = environment()?;
    let failed =
        |error: ort::Error| OnnxError::Model { path: path.to_owned(), reason: one_line(error.message()) };
    let build = || -> ort::Result<Session> {
        let mut builder = Session::builder(environment)?
            // All levels: the fusions of norms, GELU and attention are among the extended ones.
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(options.threads.max(1))?
            // The graphs are chains: nodes could not run side by side.
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?;
        if let Some(operators) = options.operators {
            builder = builder.with_operators(operators)?;
        }
        if let Some(prefix) = options.profile {
            builder = builder.with_profiling(prefix)?;
        }
        builder.commit_from_file(path)
    };
    build().map_err(failed)
}
