//! Playback: one device that is fed without gaps, is silent when it should be, and recovers from faults.
//!
//! ```text
//! sentences -> Joiner -> one stream -> Player: queue, Resampler, Gain, limit -> Pcm: ALSA, WAV or nothing
//!                                        |                                       |
//! supervisor <- PlayerReport: credit, playback position, end, underrun <- delay -+
//! ```
//!
//! * **[`Joiner`]** makes one stream of a chime and sentences, with an equal-power crossfade at each join. It runs
//!   before the player, so that a player that was restarted in the middle only needs the rest of the stream.
//! * **[`Pacer`]** decides when a sentence may start on a machine that is slower than real time.
//! * **[`Player`]** is the core of the player stage. It has no clock, no thread and no socket:
//!   [`PlayerRequest`](crier_wire::PlayerRequest)s go in, [`poll`](Player::poll) is called at least as often as it asks
//!   for, [`PlayerReport`](crier_wire::PlayerReport)s come out. It keeps every sample until it was *played* (sent, less
//!   the device's delay), and reports that position; after a fault of the device or of the player the stream resumes
//!   there.
//! * **[`Pcm`]** is the interface of a playback device: [`AlsaPcm`], [`PacedPcm`] (a WAV file or nothing, at the pace
//!   of a sound card, and in tests with a virtual clock), [`CapturePcm`] (a WAV file as fast as samples arrive).
//! * **[`Sink`]** is the output of `crier say`, whose caller waits for the device.
//!
//! Guarantees of the player, each held by a test in `tests/outside`:
//!
//! * An undisturbed stream reaches the device bit for bit: at unity, gain is not applied; below [`KNEE`], the limiter
//!   changes nothing; at the device's own rate, nothing is resampled.
//! * No sample is lost or repeated by a pause, an underrun, or a device that takes little or nothing for a while.
//!   After a lost, suspended or stalled device, and after a crash of the player, the last moment before it may be
//!   played twice: at most what was played since the last report.
//! * A stopped or paused stream fades out within [`FADE_OUT_MS`] and is silent within 50 ms, although the device holds
//!   [`BUFFER_MS`]: the frames it holds are rewound and sent again with a fade-out. A device that cannot rewind is cut,
//!   and the fade-out is played anew.
//! * A stream that has an underrun fades out over its last [`UNDERRUN_FADE_MS`], waits for [`PREBUFFER_MS`] of sound,
//!   and fades in.
//! * A device that is gone or busy is opened again after [`REOPEN_MIN`], doubling up to [`REOPEN_MAX`].
//! * Memory is bounded by [`QUEUED_MS_MAX`] for each of [`STREAMS_MAX`] streams; samples beyond that are refused.
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

mod activity;
mod alsa_sink;
mod devices;
mod encoding;
mod error;
mod gain;
mod join;
mod limiter;
mod mixer_controls;
mod pacing;
mod pcm;
mod player;
mod sink;
mod wav_sink;

pub use activity::Activity;
pub use alsa_sink::AlsaSink;
pub use devices::playback_devices;
pub use encoding::to_s16;
pub use error::PlayerError;
pub use gain::{GainRamp, VOLUME_PERCENT_MAX, volume_db, volume_factor};
pub use join::{CROSSFADE_MS, Joiner};
pub use limiter::{KNEE, limit};
pub use mixer_controls::mixer_controls;
pub use pacing::{Decision, Pacer, Production, WAIT_MAX};
pub use pcm::{
    AlsaPcm, BUFFER_MS, CapturePcm, Clock, Fault, Mixer, Output, PERIOD_MS, PacedPcm, Pcm, StreamConfig,
    Timing, steady_clock,
};
pub use player::parameters::{
    FADE_IN_MS, FADE_OUT_MS, PREBUFFER_MS, QUEUED_MS_MAX, REOPEN_MAX, REOPEN_MIN, RESTART_FADE_IN_MS,
    STREAMS_MAX, UNDERRUN_FADE_MS,
};
pub use player::{Opener, Options, Player};
pub use sink::{NullSink, Sink};
pub use wav_sink::{WavFormat, WavSink};
