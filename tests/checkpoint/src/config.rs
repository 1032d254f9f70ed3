//! Sizes and ids of the presets, and the configuration files that tell of them.

use serde_json::{Map, Value, json};

use crate::{CheckpointKind, Preset, Synthetic, bpe};

pub(crate) const CODEBOOKS: usize = 16;

/// The tokens outside the BPE vocabulary, in order of their ids.
const SPECIALS: [&str; 33] = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
    "<|audio_start|>",
    "<|audio_end|>",
    "<tts_pad>",
    "<tts_text_bos>",
    "<tts_text_eod>",
    "<tts_text_bos_single>",
    "<|audio_pad|>",
];
/// Ids in the published models; smaller codebooks shift them.
const LANGUAGES: [(&str, u32); 12] = [
    ("chinese", 2055),
    ("english", 2050),
    ("german", 2053),
    ("italian", 2070),
    ("portuguese", 2071),
    ("spanish", 2054),
    ("japanese", 2058),
    ("korean", 2064),
    ("french", 2061),
    ("russian", 2069),
    ("beijing_dialect", 2074),
    ("sichuan_dialect", 2062),
];
const SPEAKERS: [(&str, u32, Option<&str>); 9] = [
    ("serena", 3066, None),
    ("vivian", 3065, None),
    ("uncle_fu", 3010, None),
    ("ryan", 3061, None),
    ("aiden", 2861, None),
    ("ono_anna", 2873, None),
    ("sohee", 2864, None),
    ("eric", 2875, Some("sichuan_dialect")),
    ("dylan", 2878, Some("beijing_dialect")),
];

pub(crate) struct Transformer {
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head: usize,
    pub(crate) vocabulary: usize,
}

pub(crate) struct SpeakerEncoderSizes {
    pub(crate) channels: [usize; 5],
    pub(crate) attention: usize,
    pub(crate) squeeze: usize,
}

/// The codec's encoder.
pub(crate) struct CodecEncoderSizes {
    pub(crate) filters: usize,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) head: usize,
    pub(crate) codebook_width: usize,
    pub(crate) quantizers: usize,
}

/// The codec's decoder.
pub(crate) struct CodecDecoderSizes {
    pub(crate) latent: usize,
    pub(crate) codebook_width: usize,
    pub(crate) width: usize,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) head: usize,
    /// Frames that attention looks back on, the present one among them.
    pub(crate) window: usize,
}

pub(crate) struct Sizes {
    pub(crate) talker: Transformer,
    pub(crate) predictor: Transformer,
    pub(crate) codebook: usize,
    pub(crate) text_hidden: usize,
    pub(crate) text_vocabulary: usize,
    /// Id of the first special token.
    specials: u32,
    /// How a rotation is shared among three position axes; sums to half a head.
    rotation_sections: [usize; 3],
    positions: usize,
    pub(crate) speaker_encoder: SpeakerEncoderSizes,
    pub(crate) encoder: CodecEncoderSizes,
    pub(crate) decoder: CodecDecoderSizes,
}

impl Sizes {
    pub(crate) fn of(preset: Preset) -> Self {
        match preset {
            Preset::Tiny => Self::small([64, 128, 4, 2, 32], [64, 128, 4, 2, 32], 96, [6, 5, 5]),
            Preset::Tiny17 => Self::small([96, 192, 4, 2, 32], [64, 128, 4, 2, 32], 96, [6, 5, 5]),
            Preset::Kq => Self::small([256, 512, 8, 4, 64], [256, 512, 8, 4, 64], 512, [12, 10, 10]),
            Preset::Real => Self::real(),
        }
    }

