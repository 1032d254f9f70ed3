//! The vocoder as a graph: codes in, samples out, everything it remembers as explicit inputs and outputs.
//!
//! Follows `modeling_qwen3_tts_tokenizer_v2.py` of the official package; the decoder is strictly causal, so a call
//! with any number of frames continues exactly where the last one ended.
//!
//! ```text
//! codes [frames, 16], position [1], STATES -> samples [frames * 1920], position_next [1], STATES_next
//! ```
//!
//! Up to the first block of the waveform decoder there are few columns and large weights; there, values are
//! `[time, channels]` and products are matrix products, whose weights the runtime packs once. From the first block's
//! residual units on, values are `[1, channels, time]` and products are convolutions.

use std::path::Path;

use crier_bundle::StateShape;

use super::builder::{Dim, OnnxBuilder, Value, int};
use super::snake::define;
use super::transposed;
use crate::ConvertError;
use crate::VocoderPrecision;
use crate::checkpoint::Tensors;
use crate::config::DecoderConfig;

mod transformer;
mod waveform;

/// Kernel size of the convolutions; the official package hard-codes it, `config.json` does not have it.
const KERNEL: usize = 7;
/// Sample rate in hertz; fixed for this codec, like the kernel size.
const SAMPLE_RATE: usize = 24_000;

/// Writes the vocoder to `path` and its weights to [`super::data_path`] of it.
///
/// `tensors` are those of the speech tokenizer; only `decoder.*` is read, one tensor at a time. Returns the states:
/// input `NAME`, output `NAME_next`, zero at the start of an utterance.
///
/// # Errors
/// A tensor is missing or has another shape than `config` says; a file cannot be written.
pub fn write(
    tensors: &Tensors,
    config: &DecoderConfig,
    precision: VocoderPrecision,
    path: &Path,
) -> Result<Vec<StateShape>, ConvertError> {
    let builder =
        OnnxBuilder::new("crier_vocoder", &super::data_path(path), precision == VocoderPrecision::F16)?;
    let mut writer = VocoderWriter { tensors, config, b: builder, states: Vec::new() };
    define(&mut writer.b);
    let samples = writer.decoder()?;
    let samples_per_frame =
        config.upsampling_ratios.iter().product::<usize>() * config.upsample_rates.iter().product::<usize>();
    writer.b.output("samples", &samples, &[Dim::Name("samples")]);
    for (key, value) in [
        ("crier.model", "vocoder".to_owned()),
        ("crier.sample_rate", SAMPLE_RATE.to_string()),
        ("crier.samples_per_frame", samples_per_frame.to_string()),
        ("crier.codebook_size", config.codebook_size.to_string()),
    ] {
        writer.b.metadata(key, &value);
    }
    let VocoderWriter { b, states, .. } = writer;
    b.finish(path)?;
    Ok(states)
}

struct VocoderWriter<'a> {
    tensors: &'a Tensors,
    config: &'a DecoderConfig,
    b: OnnxBuilder,
    states: Vec<StateShape>,
}

