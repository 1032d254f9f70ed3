//! Kernels for ONNX Runtime of the SnakeBeta operators of Crier's domain.
//!
//! The model contains a definition of each in standard operators; these kernels fuse it into one pass over memory. All
//! tensors are `[1, channels, time]`, parameters `[channels, 1]`, pasts `[1, channels, reach]`.
#![allow(unsafe_code)]

use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, ValueRef, ValueRefMut};

use crate::snake::{activate_row, add_and_activate_row};

/// Returns the domain with all three operators; `threads` share the channels.
pub(crate) fn domain(threads: usize) -> ort::Result<OperatorDomain> {
    OperatorDomain::new("crier")?.add(Plain(threads))?.add(Causal(threads))?.add(Residual(threads))
}

/// `SnakeBeta(x, a, ib) -> y`
struct Plain(usize);
/// `CausalSnakeBeta(x, past, a, ib) -> [past | y], next`
struct Causal(usize);
/// `ResidualSnakeBeta(x, r, past, a, ib) -> x + r, [past | y], next`
struct Residual(usize);

struct PlainKernel(usize);
struct CausalKernel(usize);
struct ResidualKernel(usize);

fn floats<const N: usize>() -> [OperatorInput; N] {
    std::array::from_fn(|_| OperatorInput::required(TensorElementType::Float32))
}

fn float_outputs<const N: usize>() -> [OperatorOutput; N] {
    std::array::from_fn(|_| OperatorOutput::required(TensorElementType::Float32))
}

impl Operator for Plain {
    type Kernel<'attr> = PlainKernel;

    fn name(&self) -> &str {
        "SnakeBeta"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        floats::<3>()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        float_outputs::<1>()
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<PlainKernel> {
        Ok(PlainKernel(self.0))
    }
}

impl Operator for Causal {
    type Kernel<'attr> = CausalKernel;

    fn name(&self) -> &str {
        "CausalSnakeBeta"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        floats::<4>()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        float_outputs::<2>()
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<CausalKernel> {
        Ok(CausalKernel(self.0))
    }
}

impl Operator for Residual {
    type Kernel<'attr> = ResidualKernel;

    fn name(&self) -> &str {
        "ResidualSnakeBeta"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        floats::<5>()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        float_outputs::<3>()
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<ResidualKernel> {
        Ok(ResidualKernel(self.0))
    }
}

impl Kernel for PlainKernel {
    fn compute(&mut self, ctx: &ComputeContext) -> ort::Result<()> {
        let x = InputRows::of(ctx, 0)?;
        let (a, ib) = (InputRows::parameters(ctx, 1, &x)?, InputRows::parameters(ctx, 2, &x)?);
        let y = OutputRows::of(ctx, 0, x.channels, x.columns)?;
        for_each_channel(ctx, self.0, x.channels, |c| {
            let (a, ib) = (a.row(c)[0], ib.row(c)[0]);
            // SAFETY: each channel is visited once, so no other reference to this row of the output exists.
            activate_row(x.row(c), unsafe { y.row(c) }, a, ib);
        })
    }
}

impl Kernel for CausalKernel {
    fn compute(&mut self, ctx: &ComputeContext) -> ort::Result<()> {
        let x = InputRows::of(ctx, 0)?;
        let past = InputRows::past(ctx, 1, &x)?;
        let (a, ib) = (InputRows::parameters(ctx, 2, &x)?, InputRows::parameters(ctx, 3, &x)?);
        let y = OutputRows::of(ctx, 0, x.channels, past.columns + x.columns)?;
        let next = OutputRows::of(ctx, 1, x.channels, past.columns)?;
        for_each_channel(ctx, self.0, x.channels, |c| {
            // SAFETY: each channel is visited once, so no other reference to these rows of the outputs exists.
            let (y, next) = unsafe { (y.row(c), next.row(c)) };
            let (before, now) = y.split_at_mut(past.columns);
            // The convolution behind this operator needs the last `past.columns` columns of earlier calls in front.
            before.copy_from_slice(past.row(c));
            activate_row(x.row(c), now, a.row(c)[0], ib.row(c)[0]);
            // The last columns of `[past | y]`, even if this call has fewer than `past.columns`.
            next.copy_from_slice(&y[x.columns..]);
        })
    }
}

impl Kernel for ResidualKernel {
    fn compute(&mut self, ctx: &ComputeContext) -> ort::Result<()> {
        let x = InputRows::of(ctx, 0)?;
        let r = InputRows::of(ctx, 1)?;
        // Checked, since the loops below would silently stop at the shorter row.
        if (r.channels, r.columns) != (x.channels, x.columns) {
            return Err(ort::Error::new("ResidualSnakeBeta: the two summands differ in shape"));
        }
        let past = InputRows::past(ctx, 2, &x)?;
        let (a, ib) = (InputRows::parameters(ctx, 3, &x)?, InputRows::parameters(ctx, 4, &x)?);
        let sum = OutputRows::of(ctx, 0, x.channels, x.columns)?;
        let y = OutputRows::of(ctx, 1, x.channels, past.columns + x.columns)?;
        let next = OutputRows::of(ctx, 2, x.channels, past.columns)?;
        for_each_channel(ctx, self.0, x.channels, |c| {
            // SAFETY: each channel is visited once, so no other reference to these rows of the outputs exists.
            let (sum, y, next) = unsafe { (sum.row(c), y.row(c), next.row(c)) };
            let (a, ib) = (a.row(c)[0], ib.row(c)[0]);
            let (before, now) = y.split_at_mut(past.columns);
            before.copy_from_slice(past.row(c));
            add_and_activate_row(x.row(c), r.row(c), sum, now, a, ib);
            next.copy_from_slice(&y[x.columns..]);
        })
    }
}

/// Calls `work` for each channel, on several threads if available.
fn for_each_channel(
    ctx: &ComputeContext,
    threads: usize,
    channels: usize,
    work: impl Fn(usize) + Send + Sync,
) -> ort::Result<()> {
    // Without the runtime's pool a single thread needs no synchronisation.
    if threads <= 1 {
        (0..channels).for_each(work);
        return Ok(());
    }
    ctx.par_for(channels, threads, work)
}

/// An input tensor of `f32`, as one row per channel. It never overlaps an output, since no operator here declares that
/// an output may reuse the memory of an input.
struct InputRows<'a> {
    _value: ValueRef<'a>,
    data: *const f32,
    channels: usize,
    columns: usize,
}

// SAFETY: inputs are only read, and ONNX Runtime keeps them alive and unchanged during `compute`.
unsafe impl Sync for InputRows<'_> {}
// SAFETY: as above; nothing is tied to a thread.
unsafe impl Send for InputRows<'_> {}

impl<'a> InputRows<'a> {
    fn of(ctx: &'a ComputeContext, index: usize) -> ort::Result<Self> {
        let missing = || ort::Error::new("SnakeBeta: an input is missing");
        let value = ctx.input(index)?.ok_or_else(missing)?;
        let (shape, data) = value.try_extract_tensor::<f32>()?;
        // Activations have a batch axis of one, parameters have none.
        let (channels, columns) = match shape[..] {
            [1, channels, columns] => (channels, columns),
            [channels, columns] => (channels, columns),
            _ => {
                return Err(ort::Error::new(
                    "SnakeBeta: an input does not have the shape [1, channels, time]",
                ));
            }
        };
        let data = data.as_ptr();
        Ok(Self { data, channels: channels.max(0) as usize, columns: columns.max(0) as usize, _value: value })
    }

