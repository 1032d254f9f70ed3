//! Errors of devices and files.

use std::path::PathBuf;

use crate::pcm::device::Fault;

/// Error of a device or sink. Each names the device or file and a remedy.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// The sound device could not be opened.
    #[error("cannot open the sound device '{device}': {source}; `crier say --device '?'` lists the devices")]
    OpenDevice {
        /// ALSA name of the device.
        device: String,
        /// Error of alsa-lib.
        source: alsa::Error,
    },
    /// The device opened but accepts no configuration for speech.
    #[error(
        "the sound device '{device}' refuses {rate_hz} Hz mono sound: {source}; \
         a name that begins with 'plug' converts"
    )]
    ConfigureDevice {
        /// ALSA name of the device.
        device: String,
        /// Requested sample rate, in Hz.
        rate_hz: u32,
        /// Error of alsa-lib.
        source: alsa::Error,
    },
    /// The device failed while playing and did not come back.
    #[error(
        "cannot play on the sound device '{device}': {fault}; `crier say --device '?'` lists the devices"
    )]
    Play {
        /// ALSA name of the device.
        device: String,
        /// Fault of the device.
        fault: Fault,
    },
    /// The devices cannot be listed.
    #[error("cannot list the sound devices: {source}; is alsa-lib's configuration installed?")]
    ListDevices {
        /// Error of alsa-lib.
        source: alsa::Error,
    },
    /// The WAV file cannot be created.
    #[error("cannot create {}: {source}; does its folder exist, and may you write there?", path.display())]
    CreateWav {
        /// The file.
        path: PathBuf,
        /// Error of the writer.
        source: hound::Error,
    },
    /// The WAV file to continue holds sound in another format.
    #[error(
        "{} holds sound of another form than {rate_hz} Hz mono in the chosen format; remove it or name another file",
        path.display()
    )]
    OtherWav {
        /// The file.
        path: PathBuf,
        /// Expected sample rate, in Hz.
        rate_hz: u32,
    },
    /// The WAV file cannot be written any further.
    #[error("cannot write {}: {source}; is the disk full?", path.display())]
    WriteWav {
        /// The file.
        path: PathBuf,
        /// Error of the writer.
        source: hound::Error,
    },
    /// Standard output does not take the samples.
    #[error("cannot write samples to standard output: {source}; did the reading program stop?")]
    WriteStandardOutput {
        /// Error of the system.
        source: std::io::Error,
    },
}
