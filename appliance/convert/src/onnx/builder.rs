//! Writes an ONNX graph, node by node, and streams its weights to a file beside it as they come.
//!
//! ONNX Runtime maps such a file into memory instead of copying it, and the converter never holds more than one
//! weight. Small integer constants stay inside the model.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use half::f16;
use prost::Message;

use super::proto::{
    AttributeProto, Dimension, DimensionProto, EXTERNAL, FLOAT, FLOAT16, FunctionProto, GraphProto, INT32,
    INT64, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, UINT8, ValueInfoProto,
};
use super::write_failed;
use crate::ConvertError;

/// The oldest version of the standard operators that has all that is used here (LayerNormalization came with it).
const OPSET: i64 = 17;
/// The oldest file version that may hold functions.
const IR_VERSION: i64 = 8;
/// Weights start at multiples of this, so that a mapped file serves aligned loads; large ones at page bounds.
const ALIGNMENT: u64 = 64;
const PAGE: u64 = 4096;

/// A value of the graph: the output of a node, an input or a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(pub(crate) String);

/// One dimension of an input or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dim {
    /// Always this.
    Size(usize),
    /// Known at run time.
    Name(&'static str),
}

/// An attribute of a node.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value), r#type: 2, ..AttributeProto::default() }
}

/// An attribute of a node.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: values.to_vec(), r#type: 7, ..AttributeProto::default() }
}

/// An attribute of a node.
pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f: Some(value), r#type: 1, ..AttributeProto::default() }
}

/// An attribute of a node.
pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        s: Some(value.as_bytes().to_vec()),
        r#type: 3,
        ..AttributeProto::default()
    }
}

/// A node as a function's body holds it.
pub(crate) fn node(
    op: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&s| s.to_owned()).collect(),
        output: outputs.iter().map(|&s| s.to_owned()).collect(),
        name: String::new(),
        op_type: op.to_owned(),
        attribute: attributes,
        domain: String::new(),
    }
}

/// A function's `Constant` node that holds a vector of integers.
pub(crate) fn constant_node(output: &str, values: &[i64]) -> NodeProto {
    let value = AttributeProto {
        name: "value".to_owned(),
        t: Some(int64_tensor("", &[values.len()], values)),
        r#type: 4,
        ..AttributeProto::default()
    };
    node("Constant", &[], &[output], vec![value])
}

