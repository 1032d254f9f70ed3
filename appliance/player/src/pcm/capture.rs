//! A device without a pace: takes everything at once and waits for ever for more.

use super::{Fault, Pcm, Shape};
use crate::Sink;

/// Hands what it is given straight to a sink. It never runs dry, so a stream that comes late is not faded: the sink
/// gets the stream bit for bit, whatever happens to those who make it.
pub struct CapturePcm {
    shape: Shape,
    sink: Box<dyn Sink>,
}

impl CapturePcm {
    /// A device at a rate that hands over to `sink`.
    #[must_use]
    pub fn new(rate_hz: u32, sink: Box<dyn Sink>) -> Self {
        Self { shape: Shape::usual(rate_hz), sink }
    }
}

impl Pcm for CapturePcm {
    fn shape(&self) -> Shape {
        self.shape
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

    fn runs_dry(&self) -> bool {
        false
    }
}
