//! The first half of the codec's encoder as a graph: samples in, features out, 25 columns a second.
//!
//! ```text
//! samples [n] at 24 kHz -> features [ceil(n / 960), hidden]
//! ```
//!
//! The convolutions of a Mimi encoder (Défossez et al., "Moshi", 2024), as `transformers` has them. They are causal
//! and reach back a little: a long recording goes through in parts, each behind some columns of the part before,
//! which are computed again and thrown away. A part of a multiple of 960 samples is not padded at its end.

use std::path::Path;

use super::builder::{Dim, OnnxBuilder, Value, int, ints};
use crate::ConvertError;
use crate::checkpoint::Tensors;
use crate::config::EncoderConfig;

/// Writes the graph to `path` and its weights to [`super::data_path`] of it.
///
/// `tensors` are those of the speech tokenizer; only `encoder.encoder.*` is read.
///
/// # Errors
/// A tensor is missing or has another shape than `config` says; a file cannot be written.
pub fn write(tensors: &Tensors, config: &EncoderConfig, path: &Path) -> Result<(), ConvertError> {
    let b = OnnxBuilder::new("crier_codec_features", &super::data_path(path), false)?;
    let mut writer = FeaturesWriter { tensors, config, b };
    let samples = writer.b.input("samples", &[Dim::Name("samples")]);
    let features = writer.network(&samples)?;
    writer.b.output("features", &features, &[Dim::Name("columns"), Dim::Size(config.hidden_size)]);
    let step: usize = config.upsampling_ratios.iter().product();
    for (key, value) in [
        ("crier.model", "codec_features".to_owned()),
        ("crier.sample_rate", config.sampling_rate.to_string()),
        ("crier.samples_per_column", step.to_string()),
        ("crier.columns_back", reach(config).div_ceil(step).to_string()),
    ] {
        writer.b.metadata(key, &value);
    }
    writer.b.finish(path)
}

/// Number of samples before its own 960 on which a column depends.
fn reach(c: &EncoderConfig) -> usize {
    // Receptive field, from the samples upwards: each layer adds its kernel's extent times the stride of all
    // layers before it.
    let residual = c.num_residual_layers * (c.residual_kernel_size - 1);
    let mut step = 1;
    let mut samples = c.kernel_size - 1;
    for ratio in c.upsampling_ratios.iter().rev() {
        // A kernel twice as long as its step looks one step back.
        samples += step * (residual + ratio);
        step *= ratio;
    }
    samples + step * (c.last_kernel_size - 1)
}

/// Returns true if the graph can be written for these sizes.
pub(crate) fn is_known(c: &EncoderConfig) -> bool {
    let kernels = [c.kernel_size, c.last_kernel_size, c.residual_kernel_size];
    let sizes = [c.hidden_size, c.num_filters, c.compress];
    c.audio_channels == 1
        && c.sampling_rate == 24_000
        && c.num_residual_layers == 1
        && c.upsampling_ratios.iter().all(|ratio| (1..=16).contains(ratio))
        && c.upsampling_ratios.len() < 8
        && kernels.iter().all(|kernel| (1..64).contains(kernel))
        && sizes.iter().all(|size| (1..1 << 12).contains(size))
}

struct FeaturesWriter<'a> {
    tensors: &'a Tensors,
    config: &'a EncoderConfig,
    b: OnnxBuilder,
}