/// An attribute of a node: nodes that run if the node says so, and the value they make.
fn graph(name: &str, nodes: Vec<NodeProto>, output: &Value) -> AttributeProto {
    let graph = GraphProto {
        node: nodes,
        name: name.to_owned(),
        output: vec![ValueInfoProto { name: output.0.clone(), r#type: None }],
        ..GraphProto::default()
    };
    AttributeProto { name: name.to_owned(), g: Some(graph), r#type: 5, ..AttributeProto::default() }
}

/// An operator of Crier's own, spelled out for runtimes without a kernel for it.
pub(crate) fn function(name: &str, inputs: &[&str], outputs: &[&str], body: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        name: name.to_owned(),
        input: inputs.iter().map(|&s| s.to_owned()).collect(),
        output: outputs.iter().map(|&s| s.to_owned()).collect(),
        node: body,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        domain: super::DOMAIN.to_owned(),
    }
}

/// A graph in the making.
pub(crate) struct OnnxBuilder {
    graph: GraphProto,
    functions: Vec<FunctionProto>,
    metadata: Vec<StringStringEntryProto>,
    domains: Vec<(&'static str, i64)>,
    data: DataFile,
    /// Store weights in half precision and widen them when the model is loaded.
    half: bool,
    names: usize,
}

impl OnnxBuilder {
    /// Starts a graph whose weights go to `data_path`.
    pub(crate) fn new(name: &str, data_path: &Path, half: bool) -> Result<Self, ConvertError> {
        let graph = GraphProto { name: name.to_owned(), ..GraphProto::default() };
        let data = DataFile::create(data_path)?;
        Ok(Self {
            graph,
            functions: Vec::new(),
            metadata: Vec::new(),
            domains: Vec::new(),
            data,
            half,
            names: 0,
        })
    }

    /// Declares that nodes of another operator domain are used.
    pub(crate) fn use_domain(&mut self, domain: &'static str, version: i64) {
        self.domains.push((domain, version));
    }

    /// Adds a function.
    pub(crate) fn add_function(&mut self, function: FunctionProto) {
        self.functions.push(function);
    }

    /// Adds a key that readers of the model can ask for.
    pub(crate) fn metadata(&mut self, key: &str, value: &dyn std::fmt::Display) {
        self.metadata.push(StringStringEntryProto { key: key.to_owned(), value: value.to_string() });
    }

    /// Declares an input of `f32`.
    pub(crate) fn input(&mut self, name: &str, dims: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, FLOAT, dims));
        Value(name.to_owned())
    }

    /// Declares an input of `i64`.
    pub(crate) fn input_i64(&mut self, name: &str, dims: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, INT64, dims));
        Value(name.to_owned())
    }

    /// Declares an input of `i32`.
    pub(crate) fn input_i32(&mut self, name: &str, dims: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, INT32, dims));
        Value(name.to_owned())
    }

    /// Makes a value an output of type `f32`.
    pub(crate) fn output(&mut self, name: &str, value: &Value, dims: &[Dim]) {
        self.rename_to_output(name, value, FLOAT, dims);
    }

    /// Makes a value an output of type `i64`.
    pub(crate) fn output_i64(&mut self, name: &str, value: &Value, dims: &[Dim]) {
        self.rename_to_output(name, value, INT64, dims);
    }

    fn rename_to_output(&mut self, name: &str, value: &Value, data_type: i32, dims: &[Dim]) {
        self.graph.output.push(value_info(name, data_type, dims));
        for node in &mut self.graph.node {
            for used in node.input.iter_mut().chain(&mut node.output) {
                if *used == value.0 {
                    name.clone_into(used);
                }
            }
        }
    }

    /// Adds a node with one output.
    pub(crate) fn op(&mut self, op: &str, inputs: &[&Value], attributes: Vec<AttributeProto>) -> Value {
        let output = self.fresh(op);
        self.push("", op, inputs, std::slice::from_ref(&output), attributes);
        output
    }

    /// Adds a node of another domain with as many outputs as wanted.
    pub(crate) fn op_of<const N: usize>(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> [Value; N] {
        let outputs: [Value; N] = std::array::from_fn(|_| self.fresh(op));
        self.push(domain, op, inputs, &outputs, attributes);
        outputs
    }

    /// The value that one of several makes, `choices[index]`; the others' nodes do not run. `make` adds the nodes of a
    /// choice, which may use everything made before.
    pub(crate) fn choose<E>(
        &mut self,
        index: &Value,
        choices: std::ops::Range<usize>,
        make: &mut dyn FnMut(&mut Self, usize) -> Result<Value, E>,
    ) -> Result<Value, E> {
        if choices.len() <= 1 {
            return make(self, choices.start);
        }
        let middle = choices.start + choices.len() / 2;
        let limit = self.scalar(middle as i64);
        let below = self.op("Less", &[index, &limit], vec![]);
        let mut branch = |builder: &mut Self, name, choices| {
            let outer = std::mem::take(&mut builder.graph.node);
            let value = builder.choose(index, choices, make)?;
            let nodes = std::mem::replace(&mut builder.graph.node, outer);
            Ok(graph(name, nodes, &value))
        };
        let lower = branch(self, "then_branch", choices.start..middle)?;
        let upper = branch(self, "else_branch", middle..choices.end)?;
        Ok(self.op("If", &[&below], vec![lower, upper]))
    }

    fn push(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[&Value],
        outputs: &[Value],
        attribute: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|v| v.0.clone()).collect(),
            output: outputs.iter().map(|v| v.0.clone()).collect(),
            name: outputs.first().map(|v| format!("{}_node", v.0)).unwrap_or_default(),
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    fn fresh(&mut self, stem: &str) -> Value {
        self.names += 1;
        Value(format!("{}_{}", stem.to_lowercase(), self.names))
    }

    /// A weight of the given shape, row-major; stored in half precision if the model is.
    pub(crate) fn weight(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Value, ConvertError> {
        if !self.half {
            return self.weight_f32(name, dims, values);
        }
        let narrow: Vec<u8> = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        let stored = self.external(&format!("{name}.f16"), FLOAT16, dims, &narrow)?;
        // Folded away when the model is loaded.
        Ok(self.op("Cast", &[&stored], vec![int("to", i64::from(FLOAT))]))
    }

    /// A weight that keeps full precision in any case: what is small, and what errors grow from.
    pub(crate) fn weight_f32(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Value, ConvertError> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.external(name, FLOAT, dims, &bytes)
    }

    /// A weight of bytes.
    pub(crate) fn weight_u8(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[u8],
    ) -> Result<Value, ConvertError> {
        self.external(name, UINT8, dims, values)
    }

    fn external(
        &mut self,
        name: &str,
        data_type: i32,
        dims: &[usize],
        bytes: &[u8],
    ) -> Result<Value, ConvertError> {
        let offset = self.data.append(bytes)?;
        let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
        self.graph.initializer.push(TensorProto {
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type,
            name: name.to_owned(),
            raw_data: Vec::new(),
            external_data: vec![
                entry("location", self.data.name.clone()),
                entry("offset", offset.to_string()),
                entry("length", bytes.len().to_string()),
            ],
            data_location: EXTERNAL,
        });
        Ok(Value(name.to_owned()))
    }

    /// A constant vector of integers, inside the model.
    pub(crate) fn constant(&mut self, values: &[i64]) -> Value {
        let name = self.fresh("ints");
        self.graph.initializer.push(int64_tensor(&name.0, &[values.len()], values));
        name
    }

    /// A constant integer, inside the model.
    pub(crate) fn scalar(&mut self, value: i64) -> Value {
        let name = self.fresh("int");
        self.graph.initializer.push(int64_tensor(&name.0, &[], &[value]));
        name
    }

    /// A constant vector of numbers, inside the model.
    pub(crate) fn floats(&mut self, dims: &[usize], values: &[f32]) -> Value {
        let name = self.fresh("floats");
        self.graph.initializer.push(TensorProto {
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: FLOAT,
            name: name.0.clone(),
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        name
    }

    /// Writes the model and finishes its data file; both are on the disk when this returns.
    pub(crate) fn finish(self, path: &Path) -> Result<(), ConvertError> {
        self.data.finish()?;
        let standard = OperatorSetIdProto { domain: String::new(), version: OPSET };
        let others = self
            .domains
            .iter()
            .map(|&(domain, version)| OperatorSetIdProto { domain: domain.to_owned(), version });
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "crier".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: std::iter::once(standard).chain(others).collect(),
            metadata_props: self.metadata,
            functions: self.functions,
        };
        let mut file = File::create(path).map_err(|source| write_failed(path, source))?;
        file.write_all(&model.encode_to_vec())
            .and_then(|()| file.sync_all())
            .map_err(|source| write_failed(path, source))
    }
}

/// Wraps what the standard operators need again and again.
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
        let sigmoid = self.op("Sigmoid", &[&gate], vec![]);
        let gate = self.mul(&gate, &sigmoid);
        self.mul(&gate, &up)
    }

    /// Rotates pairs `(i, i + size / 2)` of the last axis, `size` wide, by angles given as cosine and sine.
    pub(crate) fn rotate(&mut self, x: &Value, cos: &Value, sin: &Value, size: usize) -> Value {
        let half = (size / 2) as i64;
        let (low, high) = (self.slice(x, -1, 0, half), self.slice(x, -1, half, i64::MAX));
        let (low_cos, high_sin) = (self.mul(&low, cos), self.mul(&high, sin));
        let (high_cos, low_sin) = (self.mul(&high, cos), self.mul(&low, sin));
        let low = self.op("Sub", &[&low_cos, &high_sin], vec![]);
        let high = self.add(&high_cos, &low_sin);
        self.concat(&[&low, &high], -1)
    }
}

