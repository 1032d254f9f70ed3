//! ggml graphs that are built once and computed many times. ggml provides matrix products, norms and sums; everything
//! else is done by custom operators, callbacks that run inside the graph between ggml's operators.
//!
//! All tensors are rows of 32-bit floats, except for the matrices of [`Weights`]. Shapes are checked here because
//! ggml aborts the process on a mismatch.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use crate::weights::{Weights, no_alloc_context};
use crate::{LlamaError, ThreadPool};

/// Capacity of a graph in nodes and leaves: the published code predictor (five layers, 15 steps) needs about 1000.
const NODES_MAX: usize = 8192;

/// A tensor of a graph under construction: `rows` rows of `columns` numbers.
#[derive(Debug, Clone, Copy)]
pub struct GraphTensor {
    raw: NonNull<sys::ggml_tensor>,
    graph: usize,
    columns: usize,
    rows: usize,
}

/// Handle of an input of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputId(usize);

/// Callback for the custom operators of a graph: `(tag, input, output)`. It may overwrite its input.
pub type CustomOperators<'a> = dyn FnMut(u32, &mut [f32], &mut [f32]) + 'a;

/// User data of one custom operator, passed through ggml.
struct CustomOperator {
    tag: u32,
    shared: *const Shared,
}

/// State shared by all custom operators of a graph.
#[derive(Default)]
struct Shared {
    /// The callback, set only while the graph computes.
    operations: Cell<Option<*mut CustomOperators<'static>>>,
    panicked: Cell<bool>,
}

/// A graph under construction.
pub struct GraphBuilder {
    context: NonNull<sys::ggml_context>,
    graph: NonNull<sys::ggml_cgraph>,
    weights: Arc<Weights>,
    inputs: Vec<(NonNull<sys::ggml_tensor>, usize)>,
    #[allow(clippy::vec_box, reason = "ggml holds their addresses")]
    operators: Vec<Box<CustomOperator>>,
    shared: Box<Shared>,
}

