//! Protobuf messages of attributes, nodes, functions, tensors and shapes.
//!
//! The numbers in `type` are those of `AttributeProto.AttributeType`; readers ignore an attribute without it.

use super::super::proto::{
    AttributeProto, Dimension, DimensionProto, FLOAT, FunctionProto, GraphProto, INT64, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
/// The oldest version of the standard operators that has all that is used here (LayerNormalization came with it).
pub(super) const OPSET: i64 = 17;
/// A value of the graph: the output of a node, an input or a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(pub(crate) String);

/// One dimension of an input or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dim {
    /// Fixed size.
    Size(usize),
    /// Size that is known at run time only.
    Name(&'static str),
}

/// Returns an integer attribute of a node.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value), r#type: 2, ..AttributeProto::default() }
}

/// Returns an attribute of several integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: values.to_vec(), r#type: 7, ..AttributeProto::default() }
}

/// Returns an attribute of 32 bits.
pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f: Some(value), r#type: 1, ..AttributeProto::default() }
}

/// Returns a text attribute.
pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        s: Some(value.as_bytes().to_vec()),
        r#type: 3,
        ..AttributeProto::default()
    }
}

/// Returns a node of a function's body.
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

/// Returns a function's `Constant` node with a vector of integers.
pub(crate) fn constant_node(output: &str, values: &[i64]) -> NodeProto {
    let value = AttributeProto {
        name: "value".to_owned(),
        t: Some(int64_tensor("", &[values.len()], values)),
        r#type: 4,
        ..AttributeProto::default()
    };
    node("Constant", &[], &[output], vec![value])
}

/// Returns a subgraph attribute: nodes that run if the operator chooses them, and their output.
pub(super) fn graph(name: &str, nodes: Vec<NodeProto>, output: &Value) -> AttributeProto {
    let graph = GraphProto {
        node: nodes,
        name: name.to_owned(),
        output: vec![ValueInfoProto { name: output.0.clone(), r#type: None }],
        ..GraphProto::default()
    };
    AttributeProto { name: name.to_owned(), g: Some(graph), r#type: 5, ..AttributeProto::default() }
}

/// Returns the definition of one of Crier's operators in standard operators, for runtimes without a kernel for it.
pub(crate) fn function(name: &str, inputs: &[&str], outputs: &[&str], body: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        name: name.to_owned(),
        input: inputs.iter().map(|&s| s.to_owned()).collect(),
        output: outputs.iter().map(|&s| s.to_owned()).collect(),
        node: body,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        domain: super::super::DOMAIN.to_owned(),
    }
}

pub(super) fn value_info(name: &str, elem_type: i32, dims: &[Dim]) -> ValueInfoProto {
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

pub(super) fn int64_tensor(name: &str, dims: &[usize], values: &[i64]) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|&d| d as i64).collect(),
        data_type: INT64,
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// Returns a tensor of 32-bit floats whose numbers are inside the model.
pub(super) fn f32_tensor(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|&d| d as i64).collect(),
        data_type: FLOAT,
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}
