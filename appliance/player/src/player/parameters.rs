//! Limits and durations of the player.

use std::time::Duration;

/// Sound of one stream that may wait in the player beyond what the device holds, in milliseconds: a supervisor that is
/// busy for that long causes no underrun.
pub const QUEUED_MS_MAX: u32 = 1000;
/// Streams that may have begun at the same time: the one that plays, and those that follow it.
pub const STREAMS_MAX: usize = 4;
/// Sound that must be buffered before a stream starts, and before it resumes after an underrun, in milliseconds: more
/// than a frame of the codec (80 ms), in which sound arrives.
pub const PREBUFFER_MS: u32 = 100;
/// Fade-out of sound that is stopped or paused, in milliseconds: long enough not to click, short enough that a stop is
/// silent within 50 ms.
pub const FADE_OUT_MS: u32 = 20;
/// Fade-out before an underrun, in milliseconds. As much of each stream is held back for it.
pub const UNDERRUN_FADE_MS: u32 = 10;
/// Fade-in after a pause or an underrun, in milliseconds: as long as a crossfade.
pub const FADE_IN_MS: u32 = 10;
/// Fade-in where a restarted player or a reopened device resumes, in milliseconds: shorter, because the sound before it
/// was cut and not faded out.
pub const RESTART_FADE_IN_MS: u32 = 5;
/// First delay before a device is opened again; each further one is twice as long.
pub const REOPEN_MIN: Duration = Duration::from_millis(250);
/// Longest delay before a device is opened again: a device that is plugged in is used within so much.
pub const REOPEN_MAX: Duration = Duration::from_secs(5);
/// Block of the resampler: 10 ms of speech, a tenth of the prebuffer.
pub(crate) const RESAMPLER_BLOCK_FRAMES: u32 = 240;