    fn parameters(ctx: &'a ComputeContext, index: usize, x: &InputRows<'_>) -> ort::Result<Self> {
        let parameters = Self::of(ctx, index)?;
        if (parameters.channels, parameters.columns) != (x.channels, 1) {
            return Err(ort::Error::new("SnakeBeta: the parameters do not have one number per channel"));
        }
        Ok(parameters)
    }

    fn past(ctx: &'a ComputeContext, index: usize, x: &InputRows<'_>) -> ort::Result<Self> {
        let past = Self::of(ctx, index)?;
        if past.channels != x.channels {
            return Err(ort::Error::new(
                "SnakeBeta: the past differs from the input in its number of channels",
            ));
        }
        Ok(past)
    }

    fn row(&self, channel: usize) -> &[f32] {
        assert!(channel < self.channels);
        // SAFETY: the tensor has `channels * columns` numbers, and `self` holds its value, which keeps it alive.
        unsafe { std::slice::from_raw_parts(self.data.add(channel * self.columns), self.columns) }
    }
}

/// An output tensor of `f32`, as one row per channel, each written by one thread.
struct OutputRows<'a> {
    _value: ValueRefMut<'a>,
    data: *mut f32,
    channels: usize,
    columns: usize,
}

// SAFETY: rows are disjoint, and the contract of `row` lets each be borrowed only once at a time.
unsafe impl Sync for OutputRows<'_> {}
// SAFETY: as above; nothing is tied to a thread.
unsafe impl Send for OutputRows<'_> {}

impl<'a> OutputRows<'a> {
    fn of(ctx: &'a ComputeContext, index: usize, channels: usize, columns: usize) -> ort::Result<Self> {
        let missing = || ort::Error::new("SnakeBeta: an output is missing");
        let mut value = ctx.output(index, [1, channels, columns])?.ok_or_else(missing)?;
        let data = value.try_extract_tensor_mut::<f32>()?.1.as_mut_ptr();
        Ok(Self { data, channels, columns, _value: value })
    }

    /// # Safety
    /// No other reference to this row may exist.
    #[allow(clippy::mut_from_ref)]
    unsafe fn row(&self, channel: usize) -> &mut [f32] {
        assert!(channel < self.channels);
        // SAFETY: ONNX Runtime allocated `channels * columns` numbers; the caller guarantees exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(channel * self.columns), self.columns) }
    }
}
