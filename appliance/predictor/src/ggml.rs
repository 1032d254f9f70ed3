//! A whole frame as one ggml graph: matrix products and norms by ggml, attention and sampling by custom operators.

use std::path::Path;
use std::sync::Arc;

use crier_bundle::{Bundle, PredictorShape, Role};
use crier_llama::{
    Graph, GraphBuilder, GraphTensor, InputId, LlamaError, ThreadPool, Threads, WeightPlan, Weights,
};
use crier_speech::{EmbeddingTables, GROUPS, Sampler};

use crate::PredictorError;
use crate::attention::FrameAttention;
use crate::rows::first_rows;

/// Custom operators of the graph, encoded in the tags of [`GraphBuilder::custom`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameOperator {
    Attend { step: usize, layer: usize },
    Choose { step: usize },
}

impl FrameOperator {
    const CHOOSE: u32 = 1 << 16;

    fn tag(self) -> u32 {
        match self {
            // Eight bits for the layer and eight for the step; the bit above tells the operators apart.
            Self::Attend { step, layer } => (step as u32) << 8 | layer as u32,
            Self::Choose { step } => Self::CHOOSE | (step as u32) << 8,
        }
    }

    fn of(tag: u32) -> Self {
        let (step, layer) = ((tag >> 8 & 0xFF) as usize, (tag & 0xFF) as usize);
        if tag & Self::CHOOSE == 0 { Self::Attend { step, layer } } else { Self::Choose { step } }
    }
}

/// Number of layers that fit into a tag.
const LAYERS_MAX: usize = 256;

pub(crate) struct GgmlPredictor {
    graph: Graph,
    rows: InputId,
    attention: FrameAttention,
}

impl GgmlPredictor {
    pub(crate) fn load(bundle: &Bundle, threads: &Threads) -> Result<Self, PredictorError> {
        let shape = &bundle.manifest().predictor;
        let voice = bundle.layout();
        let path = bundle.path(Role::Predictor)?;
        Self::open(&path, shape, voice.hidden, voice.codebook_size, threads)
    }

    fn open(
        path: &Path,
        shape: &PredictorShape,
        talker_hidden: usize,
        codebook_size: usize,
        threads: &Threads,
    ) -> Result<Self, PredictorError> {
        // Checked here, since a larger number would run into the bits of the step.
        if shape.transformer.layers > LAYERS_MAX {
            return Err(LlamaError::Graph { what: format!("{} layers", shape.transformer.layers) }.into());
        }
        let weights = Weights::load(path, &plans(shape, talker_hidden, codebook_size))?;
        let size = shape.transformer.head_dim;
        let norm =
            |layer: usize, what: &str| weights.vector(&format!("blk.{layer}.attn_{what}_norm.weight"), size);
        // Norms of queries and keys are applied inside the attention, so they are needed as plain numbers.
        let norms = (0..shape.transformer.layers)
            .map(|layer| Ok((norm(layer, "q")?, norm(layer, "k")?)))
            .collect::<Result<_, LlamaError>>()?;
        let (graph, rows) = build(shape, talker_hidden, &weights, ThreadPool::new(threads)?)?;
        Ok(Self { graph, rows, attention: FrameAttention::new(&shape.transformer, norms) })
    }

    pub(crate) fn predict(
        &mut self,
        tables: &dyn EmbeddingTables,
        frame: u32,
        hidden: &[f32],
        code0: u16,
        sampler: &Sampler,
    ) -> Result<[u16; GROUPS], PredictorError> {
        first_rows(self.graph.input(self.rows), tables, hidden, code0)?;
        let mut codes = [0; GROUPS];
        let mut unusable = None;
        let attention = &mut self.attention;
        self.graph.compute(&mut |tag, input, output| match FrameOperator::of(tag) {
            FrameOperator::Attend { step, layer } => {
                // Step 0 has two rows, at positions 0 and 1; each later step has one.
                let position = if step == 0 { 0 } else { step + 1 };
                attention.run(layer, position, input, output);
            }
            FrameOperator::Choose { step } => {
                // Also if no code can be drawn: the memory holds numbers of an earlier operator.
                output.fill(0.0);
                let Some(code) = sampler.draw(input, frame, step as u32 + 1) else {
                    // The graph cannot be left early. The remaining steps compute on zeros and are discarded.
                    unusable.get_or_insert(step + 1);
                    return;
                };
                codes[step] = code as u16;
                // The last code is not fed back: the frame ends with it.
                if step + 1 < GROUPS {
                    tables.add_predictor(step, code as u16, output);
                }
            }
        })?;
        match unusable {
            None => Ok(codes),
            Some(codebook) => Err(PredictorError::NotANumber { codebook }),
        }
    }
}

