//! Where speech becomes sound: one device, fed without a gap, silent when it should be, mended when it breaks.
//!
//! ```text
//!  sentences ─▶ Joiner ─▶ one linear stream ─▶ Player ──────────────────────────────────▶ Pcm ─▶ the ear
//!               10 ms      at 24 kHz            queue ≤ 1 s ─▶ Resampler ─▶ Gain ─▶ limit    ALSA · WAV · nothing
//!               crossfade                       ▲ Room                                       │
//!  supervisor ◀────────────────────────────────┴─ Heard · Finished · Stopped · Underrun ◀── delay
//! ```
//!
//! * **[`Joiner`]** makes one stream of a chime and sentences, with an equal-power crossfade at each join. It stands
//!   before the player, so that a player that is started again in the middle is simply given the rest of the stream.
//! * **[`Pacer`]** says when a sentence may begin on a machine that is slower than speech.
//! * **[`Player`]** is the core of the player's process. It has no clock, no thread and no socket:
//!   [`PlayerRequest`](crier_wire::PlayerRequest)s go in,
//!   [`poll`](Player::poll) is called at least as often as it asks for, [`PlayerReport`](crier_wire::PlayerReport)s come out. It keeps every sample until
//!   it was *heard* (sent, less the device's delay), and that is what it reports; whatever happens to the device or to
//!   the player, the stream goes on there.
//! * **[`Pcm`]** is a playback device as narrow as that needs: [`AlsaPcm`], [`PacedPcm`] (a WAV file or nothing, at a
//!   sound card's pace, and in tests with a virtual clock), [`CapturePcm`] (a WAV file as fast as samples come).
//! * **[`Sink`]** is the older sibling for `crier say`, which has nothing else to do than to wait for the device.
//!
//! What the player promises, each held by a test in `tests/outside`:
//!
//! * A stream that nothing disturbs reaches the device bit for bit: at unity, gain is not applied; below [`KNEE`], the
//!   limiter changes nothing; at the device's own rate, nothing is resampled.
//! * Nothing is lost and nothing repeated: not by a pause, an under-run, a device that takes little or nothing for a
//!   while. After a lost, suspended or motionless device, and after the player itself was killed, the last moment before
//!   it may be heard twice: at most what was heard since the last report.
//! * A stopped or paused stream fades within [`FADE_OUT_MS`] and is silent within 50 ms, although the device holds
//!   [`BUFFER_MS`]: what it holds is taken back and sent again as a fade. Where a device cannot give back, it is cut and
//!   the fade is played anew.
//! * A stream that runs dry fades out over its last [`DRY_FADE_MS`], waits for [`CUSHION_MS`] of sound, and fades in.
//! * A device that is gone or busy is opened again after [`REOPEN_MIN`], doubling up to [`REOPEN_MAX`].
//! * Memory is bounded by [`QUEUED_MS_MAX`] for each of [`STREAMS_MAX`] streams; what exceeds it is refused.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use crier_player::{Options, Output, Player};
//! use crier_wire::{PlayerReport, PlayerRequest};
//!
//! let mut player = Player::new(Options::default(), Box::new(|rate_hz| Output::Null.open(rate_hz)));
//! let start = Instant::now();
//! let begin = PlayerRequest::Begin { stream: 1, rate_hz: 24_000, volume_percent: None, offset: 0 };
//! player.handle(&begin, &[], start.elapsed());
//! player.handle(&PlayerRequest::Samples { stream: 1, offset: 0 }, &[0.1; 2400], start.elapsed());
//! player.handle(&PlayerRequest::End { stream: 1, length: 2400 }, &[], start.elapsed());
//! let mut finished = false;
//! while !finished {
//!     let wait = player.poll(start.elapsed());
//!     while let Some(report) = player.report() {
//!         finished |= report == PlayerReport::Finished { stream: 1 };
//!     }
//!     // A real loop waits here for requests, for this long at most.
//!     std::thread::sleep(wait.min(Duration::from_millis(5)));
//! }
//! ```

mod alsa_sink;
mod devices;
mod error;
mod gain;
mod join;
mod limiter;
mod pacing;
mod pcm;
mod player;
mod wav_sink;

pub use alsa_sink::AlsaSink;
pub use devices::playback_devices;
pub use error::PlayerError;
pub use gain::{Gain, VOLUME_PERCENT_MAX, volume_db, volume_factor};
pub use join::{CROSSFADE_MS, Joiner};
pub use limiter::{KNEE, limit};
pub use pacing::{Decision, Pacer, Production, WAIT_MAX};
pub use pcm::{
    AlsaPcm, BUFFER_MS, CapturePcm, Clock, Fault, Mixer, Output, PERIOD_MS, PacedPcm, Pcm, Shape, Timing,
    steady_clock,
};
pub use player::{
    CUSHION_MS, DRY_FADE_MS, FADE_IN_MS, FADE_OUT_MS, Opener, Options, Player, QUEUED_MS_MAX, REOPEN_MAX,
    REOPEN_MIN, RESTART_FADE_IN_MS, STREAMS_MAX,
};
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
