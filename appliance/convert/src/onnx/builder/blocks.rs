//! Blocks of nodes that several networks share.

use super::messages::{int, ints};
use super::{OnnxBuilder, Value};

impl OnnxBuilder {
    /// `x[start .. end]` along `axis`; negative bounds count from the end, `i64::MAX` is the end.
    pub(crate) fn slice(&mut self, x: &Value, axis: i64, start: i64, end: i64) -> Value {
        let (start, end, axis) = (self.constant(&[start]), self.constant(&[end]), self.constant(&[axis]));
        self.op("Slice", &[x, &start, &end, &axis], vec![])
    }

    /// `x` in another shape; one dimension may be -1.
    pub(crate) fn reshape(&mut self, x: &Value, shape: &[i64]) -> Value {
        let shape = self.constant(shape);
        self.op("Reshape", &[x, &shape], vec![])
    }

    /// `x` with its axes in another order.
    pub(crate) fn transpose(&mut self, x: &Value, order: &[i64]) -> Value {
        self.op("Transpose", &[x], vec![ints("perm", order)])
    }

    /// Values one after the other along `axis`.
    pub(crate) fn concat(&mut self, values: &[&Value], axis: i64) -> Value {
        self.op("Concat", values, vec![int("axis", axis)])
    }

    /// `x + y`
    pub(crate) fn add(&mut self, x: &Value, y: &Value) -> Value {
        self.op("Add", &[x, y], vec![])
    }

    /// `x * y`, element by element
    pub(crate) fn mul(&mut self, x: &Value, y: &Value) -> Value {
        self.op("Mul", &[x, y], vec![])
    }

    /// The matrix product.
    pub(crate) fn matmul(&mut self, x: &Value, y: &Value) -> Value {
        self.op("MatMul", &[x, y], vec![])
    }

    /// `w * x / sqrt(mean(x^2) + eps)` over the last axis, in the form that ONNX Runtime fuses into one node.
    pub(crate) fn rms_norm(&mut self, x: &Value, w: &Value, eps: f32) -> Value {
        let two = self.floats(&[], &[2.0]);
        let eps = self.floats(&[], &[eps]);
        // Pow rather than Mul, and Div rather than a product with the reciprocal: the fusion matches this
        // pattern only.
        let square = self.op("Pow", &[x, &two], vec![]);
        let mean = self.op("ReduceMean", &[&square], vec![ints("axes", &[-1]), int("keepdims", 1)]);
        let mean = self.add(&mean, &eps);
        let root = self.op("Sqrt", &[&mean], vec![]);
        let unit = self.op("Div", &[x, &root], vec![]);
        self.mul(&unit, w)
    }

    /// `silu(gate) * up` of `x = [gate | up]` along the last axis, each `width` wide.
    pub(crate) fn swiglu(&mut self, x: &Value, width: usize) -> Value {
        let gate = self.slice(x, -1, 0, width as i64);
        let up = self.slice(x, -1, width as i64, i64::MAX);
        // ONNX has no SiLU in this operator set.
        let sigmoid = self.op("Sigmoid", &[&gate], vec![]);
        let gate = self.mul(&gate, &sigmoid);
        self.mul(&gate, &up)
    }

    /// GELU in its exact form, with the error function.
    pub(crate) fn gelu(&mut self, x: &Value) -> Value {
        let (root, one, half) = (
            self.floats(&[], &[std::f32::consts::SQRT_2]),
            self.floats(&[], &[1.0]),
            self.floats(&[], &[0.5]),
        );
        // Spelled out, since the operator set used here has no `Gelu`; ONNX Runtime fuses these nodes into one.
        let erf = self.op("Div", &[x, &root], vec![]);
        let erf = self.op("Erf", &[&erf], vec![]);
        let erf = self.add(&erf, &one);
        let y = self.mul(x, &erf);
        self.mul(&y, &half)
    }

    /// Rotates pairs `(i, i + size / 2)` of the last axis, `size` wide, by angles given as cosine and sine.
    pub(crate) fn rotate(&mut self, x: &Value, cos: &Value, sin: &Value, size: usize) -> Value {
        // Halves, not neighbours: the checkpoints are trained with the pairing of Llama and Qwen.
        let half = (size / 2) as i64;
        let (low, high) = (self.slice(x, -1, 0, half), self.slice(x, -1, half, i64::MAX));
        let (low_cos, high_sin) = (self.mul(&low, cos), self.mul(&high, sin));
        let (high_cos, low_sin) = (self.mul(&high, cos), self.mul(&low, sin));
        let low = self.op("Sub", &[&low_cos, &high_sin], vec![]);
        let high = self.add(&high_cos, &low_sin);
        self.concat(&[&low, &high], -1)
    }
}
