//! Sound card through alsa-lib, without blocking calls: rate, format and channels are negotiated, faults are
//! classified.

use std::ffi::CString;

use ::alsa::pcm::{Format, State};

use super::device::{Fault, Pcm, StreamConfig, Timing};
use super::handle::{HardwareRequest, PcmHandle};
use super::mixer::{HardwareVolume, Mixer};
use crate::encoding::SampleEncoding;
use crate::error::PlayerError;

/// Error numbers that alsa-lib uses with a meaning of its own (Linux, all architectures that Crier runs on).
const EAGAIN: i32 = 11;
const ENODEV: i32 = 19;
const EPIPE: i32 = 32;
const ESTRPIPE: i32 = 86;

/// Rates that are tried when the device does not support the requested one: nearly every card has one of them.
const COMMON_RATES_HZ: [u32; 2] = [48_000, 44_100];
/// Formats in the order of preference: 16 bits are enough for speech, and nearly every card has them.
const SAMPLE_ENCODINGS: [SampleEncoding; 3] = [SampleEncoding::S16, SampleEncoding::S32, SampleEncoding::F32];

/// An ALSA playback device.
pub struct AlsaPcm {
    pcm: PcmHandle,
    volume: Option<HardwareVolume>,
    config: StreamConfig,
    encoding: SampleEncoding,
    channels: u32,
    bytes: Vec<u8>,
}

impl AlsaPcm {
    /// Opens a device by its ALSA name, at `rate_hz` or the nearest rate of the hardware: alsa-lib's own rate converter
    /// is not used, because the built-in one interpolates linearly.
    ///
    /// # Errors
    /// [`PlayerError::OpenDevice`] when there is no such device or it is busy, [`PlayerError::ConfigureDevice`] when it
    /// accepts no format of the player.
    pub fn open(device: &str, rate_hz: u32, mixer: &Mixer, timing: Timing) -> Result<Self, PlayerError> {
        let open_error = |source| PlayerError::OpenDevice { device: device.to_owned(), source };
        // alsa-lib takes names that end in a zero byte; one inside a name would cut it.
        let name = CString::new(device).map_err(|_| open_error(::alsa::Error::new("snd_pcm_open", 22)))?;
        let pcm = PcmHandle::open(&name).map_err(open_error)?;
        let (config, encoding, channels) = configure(&pcm, rate_hz, timing)
            .map_err(|source| PlayerError::ConfigureDevice { device: device.to_owned(), rate_hz, source })?;
        let volume = HardwareVolume::find(device, mixer);
        let bytes = Vec::with_capacity(config.buffer_frames * channels as usize * 4);
        Ok(Self { pcm, volume, config, encoding, channels, bytes })
    }

    /// Returns rate, format and channels in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { config, encoding, channels, .. } = self;
        format!("{} Hz, {encoding:?}, {channels} channel(s)", config.rate_hz)
    }

    /// Returns the fault behind an error; the state tells more than the number does.
    fn fault(&self, error: ::alsa::Error) -> Fault {
        fault_of(error, self.state())
    }

    fn state(&self) -> Option<State> {
        state_of(self.pcm.state())
    }
}

/// States of alsa-lib.
const STATES: [State; 9] = [
    State::Open,
    State::Setup,
    State::Prepared,
    State::Running,
    State::XRun,
    State::Draining,
    State::Paused,
    State::Suspended,
    State::Disconnected,
];

/// Returns the state with alsa-lib's number; a number that is none (negative) is an unplugged USB device.
fn state_of(number: i32) -> Option<State> {
    STATES.into_iter().find(|&state| state as i32 == number)
}

fn fault_of(error: ::alsa::Error, state: Option<State>) -> Fault {
    match (error.errno(), state) {
        // The state goes before the number: an unplugged card may report any error.
        (ENODEV, _) | (_, None | Some(State::Disconnected)) => Fault::Gone,
        (ESTRPIPE, _) | (_, Some(State::Suspended)) => Fault::Suspended,
        (EPIPE, _) | (_, Some(State::XRun)) => Fault::Underrun,
        _ => Fault::Failed(error.to_string()),
    }
}

fn configure(
    pcm: &PcmHandle,
    rate_hz: u32,
    timing: Timing,
) -> Result<(StreamConfig, SampleEncoding, u32), ::alsa::Error> {
    let setup = pcm.configure(&HardwareRequest {
        formats: &SAMPLE_ENCODINGS.map(alsa_format),
        rates_hz: &[rate_hz, COMMON_RATES_HZ[0], COMMON_RATES_HZ[1]],
        buffer_us: timing.buffer_ms.saturating_mul(1000),
        period_us: timing.period_ms.saturating_mul(1000),
    })?;
    let encoding = SAMPLE_ENCODINGS.get(setup.format).copied().unwrap_or(SampleEncoding::S16);
    let config = StreamConfig {
        rate_hz: setup.rate_hz,
        buffer_frames: setup.buffer_frames,
        period_frames: setup.period_frames,
    };
    Ok((config, encoding, setup.channels))
}