impl VocoderWriter<'_> {
    fn decoder(&mut self) -> Result<Value, ConvertError> {
        let c = self.config;
        let codes = self.b.input_i64("codes", &[Dim::Name("frames"), Dim::Size(c.num_quantizers)]);
        let x = self.dequantise(&codes)?;
        // Kernel 3 is that of this one convolution in the official package; the others have `KERNEL`.
        let x = self.unfolded_conv("pre_conv.conv", &x, c.codebook_dim, c.latent_dim, 3)?;
        let x = self.transformer(&codes, &x)?;
        let mut x = x;
        for (index, &ratio) in c.upsampling_ratios.iter().enumerate() {
            x = self.upsample(index, ratio, &x)?;
        }
        let x = self.unfolded_conv("decoder.0.conv", &x, c.latent_dim, c.decoder_dim, KERNEL)?;
        // From here on there are many more columns than channels: convolutions and the fused activation read
        // a channel as one contiguous row.
        let x = self.channels_first(&x);
        self.waveform(&x)
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ConvertError> {
        self.tensors.f32(&format!("decoder.{name}"), shape)
    }

    /// A vector that is small or sensitive.
    fn vector(&mut self, name: &str, length: usize) -> Result<Value, ConvertError> {
        let values = self.f32(name, &[length])?;
        self.b.weight_f32(name, &[length], &values)
    }

    /// Declares a state of `f32` and returns its input.
    fn past(&mut self, name: &str, shape: &[usize]) -> Value {
        let dims: Vec<Dim> = shape.iter().map(|&d| Dim::Size(d)).collect();
        // In order of declaration, which is the order of the graph's inputs and hence of saved states.
        self.states.push(StateShape { name: name.to_owned(), shape: shape.to_vec() });
        self.b.input(name, &dims)
    }

    /// Declares the value of a state after the call.
    fn next(&mut self, name: &str, value: &Value, shape: &[usize]) {
        let dims: Vec<Dim> = shape.iter().map(|&d| Dim::Size(d)).collect();
        self.b.output(&format!("{name}_next"), value, &dims);
    }

    fn channels_first(&mut self, x: &Value) -> Value {
        let x = self.b.transpose(x, &[1, 0]);
        let first = self.b.constant(&[0]);
        self.b.op("Unsqueeze", &[&x, &first], vec![])
    }

    /// `[frames, 16]` codes to `[frames, codebook_dim]`: code 0 by its own projection, the sum of the others by theirs.
    fn dequantise(&mut self, codes: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        // Entries of the codebooks are half as wide as the decoder's input; the projections below widen them.
        let (books, size, width) = (c.num_quantizers, c.codebook_size, c.codebook_dim / 2);
        let mut table = Vec::with_capacity(books * size * width);
        for book in 0..books {
            let stem = match book.checked_sub(1) {
                None => "quantizer.rvq_first.vq.layers.0._codebook".to_owned(),
                Some(layer) => format!("quantizer.rvq_rest.vq.layers.{layer}._codebook"),
            };
            let sum = self.f32(&format!("{stem}.embedding_sum"), &[size, width])?;
            let usage = self.f32(&format!("{stem}.cluster_usage"), &[size])?;
            for (row, usage) in sum.chunks_exact(width).zip(usage) {
                // Checkpoints hold the running sums of a moving average: an entry is its sum divided by its
                // usage. The lower bound is that of the official package, for entries that were never used.
                table.extend(row.iter().map(|v| v / usage.max(1e-5)));
            }
        }
        // In 32 bits always: Gather reads sixteen rows a frame, so half precision would save no time.
        let table = self.b.weight_f32("codebooks", &[books * size, width], &table)?;
        // All codebooks are one table, so that a single Gather serves all codes of all frames.
        let offsets: Vec<i64> = (0..books).map(|book| (book * size) as i64).collect();
        let offsets = self.b.constant(&offsets);
        let rows = self.b.add(codes, &offsets);
        let rows = self.b.op("Gather", &[&table, &rows], vec![int("axis", 0)]);
        // The semantic code has a projection of its own, the acoustic codes share the other.
        let first = self.b.slice(&rows, 1, 0, 1);
        let first = self.b.reshape(&first, &[-1, width as i64]);
        let rest = self.b.slice(&rows, 1, 1, i64::MAX);
        let books_axis = self.b.constant(&[1]);
        let rest = self.b.op("ReduceSum", &[&rest, &books_axis], vec![int("keepdims", 0)]);
        let both = self.b.concat(&[&first, &rest], 1);

        // One product for both projections: their transposed matrices below each other.
        let mut projection = Vec::with_capacity(2 * width * c.codebook_dim);
        for rvq in ["rvq_first", "rvq_rest"] {
            let w = self.f32(&format!("quantizer.{rvq}.output_proj.weight"), &[c.codebook_dim, width, 1])?;
            projection.extend(transposed(&w, c.codebook_dim, width));
        }
        let projection = self.b.weight("quantizer.output_proj", &[2 * width, c.codebook_dim], &projection)?;
        Ok(self.b.matmul(&both, &projection))
    }

    /// A causal convolution of `[time, channels]` as one matrix product of its windows.
    fn unfolded_conv(
        &mut self,
        name: &str,
        x: &Value,
        from: usize,
        to: usize,
        kernel: usize,
    ) -> Result<Value, ConvertError> {
        let shape = [kernel - 1, from];
        let past = self.past(name, &shape);
        let padded = self.b.concat(&[&past, x], 0);
        // Of the padded rows, not of `x`: a call may have fewer rows than the state.
        let next = self.b.slice(&padded, 0, 1 - kernel as i64, i64::MAX);
        self.next(name, &next, &shape);
        let windows = self.windows(&padded, kernel);
        let windows = self.b.concat(&windows.iter().collect::<Vec<_>>(), 1);

        let w = self.f32(&format!("{name}.weight"), &[to, from, kernel])?;
        let mut matrix = vec![0.0; w.len()];
        for (index, &value) in w.iter().enumerate() {
            // PyTorch's `[out, in, kernel]` becomes `[kernel * in, out]`, rows in the order of the
            // concatenated windows: tap by tap, channels within a tap.
            let (o, c, k) = (index / (from * kernel), index / kernel % from, index % kernel);
            matrix[(k * from + c) * to + o] = value;
        }
        let matrix = self.b.weight(&format!("{name}.weight"), &[kernel * from, to], &matrix)?;
        let bias = self.vector(&format!("{name}.bias"), to)?;
        let y = self.b.matmul(&windows, &matrix);
        Ok(self.b.add(&y, &bias))
    }

    /// `padded[k ..]` for each tap `k`, all of the same length.
    fn windows(&mut self, padded: &Value, kernel: usize) -> Vec<Value> {
        (0..kernel)
            .map(|k| {
                // The last window ends at the end of the rows; an end of 0 would mean their start.
                let end = if k + 1 == kernel { i64::MAX } else { k as i64 + 1 - kernel as i64 };
                self.b.slice(padded, 0, k as i64, end)
            })
            .collect()
    }

    /// A product with one or several official `[out, in]` matrices side by side, scaled by rows.
    fn linear(
        &mut self,
        x: &Value,
        parts: &[(String, usize, f32)],
        from: usize,
    ) -> Result<Value, ConvertError> {
        let to: usize = parts.iter().map(|part| part.1).sum();
        let mut matrix = vec![0.0; from * to];
        let mut column = 0;
        for (name, out, scale) in parts {
            let w = self.f32(&format!("{name}.weight"), &[*out, from])?;
            for (o, row) in w.chunks_exact(from).enumerate() {
                for (i, value) in row.iter().enumerate() {
                    // Transposed, since MatMul takes the matrix on the right. A scale in the weights costs
                    // nothing at run time.
                    matrix[i * to + column + o] = value * scale;
                }
            }
            column += out;
        }
        let name = parts.first().map(|part| part.0.clone()).unwrap_or_default();
        let matrix = self.b.weight(&name, &[from, to], &matrix)?;
        Ok(self.b.matmul(x, &matrix))
    }

    /// A product whose output channels are scaled by a vector of the checkpoint.
    fn scaled_linear(
        &mut self,
        x: &Value,
        name: &str,
        scale: &str,
        [to, from]: [usize; 2],
    ) -> Result<Value, ConvertError> {
        let w = self.f32(&format!("{name}.weight"), &[to, from])?;
        let scale = self.f32(scale, &[to])?;
        // Output channels are the columns of the transposed matrix. Folding their scale in saves a node a
        // layer.
        let mut matrix = transposed(&w, to, from);
        for row in matrix.chunks_exact_mut(to) {
            row.iter_mut().zip(&scale).for_each(|(value, s)| *value *= s);
        }
        let matrix = self.b.weight(name, &[from, to], &matrix)?;
        Ok(self.b.matmul(x, &matrix))
    }

    /// `ratio` times as many rows (a transposed convolution without overlap), then a ConvNeXt block.
    fn upsample(&mut self, index: usize, ratio: usize, x: &Value) -> Result<Value, ConvertError> {
        let width = self.config.latent_dim;
        let stem = format!("upsample.{index}");
        let w = self.f32(&format!("{stem}.0.conv.weight"), &[width, width, ratio])?;
        let mut matrix = vec![0.0; w.len()];
        for (position, &value) in w.iter().enumerate() {
            // Weights of transposed convolutions are `[in, out, kernel]`, with the first two axes swapped
            // against ordinary ones.
            let (i, o, j) = (position / (width * ratio), position / ratio % width, position % ratio);
            matrix[(i * ratio + j) * width + o] = value;
        }
        let matrix = self.b.weight(&format!("{stem}.0.conv"), &[width, ratio * width], &matrix)?;
        let bias = self.vector(&format!("{stem}.0.conv.bias"), width)?;
        let x = self.b.matmul(x, &matrix);
        let x = self.b.reshape(&x, &[-1, width as i64]);
        let x = self.b.add(&x, &bias);

        let y = self.depthwise_conv(&format!("{stem}.1.dwconv.conv"), &x, width)?;
        let norm = self.vector(&format!("{stem}.1.norm.weight"), width)?;
        let shift = self.vector(&format!("{stem}.1.norm.bias"), width)?;
        // The epsilon is fixed in the official ConvNeXt block; `config.json` does not have it.
        let attributes = vec![int("axis", -1), super::builder::float("epsilon", 1e-6)];
        let y = self.b.op("LayerNormalization", &[&y, &norm, &shift], attributes);
        let y = self.linear(&y, &[(format!("{stem}.1.pwconv1"), 4 * width, 1.0)], width)?;
        let bias = self.vector(&format!("{stem}.1.pwconv1.bias"), 4 * width)?;
        let y = self.b.add(&y, &bias);
        let y = self.b.gelu(&y);
        let gamma = format!("{stem}.1.gamma");
        let y = self.scaled_linear(&y, &format!("{stem}.1.pwconv2"), &gamma, [width, 4 * width])?;
        // `gamma` scales the product and its bias: the bias is scaled here, the matrix was above.
        let gamma = self.f32(&gamma, &[width])?;
        let bias: Vec<f32> = self
            .f32(&format!("{stem}.1.pwconv2.bias"), &[width])?
            .iter()
            .zip(gamma)
            .map(|(b, g)| b * g)
            .collect();
        let bias = self.b.weight_f32(&format!("{stem}.1.pwconv2.bias"), &[width], &bias)?;
        let y = self.b.add(&y, &bias);
        Ok(self.b.add(&x, &y))
    }

    /// A causal convolution of `[time, channels]` whose channels do not mix, as a sum of shifted products.
    fn depthwise_conv(&mut self, name: &str, x: &Value, width: usize) -> Result<Value, ConvertError> {
        let shape = [KERNEL - 1, width];
        let past = self.past(name, &shape);
        let padded = self.b.concat(&[&past, x], 0);
        let next = self.b.slice(&padded, 0, 1 - KERNEL as i64, i64::MAX);
        self.next(name, &next, &shape);
        let w = self.f32(&format!("{name}.weight"), &[width, 1, KERNEL])?;
        // One row of channels a tap: a shifted product then reads memory in order. A grouped Conv would need
        // the other layout, and a transposition before and after.
        let taps = transposed(&w, width, KERNEL);
        let mut y = self.vector(&format!("{name}.bias"), width)?;
        for (k, window) in self.windows(&padded, KERNEL).iter().enumerate() {
            let tap = self.b.weight_f32(&format!("{name}.{k}"), &[width], &taps[k * width..][..width])?;
            let product = self.b.mul(window, &tap);
            y = self.b.add(&product, &y);
        }
        Ok(y)
    }
}
