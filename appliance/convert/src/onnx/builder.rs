//! Writes an ONNX graph, node by node, and streams its weights to a file beside it as they come.
//!
//! ONNX Runtime maps such a file into memory instead of copying it, and the converter never holds more than one
//! weight. Small integer constants stay inside the model.

mod blocks;
mod data_file;
mod messages;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use half::f16;
use prost::Message;

use self::data_file::DataFile;
pub(crate) use self::messages::{Dim, Value, constant_node, float, function, int, ints, node, text};
use self::messages::{OPSET, f32_tensor, graph, int64_tensor, value_info};
use super::proto::{
    AttributeProto, EXTERNAL, FLOAT, FLOAT16, FunctionProto, GraphProto, INT32, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, UINT8,
};
use super::write_failed;
use crate::ConvertError;

/// The oldest file version that may hold functions.
const IR_VERSION: i64 = 8;

/// A graph under construction.
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
        // Renames instead of adding an Identity node, which would copy the tensor in each call.
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

    /// Returns the output of branch `index` of `choices`; nodes of other branches do not run. `make` adds the nodes of
    /// a branch, which may use all earlier values.
    pub(crate) fn choose<E>(
        &mut self,
        index: &Value,
        choices: std::ops::Range<usize>,
        make: &mut dyn FnMut(&mut Self, usize) -> Result<Value, E>,
    ) -> Result<Value, E> {
        if choices.len() <= 1 {
            return make(self, choices.start);
        }
        // A tree of `If` nodes: four comparisons for fifteen choices instead of fourteen.
        let middle = choices.start + choices.len() / 2;
        let limit = self.scalar(middle as i64);
        let below = self.op("Less", &[index, &limit], vec![]);
        let mut branch = |builder: &mut Self, name, choices| {
            // Nodes of a branch belong to a subgraph. Earlier values stay visible in it, and weights stay in
            // the main graph, where the runtime finds their file.
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
            // The runtime shows nodes by name in profiles and errors; the first output tells which one it is.
            name: outputs.first().map(|v| format!("{}_node", v.0)).unwrap_or_default(),
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    fn fresh(&mut self, stem: &str) -> Value {
        // ONNX requires that a name is defined once, subgraphs included.
        self.names += 1;
        Value(format!("{}_{}", stem.to_lowercase(), self.names))
    }

    /// Adds a weight of the given shape, row-major; stored in half precision if the model is.
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

    /// Adds a weight that keeps full precision in any case: small ones, and those whose errors would grow.
    pub(crate) fn weight_f32(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Value, ConvertError> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.external(name, FLOAT, dims, &bytes)
    }

    /// Adds a weight of bytes.
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
                // Relative to the model's folder, so that a bundle can be moved.
                entry("location", self.data.name.clone()),
                entry("offset", offset.to_string()),
                entry("length", bytes.len().to_string()),
            ],
            data_location: EXTERNAL,
        });
        Ok(Value(name.to_owned()))
    }

    /// Adds a constant vector of integers inside the model.
    pub(crate) fn constant(&mut self, values: &[i64]) -> Value {
        let name = self.fresh("ints");
        self.graph.initializer.push(int64_tensor(&name.0, &[values.len()], values));
        name
    }

    /// Adds a constant integer inside the model.
    pub(crate) fn scalar(&mut self, value: i64) -> Value {
        let name = self.fresh("int");
        self.graph.initializer.push(int64_tensor(&name.0, &[], &[value]));
        name
    }

    /// Adds constant numbers inside the model.
    pub(crate) fn floats(&mut self, dims: &[usize], values: &[f32]) -> Value {
        let name = self.fresh("floats");
        self.graph.initializer.push(f32_tensor(&name.0, dims, values));
        name
    }

    /// Writes the model and finishes its data file; both are on the disk when this returns.
    pub(crate) fn finish(self, path: &Path) -> Result<(), ConvertError> {
        // Weights first: a model that is on the disk then has its weights there, too.
        self.data.finish()?;
        // The empty name is ONNX's own domain.
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
