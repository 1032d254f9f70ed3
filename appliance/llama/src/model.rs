//! A llama.cpp model with embeddings as input, and the logits and hidden state of the same step as output.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use crate::error::GgufDefect;
use crate::gguf::{GgufHeader, MetadataValue};
use crate::quantise::GgmlType;
use crate::{LlamaError, ThreadPool, log};

/// Rows per llama.cpp batch; longer inputs are split. Large enough to amortise reading the weights over many rows,
/// small enough to keep the compute buffers small.
const BATCH_ROWS: usize = 64;
/// Granularity of llama.cpp's context size, to which it rounds up.
const POSITIONS_STEP: usize = 256;

/// Expected shape of a model. The file's header is compared with it before llama.cpp parses the file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelShape {
    /// Width of the hidden state.
    pub hidden: usize,
    /// Width inside the feed-forward network.
    pub intermediate: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Width of an attention head.
    pub head_dim: usize,
    /// Epsilon of the RMS norms.
    pub rms_epsilon: f32,
    /// Base of the rotary position embedding.
    pub rope_theta: f32,
    /// Number of logits.
    pub vocabulary: usize,
}

impl ModelShape {
    /// Returns names and shapes (outermost first) of all tensors of a stack of Qwen3 layers, without embeddings and
    /// output heads.
    #[must_use]
    pub fn layer_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, inner, width) = (self.hidden, self.intermediate, self.head_dim);
        let (queries, keys) = (self.heads * width, self.kv_heads * width);
        let mut all = vec![("output_norm.weight".to_owned(), vec![hidden])];
        for layer in 0..self.layers {
            let parts = [
                ("attn_norm", vec![hidden]),
                ("attn_q", vec![queries, hidden]),
                ("attn_k", vec![keys, hidden]),
                ("attn_v", vec![keys, hidden]),
                ("attn_q_norm", vec![width]),
                ("attn_k_norm", vec![width]),
                ("attn_output", vec![hidden, queries]),
                ("ffn_norm", vec![hidden]),
                ("ffn_gate", vec![inner, hidden]),
                ("ffn_up", vec![inner, hidden]),
                ("ffn_down", vec![hidden, inner]),
            ];
            all.extend(parts.map(|(name, shape)| (format!("blk.{layer}.{name}.weight"), shape)));
        }
        all
    }

    /// Compares a file's header with this shape.
    fn check(&self, header: &GgufHeader) -> Result<(), GgufDefect> {
        let text = |key: &str| match header.metadata.get(key) {
            Some(MetadataValue::String(text)) => Some(text.as_str()),
            _ => None,
        };
        if text("general.architecture") != Some("qwen3") || text("tokenizer.ggml.model") != Some("none") {
            return Err(GgufDefect::NotATalker);
        }
        let numbers = [
            ("embedding_length", self.hidden),
            ("feed_forward_length", self.intermediate),
            ("block_count", self.layers),
            ("attention.head_count", self.heads),
            ("attention.head_count_kv", self.kv_heads),
            ("attention.key_length", self.head_dim),
            ("attention.value_length", self.head_dim),
            ("vocab_size", self.vocabulary),
        ];
        let fractions =
            [("attention.layer_norm_rms_epsilon", self.rms_epsilon), ("rope.freq_base", self.rope_theta)];
        let expected_values = numbers
            .map(|(key, number)| (key, MetadataValue::U32(number as u32)))
            .into_iter()
            .chain(fractions.map(|(key, fraction)| (key, MetadataValue::F32(fraction))));
        for (key, expected) in expected_values {
            let key = format!("qwen3.{key}");
            if header.metadata.get(&key) != Some(&expected) {
                return Err(GgufDefect::MetadataMismatch { key, expected: expected.to_string() });
            }
        }
        if !matches!(header.metadata.get("qwen3.context_length"), Some(MetadataValue::U32(n)) if *n > 0) {
            return Err(GgufDefect::MissingMetadata { key: "qwen3.context_length" });
        }
        // Any further key (RoPE scaling, for instance) could change how llama.cpp interprets the file.
        let known = ["general.architecture", "general.name", "tokenizer.ggml.model"];
        if header.metadata.len() > known.len() + numbers.len() + fractions.len() + 1 {
            return Err(GgufDefect::UnknownMetadata);
        }
        let mut expected = self.layer_tensors();
        for name in ["token_embd.weight", "output.weight"] {
            expected.push((name.to_owned(), vec![self.vocabulary, self.hidden]));
        }
        check_tensors(header, &expected)
    }
}

