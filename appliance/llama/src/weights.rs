//! Matrices and vectors of a GGUF file in memory, in the layout of ggml's fastest kernels on this CPU.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use crate::error::GgufDefect;
use crate::gguf::{GgufHeader, TensorInfo};
use crate::model::check_tensors;
use crate::quantise::GgmlType;
use crate::{LlamaError, log};

/// One matrix or vector to load: tensors of the file stacked by rows.
#[derive(Debug, Clone)]
pub struct WeightPlan {
    /// Name of the result.
    pub name: String,
    /// Names and shapes (outermost first) of the stacked tensors, all of the same width and number format.
    pub parts: Vec<(String, Vec<usize>)>,
}

impl WeightPlan {
    /// Returns the plan for one tensor under its own name.
    #[must_use]
    pub fn single(name: &str, shape: &[usize]) -> Self {
        Self { name: name.to_owned(), parts: vec![(name.to_owned(), shape.to_vec())] }
    }
}

/// A loaded matrix (or a vector, with one row).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) raw: NonNull<sys::ggml_tensor>,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// True if the data is 32-bit floats in row-major order.
    pub(crate) plain: bool,
}

/// Loaded weights, shared by graphs.
pub struct Weights {
    all: BTreeMap<String, Weight>,
    contexts: Vec<NonNull<sys::ggml_context>>,
    buffers: Vec<sys::ggml_backend_buffer_t>,
}

// SAFETY: nothing writes to weights after loading; graphs only read them.
unsafe impl Send for Weights {}
// SAFETY: as above.
unsafe impl Sync for Weights {}

impl Weights {
    /// Loads the tensors listed in `plans` from the file at `path`, which must hold exactly these. Matrices are
    /// repacked where this CPU has kernels for it. There is only one copy of each in memory.
    ///
    /// # Errors
    /// [`LlamaError::Read`], [`LlamaError::Damaged`] with the mismatch, [`LlamaError::Allocate`].
    pub fn load(path: &Path, plans: &[WeightPlan]) -> Result<Arc<Self>, LlamaError> {
        log::route();
        let header = GgufHeader::read(path)?;
        let damaged = |reason| LlamaError::Damaged { path: path.to_path_buf(), reason };
        let expected: Vec<_> = plans.iter().flat_map(|plan| plan.parts.clone()).collect();
        check_tensors(&header, &expected).map_err(damaged)?;
        let mut weights = Self { all: BTreeMap::new(), contexts: Vec::new(), buffers: Vec::new() };
        // SAFETY: no arguments. Fills the lookup tables of ggml's kernels.
        unsafe { sys::ggml_cpu_init() };
        let bytes = plans.len() * 2 * tensor_bytes();
        // Two contexts, because ggml allocates a context as a whole in one type of buffer.
        let (fast, plain) = (no_alloc_context(bytes)?, no_alloc_context(bytes)?);
        weights.contexts.extend([fast, plain]);
        for plan in plans {
            let parts: Vec<&TensorInfo> =
                plan.parts.iter().filter_map(|(name, _)| header.tensors.get(name)).collect();
            let (kind, columns, rows) = joined(&plan.name, &parts).map_err(damaged)?;
            let fast_kernel = rows > 1 && has_repack_kernel(kind, columns, rows)?;
            let context = if fast_kernel { fast } else { plain };
            // SAFETY: the context is valid and has room for all plans; the sizes were checked against the file.
            let raw =
                unsafe { sys::ggml_new_tensor_2d(context.as_ptr(), kind.raw(), columns as i64, rows as i64) };
            let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a tensor" })?;
            weights
                .all
                .insert(plan.name.clone(), Weight { raw, columns, rows, plain: kind == GgmlType::F32 });
        }
        // SAFETY: returns a pointer to a static.
        let cpu = unsafe { sys::ggml_backend_cpu_buffer_type() };
        let fast_type = repack_buffer_type().unwrap_or(cpu);
        for (context, buffer_type) in [(fast, fast_type), (plain, cpu)] {
            weights.allocate(context, buffer_type)?;
        }
        weights.fill(path, &header, plans)?;
        Ok(Arc::new(weights))
    }

