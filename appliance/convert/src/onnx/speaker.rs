//! The speaker encoder as a graph: a recording in, the speaker's embedding (x-vector) out.
//!
//! ```text
//! samples [n] at 24 kHz -> embedding [hidden]
//! ```
//!
//! A logarithmic mel spectrogram (93.75 columns a second), then an ECAPA-TDNN (Desplanques, Thienpondt, Demuynck,
//! 2020), as in `modeling_qwen3_tts.py` of the official package. Values are `[1, channels, time]`.

use std::path::Path;

use super::builder::{Dim, OnnxBuilder, Value, int, ints, text};
use super::mel;
use crate::ConvertError;
use crate::checkpoint::Tensors;
use crate::config::SpeakerEncoderConfig;

/// Samples in a column of the spectrogram (`n_fft` of the official package).
const WINDOW: usize = 1024;
/// Samples from one column to the next (`hop_size` of the official package).
const HOP: usize = 256;
/// Lower bounds of powers and of mel bands, as in the official package: they keep root and logarithm finite.
const POWER_FLOOR: f32 = 1e-9;
const BAND_FLOOR: f32 = 1e-5;
/// Lower bound of variances, as in the official package.
const VARIANCE_FLOOR: f32 = 1e-12;

/// Writes the speaker encoder to `path` and its weights to [`super::data_path`] of it.
///
/// `tensors` are those of `model.safetensors`; only `speaker_encoder.*` is read.
///
/// # Errors
/// A tensor is missing or has another shape than `config` says; a file cannot be written.
pub fn write(tensors: &Tensors, config: &SpeakerEncoderConfig, path: &Path) -> Result<(), ConvertError> {
    let builder = OnnxBuilder::new("crier_speaker_encoder", &super::data_path(path), false)?;
    let mut writer = SpeakerWriter { tensors, config, b: builder };
    let samples = writer.b.input("samples", &[Dim::Name("samples")]);
    let spectrogram = writer.spectrogram(&samples)?;
    let embedding = writer.network(&spectrogram)?;
    writer.b.output("embedding", &embedding, &[Dim::Size(config.enc_dim)]);
    writer.b.metadata("crier.model", &"speaker_encoder");
    writer.b.metadata("crier.sample_rate", &config.sample_rate);
    writer.b.finish(path)
}

/// Returns true if the graph can be written for these sizes.
pub(crate) fn is_known(config: &SpeakerEncoderConfig) -> bool {
    let c = config;
    let blocks = c.enc_channels.len();
    let widths = c.enc_channels.iter().chain([&c.mel_dim, &c.enc_dim]);
    c.sample_rate == 24_000
        && blocks >= 3
        && c.enc_kernel_sizes.len() == blocks
        && c.enc_dilations.len() == blocks
        && c.enc_kernel_sizes.iter().all(|&kernel| kernel % 2 == 1 && kernel < 64)
        && c.enc_dilations.iter().all(|&dilation| (1..64).contains(&dilation))
        && (2..=64).contains(&c.enc_res2net_scale)
        && c.enc_channels[1..blocks - 1].iter().all(|width| width % c.enc_res2net_scale == 0)
        && widths.chain([&c.enc_attention_channels, &c.enc_se_channels]).all(|w| (1..1 << 16).contains(w))
}

struct SpeakerWriter<'a> {
    tensors: &'a Tensors,
    config: &'a SpeakerEncoderConfig,
    b: OnnxBuilder,
}

