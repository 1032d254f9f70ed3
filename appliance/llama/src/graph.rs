//! ggml graphs that are built once and computed often: matrix products, norms and sums by ggml, everything else by
//! operations of the caller's own, which run inside the graph between ggml's.
//!
//! All tensors are rows of 32-bit floats, but for the matrices of [`Weights`]. Shapes are checked here, since ggml ends
//! the process when they do not fit.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use crate::weights::{Weights, no_alloc_context};
use crate::{Cancel, LlamaError, ThreadPool};

/// Nodes and leaves that a graph may have.
const NODES_MAX: usize = 8192;

/// A tensor of a graph in the making: `rows` rows of `columns` numbers.
#[derive(Debug, Clone, Copy)]
pub struct Tensor {
    raw: NonNull<sys::ggml_tensor>,
    graph: usize,
    columns: usize,
    rows: usize,
}

/// An input of a built graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input(usize);

/// Runs the operations of one's own: `(tag, what comes in, what goes out)`. What comes in may be scribbled over.
pub type Operations<'a> = dyn FnMut(u32, &mut [f32], &mut [f32]) + 'a;

/// One operation of one's own, as ggml sees it.
struct Slot {
    tag: u32,
    shared: *const Shared,
}

/// What all operations of a graph find when they run.
#[derive(Default)]
struct Shared {
    /// Set while the graph computes, to a reference that outlives the computation.
    operations: Cell<Option<*mut Operations<'static>>>,
    panicked: Cell<bool>,
}

/// A graph in the making.
pub struct GraphBuilder {
    context: NonNull<sys::ggml_context>,
    graph: NonNull<sys::ggml_cgraph>,
    weights: Arc<Weights>,
    inputs: Vec<(NonNull<sys::ggml_tensor>, usize)>,
    #[allow(clippy::vec_box, reason = "ggml holds their addresses")]
    slots: Vec<Box<Slot>>,
    shared: Box<Shared>,
}

impl GraphBuilder {
    /// A graph that uses `weights`.
    ///
    /// # Errors
    /// [`LlamaError::Allocate`].
    pub fn new(weights: &Arc<Weights>) -> Result<Self, LlamaError> {
        // SAFETY: both functions return a size.
        let bytes = unsafe {
            sys::ggml_tensor_overhead() * NODES_MAX + sys::ggml_graph_overhead_custom(NODES_MAX, false)
        };
        let context = no_alloc_context(bytes)?;
        // SAFETY: the context is valid and has room for this graph and as many tensors.
        let graph = unsafe { sys::ggml_new_graph_custom(context.as_ptr(), NODES_MAX, false) };
        let Some(graph) = NonNull::new(graph) else {
            // SAFETY: made above, freed once.
            unsafe { sys::ggml_free(context.as_ptr()) };
            return Err(LlamaError::Allocate { what: "a graph" });
        };
        let weights = Arc::clone(weights);
        Ok(Self { context, graph, weights, inputs: Vec::new(), slots: Vec::new(), shared: Box::default() })
    }