    /// Returns a copy of a vector of `length` 32-bit floats.
    ///
    /// # Errors
    /// [`LlamaError::Graph`] if there is none of this name and length.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, LlamaError> {
        let weight = self.get(name)?;
        if weight.rows != 1 || weight.columns != length || !weight.plain {
            return Err(LlamaError::Graph { what: name.to_owned() });
        }
        let mut numbers = vec![0.0_f32; length];
        // SAFETY: the tensor holds exactly `length` floats in row-major order, as checked above.
        unsafe {
            sys::ggml_backend_tensor_get(
                weight.raw.as_ptr(),
                numbers.as_mut_ptr().cast(),
                0,
                size_of_val(numbers.as_slice()),
            );
        }
        Ok(numbers)
    }

    pub(crate) fn get(&self, name: &str) -> Result<Weight, LlamaError> {
        self.all.get(name).copied().ok_or_else(|| LlamaError::Graph { what: name.to_owned() })
    }

    fn allocate(
        &mut self,
        context: NonNull<sys::ggml_context>,
        buffer_type: sys::ggml_backend_buffer_type_t,
    ) -> Result<(), LlamaError> {
        // SAFETY: the context is valid and its tensors have no memory yet; buffer types are static.
        unsafe {
            // Allocating an empty context would fail.
            if sys::ggml_get_first_tensor(context.as_ptr()).is_null() {
                return Ok(());
            }
            let buffer = sys::ggml_backend_alloc_ctx_tensors_from_buft(context.as_ptr(), buffer_type);
            if buffer.is_null() {
                return Err(LlamaError::Allocate { what: "memory for weights" });
            }
            sys::ggml_backend_buffer_set_usage(buffer, sys::GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
            self.buffers.push(buffer);
        }
        Ok(())
    }

    /// Reads the tensors one by one into a buffer and passes them to ggml, which repacks them.
    fn fill(&self, path: &Path, header: &GgufHeader, plans: &[WeightPlan]) -> Result<(), LlamaError> {
        let wrap = |source| LlamaError::Read { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(wrap)?;
        let mut bytes = Vec::new();
        for plan in plans {
            bytes.clear();
            for info in plan.parts.iter().filter_map(|(name, _)| header.tensors.get(name)) {
                let start = bytes.len();
                bytes.resize(start + info.bytes, 0);
                file.read_exact_at(&mut bytes[start..], info.offset).map_err(wrap)?;
            }
            let weight = self.get(&plan.name)?;
            // SAFETY: the tensor is allocated, with exactly the total size of its parts (same columns, same format,
            // rows added up).
            unsafe {
                debug_assert_eq!(sys::ggml_nbytes(weight.raw.as_ptr()), bytes.len());
                sys::ggml_backend_tensor_set(weight.raw.as_ptr(), bytes.as_ptr().cast(), 0, bytes.len());
            }
        }
        Ok(())
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        // SAFETY: created by ggml, freed once; graphs hold the weights, so none is left.
        unsafe {
            for &buffer in &self.buffers {
                sys::ggml_backend_buffer_free(buffer);
            }
            for context in &self.contexts {
                sys::ggml_free(context.as_ptr());
            }
        }
    }
}

/// Returns format, columns and rows of stacked tensors.
fn joined(name: &str, parts: &[&TensorInfo]) -> Result<(GgmlType, usize, usize), GgufDefect> {
    let first = parts.first().ok_or_else(|| GgufDefect::NoParts { matrix: name.to_owned() })?;
    let columns = first.shape.last().copied().unwrap_or(1);
    let mut rows = 0;
    for part in parts {
        if part.kind != first.kind || part.shape.len() > 2 || part.shape.last() != Some(&columns) {
            return Err(GgufDefect::UnequalParts { tensor: part.name.clone(), first: first.name.clone() });
        }
        rows += if part.shape.len() == 2 { part.shape[0] } else { 1 };
    }
    Ok((first.kind, columns, rows))
}

fn tensor_bytes() -> usize {
    // SAFETY: returns a number.
    unsafe { sys::ggml_tensor_overhead() }
}

/// Creates a ggml context for tensor descriptors, without their data.
pub(crate) fn no_alloc_context(bytes: usize) -> Result<NonNull<sys::ggml_context>, LlamaError> {
    let params = sys::ggml_init_params { mem_size: bytes, mem_buffer: std::ptr::null_mut(), no_alloc: true };
    // SAFETY: plain data; ggml allocates the memory itself.
    NonNull::new(unsafe { sys::ggml_init(params) }).ok_or(LlamaError::Allocate { what: "a ggml context" })
}

/// Returns the buffer type that repacks matrices when they are written, if this build has it.
fn repack_buffer_type() -> Option<sys::ggml_backend_buffer_type_t> {
    /// Signature of `ggml_backend_dev_get_extra_bufts` of the CPU backend, which returns a null-terminated list.
    type ExtraTypes = unsafe extern "C" fn(sys::ggml_backend_dev_t) -> *mut sys::ggml_backend_buffer_type_t;
    // SAFETY: the registry and its only device are static; the function registered under this name has this signature
    // (`ggml_backend_dev_get_extra_bufts_t`); names of buffer types are static strings.
    unsafe {
        let registry = sys::ggml_backend_cpu_reg();
        let address =
            sys::ggml_backend_reg_get_proc_address(registry, c"ggml_backend_dev_get_extra_bufts".as_ptr());
        if address.is_null() {
            return None;
        }
        let extra_types: ExtraTypes = std::mem::transmute(address);
        let mut list = extra_types(sys::ggml_backend_reg_dev_get(registry, 0));
        while !list.is_null() && !(*list).is_null() {
            let name = std::ffi::CStr::from_ptr(sys::ggml_backend_buft_name(*list));
            if name == c"CPU_REPACK" {
                return Some(*list);
            }
            list = list.add(1);
        }
    }
    None
}

/// Returns true if a matrix of this format and size can be repacked. As in llama.cpp, the query is a product that is
/// never computed. (Repacking a matrix without a matching kernel would abort the process.)
fn has_repack_kernel(kind: GgmlType, columns: usize, rows: usize) -> Result<bool, LlamaError> {
    let Some(buffer_type) = repack_buffer_type() else { return Ok(false) };
    let context = no_alloc_context(8 * tensor_bytes())?;
    // SAFETY: the context has room for these tensors, whose shapes fit. The buffer is empty: it only marks the type of
    // memory that would hold the matrix, and is freed after the query. The device is static.
    let answer = unsafe {
        let matrix = sys::ggml_new_tensor_2d(context.as_ptr(), kind.raw(), columns as i64, rows as i64);
        // 512 rows, as llama.cpp probes with; any number does, since kernels depend on the matrix alone.
        let x = sys::ggml_new_tensor_2d(context.as_ptr(), sys::GGML_TYPE_F32, columns as i64, 512);
        let product = sys::ggml_mul_mat(context.as_ptr(), matrix, x);
        let buffer = sys::ggml_backend_buft_alloc_buffer(buffer_type, 0);
        (*matrix).buffer = buffer;
        let device = sys::ggml_backend_reg_dev_get(sys::ggml_backend_cpu_reg(), 0);
        let answer = !buffer.is_null() && sys::ggml_backend_dev_supports_op(device, product);
        sys::ggml_backend_buffer_free(buffer);
        sys::ggml_free(context.as_ptr());
        answer
    };
    Ok(answer)
}
