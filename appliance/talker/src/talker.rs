//! The engine.

use std::path::Path;

use crier_bundle::{Bundle, Role, TransformerShape};
use crier_llama::{Cancel, Context, ContextOptions, Model, ModelOptions, ModelShape, ThreadPool, Threads};
use crier_speech::{TalkerEngine, TalkerOutput};

use crate::TalkerError;

/// How many leading rows are remembered at most, to be recognised in the next utterance. Constant parts of prompts
/// have about ten; instructions make them longer.
const REMEMBERED_ROWS: usize = 256;

/// How to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalkerOptions {
    /// Threads that share the work.
    pub threads: Threads,
    /// Positions that an utterance may have: its prompt and its frames. Each costs memory.
    pub positions: usize,
    /// How the model is loaded.
    pub model: ModelOptions,
    /// Use llama.cpp's fused attention (never for a talker in 32 bits).
    pub flash_attention: bool,
}

impl Default for TalkerOptions {
    fn default() -> Self {
        Self {
            threads: Threads::default(),
            positions: 1024,
            model: ModelOptions::default(),
            flash_attention: true,
        }
    }
}

/// The talker of a voice.
#[derive(Debug)]
pub struct Talker {
    context: Context,
    hidden: usize,
    /// The first rows that the context holds, for recognising them.
    remembered: Vec<f32>,
}

impl Talker {
    /// Opens the talker of a voice.
    ///
    /// # Errors
    /// [`TalkerError::Bundle`] and [`TalkerError::Llama`].
    pub fn load(bundle: &Bundle, options: &TalkerOptions) -> Result<Self, TalkerError> {
        let shape = &bundle.manifest().talker;
        let limited =
            TalkerOptions { positions: options.positions.min(shape.positions_max), ..options.clone() };
        let shape = model_shape(&shape.transformer, bundle.layout().codec_vocab);
        Self::open(&bundle.path(Role::Talker)?, &shape, &limited)
    }

    /// Opens a talker by its file.
    ///
    /// # Errors
    /// [`TalkerError::Llama`].
    pub fn open(path: &Path, shape: &ModelShape, options: &TalkerOptions) -> Result<Self, TalkerError> {
        let model = Model::load(path, shape, options.model)?;
        let pool = ThreadPool::new(&options.threads)?;
        let context =
            ContextOptions { positions: options.positions, flash_attention: options.flash_attention };
        let context = Context::new(&model, context, pool)?;
        Ok(Self {
            context,
            hidden: shape.hidden,
            remembered: Vec::with_capacity(REMEMBERED_ROWS * shape.hidden),
        })
    }

    /// Positions that an utterance may have.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.context.positions()
    }

    /// Breaks off a decode from another thread.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.context.cancel()
    }

    /// Reads the first rows of prompts to come, so that they are known when the prompt arrives.
    ///
    /// # Errors
    /// [`TalkerError::Llama`].
    pub fn warm_up(&mut self, rows: &[f32]) -> Result<(), TalkerError> {
        if !rows.is_empty() {
            self.read(0, rows)?;
        }
        Ok(())
    }

    /// Whether `rows` stand at position 0 already.
    fn knows(&self, rows: &[f32]) -> bool {
        rows.len() <= self.context.filled() * self.hidden && self.remembered.get(..rows.len()) == Some(rows)
    }

    fn read(&mut self, position: usize, rows: &[f32]) -> Result<(), TalkerError> {
        if let Err(error) = self.context.decode(position, rows) {
            if self.context.filled() == 0 {
                self.remembered.clear();
            }
            return Err(error.into());
        }
        self.remember(position, rows);
        Ok(())
    }

    /// Takes note of `rows`, read at `position`.
    fn remember(&mut self, position: usize, rows: &[f32]) {
        let start = position * self.hidden;
        if start <= self.remembered.len() {
            self.remembered.truncate(start);
            let room = REMEMBERED_ROWS * self.hidden - start;
            self.remembered.extend_from_slice(&rows[..rows.len().min(room)]);
        }
    }
}

impl TalkerEngine for Talker {
    type Error = TalkerError;

    fn decode(
        &mut self,
        position: usize,
        constant: usize,
        rows: &[f32],
    ) -> Result<TalkerOutput<'_>, TalkerError> {
        // The answer is that of the last row read, so one is always read.
        let constant = constant.min((rows.len() / self.hidden).saturating_sub(1));
        let (first, rest) = rows.split_at(constant * self.hidden);
        let known = position == 0 && self.knows(first);
        if !known && !first.is_empty() {
            self.read(position, first)?;
        }
        self.read(position + constant, rest)?;
        let (hidden, logits) = self.context.output().ok_or(TalkerError::NoRows)?;
        Ok(TalkerOutput { hidden, logits })
    }
}

/// A manifest's sizes as llama.cpp's.
fn model_shape(t: &TransformerShape, vocabulary: usize) -> ModelShape {
    ModelShape {
        hidden: t.hidden,
        intermediate: t.intermediate,
        layers: t.layers,
        heads: t.heads,
        kv_heads: t.kv_heads,
        head_dim: t.head_dim,
        rms_epsilon: t.rms_epsilon,
        rope_theta: t.rope_theta,
        vocabulary,
    }
}
