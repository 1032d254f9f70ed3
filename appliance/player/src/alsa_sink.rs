//! The sound card: an ALSA playback device by name, with the recovery that real devices need.

use alsa::pcm::{Access, Format, HwParams, PCM, State};
use alsa::{Direction, ValueOr};

use crate::{PlayerError, Sink, to_s16};

/// How much sound the device holds ahead, in microseconds: enough for a busy little core, short enough to stop soon.
const BUFFER_TIME_US: u32 = 200_000;
/// How much sound is handed over at a time, in microseconds.
const PERIOD_TIME_US: u32 = 25_000;
/// A device that fails this often on one write is gone, not merely late.
const RECOVERIES_MAX: u32 = 5;

/// Plays mono sound on an ALSA device; alsa-lib's `plug` layer converts rate, channels and format where needed.
pub struct AlsaSink {
    device: String,
    pcm: PCM,
    converted: Vec<i16>,
}

impl AlsaSink {
    /// Opens the device by its ALSA name (`default`, `plughw:CARD=Device`, …).
    ///
    /// # Errors
    /// [`PlayerError::OpenDevice`] when there is no such device, [`PlayerError::ConfigureDevice`] when it cannot play
    /// mono 16-bit sound at `rate_hz`.
    pub fn open(device: &str, rate_hz: u32) -> Result<Self, PlayerError> {
        let pcm = PCM::new(device, Direction::Playback, false)
            .map_err(|source| PlayerError::OpenDevice { device: device.to_owned(), source })?;
        configure(&pcm, rate_hz).map_err(|source| PlayerError::ConfigureDevice {
            device: device.to_owned(),
            rate_hz,
            source,
        })?;
        Ok(Self { device: device.to_owned(), pcm, converted: Vec::new() })
    }

    fn write_once(&self, samples: &[i16]) -> Result<usize, alsa::Error> {
        self.pcm.io_i16()?.writei(samples)
    }
}

fn configure(pcm: &PCM, rate_hz: u32) -> Result<(), alsa::Error> {
    let hardware = HwParams::any(pcm)?;
    hardware.set_access(Access::RWInterleaved)?;
    hardware.set_format(Format::s16())?;
    hardware.set_channels(1)?;
    hardware.set_rate(rate_hz, ValueOr::Nearest)?;
    hardware.set_buffer_time_near(BUFFER_TIME_US, ValueOr::Nearest)?;
    hardware.set_period_time_near(PERIOD_TIME_US, ValueOr::Nearest)?;
    pcm.hw_params(&hardware)?;
    let (buffer, period) = (hardware.get_buffer_size()?, hardware.get_period_size()?);
    let software = pcm.sw_params_current()?;
    // Start when all but one period are filled: the first words are not cut by an under-run.
    software.set_start_threshold((buffer - period).max(period))?;
    pcm.sw_params(&software)
}

impl Sink for AlsaSink {
    fn write(&mut self, samples: &[f32]) -> Result<(), PlayerError> {
        self.converted.clear();
        self.converted.extend(samples.iter().map(|&sample| to_s16(sample)));
        let mut rest = self.converted.as_slice();
        let mut recoveries = 0;
        while !rest.is_empty() {
            match self.write_once(rest) {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Err(source) => {
                    recoveries += 1;
                    let recovered =
                        recoveries <= RECOVERIES_MAX && self.pcm.try_recover(source, true).is_ok();
                    if !recovered {
                        return Err(PlayerError::Play { device: self.device.clone(), source });
                    }
                    tracing::debug!(device = %self.device, error = %source, "sound device recovered");
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), PlayerError> {
        // Less than the start threshold may have been written: start by hand, or drain would play nothing.
        if self.pcm.state() == State::Prepared {
            // Some plug-in devices refuse to start empty; then there is nothing to play either.
            let _ = self.pcm.start();
        }
        match self.pcm.drain() {
            Ok(()) => Ok(()),
            Err(_) if matches!(self.pcm.state(), State::Setup | State::XRun) => Ok(()),
            Err(source) => Err(PlayerError::Play { device: self.device.clone(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_device_is_named() {
        let error = AlsaSink::open("no-such-device", 24_000).err().unwrap().to_string();
        assert!(error.contains("'no-such-device'") && error.contains("--wav"), "{error}");
    }

    #[test]
    fn samples_pass_through_alsa_unchanged() {
        // The `file` plug-in over `null` is alsa-lib's own way to a file: no sound card, the real code path.
        let folder = tempfile::tempdir().unwrap();
        let raw = folder.path().join("out.raw");
        let device = format!("file:'{}',raw", raw.display());
        let Ok(mut sink) = AlsaSink::open(&device, 24_000) else {
            // alsa-lib without its configuration files (a bare container) has no `file` device.
            return crier_test_needs::missing("alsa-lib's configuration files", "install libasound2-data");
        };
        let samples: Vec<f32> = (0..48_000_u16).map(|i| (f32::from(i) * 0.05).sin() * 0.5).collect();
        sink.write(&samples).unwrap();
        Box::new(sink).finish().unwrap();
        let expected: Vec<u8> = samples.iter().flat_map(|&s| to_s16(s).to_le_bytes()).collect();
        assert_eq!(std::fs::read(&raw).unwrap(), expected);
    }
}