fn alsa_format(encoding: SampleEncoding) -> Format {
    match encoding {
        SampleEncoding::S16 => Format::s16(),
        SampleEncoding::S32 => Format::s32(),
        SampleEncoding::F32 => Format::float(),
    }
}

impl Pcm for AlsaPcm {
    fn config(&self) -> StreamConfig {
        self.config
    }

    fn write(&mut self, frames: &[f32]) -> Result<usize, Fault> {
        // More than a buffer never fits; encoding it would be wasted.
        let frames = &frames[..frames.len().min(self.config.buffer_frames)];
        self.encoding.encode(frames, self.channels, &mut self.bytes);
        match self.pcm.write(&self.bytes, self.encoding.bytes() * self.channels as usize) {
            Ok(taken) => Ok(taken),
            // The buffer is full, which is the normal state of a device that is fed in time.
            Err(error) if error.errno() == EAGAIN => Ok(0),
            Err(error) => Err(self.fault(error)),
        }
    }

    fn start(&mut self) -> Result<(), Fault> {
        // The device may have started at its threshold already; a second start is an error.
        if self.state() != Some(State::Prepared) {
            return Ok(());
        }
        self.pcm.start().map_err(|error| self.fault(error))
    }

    fn delay(&mut self) -> Result<usize, Fault> {
        // alsa-lib may detect an underrun only in this call, so the state is read after it.
        let delay = self.pcm.delay();
        match (self.state(), delay) {
            (None | Some(State::Disconnected), _) => Err(Fault::Gone),
            (Some(State::XRun), _) => Err(Fault::Underrun),
            (Some(State::Suspended), _) => Err(Fault::Suspended),
            (Some(State::Setup | State::Open), _) => Ok(0),
            (Some(_), Ok(frames)) => Ok(frames),
            (Some(_), Err(error)) => Err(self.fault(error)),
        }
    }

    fn rewind(&mut self, frames: usize) -> usize {
        // Only a running device has frames that will be played; after a fault they are sent again anyway.
        if self.state() != Some(State::Running) {
            return 0;
        }
        self.pcm.rewind(frames)
    }

    fn drain(&mut self) -> Result<bool, Fault> {
        if self.state() == Some(State::Prepared) {
            // Less than the start threshold may have been written; draining alone would not play it. Some plug-ins
            // refuse to start empty; then there is nothing to play either.
            let _ = self.pcm.start();
        }
        match self.pcm.drain() {
            Ok(()) => Ok(true),
            Err(error) => match self.state() {
                // All was played before the call: not an error at the end of a stream.
                Some(State::Setup | State::Prepared | State::XRun) => Ok(true),
                Some(State::Running | State::Draining) if error.errno() == EAGAIN => Ok(false),
                _ => Err(self.fault(error)),
            },
        }
    }

    fn discard(&mut self) -> Result<(), Fault> {
        // Refused in states that hold nothing; `prepare` fails if the device is really broken.
        let _ = self.pcm.stop();
        self.pcm.prepare().map_err(|error| self.fault(error))
    }

    fn set_volume(&mut self, percent: u8) -> bool {
        self.volume.as_ref().is_some_and(|volume| volume.set(percent))
    }
}

#[cfg(test)]
mod tests {
    use super::{AlsaPcm, EPIPE, ESTRPIPE, Fault, Mixer, State, Timing, fault_of, state_of};

    #[test]
    fn faults_are_classified_by_number_and_state() {
        let fault = |number, state| fault_of(::alsa::Error::new("snd_pcm_writei", number), state);
        assert_eq!(fault(EPIPE, Some(State::XRun)), Fault::Underrun);
        assert_eq!(fault(ESTRPIPE, Some(State::Suspended)), Fault::Suspended);
        // EBADFD says only that the state is wrong; the state says why.
        assert_eq!(fault(77, Some(State::Suspended)), Fault::Suspended);
        assert_eq!(fault(77, Some(State::XRun)), Fault::Underrun);
        assert_eq!(fault(19, Some(State::Running)), Fault::Gone);
        assert_eq!(fault(EPIPE, Some(State::Disconnected)), Fault::Gone);
        assert_eq!(fault(5, None), Fault::Gone);
        assert!(
            matches!(fault(5, Some(State::Running)), Fault::Failed(what) if what.contains("snd_pcm_writei"))
        );
        assert_eq!((state_of(-19), state_of(9)), (None, None));
        assert_eq!((state_of(0), state_of(8)), (Some(State::Open), Some(State::Disconnected)));
    }

    #[test]
    fn impossible_device_names_are_refused() {
        for name in ["no-such-device", "with\0zero", ""] {
            assert!(AlsaPcm::open(name, 24_000, &Mixer::Auto, Timing::default()).is_err());
        }
    }
}
