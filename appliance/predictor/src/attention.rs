//! Attention over the at most sixteen positions of a frame, in plain Rust: at this size the overhead of ggml's
//! attention operators (views, permutations, copies into the cache) would exceed the arithmetic.

use crier_bundle::TransformerShape;
use crier_speech::CODEBOOKS;

/// Grouped-query attention with the key-value cache of one frame.
pub(crate) struct FrameAttention {
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    epsilon: f32,
    /// `[position][head_dim / 2]`
    cos: Vec<f32>,
    sin: Vec<f32>,
    layers: Vec<Layer>,
    scores: [f32; CODEBOOKS],
}

struct Layer {
    query_norm: Vec<f32>,
    key_norm: Vec<f32>,
    /// `[kv head][position][head_dim]`
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl FrameAttention {
    /// Creates the attention; `norms` are the weights of each layer's query and key norm, `head_dim` numbers each.
    pub(crate) fn new(shape: &TransformerShape, norms: Vec<(Vec<f32>, Vec<f32>)>) -> Self {
        // A frame has sixteen positions, always: all angles are known in advance.
        let (cos, sin) = shape.rotation(CODEBOOKS);
        let store = shape.kv_heads * CODEBOOKS * shape.head_dim;
        let layer = |(query_norm, key_norm)| Layer {
            query_norm,
            key_norm,
            keys: vec![0.0; store],
            values: vec![0.0; store],
        };
        Self {
            heads: shape.heads,
            kv_heads: shape.kv_heads,
            head_dim: shape.head_dim,
            epsilon: shape.rms_epsilon,
            cos,
            sin,
            layers: norms.into_iter().map(layer).collect(),
            scores: [0.0; CODEBOOKS],
        }
    }

    /// Stores keys and values of the rows of `qkv` (`heads + 2 * kv_heads` heads each) at `position` and the following
    /// positions, and computes the attention of the last rows, as many as `output` has room for (`heads` heads each).
    pub(crate) fn run(&mut self, layer: usize, position: usize, qkv: &mut [f32], output: &mut [f32]) {
        let size = self.head_dim;
        let (wide, narrow) = (self.heads * size, self.kv_heads * size);
        let rows = qkv.len() / (wide + 2 * narrow);
        // The last layer needs the output of its last row only, but the keys and values of all rows.
        let silent = rows - output.len() / wide;
        for (row, qkv) in qkv.chunks_exact_mut(wide + 2 * narrow).enumerate() {
            let place = position + row;
            // The order in which the weights were stacked: queries, keys, values.
            let (queries, rest) = qkv.split_at_mut(wide);
            let (keys, values) = rest.split_at_mut(narrow);
            self.store(layer, place, keys, values);
            if let Some(row) = row.checked_sub(silent) {
                self.answer(layer, place, queries, &mut output[row * wide..(row + 1) * wide]);
            }
        }
    }

    fn store(&mut self, layer: usize, place: usize, keys: &mut [f32], values: &[f32]) {
        let (size, half) = (self.head_dim, self.head_dim / 2);
        let turn = place * half..(place + 1) * half;
        let layer = &mut self.layers[layer];
        for head in 0..self.kv_heads {
            let from = head * size..(head + 1) * size;
            let to = (head * CODEBOOKS + place) * size;
            let key = &mut keys[from.clone()];
            // Norm before rotation, as in Qwen3; rotated keys are stored, since their position does not
            // change.
            normalise(key, &layer.key_norm, self.epsilon);
            rotate(key, &self.cos[turn.clone()], &self.sin[turn.clone()]);
            layer.keys[to..to + size].copy_from_slice(key);
            layer.values[to..to + size].copy_from_slice(&values[from]);
        }
    }

    fn answer(&mut self, layer: usize, place: usize, queries: &mut [f32], output: &mut [f32]) {
        let (size, half) = (self.head_dim, self.head_dim / 2);
        let turn = place * half..(place + 1) * half;
        let (layer, scale) = (&self.layers[layer], 1.0 / (size as f32).sqrt());
        // Causal by construction: later positions are not read.
        let scores = &mut self.scores[..=place];
        for (head, (query, output)) in
            queries.chunks_exact_mut(size).zip(output.chunks_exact_mut(size)).enumerate()
        {
            normalise(query, &layer.query_norm, self.epsilon);
            rotate(query, &self.cos[turn.clone()], &self.sin[turn.clone()]);
            // Grouped queries: consecutive query heads share one key-value head.
            let start = head / (self.heads / self.kv_heads) * CODEBOOKS * size;
            let keys = layer.keys[start..].chunks_exact(size);
            for (score, key) in scores.iter_mut().zip(keys) {
                *score = dot(query, key) * scale;
            }
            softmax(scores);
            // The buffer holds numbers of an earlier operator.
            output.fill(0.0);
            for (score, value) in scores.iter().zip(layer.values[start..].chunks_exact(size)) {
                for (sum, value) in output.iter_mut().zip(value) {
                    *sum += score * value;
                }
            }
        }
    }
}

/// Applies a root-mean-square norm.
fn normalise(x: &mut [f32], weight: &[f32], epsilon: f32) {
    let mean = dot(x, x) / x.len() as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    for (x, weight) in x.iter_mut().zip(weight) {
        *x *= scale * weight;
    }
}

/// Applies the rotary position embedding in the pairing of the published models: number `i` with number `i + half`.
fn rotate(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (low, high) = x.split_at_mut(cos.len());
    for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        (*low, *high) = (*low * cos - *high * sin, *high * cos + *low * sin);
    }
}

