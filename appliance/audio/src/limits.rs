//! Limits of recordings.

use std::ops::RangeInclusive;

/// Largest number of channels: as many as usual surround recordings have. More are no recording of a speaker.
pub const CHANNELS_MAX: usize = 8;
/// Accepted sample rates, in hertz.
pub const RATES_HZ: RangeInclusive<u32> = 4_000..=384_000;

/// Limits of one call of [`read`](crate::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest duration, in seconds.
    pub seconds_max: u32,
}
