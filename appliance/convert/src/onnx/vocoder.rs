//! The vocoder as a graph: codes in, samples out, everything it remembers as explicit inputs and outputs.
//!
//! Follows `modeling_qwen3_tts_tokenizer_v2.py` of the official package; the decoder is strictly causal, so a call
//! with any number of frames continues exactly where the last one ended.
//!
//! ```text
//! codes [frames, 16], position [1], past.* -> samples [frames * 1920], next.position, next.*
//! ```
//!
//! Up to the first block of the waveform decoder there are few columns and large weights; there, values are
//! `[time, channels]` and products are matrix products, whose weights the runtime packs once. From the first block's
//! residual units on, values are `[1, channels, time]` and products are convolutions.

use std::path::Path;

use super::builder::{Builder, Dim, Value, int, ints};
use super::snake::{Snake, define};
use crate::{ConvertError, DecoderConfig, Tensors};

/// How weights are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VocoderPrecision {
    /// As in the checkpoint.
    #[default]
    F32,
    /// Half the file; widened when loaded, so just as fast and as large in memory.
    F16,
}

/// What the model remembers between calls, and what it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocoderManifest {
    /// Samples in a second.
    pub sample_rate: usize,
    /// Samples that a frame becomes.
    pub samples_per_frame: usize,
    /// Name and shape of each state; input `past.NAME`, output `next.NAME`, zero at the start of an utterance.
    pub states: Vec<(String, Vec<usize>)>,
}

/// Dilations of the residual units of a block.
const DILATIONS: [usize; 3] = [1, 3, 9];
/// Kernel of the convolutions that have no other.
const KERNEL: usize = 7;
const SAMPLE_RATE: usize = 24_000;

/// Writes the vocoder to `path` and its weights to [`super::data_path`] of it.
///
/// `tensors` are those of the speech tokenizer; only `decoder.*` is read, one tensor at a time.
///
/// # Errors
/// A tensor is missing or has another shape than `config` says; a file cannot be written.
pub fn write(
    tensors: &Tensors,
    config: &DecoderConfig,
    precision: VocoderPrecision,
    path: &Path,
) -> Result<VocoderManifest, ConvertError> {
    let builder = Builder::new("crier_vocoder", &super::data_path(path), precision == VocoderPrecision::F16)?;
    let mut writer = Writer { tensors, config, b: builder, states: Vec::new() };
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
        writer.b.metadata(key, value);
    }
    let Writer { b, states, .. } = writer;
    b.finish(path)?;
    Ok(VocoderManifest { sample_rate: SAMPLE_RATE, samples_per_frame, states })
}

struct Writer<'a> {
    tensors: &'a Tensors,
    config: &'a DecoderConfig,
    b: Builder,
    states: Vec<(String, Vec<usize>)>,
}

/// Values that all attention layers share.
struct Attention {
    cos: Value,
    sin: Value,
    mask: Value,
}

