//! The networks that listen: one hears who speaks, the other writes down every sound as codes.

use crier_bundle::{Bundle, Role};
use crier_speech::CODEBOOKS;

use crate::EnrolError;
use crate::network::EncoderNetwork;

/// Samples in a second of what the encoders hear.
pub const SAMPLE_RATE_HZ: u32 = 24_000;
/// Columns of features made in one go: two seconds, so that an hour would not need more memory than a minute.
const COLUMNS_AT_ONCE: usize = 50;

/// Hears who speaks.
pub struct SpeakerEncoder {
    network: EncoderNetwork,
    hidden: usize,
}

impl SpeakerEncoder {
    /// Opens the speaker encoder of a bundle.
    ///
    /// # Errors
    /// [`EnrolError::Bundle`], [`EnrolError::Onnx`], and [`EnrolError::Contract`] when it is something else.
    pub fn load(bundle: &Bundle, threads: usize) -> Result<Self, EnrolError> {
        let path = bundle.path(Role::SpeakerEncoder)?;
        let network = EncoderNetwork::open(&path, threads, "samples", "embedding")?;
        if network.number("sample_rate")? != SAMPLE_RATE_HZ as usize {
            return Err(network.contract("it hears another sample rate"));
        }
        Ok(Self { network, hidden: bundle.layout().hidden })
    }

    /// The embedding (x-vector) of whoever speaks in `samples`, which are at [`SAMPLE_RATE_HZ`].
    ///
    /// # Errors
    /// [`EnrolError::Run`], as with a recording that is shorter than a column of the spectrogram;
    /// [`EnrolError::Contract`] when what comes out cannot be used.
    pub fn embed(&mut self, samples: &[f32]) -> Result<Vec<f32>, EnrolError> {
        let embedding: Vec<f32> = self.network.run(&[samples.len()], samples.to_vec())?;
        match embedding.len() == self.hidden && embedding.iter().all(|v| v.is_finite()) {
            true => Ok(embedding),
            false => Err(self.network.contract("its embedding does not fit the talker")),
        }
    }
}

/// Writes down sounds as codes.
pub struct CodecEncoder {
    features: EncoderNetwork,
    codes: EncoderNetwork,
    samples_per_column: usize,
    columns_back: usize,
    codebook_size: usize,
}

impl CodecEncoder {
    /// Opens the codec's encoder of a bundle.
    ///
    /// # Errors
    /// [`EnrolError::Bundle`], [`EnrolError::Onnx`], and [`EnrolError::Contract`] when it is something else.
    pub fn load(bundle: &Bundle, threads: usize) -> Result<Self, EnrolError> {
        let features = bundle.path(Role::CodecFeatures)?;
        let features = EncoderNetwork::open(&features, threads, "samples", "features")?;
        let codes = EncoderNetwork::open(&bundle.path(Role::CodecCodes)?, threads, "features", "codes")?;
        if features.number("sample_rate")? != SAMPLE_RATE_HZ as usize {
            return Err(features.contract("it hears another sample rate"));
        }
        if codes.number("codebook_size")? != bundle.layout().codebook_size {
            return Err(codes.contract("its codebooks are not the talker's"));
        }
        Ok(Self {
            samples_per_column: features.number("samples_per_column")?,
            columns_back: features.number("columns_back")?,
            codebook_size: bundle.layout().codebook_size,
            features,
            codes,
        })
    }

    /// The codes of `samples`, which are at [`SAMPLE_RATE_HZ`]: a frame for every 80 ms, begun ones included.
    ///
    /// # Errors
    /// [`EnrolError::Run`]; [`EnrolError::Contract`] when what comes out are no codes.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<[u16; CODEBOOKS]>, EnrolError> {
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        let step = self.samples_per_column;
        let columns = samples.len().div_ceil(step);
        let mut features: Vec<f32> = Vec::new();
        for first in (0..columns).step_by(COLUMNS_AT_ONCE) {
            // Columns in front of the part are there to be looked back at, and not kept.
            let before = self.columns_back.min(first);
            let end = ((first + COLUMNS_AT_ONCE) * step).min(samples.len());
            let part = &samples[(first - before) * step..end];
            let made: Vec<f32> = self.features.run(&[part.len()], part.to_vec())?;
            let width = made.len() / part.len().div_ceil(step);
            features.extend_from_slice(&made[before * width..]);
        }
        let width = features.len() / columns;
        let codes: Vec<i64> = self.codes.run(&[columns, width], features)?;
        let frame = |row: &[i64; CODEBOOKS]| -> Option<[u16; CODEBOOKS]> {
            let known = |&code: &i64| usize::try_from(code).is_ok_and(|code| code < self.codebook_size);
            row.iter().all(known).then(|| row.map(|code| code as u16))
        };
        let frames: Option<Vec<_>> = codes.as_chunks::<CODEBOOKS>().0.iter().map(frame).collect();
        frames
            .filter(|frames| frames.len() == columns.div_ceil(2))
            .ok_or_else(|| self.codes.contract("what it makes are no codes"))
    }
}
