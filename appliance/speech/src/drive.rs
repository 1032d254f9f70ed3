//! The simplest driver of a [`FrameLoop`]: both networks in this thread, frames handed to a callback.

use std::ops::ControlFlow;

use crate::{EmbeddingTables, Finish, Frame, FrameLoop, PredictorEngine, Request, SpeechError, TalkerEngine};

/// What ended a drive early.
#[derive(Debug)]
pub enum DriveError<T, P> {
    /// The talker failed.
    Talker(T),
    /// The predictor failed.
    Predictor(P),
    /// What they said made no sense.
    Speech(SpeechError),
}

/// Runs the loop to its end, giving every frame to `each`, which may break off. Returns why it ended, or `None`
/// when `each` broke off.
///
/// # Errors
/// The first error of an engine or of the loop; frames given before it are good.
pub fn drive<T: TalkerEngine, P: PredictorEngine>(
    frame_loop: &mut FrameLoop,
    talker: &mut T,
    predictor: &mut P,
    tables: &dyn EmbeddingTables,
    mut each: impl FnMut(Frame) -> ControlFlow<()>,
) -> Result<Option<Finish>, DriveError<T::Error, P::Error>> {
    loop {
        match frame_loop.request() {
            Request::Talker { position, rows } => {
                let output = talker.decode(position, rows).map_err(DriveError::Talker)?;
                frame_loop.talker_done(output.hidden, output.logits, tables).map_err(DriveError::Speech)?;
            }
            Request::Predictor { frame, hidden, code0 } => {
                let codes = predictor
                    .predict(frame, hidden, code0, frame_loop.predictor_sampler())
                    .map_err(DriveError::Predictor)?;
                let frame = frame_loop.predictor_done(&codes, tables).map_err(DriveError::Speech)?;
                if each(frame).is_break() {
                    return Ok(None);
                }
            }
            Request::Finished(finish) => return Ok(Some(finish)),
        }
    }
}