impl Writer<'_> {
    fn decoder(&mut self) -> Result<Value, ConvertError> {
        let c = self.config;
        let codes = self.b.input_i64("codes", &[Dim::Name("frames"), Dim::Size(c.num_quantizers)]);
        let x = self.dequantise(&codes)?;
        let x = self.unfolded_conv("pre_conv.conv", &x, c.codebook_dim, c.latent_dim, 3)?;
        let x = self.transformer(&codes, &x)?;
        let mut x = x;
        for (index, &ratio) in c.upsampling_ratios.iter().enumerate() {
            x = self.upsample(index, ratio, &x)?;
        }
        let x = self.unfolded_conv("decoder.0.conv", &x, c.latent_dim, c.decoder_dim, KERNEL)?;
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
        self.states.push((name.to_owned(), shape.to_vec()));
        self.b.input(&format!("past.{name}"), &dims)
    }

    /// Says what a state is after the call.
    fn next(&mut self, name: &str, value: &Value, shape: &[usize]) {
        let dims: Vec<Dim> = shape.iter().map(|&d| Dim::Size(d)).collect();
        self.b.output(&format!("next.{name}"), value, &dims);
    }

    fn channels_first(&mut self, x: &Value) -> Value {
        let x = self.b.transpose(x, &[1, 0]);
        let first = self.b.constant(&[0]);
        self.b.op("Unsqueeze", &[&x, &first], vec![])
    }

    /// `[frames, 16]` codes to `[frames, codebook_dim]`: code 0 by its own projection, the sum of the others by theirs.
    fn dequantise(&mut self, codes: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
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
                table.extend(row.iter().map(|v| v / usage.max(1e-5)));
            }
        }
        let table = self.b.weight_f32("codebooks", &[books * size, width], &table)?;
        let offsets: Vec<i64> = (0..books).map(|book| (book * size) as i64).collect();
        let offsets = self.b.constant(&offsets);
        let rows = self.b.add(codes, &offsets);
        let rows = self.b.op("Gather", &[&table, &rows], vec![int("axis", 0)]);
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
        let next = self.b.slice(&padded, 0, 1 - kernel as i64, i64::MAX);
        self.next(name, &next, &shape);
        let windows = self.windows(&padded, kernel);
        let windows = self.b.concat(&windows.iter().collect::<Vec<_>>(), 1);

        let w = self.f32(&format!("{name}.weight"), &[to, from, kernel])?;
        let mut matrix = vec![0.0; w.len()];
        for (index, &value) in w.iter().enumerate() {
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
                let end = if k + 1 == kernel { i64::MAX } else { k as i64 + 1 - kernel as i64 };
                self.b.slice(padded, 0, k as i64, end)
            })
            .collect()
    }

    /// A product with one or several official `[out, in]` matrices side by side, scaled by rows.
    fn linear(&mut self, x: &Value, parts: &[(String, usize, f32)], from: usize) -> Result<Value, ConvertError> {
        let to: usize = parts.iter().map(|part| part.1).sum();
        let mut matrix = vec![0.0; from * to];
        let mut column = 0;
        for (name, out, scale) in parts {
            let w = self.f32(&format!("{name}.weight"), &[*out, from])?;
            for (o, row) in w.chunks_exact(from).enumerate() {
                for (i, value) in row.iter().enumerate() {
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
        let mut matrix = transposed(&w, to, from);
        for row in matrix.chunks_exact_mut(to) {
            row.iter_mut().zip(&scale).for_each(|(value, s)| *value *= s);
        }
        let matrix = self.b.weight(name, &[from, to], &matrix)?;
        Ok(self.b.matmul(x, &matrix))
    }

    fn transformer(&mut self, codes: &Value, x: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        let shared = self.attention_inputs(codes);
        let input = [("pre_transformer.input_proj".to_owned(), c.hidden_size, 1.0)];
        let x = self.linear(x, &input, c.latent_dim)?;
        let bias = self.vector("pre_transformer.input_proj.bias", c.hidden_size)?;
        let mut x = self.b.add(&x, &bias);
        for layer in 0..c.num_hidden_layers {
            x = self.layer(layer, &x, &shared)?;
        }
        let w = self.vector("pre_transformer.norm.weight", c.hidden_size)?;
        let x = self.b.rms_norm(&x, &w, c.rms_norm_eps);
        let output = [("pre_transformer.output_proj".to_owned(), c.latent_dim, 1.0)];
        let x = self.linear(&x, &output, c.hidden_size)?;
        let bias = self.vector("pre_transformer.output_proj.bias", c.latent_dim)?;
        Ok(self.b.add(&x, &bias))
    }

    /// Angles of absolute positions, and who sees whom: frame `i` of this call sees the `window` last frames up to
    /// itself, as far as there were any. Column `j` of the mask is frame `position - (window - 1) + j`.
    fn attention_inputs(&mut self, codes: &Value) -> Attention {
        let c = self.config;
        let b = &mut self.b;
        let kept = c.sliding_window as i64 - 1;
        let position = b.input_i64("past.position", &[Dim::Size(1)]);
        let frames = b.op("Shape", &[codes], vec![int("start", 0), int("end", 1)]);
        let next = b.add(&position, &frames);
        b.output_i64("next.position", &next, &[Dim::Size(1)]);

        let (zero, one, kept_value) = (b.scalar(0), b.scalar(1), b.scalar(kept));
        let shape = b.constant(&[]);
        let count = b.op("Reshape", &[&frames, &shape], vec![]);
        let queries = b.op("Range", &[&zero, &count, &one], vec![]);
        let columns = b.add(&count, &kept_value);
        let keys = b.op("Range", &[&zero, &columns, &one], vec![]);

        let absolute = b.add(&queries, &position);
        let absolute = b.op("Cast", &[&absolute], vec![int("to", i64::from(super::proto::FLOAT))]);
        let absolute = b.reshape(&absolute, &[-1, 1]);
        let half = c.head_dim / 2;
        let frequencies: Vec<f32> =
            (0..half).map(|i| (1.0 / f64::from(c.rope_theta).powf(i as f64 / half as f64)) as f32).collect();
        let frequencies = b.floats(&[1, half], &frequencies);
        let angles = b.mul(&absolute, &frequencies);
        let (cos, sin) = (b.op("Cos", &[&angles], vec![]), b.op("Sin", &[&angles], vec![]));

        let queries = b.reshape(&queries, &[-1, 1]);
        let queries = b.add(&queries, &kept_value);
        let distance = b.op("Sub", &[&queries, &keys], vec![]);
        let past = b.op("GreaterOrEqual", &[&distance, &zero], vec![]);
        let near = b.op("LessOrEqual", &[&distance, &kept_value], vec![]);
        let first = b.op("Sub", &[&kept_value, &position], vec![]);
        let real = b.op("GreaterOrEqual", &[&keys, &first], vec![]);
        let seen = b.op("And", &[&past, &near], vec![]);
        let seen = b.op("And", &[&seen, &real], vec![]);
        let (shown, hidden) = (b.floats(&[], &[0.0]), b.floats(&[], &[f32::NEG_INFINITY]));
        let mask = b.op("Where", &[&seen, &shown, &hidden], vec![]);
        Attention { cos, sin, mask }
    }

    fn layer(&mut self, layer: usize, x: &Value, shared: &Attention) -> Result<Value, ConvertError> {
        let c = self.config;
        let stem = format!("pre_transformer.layers.{layer}");
        let w = self.vector(&format!("{stem}.input_layernorm.weight"), c.hidden_size)?;
        let y = self.b.rms_norm(x, &w, c.rms_norm_eps);
        let y = self.attention(&stem, layer, &y, shared)?;
        let width = c.num_attention_heads * c.head_dim;
        let scale = format!("{stem}.self_attn_layer_scale.scale");
        let y = self.scaled_linear(&y, &format!("{stem}.self_attn.o_proj"), &scale, [c.hidden_size, width])?;
        let x = self.b.add(x, &y);

        let w = self.vector(&format!("{stem}.post_attention_layernorm.weight"), c.hidden_size)?;
        let y = self.b.rms_norm(&x, &w, c.rms_norm_eps);
        let parts = ["gate", "up"].map(|p| (format!("{stem}.mlp.{p}_proj"), c.intermediate_size, 1.0));
        let y = self.linear(&y, &parts, c.hidden_size)?;
        let y = self.b.swiglu(&y, c.intermediate_size);
        let scale = format!("{stem}.mlp_layer_scale.scale");
        let y =
            self.scaled_linear(&y, &format!("{stem}.mlp.down_proj"), &scale, [c.hidden_size, c.intermediate_size])?;
        Ok(self.b.add(&x, &y))
    }

    /// Attention up to the output projection: `[frames, heads * head_dim]`.
    fn attention(
        &mut self,
        stem: &str,
        layer: usize,
        x: &Value,
        shared: &Attention,
    ) -> Result<Value, ConvertError> {
        let c = self.config;
        let (heads, size, width) = (c.num_attention_heads, c.head_dim, c.num_attention_heads * c.head_dim);
        // Scores are scaled by 1 / sqrt(head_dim): put into the queries' weights.
        let scale = 1.0 / (size as f32).sqrt();
        let parts =
            [("q", scale), ("k", 1.0), ("v", 1.0)].map(|(p, s)| (format!("{stem}.self_attn.{p}_proj"), width, s));
        let qkv = self.linear(x, &parts, c.hidden_size)?;
        let b = &mut self.b;
        let qkv = b.reshape(&qkv, &[-1, 3, heads as i64, size as i64]);
        let qkv = b.transpose(&qkv, &[1, 2, 0, 3]);
        let qk = b.slice(&qkv, 0, 0, 2);
        let qk = b.rotate(&qk, &shared.cos, &shared.sin, size);
        let one_of = |b: &mut Builder, x: &Value, index: i64| {
            let x = b.slice(x, 0, index, index + 1);
            b.reshape(&x, &[heads as i64, -1, size as i64])
        };
        let (q, k, v) = (one_of(b, &qk, 0), one_of(b, &qk, 1), one_of(b, &qkv, 2));
        let k = self.with_past(&format!("keys.{layer}"), &k);
        let v = self.with_past(&format!("values.{layer}"), &v);
        let b = &mut self.b;
        let k = b.transpose(&k, &[0, 2, 1]);
        let scores = b.matmul(&q, &k);
        let scores = b.add(&scores, &shared.mask);
        let weights = b.op("Softmax", &[&scores], vec![int("axis", -1)]);
        let y = b.matmul(&weights, &v);
        let y = b.transpose(&y, &[1, 0, 2]);
        Ok(b.reshape(&y, &[-1, width as i64]))
    }

    /// Keys or values of this call after those of the last `window - 1` frames.
    fn with_past(&mut self, name: &str, x: &Value) -> Value {
        let c = self.config;
        let shape = [c.num_attention_heads, c.sliding_window - 1, c.head_dim];
        let past = self.past(name, &shape);
        let all = self.b.concat(&[&past, x], 1);
        let next = self.b.slice(&all, 1, 1 - c.sliding_window as i64, i64::MAX);
        self.next(name, &next, &shape);
        all
    }

    /// `ratio` times as many rows (a transposed convolution without overlap), then a ConvNeXt block.
    fn upsample(&mut self, index: usize, ratio: usize, x: &Value) -> Result<Value, ConvertError> {
        let width = self.config.latent_dim;
        let stem = format!("upsample.{index}");
        let w = self.f32(&format!("{stem}.0.conv.weight"), &[width, width, ratio])?;
        let mut matrix = vec![0.0; w.len()];
        for (position, &value) in w.iter().enumerate() {
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
        let attributes = vec![int("axis", -1), super::builder::float("epsilon", 1e-6)];
        let y = self.b.op("LayerNormalization", &[&y, &norm, &shift], attributes);
        let y = self.linear(&y, &[(format!("{stem}.1.pwconv1"), 4 * width, 1.0)], width)?;
        let bias = self.vector(&format!("{stem}.1.pwconv1.bias"), 4 * width)?;
        let y = self.b.add(&y, &bias);
        let y = self.gelu(&y);
        let gamma = format!("{stem}.1.gamma");
        let y = self.scaled_linear(&y, &format!("{stem}.1.pwconv2"), &gamma, [width, 4 * width])?;
        let gamma = self.f32(&gamma, &[width])?;
        let bias: Vec<f32> =
            self.f32(&format!("{stem}.1.pwconv2.bias"), &[width])?.iter().zip(gamma).map(|(b, g)| b * g).collect();
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
        let taps = transposed(&w, width, KERNEL);
        let mut y = self.vector(&format!("{name}.bias"), width)?;
        for (k, window) in self.windows(&padded, KERNEL).iter().enumerate() {
            let tap = self.b.weight_f32(&format!("{name}.{k}"), &[width], &taps[k * width..][..width])?;
            let product = self.b.mul(window, &tap);
            y = self.b.add(&product, &y);
        }
        Ok(y)
    }

    /// The exact form, with the error function.
    fn gelu(&mut self, x: &Value) -> Value {
        let b = &mut self.b;
        let (root, one, half) =
            (b.floats(&[], &[std::f32::consts::SQRT_2]), b.floats(&[], &[1.0]), b.floats(&[], &[0.5]));
        let erf = b.op("Div", &[x, &root], vec![]);
        let erf = b.op("Erf", &[&erf], vec![]);
        let erf = b.add(&erf, &one);
        let y = b.mul(x, &erf);
        b.mul(&y, &half)
    }

    fn snake_parameters(&mut self, stem: &str, channels: usize) -> Result<Snake, ConvertError> {
        let a: Vec<f32> = self.f32(&format!("{stem}.alpha"), &[channels])?.iter().map(|v| v.exp()).collect();
        let ib: Vec<f32> =
            self.f32(&format!("{stem}.beta"), &[channels])?.iter().map(|v| 1.0 / (v.exp() + 1e-9)).collect();
        Ok(Snake {
            a: self.b.weight_f32(&format!("{stem}.a"), &[channels, 1], &a)?,
            ib: self.b.weight_f32(&format!("{stem}.ib"), &[channels, 1], &ib)?,
        })
    }

    /// The waveform decoder behind its first convolution: `[1, decoder_dim, time]` to samples.
    fn waveform(&mut self, x: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        let mut channels = c.decoder_dim;
        // What is still to be added, so that the sum is made where the next activation reads it.
        let mut residual: Option<Value> = None;
        let mut x = x.clone();
        for (index, &rate) in c.upsample_rates.iter().enumerate() {
            let block = format!("decoder.{}.block", index + 1);
            let (_, active) = self.activate(&format!("{block}.0"), &x, residual.take().as_ref(), channels, 1)?;
            x = if index == 0 {
                self.upconv_rows(&block, &active, channels, rate)?
            } else {
                self.upconv_columns(&block, &active, channels, rate)?
            };
            channels /= 2;
            for (unit, dilation) in DILATIONS.into_iter().enumerate() {
                let stem = format!("{block}.{}", unit + 2);
                let reach = (KERNEL - 1) * dilation;
                let (sum, active) =
                    self.activate(&format!("{stem}.act1"), &x, residual.take().as_ref(), channels, reach)?;
                x = sum;
                let dilations = vec![ints("dilations", &[dilation as i64])];
                let y = self.conv(&format!("{stem}.conv1.conv"), &active, [channels, channels, KERNEL], dilations)?;
                let snake = self.snake_parameters(&format!("{stem}.act2"), channels)?;
                let y = self.b.snake(&y, &snake);
                residual =
                    Some(self.conv(&format!("{stem}.conv2.conv"), &y, [channels, channels, 1], Vec::new())?);
            }
        }
        let last = c.upsample_rates.len() + 1;
        let stem = format!("decoder.{last}");
        let (_, active) = self.activate(&stem, &x, residual.as_ref(), channels, KERNEL - 1)?;
        let y = self.conv(&format!("decoder.{}.conv", last + 1), &active, [1, channels, KERNEL], Vec::new())?;
        let y = self.b.reshape(&y, &[-1]);
        let (low, high) = (self.b.floats(&[], &[-1.0]), self.b.floats(&[], &[1.0]));
        Ok(self.b.op("Clip", &[&y, &low, &high], vec![]))
    }

    /// The sum `x + residual`, and SnakeBeta of it behind `reach` columns of earlier calls.
    fn activate(
        &mut self,
        stem: &str,
        x: &Value,
        residual: Option<&Value>,
        channels: usize,
        reach: usize,
    ) -> Result<(Value, Value), ConvertError> {
        let shape = [1, channels, reach];
        let past = self.past(stem, &shape);
        let snake = self.snake_parameters(stem, channels)?;
        let (sum, active, next) = if let Some(residual) = residual {
            let [sum, active, next] = self.b.residual_snake(x, residual, &past, &snake);
            (sum, active, next)
        } else {
            let [active, next] = self.b.causal_snake(x, &past, &snake);
            (x.clone(), active, next)
        };
        self.next(stem, &next, &shape);
        Ok((sum, active))
    }

    fn conv(
        &mut self,
        name: &str,
        x: &Value,
        shape: [usize; 3],
        attributes: Vec<super::proto::AttributeProto>,
    ) -> Result<Value, ConvertError> {
        let w = self.f32(&format!("{name}.weight"), &shape)?;
        let w = self.b.weight(&format!("{name}.weight"), &shape, &w)?;
        let bias = self.vector(&format!("{name}.bias"), shape[0])?;
        Ok(self.b.op("Conv", &[x, &w, &bias], attributes))
    }

    /// The transposed convolution (kernel `2 * rate`, stride `rate`, the tail cut off) of the first block as a matrix
    /// product: `out[t * rate + j] = b + w[j] x[t] + w[j + rate] x[t - 1]`. Few rows, a large matrix.
    fn upconv_rows(&mut self, block: &str, x: &Value, from: usize, rate: usize) -> Result<Value, ConvertError> {
        let to = from / 2;
        let w = self.f32(&format!("{block}.1.conv.weight"), &[from, to, 2 * rate])?;
        let mut matrix = vec![0.0; w.len()];
        for (index, &value) in w.iter().enumerate() {
            let (c, o, k) = (index / (to * 2 * rate), index / (2 * rate) % to, index % (2 * rate));
            let row = if k < rate { c } else { from + c };
            matrix[(row * rate + k % rate) * to + o] = value;
        }
        let matrix = self.b.weight(&format!("{block}.1.conv"), &[2 * from, rate * to], &matrix)?;
        let bias = self.vector(&format!("{block}.1.conv.bias"), to)?;
        let rows = self.b.reshape(x, &[from as i64, -1]);
        let rows = self.b.transpose(&rows, &[1, 0]);
        let (now, before) = (self.b.slice(&rows, 0, 1, i64::MAX), self.b.slice(&rows, 0, 0, -1));
        let rows = self.b.concat(&[&now, &before], 1);
        let y = self.b.matmul(&rows, &matrix);
        let y = self.b.reshape(&y, &[-1, to as i64]);
        let y = self.b.add(&y, &bias);
        Ok(self.channels_first(&y))
    }

    /// The same in later blocks as a convolution of kernel 2 to `rate` times as many channels, which are then
    /// interleaved in time; that is a third faster than the runtime's transposed convolution.
    fn upconv_columns(&mut self, block: &str, x: &Value, from: usize, rate: usize) -> Result<Value, ConvertError> {
        let to = from / 2;
        let w = self.f32(&format!("{block}.1.conv.weight"), &[from, to, 2 * rate])?;
        let mut kernel = vec![0.0; w.len()];
        for (index, &value) in w.iter().enumerate() {
            let (c, o, k) = (index / (to * 2 * rate), index / (2 * rate) % to, index % (2 * rate));
            let tap = usize::from(k < rate);
            kernel[((o * rate + k % rate) * from + c) * 2 + tap] = value;
        }
        let kernel = self.b.weight(&format!("{block}.1.conv"), &[to * rate, from, 2], &kernel)?;
        let bias = self.f32(&format!("{block}.1.conv.bias"), &[to])?;
        let bias: Vec<f32> = bias.iter().flat_map(|&b| std::iter::repeat_n(b, rate)).collect();
        let bias = self.b.weight_f32(&format!("{block}.1.conv.bias"), &[to * rate], &bias)?;
        let y = self.b.op("Conv", &[x, &kernel, &bias], Vec::new());
        let y = self.b.reshape(&y, &[to as i64, rate as i64, -1]);
        let y = self.b.transpose(&y, &[0, 2, 1]);
        Ok(self.b.reshape(&y, &[1, to as i64, -1]))
    }
}

/// A row-major `[rows, columns]` matrix as `[columns, rows]`.
fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.len()];
    for (r, row) in matrix.chunks_exact(columns).enumerate() {
        for (c, &value) in row.iter().enumerate() {
            out[c * rows + r] = value;
        }
    }
    out
}
