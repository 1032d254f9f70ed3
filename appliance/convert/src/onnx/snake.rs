//! SnakeBeta, `x + ib * sin(a * x)^2`, the vocoder's activation, as three operators of Crier's own domain.
//!
//! The runtime has a fused kernel for each. A runtime without them finds their meaning in the model, spelled out in
//! standard operators, and is merely slower. All tensors are `[1, channels, time]`, parameters `[channels, 1]`.

use super::DOMAIN;
use super::builder::{OnnxBuilder, Value, constant_node, function, int, node};
use super::proto::NodeProto;

/// `a = exp(alpha)` and `ib = 1 / (exp(beta) + 1e-9)`, each `[channels, 1]`.
pub(crate) struct Snake {
    pub(crate) a: Value,
    pub(crate) ib: Value,
}

/// Adds the definitions to a model.
pub(crate) fn define(builder: &mut OnnxBuilder) {
    builder.use_domain(DOMAIN, 1);
    builder.add_function(function("SnakeBeta", &["x", "a", "ib"], &["y"], activation("x", "y")));

    // y is preceded by what the convolution behind it needs of earlier calls; next is that for the next call.
    let mut causal = activation("x", "active");
    causal.extend(with_past());
    builder.add_function(function("CausalSnakeBeta", &["x", "past", "a", "ib"], &["y", "next"], causal));

    let mut residual = vec![node("Add", &["x", "r"], &["sum"], vec![])];
    residual.extend(activation("sum", "active"));
    residual.extend(with_past());
    let outputs = ["sum", "y", "next"];
    builder.add_function(function("ResidualSnakeBeta", &["x", "r", "past", "a", "ib"], &outputs, residual));
}

fn activation(x: &str, y: &str) -> Vec<NodeProto> {
    vec![
        node("Mul", &[x, "a"], &["angle"], vec![]),
        node("Sin", &["angle"], &["sine"], vec![]),
        node("Mul", &["sine", "sine"], &["square"], vec![]),
        node("Mul", &["square", "ib"], &["wave"], vec![]),
        node("Add", &[x, "wave"], &[y], vec![]),
    ]
}

/// `y = [past | active]`, `next` = as many last columns of it as `past` has.
fn with_past() -> Vec<NodeProto> {
    vec![
        node("Concat", &["past", "active"], &["y"], vec![int("axis", 2)]),
        node("Shape", &["past"], &["columns"], vec![int("start", 2), int("end", 3)]),
        // A negative start counts from the end. Not relative to `active`: it may have fewer columns than the
        // past.
        node("Neg", &["columns"], &["start"], vec![]),
        constant_node("end", &[i64::MAX]),
        constant_node("axis", &[2]),
        node("Slice", &["y", "start", "end", "axis"], &["next"], vec![]),
    ]
}

impl OnnxBuilder {
    /// `snake(x)`
    pub(crate) fn snake(&mut self, x: &Value, s: &Snake) -> Value {
        let [y] = self.op_of(DOMAIN, "SnakeBeta", &[x, &s.a, &s.ib], vec![]);
        y
    }

    /// `[past | snake(x)]` and the past of the next call.
    pub(crate) fn causal_snake(&mut self, x: &Value, past: &Value, s: &Snake) -> [Value; 2] {
        self.op_of(DOMAIN, "CausalSnakeBeta", &[x, past, &s.a, &s.ib], vec![])
    }

    /// `x + r`, `[past | snake(x + r)]` and the past of the next call.
    pub(crate) fn residual_snake(&mut self, x: &Value, r: &Value, past: &Value, s: &Snake) -> [Value; 3] {
        self.op_of(DOMAIN, "ResidualSnakeBeta", &[x, r, past, &s.a, &s.ib], vec![])
    }
}