    /// Numbers that are given from outside before each computation.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn input(&mut self, columns: usize, rows: usize) -> Result<(Tensor, Input), LlamaError> {
        self.check(columns > 0 && rows > 0, "an input without numbers")?;
        // SAFETY: the context is valid and has room (checked); sizes are positive.
        let raw = unsafe {
            let raw = sys::ggml_new_tensor_2d(self.context.as_ptr(), F32, columns as i64, rows as i64);
            sys::ggml_set_input(raw);
            raw
        };
        let tensor = self.tensor(raw, columns, rows)?;
        self.inputs.push((tensor.raw, columns * rows));
        Ok((tensor, Input(self.inputs.len() - 1)))
    }

    /// `x` times the transposed matrix `name`: every row becomes as many numbers as the matrix has rows.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn product(&mut self, name: &str, x: Tensor) -> Result<Tensor, LlamaError> {
        let matrix = self.weights.get(name)?;
        self.check_own(x)?;
        self.check(matrix.columns == x.columns, name)?;
        // SAFETY: both tensors are valid and their shapes fit; the matrix lives as long as the weights, which the
        // graph holds.
        let raw = unsafe { sys::ggml_mul_mat(self.context.as_ptr(), matrix.raw.as_ptr(), x.raw.as_ptr()) };
        self.tensor(raw, matrix.rows, x.rows)
    }

    /// Root-mean-square norm of every row, times the vector `name`.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn norm(&mut self, name: &str, epsilon: f32, x: Tensor) -> Result<Tensor, LlamaError> {
        let vector = self.vector(name, x)?;
        // SAFETY: both tensors are valid; the vector is as wide as the rows.
        let raw = unsafe {
            let normal = sys::ggml_rms_norm(self.context.as_ptr(), x.raw.as_ptr(), epsilon);
            sys::ggml_mul(self.context.as_ptr(), normal, vector.as_ptr())
        };
        self.tensor(raw, x.columns, x.rows)
    }

    /// Every row plus the vector `name`.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn add_vector(&mut self, name: &str, x: Tensor) -> Result<Tensor, LlamaError> {
        let vector = self.vector(name, x)?;
        // SAFETY: both tensors are valid; the vector is as wide as the rows.
        let raw = unsafe { sys::ggml_add(self.context.as_ptr(), x.raw.as_ptr(), vector.as_ptr()) };
        self.tensor(raw, x.columns, x.rows)
    }

    /// The sum of two tensors of one shape.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn add(&mut self, x: Tensor, y: Tensor) -> Result<Tensor, LlamaError> {
        self.check_own(x)?;
        self.check_own(y)?;
        self.check((x.columns, x.rows) == (y.columns, y.rows), "a sum")?;
        // SAFETY: both tensors are valid and have one shape.
        let raw = unsafe { sys::ggml_add(self.context.as_ptr(), x.raw.as_ptr(), y.raw.as_ptr()) };
        self.tensor(raw, x.columns, x.rows)
    }

    /// `silu(first half of the row) * second half`.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn gated(&mut self, x: Tensor) -> Result<Tensor, LlamaError> {
        self.check_own(x)?;
        self.check(x.columns.is_multiple_of(2), "a gate")?;
        // SAFETY: the tensor is valid and its rows have two halves.
        let raw = unsafe { sys::ggml_swiglu(self.context.as_ptr(), x.raw.as_ptr()) };
        self.tensor(raw, x.columns / 2, x.rows)
    }

    /// The last row alone.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn last_row(&mut self, x: Tensor) -> Result<Tensor, LlamaError> {
        self.check_own(x)?;
        let offset = (x.rows - 1) * x.columns * size_of::<f32>();
        // SAFETY: the tensor is valid and contiguous (all tensors here are), and the view lies inside it.
        let raw =
            unsafe { sys::ggml_view_1d(self.context.as_ptr(), x.raw.as_ptr(), x.columns as i64, offset) };
        self.tensor(raw, x.columns, 1)
    }

    /// An operation of one's own: [`Graph::compute`] calls it with `tag` and the numbers of `x`, to fill `columns`
    /// times `rows` numbers. Operations run in the order in which they were added here.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn operation(
        &mut self,
        tag: u32,
        x: Tensor,
        columns: usize,
        rows: usize,
    ) -> Result<Tensor, LlamaError> {
        self.check_own(x)?;
        self.check(columns > 0 && rows > 0, "an operation without result")?;
        let slot = Box::new(Slot { tag, shared: &raw const *self.shared });
        let mut arguments = [x.raw.as_ptr()];
        // SAFETY: the argument is valid; the list of arguments is copied; `slot` is boxed and kept by the graph, so
        // the pointer stays valid; `call` has the asked signature and runs on one thread only (one task).
        let raw = unsafe {
            sys::ggml_custom_4d(
                self.context.as_ptr(),
                F32,
                columns as i64,
                rows as i64,
                1,
                1,
                arguments.as_mut_ptr(),
                1,
                Some(call),
                1,
                (&raw const *slot).cast_mut().cast(),
            )
        };
        self.slots.push(slot);
        let tensor = self.tensor(raw, columns, rows)?;
        // SAFETY: graph and tensor are valid. Adding it now keeps the order.
        unsafe { sys::ggml_build_forward_expand(self.graph.as_ptr(), tensor.raw.as_ptr()) };
        Ok(tensor)
    }

    /// Plans the graph: memory for every tensor, and the way in which `pool` shares the work.
    ///
    /// # Errors
    /// [`LlamaError::Allocate`].
    pub fn build(self, pool: ThreadPool) -> Result<Graph, LlamaError> {
        // SAFETY: the CPU's buffer type lives for ever; the graph is valid, and all its leaves are inputs, which the
        // allocator gives memory, or weights, which have theirs. The plan is made for this graph and pool.
        let (allocator, allocated, plan) = unsafe {
            let allocator = sys::ggml_gallocr_new(sys::ggml_backend_cpu_buffer_type());
            let allocated =
                !allocator.is_null() && sys::ggml_gallocr_alloc_graph(allocator, self.graph.as_ptr());
            (
                allocator,
                allocated,
                sys::ggml_graph_plan(self.graph.as_ptr(), pool.count() as c_int, pool.raw()),
            )
        };
        let lines = plan.work_size.div_ceil(size_of::<Line>());
        let graph = Graph {
            allocator,
            plan,
            work: vec![Line([0; 64]); lines],
            parts: self,
            cancel: Cancel::default(),
            _pool: pool,
        };
        if allocated { Ok(graph) } else { Err(LlamaError::Allocate { what: "the tensors of a graph" }) }
    }

    fn vector(&self, name: &str, x: Tensor) -> Result<NonNull<sys::ggml_tensor>, LlamaError> {
        let vector = self.weights.get(name)?;
        self.check_own(x)?;
        self.check(vector.rows == 1 && vector.columns == x.columns && vector.plain, name)?;
        Ok(vector.raw)
    }

    fn tensor(&self, raw: *mut sys::ggml_tensor, columns: usize, rows: usize) -> Result<Tensor, LlamaError> {
        let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a tensor" })?;
        let tensor = Tensor { raw, graph: self.id(), columns, rows };
        // Two tensors may still be made by one function: stop well before the context is full, which ends the process.
        // SAFETY: the context is valid; the function returns a number.
        let used = unsafe { sys::ggml_used_mem(self.context.as_ptr()) };
        // SAFETY: returns a number.
        let limit = unsafe { sys::ggml_tensor_overhead() } * (NODES_MAX - 16);
        self.check(used < limit, "too many operations")?;
        Ok(tensor)
    }

    /// Tells graphs apart that exist at the same time.
    fn id(&self) -> usize {
        self.context.as_ptr() as usize
    }

    fn check_own(&self, x: Tensor) -> Result<(), LlamaError> {
        self.check(x.graph == self.id(), "a tensor of another graph")
    }

    fn check(&self, fits: bool, what: &str) -> Result<(), LlamaError> {
        if fits { Ok(()) } else { Err(LlamaError::Graph { what: what.to_owned() }) }
    }
}