impl GraphBuilder {
    /// Starts a graph that uses `weights`.
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
            // SAFETY: created above, freed once.
            unsafe { sys::ggml_free(context.as_ptr()) };
            return Err(LlamaError::Allocate { what: "a graph" });
        };
        let weights = Arc::clone(weights);
        Ok(Self {
            context,
            graph,
            weights,
            inputs: Vec::new(),
            operators: Vec::new(),
            shared: Box::default(),
        })
    }

    /// Adds an input, to be filled by the caller before each computation.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn input(&mut self, columns: usize, rows: usize) -> Result<(GraphTensor, InputId), LlamaError> {
        self.check(columns > 0 && rows > 0, "an input without numbers")?;
        // SAFETY: the context is valid and has room (checked); sizes are positive.
        let raw = unsafe {
            let raw = sys::ggml_new_tensor_2d(self.context.as_ptr(), F32, columns as i64, rows as i64);
            sys::ggml_set_input(raw);
            raw
        };
        let tensor = self.tensor(raw, columns, rows)?;
        self.inputs.push((tensor.raw, columns * rows));
        Ok((tensor, InputId(self.inputs.len() - 1)))
    }

    /// Adds the product of `x` and the transposed matrix `name`: each row gets as many numbers as the matrix has rows.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn product(&mut self, name: &str, x: GraphTensor) -> Result<GraphTensor, LlamaError> {
        let matrix = self.weights.get(name)?;
        self.check_own(x)?;
        self.check(matrix.columns == x.columns, name)?;
        // SAFETY: both tensors are valid and their shapes fit; the matrix lives as long as the weights, which the
        // graph holds.
        let raw = unsafe { sys::ggml_mul_mat(self.context.as_ptr(), matrix.raw.as_ptr(), x.raw.as_ptr()) };
        self.tensor(raw, matrix.rows, x.rows)
    }

    /// Adds a root-mean-square norm of every row, scaled by the vector `name`.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn norm(&mut self, name: &str, epsilon: f32, x: GraphTensor) -> Result<GraphTensor, LlamaError> {
        let vector = self.vector(name, x)?;
        // SAFETY: both tensors are valid; the vector is as wide as the rows.
        let raw = unsafe {
            let normal = sys::ggml_rms_norm(self.context.as_ptr(), x.raw.as_ptr(), epsilon);
            sys::ggml_mul(self.context.as_ptr(), normal, vector.as_ptr())
        };
        self.tensor(raw, x.columns, x.rows)
    }

    /// Adds the vector `name` to every row.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn add_vector(&mut self, name: &str, x: GraphTensor) -> Result<GraphTensor, LlamaError> {
        let vector = self.vector(name, x)?;
        // SAFETY: both tensors are valid; the vector is as wide as the rows.
        let raw = unsafe { sys::ggml_add(self.context.as_ptr(), x.raw.as_ptr(), vector.as_ptr()) };
        self.tensor(raw, x.columns, x.rows)
    }

    /// Adds two tensors of the same shape.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn add(&mut self, x: GraphTensor, y: GraphTensor) -> Result<GraphTensor, LlamaError> {
        self.check_own(x)?;
        self.check_own(y)?;
        self.check((x.columns, x.rows) == (y.columns, y.rows), "a sum")?;
        // SAFETY: both tensors are valid and have one shape.
        let raw = unsafe { sys::ggml_add(self.context.as_ptr(), x.raw.as_ptr(), y.raw.as_ptr()) };
        self.tensor(raw, x.columns, x.rows)
    }

    /// Adds a SwiGLU gate: `silu(first half of the row) * second half`.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn gated(&mut self, x: GraphTensor) -> Result<GraphTensor, LlamaError> {
        self.check_own(x)?;
        self.check(x.columns.is_multiple_of(2), "a gate")?;
        // SAFETY: the tensor is valid and its rows have two halves.
        let raw = unsafe { sys::ggml_swiglu(self.context.as_ptr(), x.raw.as_ptr()) };
        self.tensor(raw, x.columns / 2, x.rows)
    }

    /// Adds a view of the last row.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn last_row(&mut self, x: GraphTensor) -> Result<GraphTensor, LlamaError> {
        self.check_own(x)?;
        let offset = (x.rows - 1) * x.columns * size_of::<f32>();
        // SAFETY: the tensor is valid and contiguous (all tensors here are), and the view lies inside it.
        let raw =
            unsafe { sys::ggml_view_1d(self.context.as_ptr(), x.raw.as_ptr(), x.columns as i64, offset) };
        self.tensor(raw, x.columns, 1)
    }

    /// Adds a custom operator: [`Graph::compute`] calls its callback with `tag` and the numbers of `x`, to fill `rows`
    /// rows of `columns` numbers. Custom operators run in the order in which they were added.
    ///
    /// # Errors
    /// [`LlamaError::Graph`].
    pub fn custom(
        &mut self,
        tag: u32,
        x: GraphTensor,
        columns: usize,
        rows: usize,
    ) -> Result<GraphTensor, LlamaError> {
        self.check_own(x)?;
        self.check(columns > 0 && rows > 0, "an operation without result")?;
        let operator = Box::new(CustomOperator { tag, shared: &raw const *self.shared });
        let mut arguments = [x.raw.as_ptr()];
        // SAFETY: the argument is valid and the list of arguments is copied. `operator` is boxed and owned by the
        // graph, so its address is stable. `call` has the required signature and runs on one thread only (one task).
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
                (&raw const *operator).cast_mut().cast(),
            )
        };
        self.operators.push(operator);
        let tensor = self.tensor(raw, columns, rows)?;
        // SAFETY: graph and tensor are valid. Expanding now, rather than once at the end, fixes the execution order:
        // ggml runs nodes in the order of expansion.
        unsafe { sys::ggml_build_forward_expand(self.graph.as_ptr(), tensor.raw.as_ptr()) };
        Ok(tensor)
    }

    /// Plans the graph: allocates every tensor, and divides the work among the threads of `pool`.
    ///
    /// # Errors
    /// [`LlamaError::Allocate`].
    pub fn build(self, pool: ThreadPool) -> Result<Graph, LlamaError> {
        // SAFETY: the CPU buffer type is static. The graph is valid, and its leaves are either inputs, which the
        // allocator allocates, or weights, which have memory already. The plan is for this graph and pool.
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
        let lines = plan.work_size.div_ceil(size_of::<CacheLine>());
        let graph =
            Graph { allocator, plan, work: vec![CacheLine([0; 64]); lines], parts: self, _pool: pool };
        if allocated { Ok(graph) } else { Err(LlamaError::Allocate { what: "the tensors of a graph" }) }
    }

    fn vector(&self, name: &str, x: GraphTensor) -> Result<NonNull<sys::ggml_tensor>, LlamaError> {
        let vector = self.weights.get(name)?;
        self.check_own(x)?;
        self.check(vector.rows == 1 && vector.columns == x.columns && vector.plain, name)?;
        Ok(vector.raw)
    }

    fn tensor(
        &self,
        raw: *mut sys::ggml_tensor,
        columns: usize,
        rows: usize,
    ) -> Result<GraphTensor, LlamaError> {
        let raw = NonNull::new(raw).ok_or(LlamaError::Allocate { what: "a tensor" })?;
        let tensor = GraphTensor { raw, graph: self.id(), columns, rows };
        // ggml aborts the process when a context is full, and one method may create two tensors: stop well before.
        // SAFETY: the context is valid; the function returns a number.
        let used = unsafe { sys::ggml_used_mem(self.context.as_ptr()) };
        // SAFETY: returns a number.
        let limit = unsafe { sys::ggml_tensor_overhead() } * (NODES_MAX - 16);
        self.check(used < limit, "too many operations")?;
        Ok(tensor)
    }

    /// Identifier that is unique among the graphs alive.
    fn id(&self) -> usize {
        self.context.as_ptr() as usize
    }

    fn check_own(&self, x: GraphTensor) -> Result<(), LlamaError> {
        self.check(x.graph == self.id(), "a tensor of another graph")
    }

    fn check(&self, fits: bool, what: &str) -> Result<(), LlamaError> {
        if fits { Ok(()) } else { Err(LlamaError::Graph { what: what.to_owned() }) }
    }
}

