//! The second half of the codec's encoder as a graph: features in, codes out, 12.5 frames a second.
//!
//! ```text
//! features [n, hidden] -> codes [ceil(n / 2), 16]
//! ```
//!
//! A transformer in which every column sees all columns before it (`transformers` does not apply the window that the
//! configuration names), a convolution that halves the rate, and nearest neighbours: code 0 in the semantic codebook,
//! codes 1 to 15 each in what the ones before left over.

use std::path::Path;

use crier_speech::CODEBOOKS;

use super::builder::{Dim, OnnxBuilder, Value, float, int, ints, text};
use super::proto::FLOAT;
use crate::ConvertError;
use crate::checkpoint::Tensors;
use crate::config::EncoderConfig;

/// Kernel and stride of the convolution that halves the rate.
const DOWN_KERNEL: usize = 4;
const DOWN_STRIDE: usize = 2;

/// Writes the graph to `path` and its weights to [`super::data_path`] of it.
///
/// `tensors` are those of the speech tokenizer; `encoder.encoder_transformer.*`, `encoder.downsample.*` and
/// `encoder.quantizer.*` are read.
///
/// # Errors
/// A tensor is missing or has another shape than `config` says; a file cannot be written.
pub fn write(tensors: &Tensors, config: &EncoderConfig, path: &Path) -> Result<(), ConvertError> {
    let b = OnnxBuilder::new("crier_codec_codes", &super::data_path(path), false)?;
    let mut writer = CodesWriter { tensors, c: config, b };
    let features = writer.b.input("features", &[Dim::Name("columns"), Dim::Size(config.hidden_size)]);
    let x = writer.transformer(&features)?;
    let x = writer.halved(&x)?;
    let codes = writer.quantise(&x)?;
    writer.b.output_i64("codes", &codes, &[Dim::Name("frames"), Dim::Size(CODEBOOKS)]);
    writer.b.metadata("crier.model", &"codec_codes");
    writer.b.metadata("crier.codebook_size", &config.codebook_size);
    writer.b.finish(path)
}

/// Returns true if the graph can be written for these sizes.
pub(crate) fn is_known(c: &EncoderConfig) -> bool {
    let sizes = [
        c.hidden_size,
        c.intermediate_size,
        c.codebook_dim,
        c.codebook_size,
        c.num_attention_heads,
        c.head_dim,
    ];
    c.num_key_value_heads == c.num_attention_heads
        && c.num_semantic_quantizers == 1
        && c.num_quantizers >= CODEBOOKS
        && c.head_dim.is_multiple_of(2)
        && c.num_hidden_layers < 256
        && sizes.iter().all(|size| (1..1 << 16).contains(size))
}

struct CodesWriter<'a> {
    tensors: &'a Tensors,
    c: &'a EncoderConfig,
    b: OnnxBuilder,
}

/// Values that all attention layers share.
struct CausalAttentionInputs {
    cos: Value,
    sin: Value,
    mask: Value,
}