    fn small(talker: [usize; 5], predictor: [usize; 5], text_hidden: usize, sections: [usize; 3]) -> Self {
        const CODEBOOK: usize = 256;
        let stack = |[hidden, intermediate, heads, kv_heads, head]: [usize; 5], layers, vocabulary| {
            Transformer { hidden, intermediate, layers, heads, kv_heads, head, vocabulary }
        };
        Self {
            talker: stack(talker, 3, CODEBOOK + 1024),
            predictor: stack(predictor, 2, CODEBOOK),
            codebook: CODEBOOK,
            text_hidden,
            text_vocabulary: 1024,
            specials: bpe::ENTRIES as u32,
            rotation_sections: sections,
            positions: 4096,
            speaker_encoder: SpeakerEncoderSizes {
                channels: [32, 32, 32, 32, 96],
                attention: 16,
                squeeze: 16,
            },
            encoder: CodecEncoderSizes {
                filters: 4,
                hidden: 64,
                intermediate: 128,
                layers: 2,
                heads: 2,
                head: 32,
                codebook_width: 32,
                quantizers: 20,
            },
            decoder: CodecDecoderSizes {
                latent: 64,
                codebook_width: 64,
                width: 64,
                hidden: 32,
                intermediate: 64,
                layers: 2,
                heads: 2,
                head: 32,
                window: 12,
            },
        }
    }

    fn real() -> Self {
        let stack = |layers, vocabulary| Transformer {
            hidden: 1024,
            intermediate: 3072,
            layers,
            heads: 16,
            kv_heads: 8,
            head: 128,
            vocabulary,
        };
        Self {
            talker: stack(28, 3072),
            predictor: stack(5, 2048),
            codebook: 2048,
            text_hidden: 2048,
            text_vocabulary: 151_936,
            specials: 151_643,
            rotation_sections: [24, 20, 20],
            positions: 32768,
            speaker_encoder: SpeakerEncoderSizes {
                channels: [512, 512, 512, 512, 1536],
                attention: 128,
                squeeze: 128,
            },
            encoder: CodecEncoderSizes {
                filters: 64,
                hidden: 512,
                intermediate: 2048,
                layers: 8,
                heads: 8,
                head: 64,
                codebook_width: 256,
                quantizers: 32,
            },
            decoder: CodecDecoderSizes {
                latent: 1024,
                codebook_width: 512,
                width: 1536,
                hidden: 512,
                intermediate: 1024,
                layers: 8,
                heads: 16,
                head: 64,
                window: 72,
            },
        }
    }

    /// Id of the special token with this number.
    pub(crate) fn special(&self, number: u32) -> u32 {
        self.specials + number
    }

    /// An id of the published talker vocabulary, moved along with the size of the codebooks.
    pub(crate) fn codec_id(&self, published: u32) -> u32 {
        published - 2048 + self.codebook as u32
    }
}

/// Names and contents of the configuration files.
pub(crate) fn files(checkpoint: &Synthetic, sizes: &Sizes, assistant: usize) -> Vec<(&'static str, Value)> {
    let mut added = Map::new();
    for (id, content) in (sizes.specials..).zip(SPECIALS) {
        let token = json!({ "content": content, "lstrip": false, "normalized": false, "rstrip": false,
            "single_word": false, "special": !content.starts_with("<t") && !content.starts_with("</") });
        added.insert(id.to_string(), token);
    }
    vec![
        ("config.json", model(checkpoint, sizes, assistant)),
        (
            "generation_config.json",
            json!({
                "do_sample": true, "repetition_penalty": 1.05, "temperature": 0.9, "top_p": 1.0, "top_k": 50,
                "subtalker_dosample": true, "subtalker_temperature": 0.9, "subtalker_top_p": 1.0,
                "subtalker_top_k": 50, "max_new_tokens": 8192,
            }),
        ),
        (
            "tokenizer_config.json",
            json!({
                "add_bos_token": false, "add_prefix_space": false, "added_tokens_decoder": added,
                "bos_token": null, "clean_up_tokenization_spaces": false, "eos_token": "<|im_end|>",
                "errors": "replace", "model_max_length": 131_072, "pad_token": "<|endoftext|>",
                "split_special_tokens": false, "tokenizer_class": "Qwen2Tokenizer", "unk_token": null,
            }),
        ),
        (
            "preprocessor_config.json",
            json!({
                "padding_side": "left", "padding_value": 0.0, "processor_class": "Qwen3TTSProcessor",
                "return_attention_mask": true,
            }),
        ),
        ("speech_tokenizer/config.json", codec(sizes)),
        (
            "speech_tokenizer/preprocessor_config.json",
            json!({
                "chunk_length_s": null, "feature_extractor_type": "EncodecFeatureExtractor", "feature_size": 1,
                "overlap": null, "padding_side": "right", "padding_value": 0.0, "return_attention_mask": true,
                "sampling_rate": 24000,
            }),
        ),
    ]
}

