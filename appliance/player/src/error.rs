//! What can go wrong on the way to the ear.

use std::path::PathBuf;

use crate::pcm::Fault;

/// Errors of the sinks. Each names the device or file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// The sound device could not be opened.
    #[error(
        "cannot open the sound device '{device}': {source}; `--device '?'` lists the devices, `--wav FILE` needs none"
    )]
    OpenDevice {
        /// ALSA name of the device.
        device: String,
        /// What ALSA said.
        source: alsa::Error,
    },
    /// The device opened but does not take speech in any form.
    #[error(
        "the sound device '{device}' refuses {rate_hz} Hz mono 16-bit sound: {source}; a name that begins with 'plug' converts"
    )]
    ConfigureDevice {
        /// ALSA name of the device.
        device: String,
        /// Sample rate that was asked for, in Hz.
        rate_hz: u32,
        /// What ALSA said.
        source: alsa::Error,
    },
    /// The device failed while playing and did not come back.
    #[error("cannot play on the sound device '{device}': {fault}; `--device '?'` lists the devices")]
    Play {
        /// ALSA name of the device.
        device: String,
        /// Fault of the device.
        fault: Fault,
    },
    /// The list of devices cannot be had.
    #[error("cannot list the sound devices: {source}; is alsa-lib's configuration installed?")]
    ListDevices {
        /// What ALSA said.
        source: alsa::Error,
    },
    /// The WAV file cannot be created.
    #[error("cannot create {}: {source}; does its folder exist, and may you write there?", path.display())]
    CreateWav {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: hound::Error,
    },
    /// The WAV file that should be continued holds sound of another form.
    #[error(
        "{} holds sound of another form than {rate_hz} Hz mono in the chosen format; remove it or name another file", path.display()
    )]
    OtherWav {
        /// The file.
        path: PathBuf,
        /// Sample rate that was wanted, in Hz.
        rate_hz: u32,
    },
    /// The WAV file cannot be written any further.
    #[error("cannot write {}: {source}; is the disk full?", path.display())]
    WriteWav {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: hound::Error,
    },
    /// Standard output does not take the samples.
    #[error("cannot write samples to standard output: {source}; did the reading program stop?")]
    WriteStandardOutput {
        /// What the system said.
        source: std::io::Error,
    },
}
