//! The code predictor on ONNX Runtime, one step of a frame per call.
//!
//! Keys and values are bound to the same memory as input and output, so that the runtime's grouped attention writes
//! the new position in place.

use std::path::Path;

use crier_bundle::{Bundle, Role};
use crier_onnx::{SessionOptions, one_line};
use crier_speech::{CODEBOOKS, EmbeddingTables, GROUPS, Sampler};
use ort::session::{IoBinding, Session};
use ort::value::Tensor;

use crate::PredictorError;
use crate::rows::first_rows;

pub(crate) struct OnnxPredictor {
    session: Session,
    /// Bindings of the first step (two rows) and of all later steps (one row).
    first: StepBinding,
    later: StepBinding,
    step: Tensor<i64>,
    seen: Tensor<i32>,
    positions: Tensor<i32>,
    logits: Tensor<f32>,
}

/// Input rows, bound together with the tensors that all steps share.
struct StepBinding {
    rows: Tensor<f32>,
    binding: IoBinding,
}

impl OnnxPredictor {
    pub(crate) fn load(bundle: &Bundle, threads: usize) -> Result<Self, PredictorError> {
        let path = bundle.path(Role::PredictorOnnx)?;
        let session = crier_onnx::open(&path, SessionOptions { threads, ..SessionOptions::default() })?;
        let failed = |error: ort::Error| contract(&path, error.message());
        let t = &bundle.manifest().predictor.transformer;
        // Rows, step and two counters, then keys and values of each layer. Binding a missing input would fail
        // at the first frame only.
        let expected = 4 + 2 * t.layers;
        if session.inputs().len() != expected {
            return Err(contract(
                &path,
                &format!("it has {} inputs, not {expected}", session.inputs().len()),
            ));
        }
        let cache = [1, t.kv_heads, CODEBOOKS, t.head_dim];
        Self::bind(session, t.layers, cache, bundle.layout().hidden, bundle.layout().codebook_size)
            .map_err(failed)
    }

    fn bind(
        session: Session,
        layers: usize,
        cache: [usize; 4],
        talker_hidden: usize,
        codebook_size: usize,
    ) -> ort::Result<Self> {
        let allocator = session.allocator();
        // Not cleared between frames: the operator reads only positions below the count it is given.
        let caches =
            (0..2 * layers).map(|_| Tensor::<f32>::new(allocator, cache)).collect::<ort::Result<Vec<_>>>()?;
        let mut inputs = SharedInputs {
            step: Tensor::new(allocator, [0_usize; 0])?,
            seen: Tensor::new(allocator, [1_usize])?,
            positions: Tensor::new(allocator, [1_usize])?,
            logits: Tensor::new(allocator, [codebook_size])?,
            caches,
        };
        // Two bindings, because a binding fixes the shapes: two rows at first, then one.
        let first = inputs.binding(&session, Tensor::new(allocator, [2, talker_hidden])?)?;
        let later = inputs.binding(&session, Tensor::new(allocator, [1, talker_hidden])?)?;
        let SharedInputs { step, seen, positions, logits, .. } = inputs;
        Ok(Self { first, later, step, seen, positions, logits, session })
    }

    pub(crate) fn predict(
        &mut self,
        tables: &dyn EmbeddingTables,
        frame: u32,
        hidden: &[f32],
        code0: u16,
        sampler: &Sampler,
    ) -> Result<[u16; GROUPS], PredictorError> {
        first_rows(self.first.rows.extract_tensor_mut().1, tables, hidden, code0)?;
        let mut codes = [0; GROUPS];
        for step in 0..GROUPS {
            if let Some(before) = step.checked_sub(1) {
                let row = self.later.rows.extract_tensor_mut().1;
                // Embeddings are added to the row.
                row.fill(0.0);
                tables.add_predictor(before, codes[before], row);
            }
            self.run(step)?;
            let logits = self.logits.extract_tensor_mut().1;
            let code = sampler.draw(logits, frame, step as u32 + 1);
            codes[step] = code.ok_or(PredictorError::NotANumber { codebook: step + 1 })? as u16;
        }
        Ok(codes)
    }

    fn run(&mut self, step: usize) -> Result<(), PredictorError> {
        // The two rows of the first step end at position 1; the row of step n is at position n + 1. The operator takes
        // the index of the last key and the total number of positions.
        self.step.extract_tensor_mut().1.fill(step as i64);
        self.seen.extract_tensor_mut().1.fill(step as i32 + 1);
        self.positions.extract_tensor_mut().1.fill(step as i32 + 2);
        let binding = if step == 0 { &self.first } else { &self.later };
        self.session
            .run_binding(&binding.binding)
            .map(drop)
            .map_err(|error| PredictorError::Run { codebook: step + 1, reason: one_line(error.message()) })
    }
}

/// Tensors shared by both bindings.
struct SharedInputs {
    step: Tensor<i64>,
    seen: Tensor<i32>,
    positions: Tensor<i32>,
    logits: Tensor<f32>,
    caches: Vec<Tensor<f32>>,
}

impl SharedInputs {
    fn binding(&mut self, session: &Session, rows: Tensor<f32>) -> ort::Result<StepBinding> {
        let mut binding = session.create_binding()?;
        binding.bind_input("rows", &rows)?;
        binding.bind_input("step", &self.step)?;
        binding.bind_input("seen", &self.seen)?;
        binding.bind_input("positions", &self.positions)?;
        binding.bind_output("logits", &mut self.logits)?;
        for (index, cache) in self.caches.iter_mut().enumerate() {
            let name = format!("{}.{}", ["keys", "values"][index % 2], index / 2);
            binding.bind_input(&name, cache)?;
            // The same tensor as input and output: the new position is written in place.
            binding.bind_output(format!("{name}_next"), cache)?;
        }
        Ok(StepBinding { rows, binding })
    }
}

fn contract(path: &Path, reason: &str) -> PredictorError {
    PredictorError::Contract { path: path.to_owned(), reason: one_line(reason) }
}
