//! A llama.cpp model that is fed embeddings and answers with logits and hidden state of the same step.
#![allow(unsafe_code)]

use std::ffi::{CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_sys_2 as sys;

use crate::gguf::{Header, Value};
use crate::quantise::Kind;
use crate::{LlamaError, ThreadPool, log};

/// Rows that go through the network at once; more are split. Large enough that weights are read once for many rows,
/// small enough that buffers stay small.
const BATCH_ROWS: usize = 64;
/// llama.cpp rounds contexts up to this.
const POSITIONS_STEP: usize = 256;

/// What a model must be: all that its file says is compared with this before llama.cpp sees the file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelShape {
    /// Width.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Epsilon of the norms.
    pub rms_epsilon: f32,
    /// Base of the rotary embedding.
    pub rope_theta: f32,
    /// Logits.
    pub vocabulary: usize,
}

impl ModelShape {
    /// Names and shapes (outermost first) of all tensors of a stack of Qwen3 layers, without embeddings and heads.
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
    fn check(&self, header: &Header) -> Result<(), String> {
        let text = |key: &str| match header.metadata.get(key) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        };
        if text("general.architecture") != Some("qwen3") || text("tokenizer.ggml.model") != Some("none") {
            return Err("it is no talker (architecture qwen3 without tokenizer)".to_owned());
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
        for (key, expected) in numbers {
            if header.metadata.get(&format!("qwen3.{key}")) != Some(&Value::U32(expected as u32)) {
                return Err(format!("qwen3.{key} is not {expected}"));
            }
        }
        let fractions =
            [("attention.layer_norm_rms_epsilon", self.rms_epsilon), ("rope.freq_base", self.rope_theta)];
        for (key, expected) in fractions {
            if header.metadata.get(&format!("qwen3.{key}")) != Some(&Value::F32(expected)) {
                return Err(format!("qwen3.{key} is not {expected}"));
            }
        }
        if !matches!(header.metadata.get("qwen3.context_length"), Some(Value::U32(n)) if *n > 0) {
            return Err("qwen3.context_length is missing".to_owned());
        }
        // Eleven keys of the architecture, three of the file: any other could change what llama.cpp makes of it.
        let known = ["general.architecture", "general.name", "tokenizer.ggml.model"];
        if header.metadata.len() > known.len() + numbers.len() + fractions.len() + 1 {
            return Err("it has metadata that a talker has not".to_owned());
        }
        let mut expected = self.layer_tensors();
        for name in ["token_embd.weight", "output.weight"] {
            expected.push((name.to_owned(), vec![self.vocabulary, self.hidden]));
        }
        check_tensors(header, &expected)
    }
}

/// Compares a file's tensors with names and shapes.
pub(crate) fn check_tensors(header: &Header, expected: &[(String, Vec<usize>)]) -> Result<(), String> {
    for (name, shape) in expected {
        let tensor = header.tensors.get(name).ok_or_else(|| format!("tensor '{name}' is missing"))?;
        if tensor.shape != *shape {
            return Err(format!("tensor '{name}' has the shape {:?} instead of {shape:?}", tensor.shape));
        }
        if shape.len() == 1 && tensor.kind != Kind::F32 {
            return Err(format!("tensor '{name}' is {} instead of f32", tensor.kind.name()));
        }
    }
    if header.tensors.len() != expected.len() {
        return Err(format!("it has {} tensors instead of {}", header.tensors.len(), expected.len()));
    }
    Ok(())
}

/// How to load a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelOptions {
    /// Rearrange weights for this processor's fastest kernels while loading; there is only that one copy then.
    pub repack: bool,
    /// Map the file instead of reading it. Together with `repack` most weights would be held twice.
    pub map: bool,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self { repack: true, map: false }
    }
}

/// A loaded model; contexts share it.
#[derive(Debug)]
pub struct Model {
    raw: NonNull<sys::llama_model>,
    shape: ModelShape,
    exact: bool,
}

// SAFETY: a loaded llama.cpp model is never written to; the functions called on it are documented as usable from
// several contexts and threads.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Model {
    /// Checks the file at `path` against `shape` and loads it.
    ///
    /// # Errors
    /// [`LlamaError::Read`], [`LlamaError::Damaged`] with what does not fit, [`LlamaError::Load`].
    pub fn load(path: &Path, shape: &ModelShape, options: ModelOptions) -> Result<Arc<Self>, LlamaError> {
        log::route();
        let header = Header::read(path)?;
        shape.check(&header).map_err(|reason| LlamaError::Damaged { path: path.to_path_buf(), reason })?;
        let exact = header.tensors["output.weight"].kind == Kind::F32;
        let failed = || LlamaError::Load { path: path.to_path_buf() };
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| failed())?;
        // SAFETY: `name` ends with a zero and outlives the call; the parameters are llama.cpp's defaults but for plain
        // values. C++ exceptions end inside llama.cpp, which answers with a null pointer.
        let raw = unsafe {
            sys::llama_backend_init();
            let mut params = sys::llama_model_default_params();
            params.load_mode =
                if options.map { sys::LLAMA_LOAD_MODE_MMAP } else { sys::LLAMA_LOAD_MODE_NONE };
            params.use_extra_bufts = options.repack;
            params.n_gpu_layers = 0;
            sys::llama_model_load_from_file(name.as_ptr(), params)
        };
        let raw = NonNull::new(raw).ok_or_else(failed)?;
        Ok(Arc::new(Self { raw, shape: shape.clone(), exact }))
    }

    /// What it is.
    #[must_use]
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: made by `llama_model_load_from_file`, freed once; contexts hold an `Arc`, so none is left.
        unsafe { sys::llama_model_free(self.raw.as_ptr()) }
    }
}

