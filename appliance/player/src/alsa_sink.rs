//! Sink of `crier say`: an ALSA device, driven through the same [`Pcm`] as in the player stage, that blocks its caller
//! until the device has taken the sound.

use std::time::Duration;

use crier_audio::Resampler;

use crate::error::PlayerError;
use crate::pcm::AlsaPcm;
use crate::pcm::Mixer;
use crate::pcm::device::{Fault, Pcm, Timing};
use crate::player::parameters::RESAMPLER_BLOCK_FRAMES;
use crate::sink::Sink;

/// Largest number of faults in one write that are recovered from: a device that fails more often is gone, not late.
const RECOVERIES_MAX: u32 = 5;
/// Longest time in which a device takes nothing and plays nothing before it counts as stalled: ten times its buffer.
const STALL_MAX: Duration = Duration::from_secs(2);

/// Plays mono sound on an ALSA device, at the device's own rate.
pub struct AlsaSink {
    device: String,
    pcm: AlsaPcm,
    /// `None` if the device plays at the sound's rate.
    resampler: Option<Resampler>,
    resampled: Vec<f32>,
    /// Half a period: how long the caller sleeps while the device's buffer is full.
    pause: Duration,
}

impl AlsaSink {
    /// Opens the device by its ALSA name (`default`, `plughw:CARD=Device`, …).
    ///
    /// # Errors
    /// [`PlayerError::OpenDevice`] when there is no such device, [`PlayerError::ConfigureDevice`] when it cannot play
    /// sound at `rate_hz` or at a rate to which that can be converted.
    pub fn open(device: &str, rate_hz: u32) -> Result<Self, PlayerError> {
        let device = device.to_owned();
        // The mixer stays as it is: its volume belongs to the machine, not to a program that says one text.
        let pcm = AlsaPcm::open(&device, rate_hz, &Mixer::None, Timing::default())?;
        let config = pcm.config();
        let pause = Duration::from_secs(config.period_frames as u64) / (2 * config.rate_hz.max(1));
        let (mut resampler, resampled) = (None, Vec::new());
        if config.rate_hz != rate_hz {
            resampler = Resampler::new(rate_hz, config.rate_hz, RESAMPLER_BLOCK_FRAMES);
            if resampler.is_none() {
                let source = alsa::Error::new("snd_pcm_hw_params_set_rate", 22);
                return Err(PlayerError::ConfigureDevice { device, rate_hz, source });
            }
        }
        Ok(Self { device, pcm, resampler, resampled, pause })
    }

    /// Hands frames at the device's rate over, waiting while its buffer is full.
    fn play(&mut self, mut frames: &[f32]) -> Result<(), PlayerError> {
        let (mut recoveries, mut waited) = (0, Duration::ZERO);
        while !frames.is_empty() {
            match self.pcm.write(frames) {
                Ok(0) => self.wait(&mut waited)?,
                Ok(taken) => {
                    frames = frames.get(taken..).unwrap_or_default();
                    waited = Duration::ZERO;
                }
                // Text that is synthesized slower than it is spoken ends in an underrun before every sentence.
                Err(fault @ (Fault::Underrun | Fault::Suspended)) if recoveries < RECOVERIES_MAX => {
                    recoveries += 1;
                    tracing::debug!(device = %self.device, %fault, "sound device recovered");
                    self.pcm.discard().map_err(|fault| self.error(fault))?;
                }
                Err(fault) => return Err(self.error(fault)),
            }
        }
        Ok(())
    }

    fn wait(&self, waited: &mut Duration) -> Result<(), PlayerError> {
        if *waited >= STALL_MAX {
            return Err(self.error(Fault::Stalled));
        }
        std::thread::sleep(self.pause);
        *waited += self.pause;
        Ok(())
    }

    fn error(&self, fault: Fault) -> PlayerError {
        PlayerError::Play { device: self.device.clone(), fault }
    }
}

impl Sink for AlsaSink {
    fn write(&mut self, samples: &[f32]) -> Result<(), PlayerError> {
        let Some(resampler) = &mut self.resampler else { return self.play(samples) };
        // Taken out of the sink, which `play` borrows as a whole.
        let mut resampled = std::mem::take(&mut self.resampled);
        resampled.clear();
        resampler.push(samples, &mut resampled);
        let played = self.play(&resampled);
        self.resampled = resampled;
        played
    }

    fn finish(mut self: Box<Self>) -> Result<(), PlayerError> {
        if let Some(resampler) = &mut self.resampler {
            // The delay of the filter holds the last milliseconds of speech.
            let mut rest = Vec::new();
            resampler.finish(&mut rest);
            self.play(&rest)?;
        }
        let mut waited = Duration::ZERO;
        while !self.pcm.drain().map_err(|fault| self.error(fault))? {
            self.wait(&mut waited)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::AlsaSink;

    #[test]
    fn unknown_device_is_named_with_a_remedy() {
        let error = AlsaSink::open("no-such-device", 24_000).err().unwrap().to_string();
        assert!(error.contains("'no-such-device'") && error.contains("crier say --device"), "{error}");
    }
}
