//! `config.json`, `generation_config.json`, `tokenizer_config.json` and `speech_tokenizer/config.json`: the keys that
//! matter, under their own names. Everything else in these files is left unread.

use std::collections::BTreeMap;

use crier_bundle::TransformerShape;
use serde::Deserialize;

/// `config.json`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct ModelConfig {
    pub tts_model_type: String,
    pub tts_model_size: String,
    pub tokenizer_type: String,
    pub im_start_token_id: u32,
    pub im_end_token_id: u32,
    pub tts_pad_token_id: u32,
    pub tts_bos_token_id: u32,
    pub tts_eos_token_id: u32,
    pub talker_config: TalkerConfig,
    /// Base models only.
    #[serde(default)]
    pub speaker_encoder_config: Option<SpeakerEncoderConfig>,
    /// Addition of this project, in checkpoints made for it.
    #[serde(default)]
    pub crier: CrierConfig,
}

/// Description that a checkpoint made for this program gives of itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrierConfig {
    /// Name of the voice.
    pub name: Option<String>,
    /// File name of the lexicon, for a voice with phoneme input: lines `word TAB phonemes`, sorted by bytes.
    pub lexicon: Option<String>,
    /// Text normalization before tokenization.
    #[serde(default)]
    pub text_normalisation: crier_speech::TextNormalisation,
    /// Number of frames by which the voice reads ahead of its speech.
    #[serde(default)]
    pub lead_frames: usize,
}

/// Sizes of a stack of Qwen3 layers.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct TransformerConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    pub rms_norm_eps: f32,
    pub rope_theta: f32,
    pub vocab_size: usize,
    pub max_position_embeddings: usize,
}

impl TransformerConfig {
    /// Returns the sizes in the form of the manifest.
    pub(crate) fn shape(&self) -> TransformerShape {
        TransformerShape {
            hidden: self.hidden_size,
            intermediate: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            rms_epsilon: self.rms_norm_eps,
            rope_theta: self.rope_theta,
        }
    }
}

/// `talker_config`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct TalkerConfig {
    #[serde(flatten)]
    pub transformer: TransformerConfig,
    pub text_hidden_size: usize,
    pub text_vocab_size: usize,
    pub num_code_groups: usize,
    pub codec_pad_id: u32,
    pub codec_bos_id: u32,
    pub codec_eos_token_id: u32,
    pub codec_think_id: u32,
    pub codec_nothink_id: u32,
    pub codec_think_bos_id: u32,
    pub codec_think_eos_id: u32,
    pub codec_language_id: BTreeMap<String, u32>,
    #[serde(default)]
    pub spk_id: BTreeMap<String, u32>,
    #[serde(default)]
    pub spk_is_dialect: BTreeMap<String, SpeakerDialect>,
    pub code_predictor_config: TransformerConfig,
}

/// `false`, or the name of a dialect.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum SpeakerDialect {
    /// No dialect (or an unnamed one, which no model has).
    Flag(bool),
    /// The dialect's name among the languages.
    Name(String),
}

/// `generation_config.json`; absent keys have the official package's values.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct GenerationConfig {
    pub do_sample: bool,
    pub temperature: f32,
    pub top_k: usize,
    pub top_p: f32,
    pub repetition_penalty: f32,
    pub subtalker_dosample: bool,
    pub subtalker_temperature: f32,
    pub subtalker_top_k: usize,
    pub subtalker_top_p: f32,
    pub max_new_tokens: u32,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self {
            do_sample: true,
            temperature: 0.9,
            top_k: 50,
            top_p: 1.0,
            repetition_penalty: 1.05,
            subtalker_dosample: true,
            subtalker_temperature: 0.9,
            subtalker_top_k: 50,
            subtalker_top_p: 1.0,
            max_new_tokens: 2048,
        }
    }
}

/// `tokenizer_config.json`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct TokenizerConfig {
    pub added_tokens_decoder: BTreeMap<u32, AddedTokenConfig>,
}

/// One added token.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct AddedTokenConfig {
    pub content: String,
}

/// `speech_tokenizer/config.json`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct SpeechTokenizerConfig {
    pub model_type: String,
    pub output_sample_rate: u32,
    pub decode_upsample_rate: usize,
    pub decoder_config: DecoderConfig,
    /// Encoder of recordings; a checkpoint without enrolment may lack it.
    #[serde(default)]
    pub encoder_config: Option<EncoderConfig>,
}

/// `speaker_encoder_config`; absent keys have the official package's values.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct SpeakerEncoderConfig {
    pub sample_rate: usize,
    pub mel_dim: usize,
    pub enc_dim: usize,
    pub enc_channels: Vec<usize>,
    pub enc_kernel_sizes: Vec<usize>,
    pub enc_dilations: Vec<usize>,
    pub enc_attention_channels: usize,
    pub enc_res2net_scale: usize,
    pub enc_se_channels: usize,
}

impl Default for SpeakerEncoderConfig {
    fn default() -> Self {
        Self {
            sample_rate: 24_000,
            mel_dim: 128,
            enc_dim: 1024,
            enc_channels: vec![512, 512, 512, 512, 1536],
            enc_kernel_sizes: vec![5, 3, 3, 3, 1],
            enc_dilations: vec![1, 2, 3, 4, 1],
            enc_attention_channels: 128,
            enc_res2net_scale: 8,
            enc_se_channels: 128,
        }
    }
}

/// `encoder_config`: that of a Mimi encoder.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct EncoderConfig {
    pub audio_channels: usize,
    pub codebook_dim: usize,
    pub codebook_size: usize,
    pub compress: usize,
    pub head_dim: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub kernel_size: usize,
    pub last_kernel_size: usize,
    pub norm_eps: f32,
    pub num_attention_heads: usize,
    pub num_filters: usize,
    pub num_hidden_layers: usize,
    pub num_key_value_heads: usize,
    pub num_quantizers: usize,
    pub num_residual_layers: usize,
    pub num_semantic_quantizers: usize,
    pub residual_kernel_size: usize,
    pub rope_theta: f32,
    pub sampling_rate: usize,
    pub upsampling_ratios: Vec<usize>,
}

/// `decoder_config`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct DecoderConfig {
    pub latent_dim: usize,
    pub codebook_dim: usize,
    pub codebook_size: usize,
    pub decoder_dim: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub head_dim: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub num_hidden_layers: usize,
    pub num_quantizers: usize,
    pub rms_norm_eps: f32,
    pub rope_theta: f32,
    pub sliding_window: usize,
    pub upsample_rates: Vec<usize>,
    pub upsampling_ratios: Vec<usize>,
}
