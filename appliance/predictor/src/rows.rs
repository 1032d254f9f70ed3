//! Input rows of the first step, the same for both backends.

use crier_speech::EmbeddingTables;

use crate::PredictorError;

/// Fills the first two rows of a frame: the talker's state, and the embedding of the first code.
pub(crate) fn first_rows(
    rows: &mut [f32],
    tables: &dyn EmbeddingTables,
    hidden: &[f32],
    code0: u16,
) -> Result<(), PredictorError> {
    let (state, code) = rows.split_at_mut(rows.len() / 2);
    if hidden.len() != state.len() {
        return Err(PredictorError::Width { found: hidden.len(), expected: state.len() });
    }
    state.copy_from_slice(hidden);
    // Embeddings are added, not written.
    code.fill(0.0);
    tables.add_codec(u32::from(code0), code);
    Ok(())
}
