//! WAV files that are complete at every moment: the header is updated after every write, so that a media player may
//! open the file during synthesis, and a killed program leaves a valid file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::encoding::to_s16;
use crate::error::PlayerError;
use crate::sink::Sink;

/// Format of samples in a WAV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WavFormat {
    /// Signed 16-bit integers: every program reads it.
    S16,
    /// 32-bit floats: the output of the vocoder, bit for bit.
    F32,
}

enum Target {
    File {
        path: PathBuf,
        writer: WavWriter<BufWriter<File>>,
    },
    /// What cannot seek back to the header, such as a pipe or a device: its lengths say "until the end".
    Stream {
        /// `None`: standard output.
        path: Option<PathBuf>,
        output: BufWriter<Box<dyn Write + Send>>,
    },
}

impl Target {
    /// Returns a stream with its header.
    fn stream(
        path: Option<&Path>,
        output: impl Write + Send + 'static,
        header: &[u8],
    ) -> Result<Self, PlayerError> {
        // The header is sent with the first samples: a reader that waits for sound gains nothing from it alone.
        let mut output = BufWriter::new(Box::new(output) as Box<dyn Write + Send>);
        output.write_all(header).map_err(|source| stream_error(path, source))?;
        Ok(Self::Stream { path: path.map(Path::to_owned), output })
    }
}

fn stream_error(path: Option<&Path>, source: std::io::Error) -> PlayerError {
    match path {
        Some(path) => PlayerError::WriteWav { path: path.to_owned(), source: source.into() },
        None => PlayerError::WriteStandardOutput { source },
    }
}

/// Writes mono WAV to a file, a pipe or a device, or to standard output when the path is `-`.
pub struct WavSink {
    target: Target,
    format: WavFormat,
}

impl WavSink {
    /// Creates (or overwrites) the file.
    ///
    /// # Errors
    /// [`PlayerError::CreateWav`] when the file cannot be created.
    pub fn create(path: &Path, rate_hz: u32, format: WavFormat) -> Result<Self, PlayerError> {
        let header = endless_header(rate_hz, format);
        if path == Path::new("-") {
            return Ok(Self { target: Target::stream(None, std::io::stdout(), &header)?, format });
        }
        // A pipe, a FIFO or a device is written as it is: neither created nor truncated.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            let output = std::fs::OpenOptions::new().write(true).open(path);
            let output = output.map_err(|source| stream_error(Some(path), source))?;
            return Ok(Self { target: Target::stream(Some(path), output, &header)?, format });
        }
        let writer = WavWriter::create(path, spec(rate_hz, format))
            .map_err(|source| PlayerError::CreateWav { path: path.to_path_buf(), source })?;
        Ok(Self { target: Target::File { path: path.to_path_buf(), writer }, format })
    }

    /// Continues the file where it ends, or creates it when there is none.
    ///
    /// # Errors
    /// [`PlayerError::CreateWav`] when the file cannot be created or is no WAV file, [`PlayerError::OtherWav`] when it
    /// holds sound of another form.
    pub fn append(path: &Path, rate_hz: u32, format: WavFormat) -> Result<Self, PlayerError> {
        // A killed player may have created the file and not written its header yet.
        let begun = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
        if !begun {
            return Self::create(path, rate_hz, format);
        }
        let writer = WavWriter::append(path)
            .map_err(|source| PlayerError::CreateWav { path: path.to_path_buf(), source })?;
        if writer.spec() != spec(rate_hz, format) {
            return Err(PlayerError::OtherWav { path: path.to_path_buf(), rate_hz });
        }
        Ok(Self { target: Target::File { path: path.to_path_buf(), writer }, format })
    }
}

fn spec(rate_hz: u32, format: WavFormat) -> WavSpec {
    let (bits_per_sample, sample_format) = match format {
        WavFormat::S16 => (16, SampleFormat::Int),
        WavFormat::F32 => (32, SampleFormat::Float),
    };
    WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample, sample_format }
}

