//! A tensor of a checkpoint: name, shape, and the rule that its numbers follow.

/// What the numbers of a tensor are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Nearly normal numbers.
    Normal { deviation: f64, mean: f64 },
    /// One number throughout.
    Constant(f32),
    /// How often each entry of codebook number `.0` was used; 1 to 100.
    Usage(usize),
    /// Sums of what fell to each entry of codebook number `.0`: the entry times its usage.
    EmbeddingSum(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) rule: Rule,
}

impl TensorSpec {
    pub(crate) fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Weights of a norm.
pub(crate) const NORM: Rule = Rule::Normal { deviation: 0.1, mean: 1.0 };

pub(crate) fn noise(deviation: f64) -> Rule {
    Rule::Normal { deviation, mean: 0.0 }
}

/// Noise that keeps the size of what passes through, times `gain`.
pub(crate) fn linear(fan_in: usize, gain: f64) -> Rule {
    noise(gain / (fan_in as f64).sqrt())
}

/// Tensors collected in order.
#[derive(Debug, Default)]
pub(crate) struct List(pub(crate) Vec<TensorSpec>);

impl List {
    pub(crate) fn push(&mut self, name: impl Into<String>, shape: &[usize], rule: Rule) {
        self.0.push(TensorSpec { name: name.into(), shape: shape.to_vec(), rule });
    }

    /// A matrix `[out, in]`.
    pub(crate) fn matrix(&mut self, name: impl Into<String>, outputs: usize, inputs: usize, gain: f64) {
        self.push(name, &[outputs, inputs], linear(inputs, gain));
    }

    /// A convolution's `weight [out, in, kernel]` and `bias [out]`.
    pub(crate) fn convolution(&mut self, prefix: &str, shape: [usize; 3], gain: f64, bias: f64) {
        self.push(format!("{prefix}.weight"), &shape, linear(shape[1] * shape[2], gain));
        self.push(format!("{prefix}.bias"), &shape[..1], noise(bias));
    }
}