fn transformer(t: &Transformer) -> Map<String, Value> {
    let fields = [
        ("hidden_size", json!(t.hidden)),
        ("intermediate_size", json!(t.intermediate)),
        ("num_hidden_layers", json!(t.layers)),
        ("num_attention_heads", json!(t.heads)),
        ("num_key_value_heads", json!(t.kv_heads)),
        ("head_dim", json!(t.head)),
        ("vocab_size", json!(t.vocabulary)),
        ("num_code_groups", json!(CODEBOOKS)),
        ("hidden_act", json!("silu")),
        ("rms_norm_eps", json!(1e-6)),
        ("rope_theta", json!(1_000_000)),
        ("attention_bias", json!(false)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn model(checkpoint: &Synthetic, sizes: &Sizes, assistant: usize) -> Value {
    let mut predictor = transformer(&sizes.predictor);
    predictor.insert("model_type".into(), json!("qwen3_tts_talker_code_predictor"));
    predictor.insert("max_position_embeddings".into(), json!(sizes.positions));
    predictor.insert("layer_types".into(), json!(vec!["full_attention"; sizes.predictor.layers]));
    let speakers: &[_] = if checkpoint.kind == CheckpointKind::CustomVoice { &SPEAKERS } else { &[] };
    let ids: Map<String, Value> =
        speakers.iter().map(|s| (s.0.to_owned(), sizes.codec_id(s.1).into())).collect();
    let dialects: Map<String, Value> = speakers
        .iter()
        .map(|s| (s.0.to_owned(), s.2.map_or(Value::Bool(false), |dialect| json!(dialect))))
        .collect();
    let languages: Map<String, Value> =
        LANGUAGES.iter().map(|l| (l.0.to_owned(), sizes.codec_id(l.1).into())).collect();
    let mut talker = transformer(&sizes.talker);
    for (name, value) in [
        ("model_type", json!("qwen3_tts_talker")),
        ("max_position_embeddings", json!(sizes.positions)),
        ("text_hidden_size", json!(sizes.text_hidden)),
        ("text_vocab_size", json!(sizes.text_vocabulary)),
        ("position_id_per_seconds", json!(13)),
        (
            "rope_scaling",
            json!({ "interleaved": true, "mrope_section": sizes.rotation_sections,
                "rope_type": "default", "type": "default" }),
        ),
        ("codec_pad_id", json!(sizes.codec_id(2148))),
        ("codec_bos_id", json!(sizes.codec_id(2149))),
        ("codec_eos_token_id", json!(sizes.codec_id(2150))),
        ("codec_think_id", json!(sizes.codec_id(2154))),
        ("codec_nothink_id", json!(sizes.codec_id(2155))),
        ("codec_think_bos_id", json!(sizes.codec_id(2156))),
        ("codec_think_eos_id", json!(sizes.codec_id(2157))),
        ("pad_token_id", json!(sizes.codec_id(2148))),
        ("codec_language_id", Value::Object(languages)),
        ("spk_id", Value::Object(ids)),
        ("spk_is_dialect", Value::Object(dialects)),
        ("code_predictor_config", Value::Object(predictor)),
    ] {
        talker.insert(name.into(), value);
    }
    let mut config = json!({
        "architectures": ["Qwen3TTSForConditionalGeneration"],
        "model_type": "qwen3_tts",
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "tts_model_size": if checkpoint.preset == Preset::Tiny17 { "1b7" } else { "0b6" },
        "tts_model_type": match checkpoint.kind {
            CheckpointKind::CustomVoice => "custom_voice",
            CheckpointKind::Base => "base",
            CheckpointKind::VoiceDesign => "voice_design",
        },
        "assistant_token_id": assistant,
        "im_start_token_id": sizes.special(1),
        "im_end_token_id": sizes.special(2),
        "tts_pad_token_id": sizes.special(28),
        "tts_bos_token_id": sizes.special(29),
        "tts_eos_token_id": sizes.special(30),
        "talker_config": talker,
    });
    if checkpoint.kind == CheckpointKind::Base {
        let s = &sizes.speaker_encoder;
        config["speaker_encoder_config"] = json!({
            "enc_dim": sizes.talker.hidden, "sample_rate": 24000, "enc_channels": s.channels,
            "enc_attention_channels": s.attention, "enc_se_channels": s.squeeze, "enc_res2net_scale": 8,
        });
    }
    config
}

fn codec(sizes: &Sizes) -> Value {
    let (d, e) = (&sizes.decoder, &sizes.encoder);
    json!({
        "architectures": ["Qwen3TTSTokenizerV2Model"],
        "model_type": "qwen3_tts_tokenizer_12hz",
        "encoder_valid_num_quantizers": CODEBOOKS,
        "input_sample_rate": 24000,
        "output_sample_rate": 24000,
        "decode_upsample_rate": 1920,
        "encode_downsample_rate": 1920,
        "decoder_config": {
            "attention_bias": false, "latent_dim": d.latent, "codebook_dim": d.codebook_width,
            "codebook_size": sizes.codebook, "decoder_dim": d.width, "hidden_act": "silu",
            "hidden_size": d.hidden, "intermediate_size": d.intermediate, "layer_scale_initial_scale": 0.01,
            "max_position_embeddings": 8000, "head_dim": d.head, "num_attention_heads": d.heads,
            "num_hidden_layers": d.layers, "num_key_value_heads": d.heads, "num_quantizers": CODEBOOKS,
            "num_semantic_quantizers": 1, "rms_norm_eps": 1e-5, "rope_theta": 10000,
            "semantic_codebook_size": 2 * sizes.codebook, "sliding_window": d.window,
            "upsample_rates": [8, 5, 4, 3], "upsampling_ratios": [2, 2],
            "vector_quantization_hidden_dimension": d.codebook_width,
        },
        "encoder_config": {
            "audio_channels": 1, "codebook_dim": e.codebook_width, "codebook_size": sizes.codebook,
            "compress": 2, "dilation_growth_rate": 2, "head_dim": e.head, "hidden_act": "gelu",
            "hidden_size": e.hidden, "intermediate_size": e.intermediate, "kernel_size": 7,
            "last_kernel_size": 3, "max_position_embeddings": 8000, "norm_eps": 1e-5,
            "num_attention_heads": e.heads, "num_filters": e.filters, "num_hidden_layers": e.layers,
            "num_key_value_heads": e.heads, "num_quantizers": e.quantizers, "num_residual_layers": 1,
            "num_semantic_quantizers": 1, "pad_mode": "constant", "residual_kernel_size": 3,
            "rope_theta": 10000.0, "sampling_rate": 24000, "sliding_window": if sizes.codebook == 256 { 30 } else { 250 },
            "trim_right_ratio": 1.0, "upsample_groups": e.hidden, "upsampling_ratios": [8, 6, 5, 4],
            "use_causal_conv": true, "use_conv_shortcut": false,
            "vector_quantization_hidden_dimension": e.codebook_width,
        },
    })
}
