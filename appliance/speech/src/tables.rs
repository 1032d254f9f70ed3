//! What the frame loop needs from outside: embedding rows, and two networks.

use crate::{GROUPS, Sampler};

/// The embedding tables of a voice. All rows are as wide as the talker's hidden state.
///
/// Ids come from a checked [`crate::VoiceLayout`] and from networks of the same voice, so they are in range; an
/// implementation adds nothing for an id that is not.
pub trait EmbeddingTables {
    /// `row += text_projection(text_embedding[id])`
    fn add_text(&self, id: u32, row: &mut [f32]);
    /// `row += codec_embedding[id]`, the talker's own table
    fn add_codec(&self, id: u32, row: &mut [f32]);
    /// `row += code_predictor.codec_embedding[group][code]`, `group` in `0 .. 15`
    fn add_predictor(&self, group: usize, code: u16, row: &mut [f32]);
}

/// What the talker says after its last row.
#[derive(Debug)]
pub struct TalkerOutput<'a> {
    /// Hidden state after the final norm, `hidden` numbers.
    pub hidden: &'a [f32],
    /// One number for each entry of the codec vocabulary; the caller may scribble in it.
    pub logits: &'a mut [f32],
}

/// The talker network.
pub trait TalkerEngine {
    /// What can go wrong.
    type Error;

    /// Reads `rows` (`n * hidden` numbers, row-major) as positions `position .. position + n`; whatever was known
    /// of these positions and later ones is forgotten. Answers for the last row.
    ///
    /// The first `constant` rows are read as a part of their own, so that the answer is the same to the last bit whether
    /// they stood there already or not: how rows are grouped changes the rounding.
    ///
    /// # Errors
    /// The engine's own.
    fn decode(
        &mut self,
        position: usize,
        constant: usize,
        rows: &[f32],
    ) -> Result<TalkerOutput<'_>, Self::Error>;
}

/// The code predictor network.
pub trait PredictorEngine {
    /// What can go wrong.
    type Error;

    /// The fifteen codes that go with `code0` in a frame, drawn by `sampler` as codebooks 1 to 15.
    ///
    /// # Errors
    /// The engine's own.
    fn predict(
        &mut self,
        frame: u32,
        hidden: &[f32],
        code0: u16,
        sampler: &Sampler,
    ) -> Result<[u16; GROUPS], Self::Error>;
}
