//! Interfaces to the embedding tables and networks of a voice.

use crate::{GROUPS, Sampler};

/// Embedding tables of a voice. All rows are as wide as the talker's hidden state.
///
/// Ids come from a checked [`crate::VoiceLayout`] and from networks of the same voice, so they are in range; an
/// implementation ignores an id that is not.
pub trait EmbeddingTables {
    /// Computes `row += text_projection(text_embedding[id])`.
    fn add_text(&self, id: u32, row: &mut [f32]);
    /// Computes `row += codec_embedding[id]`, from the talker's own table.
    fn add_codec(&self, id: u32, row: &mut [f32]);
    /// Computes `row += code_predictor.codec_embedding[group][code]`, with `group` in `0 .. 15`.
    fn add_predictor(&self, group: usize, code: u16, row: &mut [f32]);
}

/// Output of the talker for its last row.
#[derive(Debug)]
pub struct TalkerOutput<'a> {
    /// Hidden state after the final norm, `hidden` numbers.
    pub hidden: &'a [f32],
    /// One logit for each entry of the codec vocabulary; the caller may overwrite them.
    pub logits: &'a mut [f32],
}

/// The talker network.
pub trait TalkerEngine {
    /// Error of the engine.
    type Error;

    /// Decodes `rows` (`n * hidden` numbers, row-major) at positions `position .. position + n`, replacing these and
    /// all later positions. Returns the output for the last row.
    ///
    /// The first `constant` rows are decoded as a batch of their own, so that the output is bit-identical if they are
    /// cached already: the batch size influences rounding.
    ///
    /// # Errors
    /// Those of the engine.
    fn decode(
        &mut self,
        position: usize,
        constant: usize,
        rows: &[f32],
    ) -> Result<TalkerOutput<'_>, Self::Error>;
}

/// The code predictor network.
pub trait PredictorEngine {
    /// Error of the engine.
    type Error;

    /// Predicts codes 1 to 15 of a frame from `hidden` and `code0`, sampled by `sampler`.
    ///
    /// # Errors
    /// Those of the engine.
    fn predict(
        &mut self,
        frame: u32,
        hidden: &[f32],
        code0: u16,
        sampler: &Sampler,
    ) -> Result<[u16; GROUPS], Self::Error>;
}
