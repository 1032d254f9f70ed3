//! Decoding of files. Lengths in a file's header are not trusted: decoded samples are counted.

use std::fs::File;
use std::path::Path;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;

use crate::error::AudioError;
use crate::limits::{CHANNELS_MAX, Limits, RATES_HZ};
use crate::patched_file::PatchedFile;
use crate::sound::Sound;

/// Reads a WAV or FLAC file of any usual format; several channels become their mean.
///
/// Memory is bounded by the limits, whatever lengths the file announces.
///
/// # Errors
/// Every error of this crate but [`AudioError::Resample`].
pub fn read(path: &Path, limits: Limits) -> Result<Sound, AudioError> {
    let failed = |source| AudioError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Reading a pipe or a device could block for ever, and has no end.
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(damaged(path, "it is not a regular file"));
    }
    let file = PatchedFile::open(file).map_err(failed)?;
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let wrong = |error: Error| match error {
        Error::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            damaged(path, "it ends too early")
        }
        Error::IoError(source) => failed(source),
        other => damaged(path, &other.to_string()),
    };
    let probe = symphonia::default::get_probe();
    let mut format =
        // No hint from the file's name: the content decides.
        probe.probe(&Hint::new(), stream, Default::default(), Default::default()).map_err(wrong)?;
    let track = format.default_track(TrackType::Audio).ok_or_else(|| damaged(path, "it has no sound"))?;
    let (track_id, announced) = (track.id, track.num_frames);
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| damaged(path, "it does not say how it is coded"))?;
    // Without a statement the usual depth is assumed: only recordings that are known to be coarse are refused.
    let bits = parameters.bits_per_sample.or(parameters.bits_per_coded_sample).unwrap_or(16);
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &Default::default())
        .map_err(wrong)?;
    let mut mono = Mono { path, limits, samples: Vec::new(), rate_hz: 0, channels: 0, block: Vec::new() };
    loop {
        match next(format.as_mut(), decoder.as_mut(), track_id) {
            Ok(Some(buffer)) => mono.append(&buffer)?,
            Ok(None) => break,
            Err(error) => return Err(wrong(error)),
        }
    }
    let Mono { samples, rate_hz, .. } = mono;
    if samples.is_empty() {
        return Err(AudioError::Empty { path: path.to_owned() });
    }
    // symphonia ends silently where a FLAC file was cut between two blocks.
    if announced.is_some_and(|announced| announced > samples.len() as u64) {
        return Err(damaged(path, "it ends too early"));
    }
    // Float WAV files can hold them, and one would spread through every network and filter.
    if let Some(at) = samples.iter().position(|s| !s.is_finite()) {
        return Err(AudioError::NotANumber { path: path.to_owned(), at, value: samples[at] });
    }
    Ok(Sound { samples, rate_hz, bits })
}

fn damaged(path: &Path, reason: &str) -> AudioError {
    AudioError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

/// Decodes the next block of the track; `None` at its end.
fn next<'a>(
    format: &mut dyn FormatReader,
    decoder: &'a mut dyn AudioDecoder,
    track_id: u32,
) -> Result<Option<GenericAudioBufferRef<'a>>, Error> {
    while let Some(packet) = format.next_packet()? {
        if packet.track_id == track_id {
            return decoder.decode(&packet).map(Some);
        }
    }
    Ok(None)
}

/// Samples decoded so far.
struct Mono<'a> {
    path: &'a Path,
    limits: Limits,
    samples: Vec<f32>,
    rate_hz: u32,
    channels: usize,
    /// Interleaved channels of the current block.
    block: Vec<f32>,
}

impl Mono<'_> {
    fn append(&mut self, buffer: &GenericAudioBufferRef<'_>) -> Result<(), AudioError> {
        let (rate_hz, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        if !RATES_HZ.contains(&rate_hz) || channels == 0 || channels > CHANNELS_MAX {
            return Err(AudioError::Form { path: self.path.to_owned(), channels, rate_hz });
        }
        // Each FLAC block carries rate and channels of its own, so a damaged or forged file may change them.
        if self.channels == 0 {
            (self.rate_hz, self.channels) = (rate_hz, channels);
        } else if (self.rate_hz, self.channels) != (rate_hz, channels) {
            return Err(damaged(self.path, "it changes its form half way"));
        }
        // Checked before the block is appended: a header may announce a second and an hour may follow.
        let samples_max = u64::from(self.limits.seconds_max) * u64::from(rate_hz);
        if (self.samples.len() + buffer.frames()) as u64 > samples_max {
            let (path, seconds_max) = (self.path.to_owned(), self.limits.seconds_max);
            return Err(AudioError::TooLong { path, seconds_max });
        }
        // One buffer for all blocks, which are of about the same size.
        self.block.resize(buffer.samples_interleaved(), 0.0);
        buffer.copy_to_slice_interleaved(&mut self.block);
        // The mean, not the sum: it cannot exceed full scale.
        let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
        self.samples.extend(self.block.chunks_exact(channels).map(mean));
        Ok(())
    }
}
