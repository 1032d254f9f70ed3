//! The vocoder's transformer: sliding-window attention over frames, keys and values of the window as states.

use super::super::builder::{Dim, OnnxBuilder, Value, int};
use super::super::proto::FLOAT;
use super::VocoderWriter;
use crate::ConvertError;

/// Values that all attention layers share.
struct WindowAttentionInputs {
    cos: Value,
    sin: Value,
    mask: Value,
}

impl VocoderWriter<'_> {
    pub(super) fn transformer(&mut self, codes: &Value, x: &Value) -> Result<Value, ConvertError> {
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

    /// Angles of absolute positions, and the attention mask: frame `i` of this call attends to the last `window` frames
    /// up to itself, as far as there were any. Column `j` of the mask is frame `position - (window - 1) + j`.
    fn attention_inputs(&mut self, codes: &Value) -> WindowAttentionInputs {
        let c = self.config;
        let b = &mut self.b;
        // The window includes the frame itself, so the cache is one frame shorter.
        let kept = c.sliding_window as i64 - 1;
        let position = b.input_i64("position", &[Dim::Size(1)]);
        let frames = b.op("Shape", &[codes], vec![int("start", 0), int("end", 1)]);
        let next = b.add(&position, &frames);
        b.output_i64("position_next", &next, &[Dim::Size(1)]);

        let (zero, one, kept_value) = (b.scalar(0), b.scalar(1), b.scalar(kept));
        // Shape returns a vector, Range wants scalars: the empty shape makes one of it.
        let shape = b.constant(&[]);
        let count = b.op("Reshape", &[&frames, &shape], vec![]);
        let queries = b.op("Range", &[&zero, &count, &one], vec![]);
        let columns = b.add(&count, &kept_value);
        let keys = b.op("Range", &[&zero, &columns, &one], vec![]);

        // Added as integers: the position is exact however long the stream is, and rounded once.
        let absolute = b.add(&queries, &position);
        let absolute = b.op("Cast", &[&absolute], vec![int("to", i64::from(FLOAT))]);
        let absolute = b.reshape(&absolute, &[-1, 1]);
        let half = c.head_dim / 2;
        // Computed in 64 bits and rounded once.
        let frequencies: Vec<f32> =
            (0..half).map(|i| (1.0 / f64::from(c.rope_theta).powf(i as f64 / half as f64)) as f32).collect();
        let frequencies = b.floats(&[1, half], &frequencies);
        let angles = b.mul(&absolute, &frequencies);
        let (cos, sin) = (b.op("Cos", &[&angles], vec![]), b.op("Sin", &[&angles], vec![]));

        let queries = b.reshape(&queries, &[-1, 1]);
        // In columns of the mask: the first `window - 1` columns are cached frames, so query `i` is column
        // `window - 1 + i`.
        let queries = b.add(&queries, &kept_value);
        let distance = b.op("Sub", &[&queries, &keys], vec![]);
        let past = b.op("GreaterOrEqual", &[&distance, &zero], vec![]);
        let near = b.op("LessOrEqual", &[&distance, &kept_value], vec![]);
        // At the start of a stream the cache holds zeros that are no frames; without this they would take a
        // share of the attention.
        let first = b.op("Sub", &[&kept_value, &position], vec![]);
        let real = b.op("GreaterOrEqual", &[&keys, &first], vec![]);
        let seen = b.op("And", &[&past, &near], vec![]);
        let seen = b.op("And", &[&seen, &real], vec![]);
        // Minus infinity cannot make a softmax of nothing: each frame attends at least to itself.
        let (shown, hidden) = (b.floats(&[], &[0.0]), b.floats(&[], &[f32::NEG_INFINITY]));
        let mask = b.op("Where", &[&seen, &shown, &hidden], vec![]);
        WindowAttentionInputs { cos, sin, mask }
    }

    fn layer(
        &mut self,
        layer: usize,
        x: &Value,
        shared: &WindowAttentionInputs,
    ) -> Result<Value, ConvertError> {
        let c = self.config;
        let stem = format!("pre_transformer.layers.{layer}");
        let w = self.vector(&format!("{stem}.input_layernorm.weight"), c.hidden_size)?;
        let y = self.b.rms_norm(x, &w, c.rms_norm_eps);
        let y = self.attention(&stem, layer, &y, shared)?;
        let width = c.num_attention_heads * c.head_dim;
        let scale = format!("{stem}.self_attn_layer_scale.scale");
        let y =
            self.scaled_linear(&y, &format!("{stem}.self_attn.o_proj"), &scale, [c.hidden_size, width])?;
        let x = self.b.add(x, &y);

        let w = self.vector(&format!("{stem}.post_attention_layernorm.weight"), c.hidden_size)?;
        let y = self.b.rms_norm(&x, &w, c.rms_norm_eps);
        let parts = ["gate", "up"].map(|p| (format!("{stem}.mlp.{p}_proj"), c.intermediate_size, 1.0));
        let y = self.linear(&y, &parts, c.hidden_size)?;
        let y = self.b.swiglu(&y, c.intermediate_size);
        let scale = format!("{stem}.mlp_layer_scale.scale");
        let y = self.scaled_linear(
            &y,
            &format!("{stem}.mlp.down_proj"),
            &scale,
            [c.hidden_size, c.intermediate_size],
        )?;
        Ok(self.b.add(&x, &y))
    }

    /// Attention up to the output projection: `[frames, heads * head_dim]`.
    fn attention(
        &mut self,
        stem: &str,
        layer: usize,
        x: &Value,
        shared: &WindowAttentionInputs,
    ) -> Result<Value, ConvertError> {
        let c = self.config;
        let (heads, size, width) = (c.num_attention_heads, c.head_dim, c.num_attention_heads * c.head_dim);
        // Scores are scaled by 1 / sqrt(head_dim): put into the queries' weights.
        let scale = 1.0 / (size as f32).sqrt();
        let parts = [("q", scale), ("k", 1.0), ("v", 1.0)]
            .map(|(p, s)| (format!("{stem}.self_attn.{p}_proj"), width, s));
        let qkv = self.linear(x, &parts, c.hidden_size)?;
        let b = &mut self.b;
        let qkv = b.reshape(&qkv, &[-1, 3, heads as i64, size as i64]);
        // To `[q | k | v, head, frame, size]`: queries and keys are adjacent, so that one rotation serves
        // both.
        let qkv = b.transpose(&qkv, &[1, 2, 0, 3]);
        let qk = b.slice(&qkv, 0, 0, 2);
        let qk = b.rotate(&qk, &shared.cos, &shared.sin, size);
        let one_of = |b: &mut OnnxBuilder, x: &Value, index: i64| {
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
        // Keys are cached after the rotation by their absolute position, so they stay valid in later calls.
        let next = self.b.slice(&all, 1, 1 - c.sliding_window as i64, i64::MAX);
        self.next(name, &next, &shape);
        all
    }
}