/// Dot product with eight partial sums, which the compiler vectorises; it may not reorder a single running sum.
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let (x, x_rest) = x.as_chunks::<8>();
    let (y, y_rest) = y.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (x, y) in x.iter().zip(y) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

fn softmax(scores: &mut [f32]) {
    // Subtracting the maximum keeps `exp` from overflowing.
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        total += *score;
    }
    for score in scores {
        *score /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> TransformerShape {
        TransformerShape {
            hidden: 8,
            intermediate: 8,
            layers: 1,
            heads: 4,
            kv_heads: 2,
            head_dim: 10,
            rms_epsilon: 1e-6,
            rope_theta: 10_000.0,
        }
    }

    fn noise(seed: u64, count: usize) -> Vec<f32> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    /// The textbook formula, in double precision and without a cache.
    fn reference(rows: &[Vec<f32>], norm: &[f32]) -> Vec<f64> {
        let shape = shape();
        let (size, half) = (shape.head_dim, shape.head_dim / 2);
        let prepared = |row: &[f32], head: usize, place: usize| -> Vec<f64> {
            let x: Vec<f64> = row[head * size..(head + 1) * size].iter().map(|&x| f64::from(x)).collect();
            let mean = x.iter().map(|x| x * x).sum::<f64>() / size as f64;
            let x: Vec<f64> =
                x.iter().zip(norm).map(|(x, w)| x / (mean + 1e-6).sqrt() * f64::from(*w)).collect();
            (0..size)
                .map(|i| {
                    let angle = place as f64 * 10_000_f64.powf(-((i % half) as f64) / half as f64);
                    let other = if i < half { -x[i + half] } else { x[i - half] };
                    x[i] * angle.cos() + other * angle.sin()
                })
                .collect()
        };
        let last = rows.len() - 1;
        let mut output = Vec::new();
        for head in 0..shape.heads {
            let query = prepared(&rows[last], head, last);
            let key_head = shape.heads + head / 2;
            let scores: Vec<f64> = rows
                .iter()
                .enumerate()
                .map(|(place, row)| {
                    let key = prepared(row, key_head, place);
                    (query.iter().zip(&key).map(|(q, k)| q * k).sum::<f64>() / (size as f64).sqrt()).exp()
                })
                .collect();
            let total: f64 = scores.iter().sum();
            for i in 0..size {
                let value = |row: &Vec<f32>| f64::from(row[(key_head + shape.kv_heads) * size + i]);
                output.push(rows.iter().zip(&scores).map(|(row, s)| s / total * value(row)).sum());
            }
        }
        output
    }

    #[test]
    fn cached_attention_equals_the_formula() {
        let shape = shape();
        let width = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
        let norm = noise(3, shape.head_dim);
        let mut attention = FrameAttention::new(&shape, vec![(norm.clone(), norm.clone())]);
        let rows: Vec<Vec<f32>> = (0..CODEBOOKS as u64).map(|i| noise(i + 10, width)).collect();
        let mut output = vec![0.0; shape.heads * shape.head_dim];
        attention.run(0, 0, &mut rows[..2].concat(), &mut output);
        for place in 1..CODEBOOKS {
            if place > 1 {
                attention.run(0, place, &mut rows[place].clone(), &mut output);
            }
            for (found, expected) in output.iter().zip(reference(&rows[..=place], &norm)) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "position {place}: {found} {expected}");
            }
        }
    }
}
