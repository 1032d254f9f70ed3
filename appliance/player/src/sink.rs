//! Destinations of `crier say`: one stream, written by a caller that waits.

use crate::error::PlayerError;

/// Destination of one stream of speech.
pub trait Sink: Send {
    /// Takes mono samples in `-1.0 ..= 1.0`; returns when the sink holds them, which for a sound card may be later.
    ///
    /// # Errors
    /// The device or file cannot take them; the error names it and a remedy.
    fn write(&mut self, samples: &[f32]) -> Result<(), PlayerError>;

    /// Ends the stream: a sound card plays what it still holds, a file gets its final header.
    ///
    /// # Errors
    /// The device or file failed while doing so.
    fn finish(self: Box<Self>) -> Result<(), PlayerError>;
}

/// Sink for machines without sound and for measurements: takes everything, keeps nothing.
#[derive(Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    fn write(&mut self, _samples: &[f32]) -> Result<(), PlayerError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), PlayerError> {
        Ok(())
    }
}
