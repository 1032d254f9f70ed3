//! Sessions with the settings that all of Crier's networks share.

use std::path::{Path, PathBuf};

use ort::operator::OperatorDomain;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use crate::library::one_line;
use crate::{OnnxError, environment};

/// What differs from network to network.
#[derive(Default)]
pub struct SessionOptions {
    /// Threads that share the work of one operation, the caller's among them; 0 is 1.
    pub threads: usize,
    /// Operators of our own.
    pub operators: Option<OperatorDomain>,
    /// Where to write a profile of every run, as a prefix.
    pub profile: Option<PathBuf>,
}

/// Opens a model. Its weights, if in a file beside it, are mapped.
///
/// Threads never spin: between two chunks there is other work for their cores. Memory patterns are off because they
/// keep one plan, and its memory, for every number of frames ever seen.
///
/// # Errors
/// Those of [`environment`], and [`OnnxError::Model`].
pub fn open(path: &Path, options: SessionOptions) -> Result<Session, OnnxError> {
    let environment = environment()?;
    let failed =
        |error: ort::Error| OnnxError::Model { path: path.to_owned(), reason: one_line(error.message()) };
    let build = || -> ort::Result<Session> {
        let mut builder = Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(options.threads.max(1))?
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
