//! The talker engine and its prompt cache.

use std::path::Path;

use crier_bundle::{Bundle, Role, TransformerShape};
use crier_llama::{Context, ContextOptions, LlamaModel, ModelShape, ThreadPool, Threads};
use crier_speech::{TalkerEngine, TalkerOutput};

use crate::TalkerError;

/// Largest number of leading rows that are kept for comparison with the next utterance's prompt. Constant parts of
/// prompts have about ten rows; style instructions add some dozens.
const REMEMBERED_ROWS: usize = 256;

/// Settings of the talker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalkerOptions {
    /// Threads that compute.
    pub threads: Threads,
    /// Capacity for one utterance: rows of its prompt plus frames. The key-value cache is allocated for all of them.
    pub positions: usize,
    /// Use llama.cpp's fused attention; never used by a talker in 32 bits.
    pub flash_attention: bool,
}

impl Default for TalkerOptions {
    fn default() -> Self {
        Self { threads: Threads::default(), positions: 1024, flash_attention: true }
    }
}

/// The talker of a voice.
#[derive(Debug)]
pub struct Talker {
    context: Context,
    hidden: usize,
    /// Copy of the first rows in the context, to recognise them in the next prompt.
    remembered: Vec<f32>,
}

impl Talker {
    /// Opens the talker of a bundle.
    ///
    /// # Errors
    /// [`TalkerError::Bundle`] and [`TalkerError::Llama`].
    pub fn load(bundle: &Bundle, options: &TalkerOptions) -> Result<Self, TalkerError> {
        let shape = &bundle.manifest().talker;
        let limited =
            // More positions than the model was trained for would be allocated and never speak well.
            TalkerOptions { positions: options.positions.min(shape.positions_max), ..options.clone() };
        let shape = model_shape(&shape.transformer, bundle.layout().codec_vocab);
        Self::open(&bundle.path(Role::Talker)?, &shape, &limited)
    }

    /// Opens a talker from its file.
    ///
    /// # Errors
    /// [`TalkerError::Llama`].
    pub fn open(path: &Path, shape: &ModelShape, options: &TalkerOptions) -> Result<Self, TalkerError> {
        let model = LlamaModel::load(path, shape)?;
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

    /// Capacity for one utterance in positions.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.context.positions()
    }

    /// Decodes the constant rows of prompts to come, so that the first utterance finds them in the cache.
    ///
    /// # Errors
    /// [`TalkerError::Llama`].
    pub fn warm_up(&mut self, rows: &[f32]) -> Result<(), TalkerError> {
        if !rows.is_empty() {
            self.read(0, rows)?;
        }
        Ok(())
    }

    /// Returns true if the cache holds `rows` at position 0 already.
    fn knows(&self, rows: &[f32]) -> bool {
        // Compared number by number: a row of the same voice with another instruction must not match.
        rows.len() <= self.context.filled() * self.hidden && self.remembered.get(..rows.len()) == Some(rows)
    }

    fn read(&mut self, position: usize, rows: &[f32]) -> Result<(), TalkerError> {
        if let Err(error) = self.context.decode(position, rows) {
            // A failed decode empties the cache; an input that was refused leaves it as it was.
            if self.context.filled() == 0 {
                self.remembered.clear();
            }
            return Err(error.into());
        }
        self.remember(position, rows);
        Ok(())
    }

    /// Records `rows`, decoded at `position`, for [`Self::knows`].
    fn remember(&mut self, position: usize, rows: &[f32]) {
        let start = position * self.hidden;
        // Rows behind a gap would not be at their position.
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
        // The output is that of the last decoded row, so at least one row must be decoded even if all are cached.
        let constant = constant.min((rows.len() / self.hidden).saturating_sub(1));
        let (first, rest) = rows.split_at(constant * self.hidden);
        // Only at the start of an utterance: later rows follow what was decoded before.
        let known = position == 0 && self.knows(first);
        if !known && !first.is_empty() {
            self.read(position, first)?;
        }
        self.read(position + constant, rest)?;
        let (hidden, logits) = self.context.output().ok_or(TalkerError::NoRows)?;
        Ok(TalkerOutput { hidden, logits })
    }
}

/// Converts the shape of the manifest to that of the llama.cpp model. Two types, so that `crier-llama` depends neither
/// on bundles nor on serde.
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
