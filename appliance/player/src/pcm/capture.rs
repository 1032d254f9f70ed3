//! Device without a clock: takes everything at once and has no underruns.

use super::device::{Fault, Pcm, StreamConfig};
use crate::sink::Sink;

/// Device that passes frames straight to a sink. It has no underruns, so a stream that arrives late is not faded: the
/// sink gets the stream bit for bit, whatever happens to the stages before it.
pub struct CapturePcm {
    config: StreamConfig,
    sink: Box<dyn Sink>,
}

impl CapturePcm {
    /// Creates a device at a rate that writes to `sink`.
    #[must_use]
    pub fn new(rate_hz: u32, sink: Box<dyn Sink>) -> Self {
        Self { config: StreamConfig::with_default_buffer(rate_hz), sink }
    }
}

impl Pcm for CapturePcm {
    fn config(&self) -> StreamConfig {
        self.config
    }

    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault> {
        self.sink.write(frames).map_err(|error| Fault::Failed(error.to_string()))?;
        Ok(frames.len())
    }

    fn start(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn delay(&mut self) -> Result<usize, Fault> {
        Ok(0)
    }

    fn rewind(&mut self, _frames: usize) -> usize {
        0
    }

    fn drain(&mut self) -> Result<bool, Fault> {
        Ok(true)
    }

    fn discard(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn can_underrun(&self) -> bool {
        false
    }
}
