//! Matrices and vectors of a GGUF file in memory, as ggml's fastest kernels on this processor want them.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use crate::gguf::{Header, TensorInfo};
use crate::model::check_tensors;
use crate::quantise::Kind;
use crate::{LlamaError, log};

/// One matrix or vector to be loaded: tensors of the file, one below the other.
#[derive(Debug, Clone)]
pub struct WeightPlan {
    /// What it will be called.
    pub name: String,
    /// Names and shapes (outermost first) of the tensors that it is made of: all as wide, all of one number format.
    pub parts: Vec<(String, Vec<usize>)>,
}

impl WeightPlan {
    /// One tensor under its own name.
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
    /// Whether it is 32-bit floats in plain order.
    pub(crate) plain: bool,
}

/// Loaded weights; graphs share them.
pub struct Weights {
    all: BTreeMap<String, Weight>,
    contexts: Vec<NonNull<sys::ggml_context>>,
    buffers: Vec<sys::ggml_backend_buffer_t>,
    repacked: usize,
}

// SAFETY: after loading nothing writes to weights; graphs only read them.
unsafe impl Send for Weights {}
// SAFETY: as above.
unsafe impl Sync for Weights {}

impl Weights {
    /// Loads what `plans` lists from the file at `path`, which must hold that and nothing else. Matrices are rearranged
    /// where this processor has kernels for it, unless `repack` is off; there is only one copy of each.
    ///
    /// # Errors
    /// [`LlamaError::Read`], [`LlamaError::Damaged`] with what does not fit, [`LlamaError::Allocate`].
    pub fn load(path: &Path, plans: &[WeightPlan], repack: bool) -> Result<Arc<Self>, LlamaError> {
        log::route();
        let header = Header::read(path)?;
        let damaged = |reason| LlamaError::Damaged { path: path.to_path_buf(), reason };
        let expected: Vec<_> = plans.iter().flat_map(|plan| plan.parts.clone()).collect();
        check_tensors(&header, &expected).map_err(damaged)?;
        let mut weights =
            Self { all: BTreeMap::new(), contexts: Vec::new(), buffers: Vec::new(), repacked: 0 };
        // SAFETY: no arguments; prepares tables that ggml's kernels look things up in.
        unsafe { sys::ggml_cpu_init() };
        let bytes = plans.len() * 2 * tensor_bytes();
        let (fast, plain) = (no_alloc_context(bytes)?, no_alloc_context(bytes)?);
        weights.contexts.extend([fast, plain]);
        for plan in plans {
            let parts: Vec<&TensorInfo> =
                plan.parts.iter().filter_map(|(name, _)| header.tensors.get(name)).collect();
            let (kind, columns, rows) = joined(&plan.name, &parts).map_err(damaged)?;
            let fast_kernel = repack && rows > 1 && has_repack_kernel(kind, columns, rows)?;
            let context = if fast_kernel { fast } else { plain };
            weights.repacked += usize::from(fast_kernel);
            // SAFETY: the context is valid and has room for all plans; sizes were checked against the file's.
            let raw =
                unsafe { sys::ggml_new_tensor_2d(context.as_ptr(), kind.raw(), columns as i64, rows as i64) };
            let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a tensor" })?;
            weights.all.insert(plan.name.clone(), Weight { raw, columns, rows, plain: kind == Kind::F32 });
        }
        // SAFETY: returns a pointer that lives for ever.
        let cpu = unsafe { sys::ggml_backend_cpu_buffer_type() };
        let fast_type = repack_buffer_type().unwrap_or(cpu);
        for (context, buffer_type) in [(fast, fast_type), (plain, cpu)] {
            weights.allocate(context, buffer_type)?;
        }
        weights.fill(path, &header, plans)?;
        Ok(Arc::new(weights))
    }

    /// How many matrices were rearranged for faster kernels.
    #[must_use]
    pub fn repacked(&self) -> usize {
        self.repacked
    }

    /// A copy of a vector of `length` 32-bit floats.
    ///
    /// # Errors
    /// [`LlamaError::Graph`] when there is none of this name and length.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, LlamaError> {
        let weight = self.get(name)?;
        if weight.rows != 1 || weight.columns != length || !weight.plain {
            return Err(LlamaError::Graph { what: name.to_owned() });
        }
        let mut numbers = vec![0.0_f32; length];
        // SAFETY: the tensor has memory for exactly `length` floats in plain order, as checked above.
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
        // SAFETY: the context is valid and its tensors have no memory yet; the buffer type lives for ever.
        unsafe {
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

    /// Reads the tensors one by one into a buffer, and hands them to ggml, which rearranges them on the way.
    fn fill(&self, path: &Path, header: &Header, plans: &[WeightPlan]) -> Result<(), LlamaError> {
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
            // SAFETY: the tensor has memory, for exactly the bytes that its parts have together (same columns, same
            // format, rows summed up).
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
        // SAFETY: made by ggml, freed once; no graph is left, since graphs hold the weights.
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

/// Format, columns and rows of tensors set one below the other.
fn joined(name: &str, parts: &[&TensorInfo]) -> Result<(Kind, usize, usize), String> {
    let first = parts.first().ok_or_else(|| format!("'{name}' is made of nothing"))?;
    let columns = first.shape.last().copied().unwrap_or(1);
    let mut rows = 0;
    for part in parts {
        if part.kind != first.kind || part.shape.len() > 2 || part.shape.last() != Some(&columns) {
            return Err(format!("tensor '{}' does not fit below '{}'", part.name, first.name));
        }
        rows += if part.shape.len() == 2 { part.shape[0] } else { 1 };
    }
    Ok((first.kind, columns, rows))
}

fn tensor_bytes() -> usize {
    // SAFETY: returns a number.
    unsafe { sys::ggml_tensor_overhead() }
}

/// A ggml context for descriptions of tensors, without their numbers.
pub(crate) fn no_alloc_context(bytes: usize) -> Result<NonNull<sys::ggml_context>, LlamaError> {
    let params = sys::ggml_init_params { mem_size: bytes, mem_buffer: std::ptr::null_mut(), no_alloc: true };
    // SAFETY: plain data; ggml allocates the memory itself.
    NonNull::new(unsafe { sys::ggml_init(params) }).ok_or(LlamaError::Allocate { what: "a ggml context" })
}

/// The kind of memory whose matrices are rearranged when they are written, if this build has it.
fn repack_buffer_type() -> Option<sys::ggml_backend_buffer_type_t> {
    /// `ggml_backend_dev_get_extra_bufts` of the CPU backend: a list that ends with null.
    type ExtraTypes = unsafe extern "C" fn(sys::ggml_backend_dev_t) -> *mut sys::ggml_backend_buffer_type_t;
    // SAFETY: the registry and its only device live for ever; the address that is asked for by this name has this
    // signature (`ggml_backend_dev_get_extra_bufts_t`); names of buffer types are strings that live for ever.
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

/// Whether a matrix of this format and size can be rearranged: asked with a product that is never computed, as
/// llama.cpp does. (Rearranging where there is no kernel would end the process.)
fn has_repack_kernel(kind: Kind, columns: usize, rows: usize) -> Result<bool, LlamaError> {
    let Some(buffer_type) = repack_buffer_type() else { return Ok(false) };
    let context = no_alloc_context(8 * tensor_bytes())?;
    // SAFETY: the context has room for these tensors, whose shapes fit; the buffer is empty, serves as a mark of where
    // the matrix would be, and is freed after the question; the device lives for ever.
    let answer = unsafe {
        let matrix = sys::ggml_new_tensor_2d(context.as_ptr(), kind.raw(), columns as i64, rows as i64);
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