impl Drop for GraphBuilder {
    fn drop(&mut self) {
        // SAFETY: created in `new`, freed once; its tensors own no memory.
        unsafe { sys::ggml_free(self.context.as_ptr()) }
    }
}

/// Number format of all intermediate tensors.
const F32: sys::ggml_type = sys::GGML_TYPE_F32;

/// Unit of ggml's scratch memory, aligned for vector instructions.
#[derive(Clone)]
#[repr(align(64))]
struct CacheLine(#[allow(dead_code, reason = "only its address is used")] [u8; 64]);

/// A planned graph, ready to compute.
pub struct Graph {
    allocator: sys::ggml_gallocr_t,
    plan: sys::ggml_cplan,
    work: Vec<CacheLine>,
    parts: GraphBuilder,
    _pool: ThreadPool,
}

// SAFETY: nothing in a graph belongs to the thread that created it; `&mut self` serialises its users; the callback is
// set only while `compute` runs, by the thread that runs it.
unsafe impl Send for Graph {}

impl Graph {
    /// Returns the numbers of an input, to be filled before [`Graph::compute`].
    pub fn input(&mut self, input: InputId) -> &mut [f32] {
        let Some(&(tensor, numbers)) = self.parts.inputs.get(input.0) else { return &mut [] };
        // SAFETY: the tensor is allocated for that many numbers, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut((*tensor.as_ptr()).data.cast(), numbers) }
    }

    /// Computes the whole graph, with `operations` as the callback of its custom operators. Does not allocate.
    ///
    /// # Errors
    /// [`LlamaError::Compute`], also if `operations` panicked.
    pub fn compute(&mut self, operations: &mut CustomOperators<'_>) -> Result<(), LlamaError> {
        let operations: *mut CustomOperators<'_> = operations;
        // SAFETY: changes only the lifetime; the pointer is cleared below, before that lifetime ends.
        let operations: *mut CustomOperators<'static> = unsafe { std::mem::transmute(operations) };
        let shared = &self.parts.shared;
        shared.panicked.set(false);
        shared.operations.set(Some(operations));
        self.plan.work_data = self.work.as_mut_ptr().cast();
        // SAFETY: the graph is allocated, the plan is for it, its scratch memory has the size it requires, and `self`
        // holds the pool and the weights.
        let code = unsafe { sys::ggml_graph_compute(self.parts.graph.as_ptr(), &raw mut self.plan) };
        shared.operations.set(None);
        if shared.panicked.get() {
            return Err(LlamaError::Compute { operation: "a custom operator", code: -1 });
        }
        if code != sys::GGML_STATUS_SUCCESS {
            return Err(LlamaError::Compute { operation: "ggml_graph_compute", code });
        }
        Ok(())
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: null or created by `ggml_gallocr_new`, freed once.
        unsafe { sys::ggml_gallocr_free(self.allocator) }
    }
}

/// Entry point of custom operators. ggml calls it once for every thread of the plan; only thread 0 does the work.
unsafe extern "C" fn call(result: *mut sys::ggml_tensor, thread: c_int, _: c_int, operator: *mut c_void) {
    if thread != 0 {
        return;
    }
    // SAFETY: `operator` and the state it refers to belong to the graph being computed. Both tensors are contiguous
    // rows of f32 that do not overlap: ggml's allocator reuses memory in place for its own operators only. No other
    // thread touches them, since all threads meet at a barrier before and after the operator. The callback is valid
    // while the graph computes, and runs for one operator at a time.
    unsafe {
        let operator = &*operator.cast::<CustomOperator>();
        let shared = &*operator.shared;
        let source = (*result).src[0];
        let numbers = |t: *mut sys::ggml_tensor| (*t).ne.iter().product::<i64>() as usize;
        let input = std::slice::from_raw_parts_mut((*source).data.cast::<f32>(), numbers(source));
        let output = std::slice::from_raw_parts_mut((*result).data.cast::<f32>(), numbers(result));
        // A panic must not unwind into C. The graph cannot be left early either: clearing the callback turns the
        // remaining custom operators into no-ops.
        if let Some(operations) = shared.operations.get()
            && catch_unwind(AssertUnwindSafe(|| (*operations)(operator.tag, input, output))).is_err()
        {
            shared.panicked.set(true);
            shared.operations.set(None);
        }
    }
}
