//! `voice.toml`, the manifest of a bundle.

use crier_speech::{AddedToken, VoiceLayout};
use serde::{Deserialize, Serialize};

/// The manifest's file name.
pub const MANIFEST_NAME: &str = "voice.toml";

/// The whole manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this file's format.
    pub format: u32,
    /// Name of the voice.
    pub name: String,
    /// Identity of the model, independent of quantisation: a voice file fits every bundle with the same identity. A
    /// hash of the checkpoint, 64 hexadecimal digits.
    pub model: String,
    /// Properties of the voice other than weights.
    pub voice: VoiceLayout,
    /// Shape of the talker.
    pub talker: TalkerShape,
    /// Shape of the code predictor.
    pub predictor: PredictorShape,
    /// Shape of the vocoder.
    pub vocoder: VocoderShape,
    /// Tokens outside the BPE vocabulary.
    pub added_tokens: Vec<AddedToken>,
    /// All files except the manifest.
    pub file: Vec<FileEntry>,
}

/// Shape of a stack of Qwen3 layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerShape {
    /// Width of the hidden state.
    pub hidden: usize,
    /// Width inside the feed-forward network.
    pub intermediate: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Width of an attention head.
    pub head_dim: usize,
    /// Epsilon of the RMS norms.
    pub rms_epsilon: f32,
    /// Base of the rotary position embedding.
    pub rope_theta: f32,
}

impl TransformerShape {
    /// Returns the cosines and sines of the rotary position embedding, `positions` rows of `head_dim / 2` numbers each:
    /// at position `p`, pair `i` of a head turns by `p * rope_theta^(-i / (head_dim / 2))` (Su et al., "RoFormer",
    /// 2021).
    #[must_use]
    pub fn rotation(&self, positions: usize) -> (Vec<f32>, Vec<f32>) {
        let half = self.head_dim / 2;
        let angle = |index: usize| {
            // Frequencies in double precision, angles in single, as the reference implementation rounds them.
            let frequency = f64::from(self.rope_theta).powf(-((index % half) as f64) / half as f64) as f32;
            // Positions are small whole numbers, which are exact in 32 bits.
            (index / half) as f32 * frequency
        };
        (0..positions * half).map(|index| (angle(index).cos(), angle(index).sin())).unzip()
    }
}

/// Shape of the talker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalkerShape {
    /// Transformer layers.
    pub transformer: TransformerShape,
    /// Number format of the weights, as given to `crier convert`.
    pub quantisation: String,
    /// Number of positions the model was trained for.
    pub positions_max: usize,
}

/// Shape of the code predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictorShape {
    /// Transformer layers.
    pub transformer: TransformerShape,
    /// Number format of the weights, as given to `crier convert`.
    pub quantisation: String,
    /// True if its input passes through a projection, because talker and predictor differ in width.
    pub projection: bool,
}

/// Shape of the codec decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VocoderShape {
    /// Number format of the weights, as given to `crier convert`.
    pub precision: String,
    /// Sample rate in hertz.
    pub sample_rate_hz: u32,
    /// Number of samples per frame.
    pub samples_per_frame: usize,
    /// States carried from call to call, initially all zero.
    pub states: Vec<StateShape>,
}

/// A streaming state of the vocoder: graph input `NAME`, graph output `NAME_next`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateShape {
    /// Name of the graph input.
    pub name: String,
    /// Shape of the tensor of 32-bit floats.
    pub shape: Vec<usize>,
}

/// Purpose of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The talker for llama.cpp.
    Talker,
    /// The predictor for ggml.
    Predictor,
    /// The predictor for ONNX Runtime.
    PredictorOnnx,
    /// Weights of the predictor for ONNX Runtime.
    PredictorWeights,
    /// The vocoder's graph.
    Vocoder,
    /// The vocoder's graph with SnakeBeta spelled out in ONNX's own operators.
    VocoderPlain,
    /// The vocoder's weights, shared by both graphs.
    VocoderWeights,
    /// Projected text embeddings.
    TextEmbedding,
    /// The talker's embeddings of codes and tags.
    CodecEmbedding,
    /// The predictor's fifteen embedding tables, one after the other.
    PredictorEmbedding,
    /// The tokenizer's vocabulary.
    Vocabulary,
    /// The tokenizer's merges.
    Merges,
    /// Pronunciation lexicon, for voices with phoneme input.
    Lexicon,
    /// Speaker encoder: embedding of a recording's speaker.
    SpeakerEncoder,
    /// Weights of the speaker encoder.
    SpeakerEncoderWeights,
    /// First half of the codec's encoder: features of a recording.
    CodecFeatures,
    /// Weights of the first half of the codec's encoder.
    CodecFeaturesWeights,
    /// Second half of the codec's encoder: features to codes.
    CodecCodes,
    /// Weights of the second half of the codec's encoder.
    CodecCodesWeights,
}

/// Number format of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// 32-bit floats, little-endian.
    F32,
    /// 16-bit IEEE floats, little-endian.
    F16,
    /// ggml's Q8_0 blocks: a 16-bit float as scale, then 32 signed bytes.
    #[allow(non_camel_case_types)]
    Q8_0,
}

impl TableFormat {
    /// Numbers per block of [`Self::Q8_0`].
    pub(crate) const Q8_0_BLOCK: usize = 32;
    /// Bytes per block of [`Self::Q8_0`].
    pub(crate) const Q8_0_BLOCK_BYTES: usize = 2 + Self::Q8_0_BLOCK;

    /// Size of a row of `columns` numbers in bytes.
    #[must_use]
    pub fn row_bytes(self, columns: usize) -> usize {
        match self {
            Self::F32 => columns * 4,
            Self::F16 => columns * 2,
            Self::Q8_0 => columns.div_ceil(Self::Q8_0_BLOCK) * Self::Q8_0_BLOCK_BYTES,
        }
    }
}

/// Manifest entry of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Purpose of the file.
    pub role: Role,
    /// File name inside the bundle, without folders.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Number format, for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TableFormat>,
}
