//! The code predictor for ONNX Runtime: the same network as the GGUF file holds, one step of a frame per call.
//!
//! ```text
//! rows [n, talker_hidden], step, seen [1] = positions after this call - 1, positions = positions after this call,
//! keys.L, values.L [1, kv_heads, 16, head_dim] -> logits [codebook_size], keys.L_next, values.L_next
//! ```
//!
//! A step, not a frame, is the unit: unrolled over the frame's fifteen steps, the runtime would pack each weight
//! fifteen times. Bound to the same tensors, keys and values are updated in place. Of the fifteen heads only that of
//! `step` runs. Follows `modeling_qwen3_tts.py` of the official package.

use std::path::Path;

use crier_speech::{CODEBOOKS, GROUPS};

use super::builder::{Dim, OnnxBuilder, Value, float, int};
use crate::ConvertError;
use crate::checkpoint::Tensors;
use crate::config::{TalkerConfig, TransformerConfig};

/// Domain of ONNX Runtime's own operators.
const MICROSOFT: &str = "com.microsoft";
/// Numbers in a block of the quantised formats used here.
const BLOCK: usize = 32;
/// The values that four bits stand for in `iq4_nl`; from ggml's format definition.
const IQ4_NL: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// A matrix `[out, in]`, row-major, as the GGUF file has it, so that both backends compute with the same numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredMatrix {
    /// Plain numbers.
    F32(Vec<f32>),
    /// ggml's `q4_0` blocks.
    Q4_0(Vec<u8>),
    /// ggml's `q8_0` blocks.
    Q8_0(Vec<u8>),
    /// ggml's `iq4_nl` blocks.
    Iq4Nl(Vec<u8>),
}

/// Source of matrices by official name and shape `[out, in]`.
pub type Matrices<'a> = dyn FnMut(&str, [usize; 2]) -> Result<StoredMatrix, ConvertError> + 'a;

/// Writes the predictor to `path` and its weights to [`super::data_path`] of it.
///
/// # Errors
/// A tensor is missing or has another shape; a file cannot be written.
pub fn write(
    tensors: &Tensors,
    config: &TalkerConfig,
    matrices: &mut Matrices<'_>,
    path: &Path,
) -> Result<(), ConvertError> {
    let mut builder = OnnxBuilder::new("crier_code_predictor", &super::data_path(path), false)?;
    builder.use_domain(MICROSOFT, 1);
    builder.metadata("crier.model", &"predictor");
    let p = &config.code_predictor_config;
    let mut writer = PredictorWriter { tensors, p, matrices, b: builder };
    let logits = writer.network(config.transformer.hidden_size)?;
    writer.b.output("logits", &logits, &[Dim::Size(p.vocab_size)]);
    writer.b.finish(path)
}

struct PredictorWriter<'a, 'm> {
    tensors: &'a Tensors,
    p: &'a TransformerConfig,
    matrices: &'a mut Matrices<'m>,
    b: OnnxBuilder,
}

/// Values that all attention layers share.
struct GroupedAttentionInputs {
    seen: Value,
    positions: Value,
    cos: Value,
    sin: Value,
}

