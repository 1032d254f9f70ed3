//! Sound of a command: into a file, a pipe or a sound card, without the player stage.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crier_player::{AlsaSink, PlayerError, Sink, WavFormat, WavSink};
use crier_speech::CODEBOOKS;
use crier_system::PartialFile;

use crate::sink_thread::{SinkThread, SinkThreadError};

/// Place to which the sound goes.
#[derive(Debug, Clone)]
pub struct OutputTarget {
    /// WAV file, `-` for standard output; `None`: the device.
    pub wav: Option<PathBuf>,
    /// Format of its samples.
    pub format: WavFormat,
    /// Sound device.
    pub device: String,
    /// File of the codes.
    pub codes: Option<PathBuf>,
}

/// Reasons why the sound does not get to its place.
#[derive(Debug, thiserror::Error)]
pub enum SoundOutputError {
    /// The device or the WAV file.
    #[error(transparent)]
    Sink(#[from] SinkThreadError),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
}

/// Output of the speech, and the files that get their names when it is complete.
pub struct SoundOutput {
    sink: SinkThread,
    /// Temporary name of the sound, and its final one.
    partial: Option<(PartialFile, PathBuf)>,
    codes: Option<CodesFile>,
}

/// File of the codes, open from the start: a path that cannot be written is told before anything is spoken.
struct CodesFile {
    path: PathBuf,
    file: std::fs::File,
    partial: Option<PartialFile>,
}

impl CodesFile {
    fn open(path: &Path) -> Result<Self, SoundOutputError> {
        let partial = PartialFile::new(path);
        let written = partial.as_ref().map_or(path, PartialFile::temporary);
        let file = std::fs::File::create(written);
        let file = file.map_err(|source| SoundOutputError::Write { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, partial })
    }

    fn write(mut self, codes: &[[u16; CODEBOOKS]]) -> Result<(), SoundOutputError> {
        let lines: String =
            codes.iter().map(|frame| frame.map(|code| code.to_string()).join(",") + "\n").collect();
        let written = self.file.write_all(lines.as_bytes());
        let completed = written.and_then(|()| self.partial.map_or(Ok(()), PartialFile::complete));
        completed.map_err(|source| SoundOutputError::Write { path: self.path, source })
    }
}

impl SoundOutput {
    /// Opens the output.
    ///
    /// # Errors
    /// [`SoundOutputError`]; nothing is left behind.
    pub async fn open(target: OutputTarget, rate_hz: u32) -> Result<Self, SoundOutputError> {
        let OutputTarget { wav: path, format, device, codes } = target;
        let codes = codes.as_deref().map(CodesFile::open).transpose()?;
        let partial = path.as_deref().and_then(PartialFile::new);
        let temporary = partial.as_ref().map(|partial| partial.temporary().to_owned());
        let wav = temporary.or_else(|| path.clone());
        let partial = partial.zip(path);
        let sink = SinkThread::start(move || open_sink(wav.as_deref(), format, &device, rate_hz)).await?;
        Ok(Self { sink, partial, codes })
    }

    /// Hands samples over; waits while the output is behind.
    ///
    /// # Errors
    /// The sink's.
    pub async fn write(&mut self, samples: Vec<f32>) -> Result<(), SoundOutputError> {
        Ok(self.sink.write(samples).await?)
    }

    /// Waits until everything is written or heard; returns the time of the first samples.
    ///
    /// # Errors
    /// The sink's, or a file cannot be completed.
    pub async fn finish(mut self, codes: &[[u16; CODEBOOKS]]) -> Result<Option<Instant>, SoundOutputError> {
        let first = self.sink.finish().await?;
        // Before the sound gets its name: a complete WAV file means that the codes are there, too.
        if let Some(file) = self.codes.take() {
            file.write(codes)?;
        }
        if let Some((partial, path)) = self.partial.take() {
            partial.complete().map_err(|source| SoundOutputError::Write { path, source })?;
        }
        Ok(first)
    }
}

fn open_sink(
    wav: Option<&Path>,
    format: WavFormat,
    device: &str,
    rate_hz: u32,
) -> Result<Box<dyn Sink>, PlayerError> {
    let Some(path) = wav else { return Ok(Box::new(AlsaSink::open(device, rate_hz)?)) };
    Ok(Box::new(WavSink::create(path, rate_hz, format)?))
}
