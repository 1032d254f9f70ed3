//! The tensors of `model.safetensors`: talker, code predictor, and in Base checkpoints the speaker encoder.

use crate::config::{CODEBOOKS, Sizes, SpeakerEncoderSizes, Transformer};
use crate::tensor::{List, NORM, Rule, TensorSpec, noise};

/// All tensors, sorted by name as in published files.
pub(crate) fn list(sizes: &Sizes, speaker_encoder: bool) -> Vec<TensorSpec> {
    let mut list = List::default();
    let (talker, predictor) = (&sizes.talker, &sizes.predictor);
    let (hidden, text) = (talker.hidden, sizes.text_hidden);
    layers(&mut list, "talker.model", talker);
    list.push("talker.model.codec_embedding.weight", &[talker.vocabulary, hidden], noise(0.15));
    list.push("talker.model.text_embedding.weight", &[sizes.text_vocabulary, text], noise(1.0));
    list.matrix("talker.text_projection.linear_fc1.weight", text, text, 1.0);
    list.push("talker.text_projection.linear_fc1.bias", &[text], noise(0.1));
    list.matrix("talker.text_projection.linear_fc2.weight", hidden, text, 1.0);
    list.push("talker.text_projection.linear_fc2.bias", &[hidden], noise(0.05));
    list.matrix("talker.codec_head.weight", talker.vocabulary, hidden, 1.5);
    let prefix = "talker.code_predictor";
    layers(&mut list, &format!("{prefix}.model"), predictor);
    for group in 0..CODEBOOKS - 1 {
        let name = format!("{prefix}.model.codec_embedding.{group}.weight");
        list.push(name, &[predictor.vocabulary, hidden], noise(0.15));
        list.matrix(format!("{prefix}.lm_head.{group}.weight"), predictor.vocabulary, predictor.hidden, 1.5);
    }
    if predictor.hidden != hidden {
        let name = format!("{prefix}.small_to_mtp_projection");
        list.matrix(format!("{name}.weight"), predictor.hidden, hidden, 1.0);
        list.push(format!("{name}.bias"), &[predictor.hidden], noise(0.05));
    }
    if speaker_encoder {
        speaker(&mut list, &sizes.speaker_encoder, hidden);
    }
    list.0.sort_by(|a, b| a.name.cmp(&b.name));
    list.0
}

fn layers(list: &mut List, prefix: &str, t: &Transformer) {
    let (queries, keys) = (t.heads * t.head, t.kv_heads * t.head);
    let gain = 1.0 / ((2 * t.layers) as f64).sqrt();
    let head_norm = Rule::Normal { deviation: 0.1, mean: 1.5 };
    for layer in 0..t.layers {
        let p = format!("{prefix}.layers.{layer}");
        list.matrix(format!("{p}.self_attn.q_proj.weight"), queries, t.hidden, 1.0);
        list.matrix(format!("{p}.self_attn.k_proj.weight"), keys, t.hidden, 1.0);
        list.matrix(format!("{p}.self_attn.v_proj.weight"), keys, t.hidden, 1.0);
        list.matrix(format!("{p}.self_attn.o_proj.weight"), t.hidden, queries, gain);
        list.push(format!("{p}.self_attn.q_norm.weight"), &[t.head], head_norm);
        list.push(format!("{p}.self_attn.k_norm.weight"), &[t.head], head_norm);
        list.matrix(format!("{p}.mlp.gate_proj.weight"), t.intermediate, t.hidden, 1.0);
        list.matrix(format!("{p}.mlp.up_proj.weight"), t.intermediate, t.hidden, 1.0);
        list.matrix(format!("{p}.mlp.down_proj.weight"), t.hidden, t.intermediate, 2.0 * gain);
        list.push(format!("{p}.input_layernorm.weight"), &[t.hidden], NORM);
        list.push(format!("{p}.post_attention_layernorm.weight"), &[t.hidden], NORM);
    }
    list.push(format!("{prefix}.norm.weight"), &[t.hidden], NORM);
}

/// An ECAPA-TDNN.
fn speaker(list: &mut List, s: &SpeakerEncoderSizes, output: usize) {
    const KERNELS: [usize; 5] = [5, 3, 3, 3, 1];
    const MEL: usize = 128;
    const SCALE: usize = 8;
    let mut convolution = |name: String, shape: [usize; 3], gain: f64| {
        list.convolution(&format!("speaker_encoder.{name}"), shape, gain, 0.05);
    };
    let c = &s.channels;
    convolution("blocks.0.conv".into(), [c[0], MEL, KERNELS[0]], 0.3);
    for block in 1..c.len() - 1 {
        let p = format!("blocks.{block}");
        let (wide, narrow) = (c[block], c[block] / SCALE);
        convolution(format!("{p}.tdnn1.conv"), [wide, c[block - 1], 1], 1.4);
        for part in 0..SCALE - 1 {
            let name = format!("{p}.res2net_block.blocks.{part}.conv");
            convolution(name, [narrow, narrow, KERNELS[block]], 1.4);
        }
        convolution(format!("{p}.tdnn2.conv"), [wide, wide, 1], 1.4);
        convolution(format!("{p}.se_block.conv1"), [s.squeeze, wide, 1], 1.4);
        convolution(format!("{p}.se_block.conv2"), [wide, s.squeeze, 1], 1.4);
    }
    let last = c[c.len() - 1];
    convolution("mfa.conv".into(), [last, last, KERNELS[4]], 1.4);
    convolution("asp.tdnn.conv".into(), [s.attention, 3 * last, 1], 1.4);
    convolution("asp.conv".into(), [last, s.attention, 1], 1.4);
    convolution("fc".into(), [output, 2 * last, 1], 0.15);
}
