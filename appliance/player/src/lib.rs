//! Where samples go: a sound card through ALSA, a WAV file that is valid at every moment, or nowhere.
//!
//! Every sink takes mono samples in `-1.0 ..= 1.0` at the rate it was opened with. A sink is fed while speech is
//! still being made, so [`Sink::write`] may block for as long as the device needs to play what it already holds.

mod alsa_sink;
mod error;
mod gain;
mod join;
mod limiter;
mod pacing;
mod pcm;
mod player;
mod resample;
mod wav_sink;

pub use alsa_sink::{AlsaSink, playback_devices};
pub use error::PlayerError;
pub use gain::{Gain, VOLUME_PERCENT_MAX, volume_db, volume_factor};
pub use join::{CROSSFADE_MS, Joiner};
pub use limiter::{KNEE, limit};
pub use pacing::{Decision, Pacer, Production, WAIT_MAX};
pub use pcm::{
    AlsaPcm, BUFFER_MS, CapturePcm, Clock, Fault, Mixer, Output, PERIOD_MS, PacedPcm, Pcm, Shape,
    steady_clock,
};
pub use player::{
    CUSHION_MS, Command, DRY_FADE_MS, FADE_IN_MS, FADE_OUT_MS, OFFSET_MAX, Opener, Options, Player,
    QUEUED_MS_MAX, REOPEN_MAX, REOPEN_MIN, RESTART_FADE_IN_MS, Refusal, Report, STREAMS_MAX,
};
pub use resample::{Resampler, scaled};
pub use wav_sink::{WavFormat, WavSink};

/// A place where speech can go.
pub trait Sink: Send {
    /// Takes mono samples in `-1.0 ..= 1.0`; returns when the sink holds them, which for a sound card may be later.
    ///
    /// # Errors
    /// The device or file cannot take them; the error names it and what to do.
    fn write(&mut self, samples: &[f32]) -> Result<(), PlayerError>;

    /// Ends the stream: a sound card plays what it still holds, a file gets its final header.
    ///
    /// # Errors
    /// The device or file failed while doing so.
    fn finish(self: Box<Self>) -> Result<(), PlayerError>;
}

/// A sink for machines without sound and for measurements: takes everything, keeps nothing.
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

/// One sample as signed 16-bit: rounded to nearest, clipped, symmetric around zero.
#[must_use]
pub fn to_s16(sample: f32) -> i16 {
    // `as` saturates and maps NaN to 0, which is exactly what a sound card should hear.
    (sample * f32::from(i16::MAX)).round() as i16
}

#[cfg(test)]
mod tests {
    use super::to_s16;

    #[test]
    fn sixteen_bit_conversion_rounds_and_clips() {
        assert_eq!(to_s16(0.0), 0);
        assert_eq!(to_s16(1.0), 32767);
        assert_eq!(to_s16(-1.0), -32767);
        assert_eq!(to_s16(7.0), 32767);
        assert_eq!(to_s16(-7.0), -32768);
        assert_eq!(to_s16(f32::NAN), 0);
        assert_eq!(to_s16(0.6 / 32767.0), 1);
    }
}