/// Compares a file's tensors with the expected names and shapes.
pub(crate) fn check_tensors(
    header: &GgufHeader,
    expected: &[(String, Vec<usize>)],
) -> Result<(), GgufDefect> {
    for (name, shape) in expected {
        let found =
            header.tensors.get(name).ok_or_else(|| GgufDefect::MissingTensor { tensor: name.clone() })?;
        if found.shape != *shape {
            let (found, expected) = (found.shape.clone(), shape.clone());
            return Err(GgufDefect::TensorShape { tensor: name.clone(), found, expected });
        }
        // Vectors go to element-wise operators, whose kernels take 32-bit floats only; ggml aborts on others.
        if shape.len() == 1 && found.kind != GgmlType::F32 {
            return Err(GgufDefect::VectorFormat { tensor: name.clone(), found: found.kind.name() });
        }
    }
    if header.tensors.len() != expected.len() {
        return Err(GgufDefect::TensorCount { found: header.tensors.len(), expected: expected.len() });
    }
    Ok(())
}

/// A loaded model, shared by its contexts.
#[derive(Debug)]
pub struct LlamaModel {
    raw: NonNull<sys::llama_model>,
    shape: ModelShape,
    exact: bool,
}

// SAFETY: a loaded llama.cpp model is never written to, and llama.cpp documents the functions called here as usable
// from several contexts and threads.
unsafe impl Send for LlamaModel {}
// SAFETY: as above.
unsafe impl Sync for LlamaModel {}

impl LlamaModel {
    /// Checks the file at `path` against `shape` and loads it, with weights repacked for the fastest kernels of this
    /// CPU.
    ///
    /// # Errors
    /// [`LlamaError::Read`], [`LlamaError::Damaged`] with the mismatch, [`LlamaError::Load`].
    pub fn load(path: &Path, shape: &ModelShape) -> Result<Arc<Self>, LlamaError> {
        log::route();
        let header = GgufHeader::read(path)?;
        shape.check(&header).map_err(|reason| LlamaError::Damaged { path: path.to_path_buf(), reason })?;
        let exact = header.tensors["output.weight"].kind == GgmlType::F32;
        let failed = || LlamaError::Load { path: path.to_path_buf() };
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| failed())?;
        // SAFETY: `name` is NUL-terminated and outlives the call; the parameters are llama.cpp's defaults except for
        // plain values. llama.cpp catches C++ exceptions itself and returns a null pointer.
        let raw = unsafe {
            sys::llama_backend_init();
            let mut params = sys::llama_model_default_params();
            // Read rather than map the file: repacked weights are copies, and mapping would keep both.
            params.load_mode = sys::LLAMA_LOAD_MODE_NONE;
            params.use_extra_bufts = true;
            params.n_gpu_layers = 0;
            sys::llama_model_load_from_file(name.as_ptr(), params)
        };
        let raw = NonNull::new(raw).ok_or_else(failed)?;
        Ok(Arc::new(Self { raw, shape: shape.clone(), exact }))
    }

    /// Shape of the model.
    #[must_use]
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }
}

impl Drop for LlamaModel {
    fn drop(&mut self) {
        // SAFETY: created by `llama_model_load_from_file`, freed once; contexts hold an `Arc`, so none is left.
        unsafe { sys::llama_model_free(self.raw.as_ptr()) }
    }
}

/// Settings of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextOptions {
    /// Capacity in positions; rounded up to a multiple of 256.
    pub positions: usize,
    /// Use llama.cpp's fused attention instead of three matrix operations. The difference is inaudible; a model in 32
    /// bits never uses it, to stay as close as possible to the reference implementation.
    pub flash_attention: bool,
}

/// Key-value cache and compute buffers of one sequence.
#[derive(Debug)]
pub struct Context {
    raw: NonNull<sys::llama_context>,
    batch: sys::llama_batch,
    positions: usize,
    filled: usize,
    model: Arc<LlamaModel>,
    _pool: ThreadPool,
}

// SAFETY: nothing in a llama.cpp context belongs to the thread that created it; `&mut self` serialises its users.
unsafe impl Send for Context {}

