//! Encoders of recordings: one network computes the speaker embedding, two the codes of the codec.

use crier_bundle::{Bundle, Role};
use crier_speech::CODEBOOKS;

use crate::error::EnrolError;
use crate::limits::SAMPLE_RATE_HZ;
use crate::network::EncoderNetwork;

/// Columns of features that are computed at once: two seconds, so that memory does not grow with the recording.
const COLUMNS_AT_ONCE: usize = 50;

/// Network that computes a speaker embedding.
pub struct SpeakerEncoder {
    network: EncoderNetwork,
    hidden: usize,
}

impl SpeakerEncoder {
    /// Opens the speaker encoder of a bundle.
    ///
    /// # Errors
    /// [`EnrolError::Bundle`], [`EnrolError::Onnx`], and [`EnrolError::Contract`] if the network is another one.
    pub fn load(bundle: &Bundle, threads: usize) -> Result<Self, EnrolError> {
        let path = bundle.path(Role::SpeakerEncoder)?;
        let network = EncoderNetwork::open(&path, threads, "samples", "embedding")?;
        // A network of another rate would hear every voice higher or lower, without any error.
        if network.number("sample_rate")? != SAMPLE_RATE_HZ as usize {
            return Err(network.contract("it hears another sample rate"));
        }
        Ok(Self { network, hidden: bundle.layout().hidden })
    }

    /// Returns the embedding (x-vector) of the speaker of `samples`, which are at [`SAMPLE_RATE_HZ`].
    ///
    /// # Errors
    /// [`EnrolError::Run`], as with a recording that is shorter than a column of the spectrogram;
    /// [`EnrolError::Contract`] if the output cannot be used.
    pub fn embed(&mut self, samples: &[f32]) -> Result<Vec<f32>, EnrolError> {
        let embedding: Vec<f32> = self.network.run(&[samples.len()], samples.to_vec())?;
        // One NaN in an embedding would make every utterance of the voice silent.
        match embedding.len() == self.hidden && embedding.iter().all(|v| v.is_finite()) {
            true => Ok(embedding),
            false => Err(self.network.contract("its embedding does not fit the talker")),
        }
    }
}

/// Networks that encode samples as codes of the codec.
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
    /// [`EnrolError::Bundle`], [`EnrolError::Onnx`], and [`EnrolError::Contract`] if the network is another one.
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

    /// Returns the codes of `samples`, which are at [`SAMPLE_RATE_HZ`]: a frame for every 80 ms, incomplete ones
    /// included.
    ///
    /// # Errors
    /// [`EnrolError::Run`]; [`EnrolError::Contract`] if the output holds no codes.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<[u16; CODEBOOKS]>, EnrolError> {
        // ONNX Runtime refuses tensors without elements.
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        let step = self.samples_per_column;
        let columns = samples.len().div_ceil(step);
        let mut features: Vec<f32> = Vec::new();
        for first in (0..columns).step_by(COLUMNS_AT_ONCE) {
            // The network is causal with a limited receptive field: with that much in front of it, a part has the same
            // features as in the whole recording. Those of the columns in front are dropped.
            let before = self.columns_back.min(first);
            let end = ((first + COLUMNS_AT_ONCE) * step).min(samples.len());
            let part = &samples[(first - before) * step..end];
            let made: Vec<f32> = self.features.run(&[part.len()], part.to_vec())?;
            let width = made.len() / part.len().div_ceil(step);
            features.extend_from_slice(&made[before * width..]);
        }
        // All columns in one run: the transformer behind the features attends to the columns before.
        let width = features.len() / columns;
        let codes: Vec<i64> = self.codes.run(&[columns, width], features)?;
        let frame = |row: &[i64; CODEBOOKS]| -> Option<[u16; CODEBOOKS]> {
            // The talker looks codes up in its tables without another check.
            let known = |&code: &i64| usize::try_from(code).is_ok_and(|code| code < self.codebook_size);
            row.iter().all(known).then(|| row.map(|code| code as u16))
        };
        let frames: Option<Vec<_>> = codes.as_chunks::<CODEBOOKS>().0.iter().map(frame).collect();
        frames
            .filter(|frames| frames.len() == columns.div_ceil(2))
            .ok_or_else(|| self.codes.contract("what it makes are no codes"))
    }
}