impl PredictorWriter<'_, '_> {
    fn network(&mut self, talker_hidden: usize) -> Result<Value, ConvertError> {
        let p = self.p;
        let rows = self.b.input("rows", &[Dim::Name("rows"), Dim::Size(talker_hidden)]);
        let step = self.b.input_i64("step", &[]);
        // The runtime's grouped attention wants a batch axis.
        let mut x = self.b.reshape(&rows, &[1, -1, talker_hidden as i64]);
        if talker_hidden != p.hidden_size {
            let stem = "small_to_mtp_projection";
            x = self.linear(&x, &[format!("{stem}.weight")], talker_hidden, &[p.hidden_size])?;
            let bias = self.vector(&format!("{stem}.bias"), p.hidden_size)?;
            x = self.b.add(&x, &bias);
        }
        let shared = self.attention_inputs();
        for layer in 0..p.num_hidden_layers {
            x = self.layer(layer, &x, &shared)?;
        }
        // Only the last row is sampled from; the first row of step 0 is context.
        let last = self.b.slice(&x, 1, -1, i64::MAX);
        let norm = self.vector("model.norm.weight", p.hidden_size)?;
        let last = self.b.rms_norm(&last, &norm, p.rms_norm_eps);
        let Self { b, matrices, .. } = self;
        // A branch for each head: gathering the head's matrix by `step` would copy it in each call.
        let logits = b.choose(&step, 0..GROUPS, &mut |b, group| {
            let name = format!("lm_head.{group}.weight");
            linear(b, *matrices, &last, &[name], p.hidden_size, &[p.vocab_size])
        })?;
        Ok(self.b.reshape(&logits, &[p.vocab_size as i64]))
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Value, ConvertError> {
        let values = self.tensors.f32(&official(name), &[length])?;
        self.b.weight_f32(name, &[length], &values)
    }

    fn linear(
        &mut self,
        x: &Value,
        names: &[String],
        from: usize,
        to: &[usize],
    ) -> Result<Value, ConvertError> {
        linear(&mut self.b, self.matrices, x, names, from, to)
    }

    fn attention_inputs(&mut self) -> GroupedAttentionInputs {
        let half = self.p.head_dim / 2;
        let (cos, sin) = self.p.shape().rotation(CODEBOOKS);
        GroupedAttentionInputs {
            seen: self.b.input_i32("seen", &[Dim::Size(1)]),
            positions: self.b.input_i32("positions", &[Dim::Size(1)]),
            // Whole tables: the operator looks positions up itself.
            cos: self.b.floats(&[CODEBOOKS, half], &cos),
            sin: self.b.floats(&[CODEBOOKS, half], &sin),
        }
    }

    fn layer(
        &mut self,
        layer: usize,
        x: &Value,
        shared: &GroupedAttentionInputs,
    ) -> Result<Value, ConvertError> {
        let p = self.p;
        let stem = format!("model.layers.{layer}");
        let norm = self.vector(&format!("{stem}.input_layernorm.weight"), p.hidden_size)?;
        let y = self.b.rms_norm(x, &norm, p.rms_norm_eps);
        let y = self.attention(&stem, layer, &y, shared)?;
        let width = p.num_attention_heads * p.head_dim;
        let y = self.linear(&y, &[format!("{stem}.self_attn.o_proj.weight")], width, &[p.hidden_size])?;
        let x = self.b.add(x, &y);

        let norm = self.vector(&format!("{stem}.post_attention_layernorm.weight"), p.hidden_size)?;
        let y = self.b.rms_norm(&x, &norm, p.rms_norm_eps);
        let names = ["gate", "up"].map(|part| format!("{stem}.mlp.{part}_proj.weight"));
        let inner = p.intermediate_size;
        let y = self.linear(&y, &names, p.hidden_size, &[inner, inner])?;
        let y = self.b.swiglu(&y, inner);
        let y = self.linear(&y, &[format!("{stem}.mlp.down_proj.weight")], inner, &[p.hidden_size])?;
        Ok(self.b.add(&x, &y))
    }

    /// Attention up to the output projection. Norms of queries and keys come before the rotation, which the
    /// runtime's grouped attention does itself.
    fn attention(
        &mut self,
        stem: &str,
        layer: usize,
        x: &Value,
        shared: &GroupedAttentionInputs,
    ) -> Result<Value, ConvertError> {
        let p = self.p;
        let (heads, kv_heads, size) = (p.num_attention_heads, p.num_key_value_heads, p.head_dim);
        let (wide, narrow) = (heads * size, kv_heads * size);
        let names = ["q", "k", "v"].map(|part| format!("{stem}.self_attn.{part}_proj.weight"));
        let qkv = self.linear(x, &names, p.hidden_size, &[wide, narrow, narrow])?;
        let q = self.b.slice(&qkv, -1, 0, wide as i64);
        let k = self.b.slice(&qkv, -1, wide as i64, (wide + narrow) as i64);
        let v = self.b.slice(&qkv, -1, (wide + narrow) as i64, i64::MAX);
        let q = self.head_norm(&format!("{stem}.self_attn.q_norm.weight"), &q, heads)?;
        let k = self.head_norm(&format!("{stem}.self_attn.k_norm.weight"), &k, kv_heads)?;

        // Already of full length: the operator writes new positions in place if past and present share their
        // memory.
        let dims = [1, kv_heads, CODEBOOKS, size].map(Dim::Size);
        let past = ["keys", "values"].map(|name| self.b.input(&format!("{name}.{layer}"), &dims));
        let inputs =
            [&q, &k, &v, &past[0], &past[1], &shared.seen, &shared.positions, &shared.cos, &shared.sin];
        let attributes = vec![
            int("num_heads", heads as i64),
            int("kv_num_heads", kv_heads as i64),
            int("do_rotary", 1),
            int("rotary_interleaved", 0),
            float("scale", 1.0 / (size as f32).sqrt()),
        ];
        let [y, keys, values] = self.b.op_of(MICROSOFT, "GroupQueryAttention", &inputs, attributes);
        self.b.output(&format!("keys.{layer}_next"), &keys, &dims);
        self.b.output(&format!("values.{layer}_next"), &values, &dims);
        Ok(y)
    }

    fn head_norm(&mut self, name: &str, x: &Value, heads: usize) -> Result<Value, ConvertError> {
        let size = self.p.head_dim;
        let norm = self.vector(name, size)?;
        let x = self.b.reshape(x, &[1, -1, heads as i64, size as i64]);
        let x = self.b.rms_norm(&x, &norm, self.p.rms_norm_eps);
        Ok(self.b.reshape(&x, &[1, -1, (heads * size) as i64]))
    }
}

fn official(name: &str) -> String {
    format!("talker.code_predictor.{name}")
}

/// `x` times one or several `[out, in]` matrices, their results side by side.
fn linear(
    b: &mut OnnxBuilder,
    matrices: &mut Matrices<'_>,
    x: &Value,
    names: &[String],
    from: usize,
    to: &[usize],
) -> Result<Value, ConvertError> {
    let mut parts = Vec::with_capacity(names.len());
    for (name, &out) in names.iter().zip(to) {
        parts.push((matrices(&official(name), [out, from])?, out));
    }
    let total: usize = to.iter().sum();
    let name = names.first().map_or("", String::as_str);
    // Quantised only if all parts are: one operator call has one format.
    let packed: Option<Vec<Packed>> = parts.iter().map(|(matrix, _)| Packed::of(matrix)).collect();
    let same_bits = packed
        .as_ref()
        .and_then(|parts| parts.first().map(|p| p.bits))
        .filter(|&bits| from.is_multiple_of(BLOCK) && packed.iter().flatten().all(|part| part.bits == bits));
    let (Some(packed), Some(bits)) = (packed, same_bits) else {
        return plain_linear(b, x, name, &parts, from, total);
    };
    let codes: Vec<u8> = packed.iter().flat_map(|part| part.codes.iter().copied()).collect();
    let scales: Vec<f32> = packed.iter().flat_map(|part| part.scales.iter().copied()).collect();
    let blocks = from / BLOCK;
    let codes = b.weight_u8(&format!("{name}.codes"), &[total, blocks, BLOCK * bits / 8], &codes)?;
    let scales = b.weight_f32(&format!("{name}.scales"), &[total * blocks], &scales)?;
    let attributes = vec![
        int("K", from as i64),
        int("N", total as i64),
        int("bits", bits as i64),
        int("block_size", BLOCK as i64),
        // Activations are quantised to 8 bits in blocks, as ggml does.
        int("accuracy_level", 4),
    ];
    let [y] = b.op_of(MICROSOFT, "MatMulNBits", &[x, &codes, &scales], attributes);
    Ok(y)
}

fn plain_linear(
    b: &mut OnnxBuilder,
    x: &Value,
    name: &str,
    parts: &[(StoredMatrix, usize)],
    from: usize,
    total: usize,
) -> Result<Value, ConvertError> {
    // MatMul takes the matrix on the right, so outputs are columns.
    let mut transposed = vec![0.0; from * total];
    let mut column = 0;
    for (matrix, out) in parts {
        for (o, row) in matrix.to_f32().chunks_exact(from).enumerate() {
            for (i, value) in row.iter().enumerate() {
                transposed[i * total + column + o] = *value;
            }
        }
        column += out;
    }
    let weight = b.weight_f32(name, &[from, total], &transposed)?;
    Ok(b.matmul(x, &weight))
}

/// Blocks as `MatMulNBits` wants them: unsigned codes whose zero is in the middle, two of a byte side by side, scales
/// apart. No number changes on the way from ggml's blocks.
struct Packed {
    bits: usize,
    codes: Vec<u8>,
    scales: Vec<f32>,
}

impl Packed {
    fn of(matrix: &StoredMatrix) -> Option<Self> {
        let (bits, blocks) = match matrix {
            StoredMatrix::F32(_) => return None,
            StoredMatrix::Q4_0(blocks) => (4, blocks.chunks_exact(2 + BLOCK / 2)),
            StoredMatrix::Q8_0(blocks) => (8, blocks.chunks_exact(2 + BLOCK)),
            StoredMatrix::Iq4Nl(blocks) => (8, blocks.chunks_exact(2 + BLOCK / 2)),
        };
        let mut packed = Self { bits, codes: Vec::new(), scales: Vec::new() };
        for block in blocks {
            let (scale, bytes) = block.split_at(2);
            packed.scales.push(half::f16::from_le_bytes([scale[0], scale[1]]).to_f32());
            match matrix {
                StoredMatrix::Q4_0(_) => {
                    // ggml puts codes `i` and `i + 16` into a byte, this operator codes `2 i` and `2 i + 1`.
                    let code = |i: usize| nibble(bytes, i);
                    packed.codes.extend((0..BLOCK / 2).map(|i| code(2 * i) | (code(2 * i + 1) << 4)));
                }
                // The operator knows evenly spaced codes only. The sixteen uneven values are whole numbers of
                // 8 bits, so nothing is lost but space.
                StoredMatrix::Iq4Nl(_) => packed
                    .codes
                    .extend((0..BLOCK).map(|i| IQ4_NL[usize::from(nibble(bytes, i))].cast_unsigned() ^ 0x80)),
                // Flipping the sign bit adds 128: two's complement becomes unsigned around 128.
                _ => packed.codes.extend(bytes.iter().map(|byte| byte ^ 0x80)),
            }
        }
        Some(packed)
    }
}

/// Code `i` of a block of four-bit codes: the lower halves of all bytes come first.
fn nibble(bytes: &[u8], i: usize) -> u8 {
    let half = bytes.len();
    if i < half { bytes[i] & 15 } else { bytes[i - half] >> 4 }
}

impl StoredMatrix {
    fn to_f32(&self) -> Vec<f32> {
        if let Self::F32(values) = self {
            return values.clone();
        }
        let Some(Packed { bits, codes, scales }) = Packed::of(self) else { return Vec::new() };
        let zero = 1_i32 << (bits - 1);
        let per_byte = 8 / bits;
        let mask = (1_u16 << bits) - 1;
        let code = |i: usize| (u16::from(codes[i / per_byte]) >> (bits * (i % per_byte))) & mask;
        (0..codes.len() * per_byte).map(|i| (i32::from(code(i)) - zero) as f32 * scales[i / BLOCK]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(scale: f32, bytes: &[u8]) -> Vec<u8> {
        [&half::f16::from_f32(scale).to_le_bytes()[..], bytes].concat()
    }

    #[test]
    fn four_bit_blocks_keep_their_numbers() {
        // Byte i of q4_0 holds number i below and number i + 16 above.
        let bytes: Vec<u8> = (0..16_u8).map(|i| i | ((15 - i) << 4)).collect();
        let values = StoredMatrix::Q4_0(block(0.5, &bytes)).to_f32();
        let expected: Vec<f32> = (0..16_i8).chain((0..16).rev()).map(|q| f32::from(q - 8) * 0.5).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn eight_bit_blocks_keep_their_numbers() {
        let bytes: Vec<u8> = (0..32_i8).map(|i| (i * 4 - 64).cast_unsigned()).collect();
        let values = StoredMatrix::Q8_0(block(0.25, &bytes)).to_f32();
        let expected: Vec<f32> = (0..32_i8).map(|i| f32::from(i * 4 - 64) * 0.25).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn uneven_four_bit_blocks_become_eight_bits_exactly() {
        let bytes: Vec<u8> = (0..16_u8).map(|i| i | (i << 4)).collect();
        let matrix = StoredMatrix::Iq4Nl(block(2.0, &bytes));
        let expected: Vec<f32> = IQ4_NL.iter().chain(&IQ4_NL).map(|&v| f32::from(v) * 2.0).collect();
        assert_eq!(matrix.to_f32(), expected);
        assert_eq!(Packed::of(&matrix).map(|p| p.bits), Some(8));
    }
}
