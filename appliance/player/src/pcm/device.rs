//! Interface of a playback device, as narrow as the player needs it: mono frames are written without blocking, the
//! device reports how many of them it has not played yet, and it can discard what it holds.

/// Sound that a device holds ahead, in milliseconds: enough for a small processor that is busy with synthesis.
pub const BUFFER_MS: u32 = 200;
/// Period of a device in milliseconds: eight in a buffer, so that the playback position is known often enough.
pub const PERIOD_MS: u32 = 25;

/// Requested buffer and period of a device. What it grants is in its [`StreamConfig`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Sound held ahead, in milliseconds.
    pub buffer_ms: u32,
    /// Period, in milliseconds.
    pub period_ms: u32,
}

impl Default for Timing {
    /// [`BUFFER_MS`] and [`PERIOD_MS`].
    fn default() -> Self {
        Self { buffer_ms: BUFFER_MS, period_ms: PERIOD_MS }
    }
}

/// Configuration that a device accepted, which is not always the requested one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Frames per second.
    pub rate_hz: u32,
    /// Frames that the device holds at most.
    pub buffer_frames: usize,
    /// Frames of a period.
    pub period_frames: usize,
}

impl StreamConfig {
    /// Configuration with the default buffer and period: [`BUFFER_MS`] and [`PERIOD_MS`].
    #[must_use]
    pub fn with_default_buffer(rate_hz: u32) -> Self {
        let frames = |ms: u32| (u64::from(rate_hz) * u64::from(ms) / 1000) as usize;
        // At the slowest rates a period would round down to no frames, and be divided by.
        Self { rate_hz, buffer_frames: frames(BUFFER_MS), period_frames: frames(PERIOD_MS).max(1) }
    }
}

/// Reason why a device stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It played all it had and stopped (`EPIPE`).
    #[error("underrun")]
    Underrun,
    /// The machine was suspended; what the device held is lost (`ESTRPIPE`).
    #[error("it was suspended")]
    Suspended,
    /// It holds sound and should play, but its position does not move.
    #[error("it has stalled")]
    Stalled,
    /// It no longer exists (`ENODEV`, or a state that is none).
    #[error("it is gone; is it still plugged in?")]
    Gone,
    /// Any other error.
    #[error("{0}")]
    Failed(String),
}

/// Device that plays mono frames in `-1.0 ..= 1.0` at the rate of its [`StreamConfig`]. No call blocks for longer than
/// about a period.
///
/// A device begins empty and silent; it plays from [`start`](Self::start) on, or from when it is nearly full.
pub trait Pcm {
    /// Configuration that the device accepted.
    fn config(&self) -> StreamConfig;

    /// Writes frames, as many as fit; returns their number. Samples are converted to the device's own format here.
    ///
    /// # Errors
    /// A [`Fault`]; none of the frames were taken.
    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault>;

    /// Starts to play what was written, however little it is.
    ///
    /// # Errors
    /// A [`Fault`].
    fn start(&mut self) -> Result<(), Fault>;

    /// Frames that were written and not played yet.
    ///
    /// # Errors
    /// A [`Fault`].
    fn delay(&mut self) -> Result<usize, Fault>;

    /// Takes back up to `frames` of the frames written last, without disturbing those before them; returns their
    /// number. 0 from a device that cannot do so.
    fn rewind(&mut self, frames: usize) -> usize;

    /// Plays to the end of what was written; to be called until it returns `true`: all was played.
    ///
    /// # Errors
    /// A [`Fault`].
    fn drain(&mut self) -> Result<bool, Fault>;

    /// Silences the device at once, from any state: discards all that was written. The device is then as new.
    ///
    /// # Errors
    /// A [`Fault`]: the device must be opened again.
    fn discard(&mut self) -> Result<(), Fault>;

    /// True if the device stops when it is not fed in time; one that only waits needs no fade-out before it.
    fn can_underrun(&self) -> bool {
        true
    }

    /// Sets the volume of the device itself, in percent; `false` when it has none, and samples must be scaled instead.
    fn set_volume(&mut self, percent: u8) -> bool {
        let _ = percent;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::StreamConfig;

    #[test]
    fn default_buffer_is_200_ms_and_default_period_25_ms() {
        let expected = StreamConfig { rate_hz: 24_000, buffer_frames: 4800, period_frames: 600 };
        assert_eq!(StreamConfig::with_default_buffer(24_000), expected);
    }
}