/// Returns the load plan of every tensor of the file. Matrices with the same input are stacked into one product,
/// because one large product has fewer barriers between threads than several small ones.
fn plans(shape: &PredictorShape, talker_hidden: usize, codebook_size: usize) -> Vec<WeightPlan> {
    let t = &shape.transformer;
    let (wide, narrow) = (t.heads * t.head_dim, t.kv_heads * t.head_dim);
    let mut plans = vec![WeightPlan::single("output_norm.weight", &[t.hidden])];
    for layer in 0..t.layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let joined = |to: &str, parts: &[(&str, usize)]| WeightPlan {
            name: name(to),
            parts: parts.iter().map(|(part, rows)| (name(part), vec![*rows, t.hidden])).collect(),
        };
        plans.push(joined("attn_qkv", &[("attn_q", wide), ("attn_k", narrow), ("attn_v", narrow)]));
        plans.push(WeightPlan::single(&name("attn_output"), &[t.hidden, wide]));
        plans.push(joined("ffn_gate_up", &[("ffn_gate", t.intermediate), ("ffn_up", t.intermediate)]));
        plans.push(WeightPlan::single(&name("ffn_down"), &[t.hidden, t.intermediate]));
        for (norm, size) in [
            ("attn_norm", t.hidden),
            ("ffn_norm", t.hidden),
            ("attn_q_norm", t.head_dim),
            ("attn_k_norm", t.head_dim),
        ] {
            plans.push(WeightPlan::single(&name(norm), &[size]));
        }
    }
    for group in 0..GROUPS {
        plans.push(WeightPlan::single(&format!("output.{group}.weight"), &[codebook_size, t.hidden]));
    }
    if shape.projection {
        plans.push(WeightPlan::single("input_projection.weight", &[t.hidden, talker_hidden]));
        plans.push(WeightPlan::single("input_projection.bias", &[t.hidden]));
    }
    plans
}

/// Builds the graph of all fifteen steps. The first takes two rows, the talker's state and the embedded first code.
fn build(
    shape: &PredictorShape,
    talker_hidden: usize,
    weights: &Arc<Weights>,
    pool: ThreadPool,
) -> Result<(Graph, InputId), LlamaError> {
    // Unrolled: the graph is planned once, and a frame then costs no planning and no calls between steps.
    let mut graph = GraphBuilder::new(weights)?;
    let (mut x, rows) = graph.input(talker_hidden, 2)?;
    for step in 0..GROUPS {
        // Every row is projected, embeddings of codes included: those are as wide as the talker.
        if shape.projection {
            x = graph.product("input_projection.weight", x)?;
            x = graph.add_vector("input_projection.bias", x)?;
        }
        for layer in 0..shape.transformer.layers {
            x = block(&mut graph, shape, step, layer, x)?;
        }
        let x_last = graph.norm("output_norm.weight", shape.transformer.rms_epsilon, x)?;
        let logits = graph.product(&format!("output.{step}.weight"), x_last)?;
        x = graph.custom(FrameOperator::Choose { step }.tag(), logits, talker_hidden, 1)?;
    }
    Ok((graph.build(pool)?, rows))
}

/// Adds one layer. The last layer computes its last row only, the one that the output head uses.
fn block(
    graph: &mut GraphBuilder,
    shape: &PredictorShape,
    step: usize,
    layer: usize,
    mut x: GraphTensor,
) -> Result<GraphTensor, LlamaError> {
    let t = &shape.transformer;
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let is_last = layer + 1 == t.layers;
    // Step 0 has two positions, and all layers but the last need both as keys and values.
    let rows = if step == 0 && !is_last { 2 } else { 1 };
    let normal = graph.norm(&name("attn_norm"), t.rms_epsilon, x)?;
    let qkv = graph.product(&name("attn_qkv"), normal)?;
    let attended =
        graph.custom(FrameOperator::Attend { step, layer }.tag(), qkv, t.heads * t.head_dim, rows)?;
    let attended = graph.product(&name("attn_output"), attended)?;
    // The residual must have as many rows as the attention's output.
    if step == 0 && is_last {
        x = graph.last_row(x)?;
    }
    x = graph.add(x, attended)?;
    let normal = graph.norm(&name("ffn_norm"), t.rms_epsilon, x)?;
    let gate_up = graph.product(&name("ffn_gate_up"), normal)?;
    let gated = graph.gated(gate_up)?;
    let down = graph.product(&name("ffn_down"), gated)?;
    graph.add(x, down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_encode_and_decode_every_operator() {
        for step in 0..GROUPS {
            for layer in [0, 4, LAYERS_MAX - 1] {
                let operation = FrameOperator::Attend { step, layer };
                assert_eq!(FrameOperator::of(operation.tag()), operation);
            }
            assert_eq!(
                FrameOperator::of(FrameOperator::Choose { step }.tag()),
                FrameOperator::Choose { step }
            );
        }
    }
}