/// Breaks off a computation from another thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Breaks off what runs, and whatever is begun until [`Cancel::clear`].
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets computations run again.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// For C: a pointer that stays valid as long as `self` or a clone lives.
    pub(crate) fn raw(&self) -> *mut c_void {
        Arc::as_ptr(&self.0).cast_mut().cast()
    }

    /// What C calls with [`Cancel::raw`] between operations.
    pub(crate) unsafe extern "C" fn poll(flag: *mut c_void) -> bool {
        // SAFETY: `flag` comes from `raw` of a `Cancel` that the context or graph owns.
        unsafe { (*flag.cast::<AtomicBool>()).load(Ordering::Relaxed) }
    }
}

/// How to make a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextOptions {
    /// Positions that it holds; rounded up to a multiple of 256.
    pub positions: usize,
    /// Use llama.cpp's fused attention instead of three matrix operations. Always exact enough to hear no difference;
    /// for a model in 32 bits it is left off, to be as near as possible to the original.
    pub flash_attention: bool,
}

/// The memory of one conversation with a model.
#[derive(Debug)]
pub struct Context {
    raw: NonNull<sys::llama_context>,
    batch: sys::llama_batch,
    positions: usize,
    filled: usize,
    cancel: Cancel,
    model: Arc<Model>,
    _pool: ThreadPool,
}

// SAFETY: nothing in a llama.cpp context belongs to the thread that made it; `&mut self` keeps users apart.
unsafe impl Send for Context {}

impl Context {
    /// Makes a context that computes with `pool`.
    ///
    /// # Errors
    /// [`LlamaError::Allocate`].
    pub fn new(model: &Arc<Model>, options: ContextOptions, pool: ThreadPool) -> Result<Self, LlamaError> {
        let positions = options.positions.clamp(1, 1 << 20).next_multiple_of(POSITIONS_STEP);
        let cancel = Cancel::default();
        let store = if model.exact { Kind::F32 } else { Kind::F16 };
        // SAFETY: the model outlives the context (`Arc` below), the pool too (it is moved in), the flag behind
        // `cancel.raw()` too. The parameters are llama.cpp's defaults but for plain values.
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
            params.abort_callback = Some(Cancel::poll);
            params.abort_callback_data = cancel.raw();
            sys::llama_init_from_model(model.raw.as_ptr(), params)
        };
        let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a context" })?;
        // SAFETY: the context is valid; room for `BATCH_ROWS` rows of the model's width, one sequence each.
        let batch = unsafe {
            sys::llama_attach_threadpool(raw.as_ptr(), pool.raw(), pool.raw());
            sys::llama_batch_init(BATCH_ROWS as i32, model.shape.hidden as i32, 1)
        };
        Ok(Self { raw, batch, positions, filled: 0, cancel, model: Arc::clone(model), _pool: pool })
    }

    /// Positions that it holds at most.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Positions that it holds now.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Breaks off decodes from another thread.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Forgets `position` and all later ones.
    pub fn truncate(&mut self, position: usize) {
        if position < self.filled {
            // SAFETY: the context is valid; a whole tail of the only sequence is removed, which always succeeds.
            unsafe {
                let memory = sys::llama_get_memory(self.raw.as_ptr());
                sys::llama_memory_seq_rm(memory, 0, position as i32, -1);
            }
            self.filled = position;
        }
    }

    /// Reads `rows` (whole rows of the model's width) as positions `position ..`, forgetting what was there and
    /// after. Afterwards [`Context::output`] answers for the last row. On failure the context is empty.
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
        // SAFETY: the batch was made for `BATCH_ROWS` rows of `columns` numbers, and `rows` is a chunk of at most that;
        // every pointer of a batch from `llama_batch_init` with embeddings is valid for as many entries, but `token`,
        // which is null and means "embeddings".
        unsafe {
            std::ptr::copy_nonoverlapping(rows.as_ptr(), self.batch.embd, rows.len());
            for i in 0..count {
                *self.batch.pos.add(i) = (self.filled + i) as i32;
                *self.batch.n_seq_id.add(i) = 1;
                **self.batch.seq_id.add(i) = 0;
                *self.batch.logits.add(i) = 1;
            }
            sys::llama_decode(self.raw.as_ptr(), self.batch)
        }
    }

    /// Hidden state after the final norm, and logits, of the last row that was decoded. `None` before the first.
    pub fn output(&mut self) -> Option<(&[f32], &mut [f32])> {
        if self.filled == 0 {
            return None;
        }
        // SAFETY: both pointers are null or show a row of the context's output buffer, which has the model's width or
        // vocabulary, is separate for the two, and stays until the next decode, which needs `&mut self`.
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
        // SAFETY: both were made by llama.cpp and are freed once, before the pool and the model, which are fields.
        unsafe {
            sys::llama_batch_free(self.batch);
            sys::llama_free(self.raw.as_ptr());
        }
    }
}
