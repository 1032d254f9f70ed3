//! The tensors of `speech_tokenizer/model.safetensors`: the codec's encoder (a Mimi encoder) and its decoder.

use crate::config::{CODEBOOKS, CodecDecoderSizes, CodecEncoderSizes, Sizes};
use crate::tensor::{List, NORM, Rule, TensorSpec, linear, noise};

/// All tensors, sorted by name as in published files.
pub(crate) fn list(sizes: &Sizes) -> Vec<TensorSpec> {
    let mut list = List::default();
    encoder(&mut list, &sizes.encoder, sizes.codebook);
    decoder_head(&mut list, &sizes.decoder, sizes.codebook);
    decoder_tail(&mut list, &sizes.decoder);
    list.0.sort_by(|a, b| a.name.cmp(&b.name));
    list.0
}

fn layer_scales(list: &mut List, prefix: &str, hidden: usize) {
    for name in ["self_attn_layer_scale", "mlp_layer_scale"] {
        list.push(format!("{prefix}.{name}.scale"), &[hidden], Rule::Normal { deviation: 0.05, mean: 0.3 });
    }
}

fn encoder(list: &mut List, e: &CodecEncoderSizes, codebook: usize) {
    const BIAS: f64 = 0.02;
    let p = "encoder.encoder.layers";
    let convolution = |list: &mut List, name: String, shape: [usize; 3], gain: f64| {
        list.convolution(&format!("{p}.{name}.conv"), shape, gain, BIAS);
    };
    convolution(list, "0".into(), [e.filters, 1, 7], 4.0);
    let (mut at, mut channels) = (1, e.filters);
    for ratio in [4, 5, 6, 8] {
        convolution(list, format!("{at}.block.1"), [channels / 2, channels, 3], 1.0);
        convolution(list, format!("{at}.block.3"), [channels, channels / 2, 1], 1.0);
        convolution(list, format!("{}", at + 2), [channels * 2, channels, 2 * ratio], 1.4);
        at += 3;
        channels *= 2;
    }
    convolution(list, format!("{}", at + 1), [e.hidden, channels, 3], 1.4);
    for layer in 0..e.layers {
        let p = format!("encoder.encoder_transformer.layers.{layer}");
        let width = e.heads * e.head;
        for name in ["q_proj", "k_proj", "v_proj"] {
            list.matrix(format!("{p}.self_attn.{name}.weight"), width, e.hidden, 1.0);
        }
        list.matrix(format!("{p}.self_attn.o_proj.weight"), e.hidden, width, 1.0);
        list.matrix(format!("{p}.mlp.fc1.weight"), e.intermediate, e.hidden, 1.0);
        list.matrix(format!("{p}.mlp.fc2.weight"), e.hidden, e.intermediate, 1.0);
        for name in ["input_layernorm", "post_attention_layernorm"] {
            list.push(format!("{p}.{name}.weight"), &[e.hidden], NORM);
            list.push(format!("{p}.{name}.bias"), &[e.hidden], noise(0.05));
        }
        layer_scales(list, &p, e.hidden);
    }
    list.push("encoder.downsample.conv.weight", &[e.hidden, e.hidden, 4], linear(4 * e.hidden, 1.0));
    for (name, first, count) in [("semantic", 0, 1), ("acoustic", 1, e.quantizers - 1)] {
        let p = format!("encoder.quantizer.{name}_residual_vector_quantizer");
        for layer in 0..count {
            let (q, p) = (first + layer, format!("{p}.layers.{layer}.codebook"));
            list.push(format!("{p}.initialized"), &[1], Rule::Constant(1.0));
            list.push(format!("{p}.cluster_usage"), &[codebook], Rule::Usage(q));
            list.push(format!("{p}.embed_sum"), &[codebook, e.codebook_width], Rule::EmbeddingSum(q));
        }
        let (narrow, wide) = (e.codebook_width, e.hidden);
        list.push(format!("{p}.input_proj.weight"), &[narrow, wide, 1], linear(wide, 1.0));
        list.push(format!("{p}.output_proj.weight"), &[wide, narrow, 1], linear(narrow, 1.0));
    }
}