impl Sink for WavSink {
    fn write(&mut self, samples: &[f32]) -> Result<(), PlayerError> {
        match &mut self.target {
            Target::File { path, writer } => {
                let mut all = || -> Result<(), hound::Error> {
                    for &sample in samples {
                        match self.format {
                            WavFormat::S16 => writer.write_sample(to_s16(sample))?,
                            WavFormat::F32 => writer.write_sample(sample)?,
                        }
                    }
                    // Also writes the header, which makes the file valid at this moment.
                    writer.flush()
                };
                all().map_err(|source| PlayerError::WriteWav { path: path.clone(), source })
            }
            Target::Stream { path, output } => {
                let mut all = || -> std::io::Result<()> {
                    for &sample in samples {
                        match self.format {
                            WavFormat::S16 => output.write_all(&to_s16(sample).to_le_bytes())?,
                            WavFormat::F32 => output.write_all(&sample.to_le_bytes())?,
                        }
                    }
                    output.flush()
                };
                all().map_err(|source| stream_error(path.as_deref(), source))
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<(), PlayerError> {
        match self.target {
            Target::File { path, writer } => {
                writer.finalize().map_err(|source| PlayerError::WriteWav { path, source })
            }
            Target::Stream { path, mut output } => {
                output.flush().map_err(|source| stream_error(path.as_deref(), source))
            }
        }
    }
}

/// Returns the 44-byte RIFF header of a mono stream of unknown length: both lengths are the largest possible, which
/// most programs read as "until the end".
fn endless_header(rate_hz: u32, format: WavFormat) -> [u8; 44] {
    let (code, bytes_per_sample) = match format {
        WavFormat::S16 => (1_u16, 2_u16),
        WavFormat::F32 => (3, 4),
    };
    let mut header = [0_u8; 44];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RIFF");
    put(4, &u32::MAX.to_le_bytes());
    put(8, b"WAVEfmt ");
    put(16, &16_u32.to_le_bytes());
    put(20, &code.to_le_bytes());
    put(22, &1_u16.to_le_bytes());
    put(24, &rate_hz.to_le_bytes());
    put(28, &(rate_hz * u32::from(bytes_per_sample)).to_le_bytes());
    put(32, &bytes_per_sample.to_le_bytes());
    put(34, &(8 * bytes_per_sample).to_le_bytes());
    put(36, b"data");
    put(40, &u32::MAX.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wav_file_is_valid_after_every_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let mut sink = Box::new(WavSink::create(&path, 24_000, WavFormat::F32).unwrap());
        sink.write(&[0.25, -0.5]).unwrap();
        let read = |path: &Path| -> Vec<f32> {
            hound::WavReader::open(path).unwrap().samples::<f32>().map(Result::unwrap).collect()
        };
        assert_eq!(read(&path), [0.25, -0.5]);
        sink.write(&[1.0]).unwrap();
        assert_eq!(read(&path), [0.25, -0.5, 1.0]);
        sink.finish().unwrap();
        assert_eq!(read(&path), [0.25, -0.5, 1.0]);
    }

    #[test]
    fn device_is_written_as_a_stream_and_a_full_one_is_named() {
        let mut sink = Box::new(WavSink::create(Path::new("/dev/null"), 24_000, WavFormat::S16).unwrap());
        sink.write(&[0.5]).unwrap();
        sink.finish().unwrap();
        let mut sink = Box::new(WavSink::create(Path::new("/dev/full"), 24_000, WavFormat::S16).unwrap());
        let error = sink.write(&[0.5]).unwrap_err().to_string();
        assert!(error.contains("/dev/full"), "{error}");
    }

    #[test]
    fn missing_folder_is_named() {
        let error = WavSink::create(Path::new("/no/such/folder/a.wav"), 24_000, WavFormat::S16)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("/no/such/folder/a.wav"), "{error}");
    }

    #[test]
    fn header_of_unknown_length_is_valid() {
        let mut bytes = endless_header(24_000, WavFormat::S16).to_vec();
        // Readers want lengths they can believe: put the true ones in and let a foreign reader judge the rest.
        bytes[4..8].copy_from_slice(&40_u32.to_le_bytes());
        bytes[40..44].copy_from_slice(&4_u32.to_le_bytes());
        bytes.extend([1, 0, 255, 255]);
        let mut reader = hound::WavReader::new(bytes.as_slice()).unwrap();
        assert_eq!(reader.spec().sample_rate, 24_000);
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, -1]);
    }

    #[test]
    fn file_is_continued_and_one_of_another_format_is_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.wav");
        for _ in 0..2 {
            let mut sink = WavSink::append(&path, 24_000, WavFormat::F32).unwrap();
            sink.write(&[0.1, 0.2]).unwrap();
            // Dropped without an end, as by a kill.
        }
        let samples: Vec<f32> =
            hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
        assert_eq!(samples, [0.1, 0.2, 0.1, 0.2]);
        let before = std::fs::read(&path).unwrap();
        let error = WavSink::append(&path, 48_000, WavFormat::F32).err().unwrap().to_string();
        assert!(error.contains("out.wav") && error.contains("48000"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