impl SpeakerWriter<'_> {
    /// `[1, mel_dim, time]`
    fn spectrogram(&mut self, samples: &Value) -> Result<Value, ConvertError> {
        let (bins, bands) = (WINDOW / 2 + 1, self.config.mel_dim);
        let b = &mut self.b;
        let signal = b.reshape(samples, &[1, 1, -1]);
        // The official package mirrors this many samples itself and computes the spectrum without centring.
        let signal = mirrored(b, &signal, (WINDOW - HOP) / 2);
        let fourier = b.weight_f32("fourier", &[2 * bins, 1, WINDOW], &mel::windowed_fourier(WINDOW))?;
        // A Fourier transform as convolution with windowed sines and cosines: 4 MB of weights, but an
        // operator that every runtime computes fast.
        let spectrum = b.op("Conv", &[&signal, &fourier], vec![ints("strides", &[HOP as i64])]);
        let power = b.mul(&spectrum, &spectrum);
        let real = b.slice(&power, 1, 0, bins as i64);
        let imaginary = b.slice(&power, 1, bins as i64, i64::MAX);
        let power = b.add(&real, &imaginary);
        // Added under the root, where the official package has it: the embedding depends on it in silent
        // bands.
        let floor = b.floats(&[], &[POWER_FLOOR]);
        let power = b.add(&power, &floor);
        let magnitude = b.op("Sqrt", &[&power], vec![]);
        let filters = mel::filter_bank(WINDOW, self.config.sample_rate, bands);
        let filters = b.weight_f32("filters", &[bands, bins], &filters)?;
        let mel = b.matmul(&filters, &magnitude);
        let floor = b.floats(&[], &[BAND_FLOOR]);
        let mel = b.op("Max", &[&mel, &floor], vec![]);
        Ok(b.op("Log", &[&mel], vec![]))
    }

    fn network(&mut self, spectrogram: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        let (channels, last) = (&c.enc_channels, c.enc_channels.len() - 1);
        let shape = [channels[0], c.mel_dim, c.enc_kernel_sizes[0]];
        let mut x = self.delay_layer("blocks.0", spectrogram, shape, c.enc_dilations[0])?;
        let mut outputs = Vec::new();
        for block in 1..last {
            x = self.block(block, &x)?;
            // Aggregation of features reads the outputs of all blocks, not only the last one's.
            outputs.push(x.clone());
        }
        let x = self.b.concat(&outputs.iter().collect::<Vec<_>>(), 1);
        let joined: usize = channels[1..last].iter().sum();
        let shape = [channels[last], joined, c.enc_kernel_sizes[last]];
        let x = self.delay_layer("mfa", &x, shape, c.enc_dilations[last])?;
        let pooled = self.attentive_statistics(&x, channels[last])?;
        let y = self.conv("fc", &pooled, [c.enc_dim, 2 * channels[last], 1], 1)?;
        Ok(self.b.reshape(&y, &[-1]))
    }

    /// A squeeze-and-excitation Res2Net block.
    fn block(&mut self, block: usize, x: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        let (from, width) = (c.enc_channels[block - 1], c.enc_channels[block]);
        let (kernel, dilation) = (c.enc_kernel_sizes[block], c.enc_dilations[block]);
        let stem = format!("blocks.{block}");
        let y = self.delay_layer(&format!("{stem}.tdnn1"), x, [width, from, 1], 1)?;
        // Groups of channels, each of which also sees what the one before it became.
        let group = width / c.enc_res2net_scale;
        let mut groups: Vec<Value> = Vec::new();
        for index in 0..c.enc_res2net_scale {
            let mut part = self.b.slice(&y, 1, (index * group) as i64, ((index + 1) * group) as i64);
            // Group 0 passes through unchanged, and group 1 is the first that is convolved: neither has a
            // predecessor.
            if let (2.., Some(before)) = (index, groups.last()) {
                part = self.b.add(&part, before);
            }
            if index > 0 {
                let name = format!("{stem}.res2net_block.blocks.{}", index - 1);
                part = self.delay_layer(&name, &part, [group, group, kernel], dilation)?;
            }
            groups.push(part);
        }
        let y = self.b.concat(&groups.iter().collect::<Vec<_>>(), 1);
        let y = self.delay_layer(&format!("{stem}.tdnn2"), &y, [width, width, 1], 1)?;
        let squeezed = self.mean(&y);
        let shape = [c.enc_se_channels, width, 1];
        let squeezed = self.conv(&format!("{stem}.se_block.conv1"), &squeezed, shape, 1)?;
        let squeezed = self.b.op("Relu", &[&squeezed], vec![]);
        let shape = [width, c.enc_se_channels, 1];
        let gate = self.conv(&format!("{stem}.se_block.conv2"), &squeezed, shape, 1)?;
        // Squeeze and excitation: one weight a channel, from the channel's mean over the recording.
        let gate = self.b.op("Sigmoid", &[&gate], vec![]);
        let y = self.b.mul(&y, &gate);
        Ok(self.b.add(&y, x))
    }

    /// Attentive statistics pooling, `[1, 2 * channels, 1]`: mean and deviation over time with learned weights.
    fn attentive_statistics(&mut self, x: &Value, channels: usize) -> Result<Value, ConvertError> {
        let attention = self.config.enc_attention_channels;
        // The network sees the mean and the deviation beside every moment; these parts of the product are the same
        // for all moments, and made once.
        let w = self.f32("asp.tdnn.conv.weight", &[attention, 3 * channels, 1])?;
        let mut parts: [Vec<f32>; 3] = Default::default();
        for row in w.chunks_exact(3 * channels) {
            for (part, values) in parts.iter_mut().zip(row.chunks_exact(channels)) {
                part.extend_from_slice(values);
            }
        }
        let mean = self.mean(x);
        let distance = self.b.op("Sub", &[x, &mean], vec![]);
        let square = self.b.mul(&distance, &distance);
        let variance = self.mean(&square);
        // Population variance: the reference divides by the sum of weights, not by one less.
        let deviation = self.deviation(&variance);
        let bias = self.f32("asp.tdnn.conv.bias", &[attention])?;
        let mut sum = self.b.weight_f32("asp.tdnn.bias", &[attention, 1], &bias)?;
        for (index, (values, part)) in [x, &mean, &deviation].into_iter().zip(&parts).enumerate() {
            let w = self.b.weight_f32(&format!("asp.tdnn.{index}"), &[attention, channels, 1], part)?;
            let product = self.b.op("Conv", &[values, &w], vec![]);
            sum = self.b.add(&product, &sum);
        }
        let y = self.b.op("Relu", &[&sum], vec![]);
        let y = self.b.op("Tanh", &[&y], vec![]);
        let y = self.conv("asp.conv", &y, [channels, attention, 1], 1)?;
        // Over time: each channel weighs the moments of the recording separately.
        let weights = self.b.op("Softmax", &[&y], vec![int("axis", 2)]);

        let mean = self.weighted_sum(&weights, x);
        let distance = self.b.op("Sub", &[x, &mean], vec![]);
        let square = self.b.mul(&distance, &distance);
        let variance = self.weighted_sum(&weights, &square);
        let deviation = self.deviation(&variance);
        Ok(self.b.concat(&[&mean, &deviation], 1))
    }

    fn mean(&mut self, x: &Value) -> Value {
        self.b.op("ReduceMean", &[x], vec![ints("axes", &[2]), int("keepdims", 1)])
    }

    fn weighted_sum(&mut self, weights: &Value, x: &Value) -> Value {
        let product = self.b.mul(weights, x);
        let axis = self.b.constant(&[2]);
        self.b.op("ReduceSum", &[&product, &axis], vec![int("keepdims", 1)])
    }

    fn deviation(&mut self, variance: &Value) -> Value {
        let floor = self.b.floats(&[], &[VARIANCE_FLOOR]);
        let variance = self.b.op("Max", &[variance, &floor], vec![]);
        self.b.op("Sqrt", &[&variance], vec![])
    }

    /// A convolution and a rectifier.
    fn delay_layer(
        &mut self,
        name: &str,
        x: &Value,
        shape: [usize; 3],
        dilation: usize,
    ) -> Result<Value, ConvertError> {
        let y = self.conv(&format!("{name}.conv"), x, shape, dilation)?;
        Ok(self.b.op("Relu", &[&y], vec![]))
    }

    /// A convolution as long as what goes into it, whose ends are mirrored.
    fn conv(
        &mut self,
        name: &str,
        x: &Value,
        shape: [usize; 3],
        dilation: usize,
    ) -> Result<Value, ConvertError> {
        let w = self.f32(&format!("{name}.weight"), &shape)?;
        let w = self.b.weight_f32(&format!("{name}.weight"), &shape, &w)?;
        let bias = self.f32(&format!("{name}.bias"), &shape[..1])?;
        let bias = self.b.weight_f32(&format!("{name}.bias"), &shape[..1], &bias)?;
        let reach = dilation * (shape[2] - 1) / 2;
        let x = if reach == 0 { x.clone() } else { mirrored(&mut self.b, x, reach) };
        Ok(self.b.op("Conv", &[&x, &w, &bias], vec![ints("dilations", &[dilation as i64])]))
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ConvertError> {
        self.tensors.f32(&format!("speaker_encoder.{name}"), shape)
    }
}

/// `x`, `[1, channels, time]`, with `reach` mirrored moments at either end.
fn mirrored(b: &mut OnnxBuilder, x: &Value, reach: usize) -> Value {
    let reach = reach as i64;
    // First the beginnings of all three axes, then their ends.
    let pads = b.constant(&[0, 0, reach, 0, 0, reach]);
    b.op("Pad", &[x, &pads], vec![text("mode", "reflect")])
}