/// Codebooks and transformer: everything at the rate of frames.
fn decoder_head(list: &mut List, d: &CodecDecoderSizes, codebook: usize) {
    let width = d.heads * d.head;
    let stack = "decoder.pre_transformer";
    for layer in 0..d.layers {
        let p = format!("{stack}.layers.{layer}");
        list.matrix(format!("{p}.self_attn.q_proj.weight"), width, d.hidden, 1.5);
        list.matrix(format!("{p}.self_attn.k_proj.weight"), width, d.hidden, 1.5);
        list.matrix(format!("{p}.self_attn.v_proj.weight"), width, d.hidden, 1.0);
        list.matrix(format!("{p}.self_attn.o_proj.weight"), d.hidden, width, 1.0);
        list.matrix(format!("{p}.mlp.gate_proj.weight"), d.intermediate, d.hidden, 1.0);
        list.matrix(format!("{p}.mlp.up_proj.weight"), d.intermediate, d.hidden, 1.0);
        list.matrix(format!("{p}.mlp.down_proj.weight"), d.hidden, d.intermediate, 1.0);
        list.push(format!("{p}.input_layernorm.weight"), &[d.hidden], NORM);
        list.push(format!("{p}.post_attention_layernorm.weight"), &[d.hidden], NORM);
        layer_scales(list, &p, d.hidden);
    }
    list.push(format!("{stack}.norm.weight"), &[d.hidden], NORM);
    list.matrix(format!("{stack}.input_proj.weight"), d.hidden, d.latent, 1.0);
    list.push(format!("{stack}.input_proj.bias"), &[d.hidden], noise(0.02));
    list.matrix(format!("{stack}.output_proj.weight"), d.latent, d.hidden, 1.0);
    list.push(format!("{stack}.output_proj.bias"), &[d.latent], noise(0.02));
    for (name, first, count) in [("first", 0, 1), ("rest", 1, CODEBOOKS - 1)] {
        let p = format!("decoder.quantizer.rvq_{name}");
        let (narrow, wide) = (d.codebook_width / 2, d.codebook_width);
        list.push(format!("{p}.input_proj.weight"), &[narrow, wide, 1], linear(wide, 1.0));
        list.push(format!("{p}.output_proj.weight"), &[wide, narrow, 1], linear(narrow, 1.0));
        for layer in 0..count {
            let (q, p) = (first + layer, format!("{p}.vq.layers.{layer}._codebook"));
            list.push(format!("{p}.cluster_usage"), &[codebook], Rule::Usage(q));
            list.push(format!("{p}.embedding_sum"), &[codebook, narrow], Rule::EmbeddingSum(q));
        }
    }
    list.convolution("decoder.pre_conv.conv", [d.latent, d.codebook_width, 3], 1.0, 0.02);
}

/// Upsampling: everything above the rate of frames.
fn decoder_tail(list: &mut List, d: &CodecDecoderSizes) {
    let latent = d.latent;
    for stage in 0..2 {
        let p = format!("decoder.upsample.{stage}");
        let shape = [latent, latent, 2];
        list.push(format!("{p}.0.conv.weight"), &shape, noise(1.0 / (latent as f64).sqrt()));
        list.push(format!("{p}.0.conv.bias"), &[latent], noise(0.02));
        list.push(format!("{p}.1.gamma"), &[latent], Rule::Normal { deviation: 0.1, mean: 0.5 });
        list.convolution(&format!("{p}.1.dwconv.conv"), [latent, 1, 7], 1.0, 0.02);
        list.push(format!("{p}.1.norm.weight"), &[latent], NORM);
        list.push(format!("{p}.1.norm.bias"), &[latent], noise(0.05));
        list.matrix(format!("{p}.1.pwconv1.weight"), 4 * latent, latent, 1.0);
        list.push(format!("{p}.1.pwconv1.bias"), &[4 * latent], noise(0.02));
        list.matrix(format!("{p}.1.pwconv2.weight"), latent, 4 * latent, 2.0);
        list.push(format!("{p}.1.pwconv2.bias"), &[latent], noise(0.02));
    }
    let snake = |list: &mut List, prefix: &str, channels: usize| {
        list.push(format!("{prefix}.alpha"), &[channels], noise(0.4));
        list.push(format!("{prefix}.beta"), &[channels], noise(0.4));
    };
    list.convolution("decoder.decoder.0.conv", [d.width, latent, 7], 1.0, 0.02);
    let mut channels = d.width;
    for (block, ratio) in [8, 5, 4, 3].into_iter().enumerate() {
        let p = format!("decoder.decoder.{}.block", block + 1);
        let out = channels / 2;
        snake(list, &format!("{p}.0"), channels);
        // Two taps overlap in every sample of a transposed convolution whose kernel is twice its stride.
        let spread = noise(0.6 / ((2 * channels) as f64).sqrt());
        list.push(format!("{p}.1.conv.weight"), &[channels, out, 2 * ratio], spread);
        list.push(format!("{p}.1.conv.bias"), &[out], noise(0.02));
        for unit in 2..5 {
            snake(list, &format!("{p}.{unit}.act1"), out);
            list.convolution(&format!("{p}.{unit}.conv1.conv"), [out, out, 7], 0.7, 0.02);
            snake(list, &format!("{p}.{unit}.act2"), out);
            list.convolution(&format!("{p}.{unit}.conv2.conv"), [out, out, 1], 0.4, 0.02);
        }
        channels = out;
    }
    snake(list, "decoder.decoder.5", channels);
    list.convolution("decoder.decoder.6.conv", [1, channels, 7], 0.12, 0.02);
}