impl FeaturesWriter<'_> {
    fn network(&mut self, samples: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        let x = self.b.reshape(samples, &[1, 1, -1]);
        let mut channels = c.num_filters;
        let mut x = self.conv(0, &x, [channels, 1, c.kernel_size])?;
        // The official list counts activations as layers, too.
        let mut layer = 1;
        // The configuration lists ratios in the decoder's order; the encoder goes backwards.
        for &ratio in c.upsampling_ratios.iter().rev() {
            let narrow = channels / c.compress;
            let y = self.elu(&x);
            let y = self.conv_named(
                &format!("{layer}.block.1"),
                &y,
                [narrow, channels, c.residual_kernel_size],
                1,
            )?;
            let y = self.elu(&y);
            let y = self.conv_named(&format!("{layer}.block.3"), &y, [channels, narrow, 1], 1)?;
            x = self.b.add(&x, &y);
            let y = self.elu(&x);
            // Otherwise the stride would drop the last samples; the reference pads in the same way.
            let y = self.filled_up(&y, ratio);
            x = self.conv_named(&format!("{}", layer + 2), &y, [2 * channels, channels, 2 * ratio], ratio)?;
            channels *= 2;
            layer += 3;
        }
        let y = self.elu(&x);
        let y = self.conv(layer + 1, &y, [c.hidden_size, channels, c.last_kernel_size])?;
        let y = self.b.reshape(&y, &[c.hidden_size as i64, -1]);
        Ok(self.b.transpose(&y, &[1, 0]))
    }

    fn elu(&mut self, x: &Value) -> Value {
        self.b.op("Elu", &[x], vec![])
    }

    fn conv(&mut self, layer: usize, x: &Value, shape: [usize; 3]) -> Result<Value, ConvertError> {
        self.conv_named(&layer.to_string(), x, shape, 1)
    }

    /// A causal convolution: zeros stand before the beginning.
    fn conv_named(
        &mut self,
        name: &str,
        x: &Value,
        shape: [usize; 3],
        stride: usize,
    ) -> Result<Value, ConvertError> {
        let stem = format!("encoder.encoder.layers.{name}.conv");
        let w = self.tensors.f32(&format!("{stem}.weight"), &shape)?;
        let w = self.b.weight_f32(&format!("{stem}.weight"), &shape, &w)?;
        let bias = self.tensors.f32(&format!("{stem}.bias"), &shape[..1])?;
        let bias = self.b.weight_f32(&format!("{stem}.bias"), &shape[..1], &bias)?;
        let attributes =
            // All padding is on the left, which makes the convolution causal.
            vec![ints("pads", &[(shape[2] - stride) as i64, 0]), ints("strides", &[stride as i64])];
        Ok(self.b.op("Conv", &[x, &w, &bias], attributes))
    }

    /// `x` with zeros at its end up to a multiple of `ratio`.
    fn filled_up(&mut self, x: &Value, ratio: usize) -> Value {
        let b = &mut self.b;
        let length = b.op("Shape", &[x], vec![int("start", 2), int("end", 3)]);
        // `-length mod ratio` is the number of samples up to the next multiple.
        let length = b.op("Neg", &[&length], vec![]);
        let ratio = b.constant(&[ratio as i64]);
        // The remainder has the divisor's sign.
        let missing = b.op("Mod", &[&length, &ratio], vec![]);
        let before = b.constant(&[0, 0, 0, 0, 0]);
        let pads = b.concat(&[&before, &missing], 0);
        b.op("Pad", &[x, &pads], vec![])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_columns_reach_back_far_enough_in_the_published_encoder() {
        let config: EncoderConfig = serde_json::from_value(serde_json::json!({
            "audio_channels": 1, "codebook_dim": 256, "codebook_size": 2048, "compress": 2, "head_dim": 64,
            "hidden_size": 512, "intermediate_size": 2048, "kernel_size": 7, "last_kernel_size": 3,
            "norm_eps": 1e-5, "num_attention_heads": 8, "num_filters": 64, "num_hidden_layers": 8,
            "num_key_value_heads": 8, "num_quantizers": 32, "num_residual_layers": 1,
            "num_semantic_quantizers": 1, "residual_kernel_size": 3, "rope_theta": 10000.0,
            "sampling_rate": 24000, "upsampling_ratios": [8, 6, 5, 4]
        }))
        .unwrap();
        assert!(is_known(&config));
        assert_eq!(reach(&config), 6 + (2 + 4) + 4 * (2 + 5) + 20 * (2 + 6) + 120 * (2 + 8) + 960 * 2);
        assert_eq!(reach(&config).div_ceil(960), 4);
    }
}
