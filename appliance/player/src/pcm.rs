//! One playback device, as narrow as the player needs it: mono frames go in without blocking, the device says how many
//! of them nobody has heard yet, and it can be told to forget what it holds.

mod alsa;
mod capture;
mod handle;
mod mixer;
mod open;
mod paced;

pub use self::alsa::AlsaPcm;
pub use self::capture::CapturePcm;
pub use self::mixer::Mixer;
pub use self::open::Output;
pub use self::paced::{Clock, PacedPcm, steady_clock};

use crate::to_s16;

/// How much sound a device holds ahead, in milliseconds: enough for a busy little core.
pub const BUFFER_MS: u32 = 200;
/// How much sound a device takes at a time, in milliseconds.
pub const PERIOD_MS: u32 = 25;

/// How much sound a device is asked to hold, and to take at a time. What it makes of that is its [`Shape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Held ahead, in milliseconds.
    pub buffer_ms: u32,
    /// Taken at a time, in milliseconds.
    pub period_ms: u32,
}

impl Default for Timing {
    /// [`BUFFER_MS`] and [`PERIOD_MS`].
    fn default() -> Self {
        Self { buffer_ms: BUFFER_MS, period_ms: PERIOD_MS }
    }
}

/// What a device turned out to be, which is not always what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Frames per second.
    pub rate_hz: u32,
    /// Frames that the device holds at most.
    pub buffer_frames: usize,
    /// Frames that the device takes at a time.
    pub period_frames: usize,
}

impl Shape {
    /// The usual shape at a rate: [`BUFFER_MS`] and [`PERIOD_MS`].
    #[must_use]
    pub fn usual(rate_hz: u32) -> Self {
        let frames = |ms: u32| (u64::from(rate_hz) * u64::from(ms) / 1000) as usize;
        Self { rate_hz, buffer_frames: frames(BUFFER_MS), period_frames: frames(PERIOD_MS).max(1) }
    }
}

/// Why a device does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It played all it had and stopped (`EPIPE`).
    #[error("it ran dry")]
    Underrun,
    /// The machine slept; what the device held is lost (`ESTRPIPE`).
    #[error("it was suspended")]
    Suspended,
    /// It holds sound and should play, but nothing moves.
    #[error("it stands still")]
    Stalled,
    /// It is no longer there (`ENODEV`, or a state that is none).
    #[error("it is gone; is it still plugged in?")]
    Gone,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// A device that plays mono frames in `-1.0 ..= 1.0` at the rate of its [`Shape`]. No call blocks for longer than
/// about a period.
///
/// A device begins empty and silent; it plays from [`start`](Self::start) on, or from when it is nearly full.
pub trait Pcm {
    /// What the device turned out to be.
    fn shape(&self) -> Shape;

    /// Hands frames over, as many as fit; says how many. Samples are converted to the device's own format here.
    ///
    /// # Errors
    /// A [`Fault`]; none of the frames were taken.
    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault>;

    /// Plays what was handed over, however little it is.
    ///
    /// # Errors
    /// A [`Fault`].
    fn start(&mut self) -> Result<(), Fault>;

    /// Frames that were handed over and that nobody has heard yet.
    ///
    /// # Errors
    /// A [`Fault`].
    fn delay(&mut self) -> Result<usize, Fault>;

    /// Takes back up to `frames` of what was handed over last, without disturbing what is played before them; says how
    /// many. A device that cannot do so says 0.
    fn rewind(&mut self, frames: usize) -> usize;

    /// Plays to the end of what was handed over; to be called until it says `true`: all was heard.
    ///
    /// # Errors
    /// A [`Fault`].
    fn drain(&mut self) -> Result<bool, Fault>;

    /// Silent at once: forgets all that was handed over, from whatever state the device is in; then as new.
    ///
    /// # Errors
    /// A [`Fault`]: the device must be opened again.
    fn discard(&mut self) -> Result<(), Fault>;

    /// Whether a device that is not fed in time stops; one that only waits needs no fade before it.
    fn runs_dry(&self) -> bool {
        true
    }

    /// Sets the volume of the device itself, in percent; `false` when it has none, and samples must be scaled instead.
    fn set_volume(&mut self, percent: u8) -> bool {
        let _ = percent;
        false
    }
}

/// How one sample stands in a device's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    S16,
    S32,
    F32,
}

impl Encoding {
    /// Bytes of one sample.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S32 | Self::F32 => 4,
        }
    }

    /// Replaces `bytes` by `frames` in this encoding and the machine's byte order, each repeated for every channel.
    pub(crate) fn encode(self, frames: &[f32], channels: u32, bytes: &mut Vec<u8>) {
        bytes.clear();
        for &sample in frames {
            for _ in 0..channels {
                match self {
                    Self::S16 => bytes.extend_from_slice(&to_s16(sample).to_ne_bytes()),
                    Self::S32 => bytes.extend_from_slice(&to_s32(sample).to_ne_bytes()),
                    Self::F32 => bytes.extend_from_slice(&sample.to_ne_bytes()),
                }
            }
        }
    }
}

/// One sample as signed 32-bit: rounded to nearest, clipped, symmetric around zero; NaN is silence.
fn to_s32(sample: f32) -> i32 {
    (f64::from(sample) * f64::from(i32::MAX)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Shape, to_s32};

    #[test]
    fn encodings_repeat_each_sample_for_every_channel() {
        let mut bytes = vec![9];
        Encoding::S16.encode(&[1.0, -1.0], 2, &mut bytes);
        let expected: Vec<u8> =
            [32767_i16, 32767, -32767, -32767].iter().flat_map(|s| s.to_ne_bytes()).collect();
        assert_eq!(bytes, expected);
        Encoding::S32.encode(&[0.5], 1, &mut bytes);
        assert_eq!(bytes, 1_073_741_824_i32.to_ne_bytes());
        Encoding::F32.encode(&[0.25], 2, &mut bytes);
        assert_eq!(bytes, [0.25_f32.to_ne_bytes(), 0.25_f32.to_ne_bytes()].concat());
    }

    #[test]
    fn thirty_two_bit_conversion_clips() {
        assert_eq!((to_s32(1.0), to_s32(-1.0), to_s32(0.0)), (i32::MAX, -i32::MAX, 0));
        assert_eq!((to_s32(9.0), to_s32(-9.0), to_s32(f32::NAN)), (i32::MAX, i32::MIN, 0));
    }

    #[test]
    fn the_usual_shape_is_200_and_25_milliseconds() {
        assert_eq!(Shape::usual(24_000), Shape { rate_hz: 24_000, buffer_frames: 4800, period_frames: 600 });
    }
}
