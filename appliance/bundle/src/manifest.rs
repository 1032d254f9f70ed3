//! `voice.toml`: what is in the bundle.

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
    /// What the voice is called.
    pub name: String,
    /// What identifies the model, whatever it was quantised to: a voice file speaks with every bundle that has its identity.
    /// Made of the checkpoint, 64 hexadecimal digits.
    pub model: String,
    /// Everything that is not a weight.
    pub voice: VoiceLayout,
    /// The talker's sizes.
    pub talker: TalkerShape,
    /// The predictor's sizes.
    pub predictor: PredictorShape,
    /// The vocoder's sizes.
    pub vocoder: VocoderShape,
    /// Tokens outside the BPE vocabulary.
    pub added_tokens: Vec<AddedToken>,
    /// All files but this one.
    pub file: Vec<FileEntry>,
}

/// A stack of Qwen3 layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerShape {
    /// Width.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Epsilon of the norms.
    pub rms_epsilon: f32,
    /// Base of the rotary embedding.
    pub rope_theta: f32,
}

impl TransformerShape {
    /// Cosines and sines that turn queries and keys, `positions` rows of `head_dim / 2` numbers each: at position `p`,
    /// pair `i` of a head turns by `p * rope_theta^(-i / (head_dim / 2))` (Su et al., "RoFormer", 2021).
    #[must_use]
    pub fn rotation(&self, positions: usize) -> (Vec<f32>, Vec<f32>) {
        let half = self.head_dim / 2;
        let angle = |index: usize| {
            let frequency = f64::from(self.rope_theta).powf(-((index % half) as f64) / half as f64) as f32;
            (index / half) as f32 * frequency
        };
        (0..positions * half).map(|index| (angle(index).cos(), angle(index).sin())).unzip()
    }
}

/// The talker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalkerShape {
    /// Its layers.
    pub transformer: TransformerShape,
    /// Type of its weights, as given to `crier convert`.
    pub quantisation: String,
    /// Positions that the model was made for.
    pub positions_max: usize,
}

/// The code predictor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictorShape {
    /// Its layers.
    pub transformer: TransformerShape,
    /// Type of its weights, as given to `crier convert`.
    pub quantisation: String,
    /// Whether its input passes through a projection (talker and predictor differ in width).
    pub projection: bool,
}

/// The codec decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VocoderShape {
    /// Type of its weights, as given to `crier convert`.
    pub precision: String,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Samples that one frame becomes.
    pub samples_per_frame: usize,
    /// States that are carried from call to call, all zero at the beginning.
    pub states: Vec<VocoderState>,
}

/// One streaming state of the vocoder: graph input `NAME`, graph output `NAME_next`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VocoderState {
    /// Name of the graph input.
    pub name: String,
    /// Shape, 32-bit floats.
    pub shape: Vec<usize>,
}

/// What a file is for.
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
    /// How words sound, for voices that read sounds.
    Lexicon,
    /// What makes a speaker's embedding of a recording.
    SpeakerEncoder,
    /// Weights of the speaker encoder.
    SpeakerEncoderWeights,
    /// First half of the codec's encoder: a recording's features.
    CodecFeatures,
    /// Weights of the first half of the codec's encoder.
    CodecFeaturesWeights,
    /// Second half of the codec's encoder: codes of the features.
    CodecCodes,
    /// Weights of the second half of the codec's encoder.
    CodecCodesWeights,
}

/// How numbers stand in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// 32-bit floats, little-endian.
    F32,
    /// 16-bit IEEE floats, little-endian.
    F16,
    /// ggml's blocks: a 16-bit float, then 32 signed bytes that it scales.
    #[allow(non_camel_case_types)]
    Q8_0,
}

impl TableFormat {
    /// Numbers in a block of [`Self::Q8_0`].
    pub(crate) const Q8_0_BLOCK: usize = 32;
    /// Bytes of a block of [`Self::Q8_0`].
    pub(crate) const Q8_0_BLOCK_BYTES: usize = 2 + Self::Q8_0_BLOCK;

    /// Bytes of a row of `columns` numbers.
    #[must_use]
    pub fn row_bytes(self, columns: usize) -> usize {
        match self {
            Self::F32 => columns * 4,
            Self::F16 => columns * 2,
            Self::Q8_0 => columns.div_ceil(Self::Q8_0_BLOCK) * Self::Q8_0_BLOCK_BYTES,
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// What it is for.
    pub role: Role,
    /// Its name inside the bundle; no folders.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// For tables: how numbers stand in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TableFormat>,
}