impl CodesWriter<'_> {
    fn transformer(&mut self, features: &Value) -> Result<Value, ConvertError> {
        let shared = self.attention_inputs(features);
        let mut x = features.clone();
        for layer in 0..self.c.num_hidden_layers {
            x = self.layer(layer, &x, &shared)?;
        }
        Ok(x)
    }

    fn attention_inputs(&mut self, features: &Value) -> CausalAttentionInputs {
        let half = self.c.head_dim / 2;
        let theta = f64::from(self.c.rope_theta);
        // Computed in 64 bits and rounded once.
        let frequencies: Vec<f32> =
            (0..half).map(|i| (1.0 / theta.powf(i as f64 / half as f64)) as f32).collect();
        let b = &mut self.b;
        let count = b.op("Shape", &[features], vec![int("start", 0), int("end", 1)]);
        // Shape returns a vector, Range wants scalars: the empty shape makes one of it.
        let scalar = b.constant(&[]);
        let count = b.op("Reshape", &[&count, &scalar], vec![]);
        let (zero, one) = (b.scalar(0), b.scalar(1));
        let columns = b.op("Range", &[&zero, &count, &one], vec![]);
        let rows = b.reshape(&columns, &[-1, 1]);
        let positions = b.op("Cast", &[&rows], vec![int("to", i64::from(FLOAT))]);
        let frequencies = b.floats(&[1, half], &frequencies);
        let angles = b.mul(&positions, &frequencies);
        let (cos, sin) = (b.op("Cos", &[&angles], vec![]), b.op("Sin", &[&angles], vec![]));
        // Causal and without a window, see the module's documentation.
        let seen = b.op("GreaterOrEqual", &[&rows, &columns], vec![]);
        let (shown, hidden) = (b.floats(&[], &[0.0]), b.floats(&[], &[f32::NEG_INFINITY]));
        let mask = b.op("Where", &[&seen, &shown, &hidden], vec![]);
        CausalAttentionInputs { cos, sin, mask }
    }

    fn layer(
        &mut self,
        layer: usize,
        x: &Value,
        shared: &CausalAttentionInputs,
    ) -> Result<Value, ConvertError> {
        let c = self.c;
        let stem = format!("encoder_transformer.layers.{layer}");
        let width = c.num_attention_heads * c.head_dim;
        let y = self.norm(&format!("{stem}.input_layernorm"), x)?;
        let y = self.attention(&format!("{stem}.self_attn"), &y, shared)?;
        let y = self.linear(&format!("{stem}.self_attn.o_proj"), &y, width, c.hidden_size)?;
        let x = self.scaled_sum(x, &y, &format!("{stem}.self_attn_layer_scale.scale"))?;

        let y = self.norm(&format!("{stem}.post_attention_layernorm"), &x)?;
        let y = self.linear(&format!("{stem}.mlp.fc1"), &y, c.hidden_size, c.intermediate_size)?;
        let y = self.b.gelu(&y);
        let y = self.linear(&format!("{stem}.mlp.fc2"), &y, c.intermediate_size, c.hidden_size)?;
        self.scaled_sum(&x, &y, &format!("{stem}.mlp_layer_scale.scale"))
    }

    fn attention(
        &mut self,
        stem: &str,
        x: &Value,
        shared: &CausalAttentionInputs,
    ) -> Result<Value, ConvertError> {
        let c = self.c;
        let (heads, size, width) = (c.num_attention_heads, c.head_dim, c.num_attention_heads * c.head_dim);
        let mut head_rows = |part: &str| -> Result<Value, ConvertError> {
            let y = self.linear(&format!("{stem}.{part}_proj"), x, c.hidden_size, width)?;
            let y = self.b.reshape(&y, &[-1, heads as i64, size as i64]);
            Ok(self.b.transpose(&y, &[1, 0, 2]))
        };
        let (q, k, v) = (head_rows("q")?, head_rows("k")?, head_rows("v")?);
        let b = &mut self.b;
        let q = b.rotate(&q, &shared.cos, &shared.sin, size);
        let k = b.rotate(&k, &shared.cos, &shared.sin, size);
        let k = b.transpose(&k, &[0, 2, 1]);
        let scores = b.matmul(&q, &k);
        // As a node, not in the weights: speed does not matter here, and a code near the border of two
        // entries should be that of the reference.
        let scale = b.floats(&[], &[1.0 / (size as f32).sqrt()]);
        let scores = b.mul(&scores, &scale);
        let scores = b.add(&scores, &shared.mask);
        let weights = b.op("Softmax", &[&scores], vec![int("axis", -1)]);
        let y = b.matmul(&weights, &v);
        let y = b.transpose(&y, &[1, 0, 2]);
        Ok(b.reshape(&y, &[-1, width as i64]))
    }

    fn norm(&mut self, stem: &str, x: &Value) -> Result<Value, ConvertError> {
        let w = self.vector(&format!("{stem}.weight"))?;
        let shift = self.vector(&format!("{stem}.bias"))?;
        let attributes = vec![int("axis", -1), float("epsilon", self.c.norm_eps)];
        Ok(self.b.op("LayerNormalization", &[x, &w, &shift], attributes))
    }

    /// `x + scale * y`
    fn scaled_sum(&mut self, x: &Value, y: &Value, scale: &str) -> Result<Value, ConvertError> {
        let scale = self.vector(scale)?;
        let y = self.b.mul(y, &scale);
        Ok(self.b.add(x, &y))
    }

    /// `[columns, hidden]` to half as many rows; what stands at the ends stands before and behind them, too.
    fn halved(&mut self, x: &Value) -> Result<Value, ConvertError> {
        let width = self.c.hidden_size;
        let shape = [width, width, DOWN_KERNEL];
        let w = self.f32("downsample.conv.weight", &shape)?;
        let w = self.b.weight_f32("downsample.conv.weight", &shape, &w)?;
        let b = &mut self.b;
        let x = b.transpose(x, &[1, 0]);
        let x = b.reshape(&x, &[1, width as i64, -1]);
        let length = b.op("Shape", &[&x], vec![int("start", 2), int("end", 3)]);
        // The reference pads the end to a multiple of the stride. With a stride of two the remainder is also
        // the number of missing columns.
        let stride = b.constant(&[DOWN_STRIDE as i64]);
        let missing = b.op("Mod", &[&length, &stride], vec![]);
        let before = b.constant(&[0, 0, (DOWN_KERNEL - DOWN_STRIDE) as i64, 0, 0]);
        let pads = b.concat(&[&before, &missing], 0);
        // This convolution alone repeats the border (`pad_mode="replicate"` in the reference); the others pad
        // zeros.
        let x = b.op("Pad", &[&x, &pads], vec![text("mode", "edge")]);
        let y = b.op("Conv", &[&x, &w], vec![ints("strides", &[DOWN_STRIDE as i64])]);
        let y = b.reshape(&y, &[width as i64, -1]);
        Ok(b.transpose(&y, &[1, 0]))
    }

    /// `[frames, hidden]` to `[frames, 16]` codes.
    fn quantise(&mut self, x: &Value) -> Result<Value, ConvertError> {
        let mut codes = Vec::with_capacity(CODEBOOKS);
        for (name, layers) in [("semantic", 1), ("acoustic", CODEBOOKS - 1)] {
            let stem = format!("quantizer.{name}_residual_vector_quantizer");
            // Both quantizers read the same features: the acoustic one does not continue the residual of the
            // semantic one.
            let mut rest =
                self.product(&format!("{stem}.input_proj"), x, self.c.hidden_size, self.c.codebook_dim)?;
            for layer in 0..layers {
                // Nothing reads the residual behind the last codebook.
                let last = layer + 1 == layers;
                let code = self.nearest(&format!("{stem}.layers.{layer}.codebook"), &mut rest, last)?;
                codes.push(code);
            }
        }
        Ok(self.b.concat(&codes.iter().collect::<Vec<_>>(), 1))
    }

    /// The nearest entry of a codebook for every row, which is then taken off it: of all entries `e` that with the
    /// largest `x e - |e|^2 / 2`, which is the one with the smallest `|x - e|`.
    fn nearest(&mut self, stem: &str, rest: &mut Value, last: bool) -> Result<Value, ConvertError> {
        let (size, width) = (self.c.codebook_size, self.c.codebook_dim);
        let mut entries = self.f32(&format!("{stem}.embed_sum"), &[size, width])?;
        let usage = self.f32(&format!("{stem}.cluster_usage"), &[size])?;
        for (row, usage) in entries.chunks_exact_mut(width).zip(usage) {
            // As in the decoder: checkpoints hold running sums, and the bound is the official one.
            row.iter_mut().for_each(|value| *value /= usage.max(1e-5));
        }
        // In 64 bits: scores of neighbouring entries differ by little, while the squares are large.
        let square = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        let offsets: Vec<f32> = entries.chunks_exact(width).map(|row| (-0.5 * square(row)) as f32).collect();
        let entries = self.b.weight_f32(stem, &[size, width], &entries)?;
        let offsets = self.b.weight_f32(&format!("{stem}.offset"), &[size], &offsets)?;
        let b = &mut self.b;
        // The square of `x` is left out, since it is the same for all entries: one product with a bias
        // instead of a distance to each.
        let scores = b.op("Gemm", &[rest, &entries, &offsets], vec![int("transB", 1)]);
        let code = b.op("ArgMax", &[&scores], vec![int("axis", 1), int("keepdims", 1)]);
        if !last {
            let flat = b.reshape(&code, &[-1]);
            let entry = b.op("Gather", &[&entries, &flat], vec![int("axis", 0)]);
            *rest = b.op("Sub", &[rest, &entry], vec![]);
        }
        Ok(code)
    }

    fn linear(&mut self, name: &str, x: &Value, from: usize, to: usize) -> Result<Value, ConvertError> {
        self.matrix_product(name, x, &[to, from])
    }

    /// A product with a convolution's weights of kernel 1.
    fn product(&mut self, name: &str, x: &Value, from: usize, to: usize) -> Result<Value, ConvertError> {
        self.matrix_product(name, x, &[to, from, 1])
    }

    fn matrix_product(&mut self, name: &str, x: &Value, shape: &[usize]) -> Result<Value, ConvertError> {
        let w = self.f32(&format!("{name}.weight"), shape)?;
        let w = super::transposed(&w, shape[0], shape[1]);
        let w = self.b.weight_f32(name, &[shape[1], shape[0]], &w)?;
        Ok(self.b.matmul(x, &w))
    }

    fn vector(&mut self, name: &str) -> Result<Value, ConvertError> {
        let values = self.f32(name, &[self.c.hidden_size])?;
        self.b.weight_f32(name, &[self.c.hidden_size], &values)
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ConvertError> {
        self.tensors.f32(&format!("encoder.{name}"), shape)
    }
}