impl Drop for GraphBuilder {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once; tensors made in it hold no memory of their own.
        unsafe { sys::ggml_free(self.context.as_ptr()) }
    }
}

/// The only number format between operations.
const F32: sys::ggml_type = sys::GGML_TYPE_F32;

/// Scratch memory of ggml's kernels, aligned as their vectors.
#[derive(Clone)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "only its address is used")] [u8; 64]);

/// A planned graph.
pub struct Graph {
    allocator: sys::ggml_gallocr_t,
    plan: sys::ggml_cplan,
    work: Vec<Line>,
    parts: GraphBuilder,
    cancel: Cancel,
    _pool: ThreadPool,
}

// SAFETY: nothing in a graph belongs to the thread that made it; `&mut self` keeps users apart; the operations are set
// only while `compute` runs, in the thread that runs it.
unsafe impl Send for Graph {}

impl Graph {
    /// The numbers of an input, to be filled before [`Graph::compute`].
    pub fn input(&mut self, input: Input) -> &mut [f32] {
        let Some(&(tensor, numbers)) = self.parts.inputs.get(input.0) else { return &mut [] };
        // SAFETY: the allocator gave the tensor memory for its numbers, which `&mut self` reserves for the caller.
        unsafe { std::slice::from_raw_parts_mut((*tensor.as_ptr()).data.cast(), numbers) }
    }

    /// Breaks off a computation from another thread.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Computes the whole graph; `operations` runs the operations of one's own. Nothing is allocated.
    ///
    /// # Errors
    /// [`LlamaError::Compute`], also when `operations` panicked.
    pub fn compute(&mut self, operations: &mut Operations<'_>) -> Result<(), LlamaError> {
        let operations: *mut Operations<'_> = operations;
        // SAFETY: only the lifetime is changed; the pointer is taken back below, before that lifetime ends.
        let operations: *mut Operations<'static> = unsafe { std::mem::transmute(operations) };
        let shared = &self.parts.shared;
        shared.panicked.set(false);
        shared.operations.set(Some(operations));
        self.plan.work_data = self.work.as_mut_ptr().cast();
        self.plan.abort_callback = Some(Cancel::poll);
        self.plan.abort_callback_data = self.cancel.raw();
        // SAFETY: the graph is allocated, the plan was made for it, its scratch memory is as large as it asked for, and
        // pool, flag and weights are held by `self`.
        let code = unsafe { sys::ggml_graph_compute(self.parts.graph.as_ptr(), &raw mut self.plan) };
        shared.operations.set(None);
        if shared.panicked.get() {
            return Err(LlamaError::Compute { operation: "an operation of the graph", code: -1 });
        }
        if code != sys::GGML_STATUS_SUCCESS {
            return Err(LlamaError::Compute { operation: "ggml_graph_compute", code });
        }
        Ok(())
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: null or made by `ggml_gallocr_new`, freed once.
        unsafe { sys::ggml_gallocr_free(self.allocator) }
    }
}

/// What ggml calls for an operation of one's own: once for every thread of the plan, the first of which works.
unsafe extern "C" fn call(result: *mut sys::ggml_tensor, thread: c_int, _: c_int, slot: *mut c_void) {
    if thread != 0 {
        return;
    }
    // SAFETY: `slot` and what it refers to belong to the graph that is being computed. Both tensors are contiguous rows
    // of f32 with memory of their own: ggml's allocator lets only its own operations work in place. No other thread
    // touches them, since all threads meet before and after the operation. `operations` is valid while the graph
    // computes, and is used by one operation at a time.
    unsafe {
        let slot = &*slot.cast::<Slot>();
        let shared = &*slot.shared;
        let source = (*result).src[0];
        let numbers = |t: *mut sys::ggml_tensor| (*t).ne.iter().product::<i64>() as usize;
        let input = std::slice::from_raw_parts_mut((*source).data.cast::<f32>(), numbers(source));
        let output = std::slice::from_raw_parts_mut((*result).data.cast::<f32>(), numbers(result));
        if let Some(operations) = shared.operations.get()
            && catch_unwind(AssertUnwindSafe(|| (*operations)(slot.tag, input, output))).is_err()
        {
            shared.panicked.set(true);
            shared.operations.set(None);
        }
    }
}
