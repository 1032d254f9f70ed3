//! Limits of recordings for enrolment.

/// Sample rate of the encoders, in hertz.
pub const SAMPLE_RATE_HZ: u32 = 24_000;
/// Shortest recording, in seconds, without the silence at its ends: less holds too few sounds of a speaker.
pub const SECONDS_MIN: f32 = 3.0;
/// Longest recording, in seconds: its codes precede every utterance of a cloned voice and cost memory and time.
pub const SECONDS_MAX: u32 = 60;