impl Context {
    /// Creates a context that computes with `pool`.
    ///
    /// # Errors
    /// [`LlamaError::Allocate`].
    pub fn new(
        model: &Arc<LlamaModel>,
        options: ContextOptions,
        pool: ThreadPool,
    ) -> Result<Self, LlamaError> {
        let positions = options.positions.clamp(1, 1 << 20).next_multiple_of(POSITIONS_STEP);
        let store = if model.exact { GgmlType::F32 } else { GgmlType::F16 };
        // SAFETY: the model outlives the context (`Arc` below), and so does the pool, which is moved in. The parameters
        // are llama.cpp's defaults except for plain values.
        let raw = unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = positions as u32;
            params.n_batch = BATCH_ROWS as u32;
            params.n_ubatch = BATCH_ROWS as u32;
            params.n_seq_max = 1;
            params.n_threads = pool.count() as i32;
            params.n_threads_batch = pool.count() as i32;
            params.pooling_type = sys::LLAMA_POOLING_TYPE_NONE;
            params.flash_attn_type = if options.flash_attention && !model.exact {
                sys::LLAMA_FLASH_ATTN_TYPE_ENABLED
            } else {
                sys::LLAMA_FLASH_ATTN_TYPE_DISABLED
            };
            params.type_k = store.raw();
            params.type_v = store.raw();
            params.embeddings = true;
            params.offload_kqv = false;
            params.op_offload = false;
            params.no_perf = true;
            sys::llama_init_from_model(model.raw.as_ptr(), params)
        };
        let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a context" })?;
        // SAFETY: the context is valid; the batch has room for `BATCH_ROWS` rows of the model's width, one sequence
        // each.
        let batch = unsafe {
            sys::llama_attach_threadpool(raw.as_ptr(), pool.raw(), pool.raw());
            sys::llama_batch_init(BATCH_ROWS as i32, model.shape.hidden as i32, 1)
        };
        Ok(Self { raw, batch, positions, filled: 0, model: Arc::clone(model), _pool: pool })
    }

    /// Capacity in positions.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Number of filled positions.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Discards `position` and all later ones.
    pub fn truncate(&mut self, position: usize) {
        if position < self.filled {
            // SAFETY: the context is valid. Removing a complete tail of the only sequence always succeeds.
            unsafe {
                let memory = sys::llama_get_memory(self.raw.as_ptr());
                sys::llama_memory_seq_rm(memory, 0, position as i32, -1);
            }
            self.filled = position;
        }
    }

    /// Decodes `rows` (whole rows of the model's width) at positions `position ..`, replacing these and all later ones.
    /// Afterwards [`Context::output`] returns the output of the last row. On failure the context is empty.
    ///
    /// # Errors
    /// [`LlamaError::RowLength`], [`LlamaError::TooManyPositions`], [`LlamaError::Gap`], [`LlamaError::Compute`].
    pub fn decode(&mut self, position: usize, rows: &[f32]) -> Result<(), LlamaError> {
        let columns = self.model.shape.hidden;
        if rows.is_empty() || !rows.len().is_multiple_of(columns) {
            return Err(LlamaError::RowLength { numbers: rows.len(), columns });
        }
        let end = position + rows.len() / columns;
        if end > self.positions {
            return Err(LlamaError::TooManyPositions { wanted: end, limit: self.positions });
        }
        if position > self.filled {
            return Err(LlamaError::Gap { wanted: position, filled: self.filled });
        }
        self.truncate(position);
        for chunk in rows.chunks(BATCH_ROWS * columns) {
            let code = self.decode_chunk(chunk, columns);
            if code != 0 {
                // A failed decode leaves an unknown part of the chunk in the cache.
                self.truncate(0);
                return Err(LlamaError::Compute { operation: "llama_decode", code });
            }
            self.filled += chunk.len() / columns;
        }
        Ok(())
    }

    fn decode_chunk(&mut self, rows: &[f32], columns: usize) -> i32 {
        let count = rows.len() / columns;
        self.batch.n_tokens = count as i32;
        // SAFETY: the batch was created for `BATCH_ROWS` rows of `columns` numbers, and `rows` is a chunk of at most
        // that size. In a batch from `llama_batch_init` with embeddings every pointer is valid for that many entries
        // except `token`, which is null: that is how llama.cpp recognises embeddings.
        unsafe {
            std::ptr::copy_nonoverlapping(rows.as_ptr(), self.batch.embd, rows.len());
            for i in 0..count {
                *self.batch.pos.add(i) = (self.filled + i) as i32;
                *self.batch.n_seq_id.add(i) = 1;
                **self.batch.seq_id.add(i) = 0;
                // Every row, not only the last: in embeddings mode llama.cpp forces this anyway, with a warning.
                *self.batch.logits.add(i) = 1;
            }
            sys::llama_decode(self.raw.as_ptr(), self.batch)
        }
    }

    /// Returns the hidden state after the final norm, and the logits, of the last decoded row; `None` before the first.
    pub fn output(&mut self) -> Option<(&[f32], &mut [f32])> {
        if self.filled == 0 {
            return None;
        }
        // SAFETY: both pointers are null or point to a row of the context's output buffer, as wide as the model or its
        // vocabulary. The two do not overlap, and stay valid until the next decode, which needs `&mut self`.
        unsafe {
            let hidden = sys::llama_get_embeddings_ith(self.raw.as_ptr(), -1);
            let logits = sys::llama_get_logits_ith(self.raw.as_ptr(), -1);
            if hidden.is_null() || logits.is_null() {
                return None;
            }
            let shape = &self.model.shape;
            Some((
                std::slice::from_raw_parts(hidden, shape.hidden),
                std::slice::from_raw_parts_mut(logits, shape.vocabulary),
            ))
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: both were created by llama.cpp and are freed once, before the pool and the model, which are fields.
        unsafe {
            sys::llama_batch_free(self.batch);
            sys::llama_free(self.raw.as_ptr());
        }
    }
}