fn value_info(name: &str, elem_type: i32, dims: &[Dim]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|dim| DimensionProto {
            value: Some(match *dim {
                Dim::Size(size) => Dimension::Size(size as i64),
                Dim::Name(name) => Dimension::Name(name.to_owned()),
            }),
        })
        .collect();
    let tensor_type = Some(TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

fn int64_tensor(name: &str, dims: &[usize], values: &[i64]) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|&d| d as i64).collect(),
        data_type: INT64,
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// The weights, one after the other.
struct DataFile {
    path: PathBuf,
    name: String,
    writer: BufWriter<File>,
    length: u64,
}

impl DataFile {
    fn create(path: &Path) -> Result<Self, ConvertError> {
        let file = File::create(path).map_err(|source| write_failed(path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: path.to_owned(), name, writer: BufWriter::with_capacity(1 << 20, file), length: 0 })
    }

    /// Appends and returns where.
    fn append(&mut self, bytes: &[u8]) -> Result<u64, ConvertError> {
        let alignment = if bytes.len() as u64 >= PAGE { PAGE } else { ALIGNMENT };
        let offset = self.length.next_multiple_of(alignment);
        let padding = [0_u8; PAGE as usize];
        self.writer
            .write_all(&padding[..(offset - self.length) as usize])
            .and_then(|()| self.writer.write_all(bytes))
            .map_err(|source| write_failed(&self.path, source))?;
        self.length = offset + bytes.len() as u64;
        Ok(offset)
    }

    fn finish(mut self) -> Result<(), ConvertError> {
        self.writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .map_err(|source| write_failed(&self.path, source))
    }
}
