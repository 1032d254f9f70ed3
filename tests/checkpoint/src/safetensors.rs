//! Writing safetensors files, tensor by tensor, byte for byte as the reference library does.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::Precision;
use crate::tensor::TensorSpec;

/// Writes tensors into `model.safetensors`, or into numbered shards beside an index of them.
pub(crate) fn write(
    folder: &Path,
    tensors: &[TensorSpec],
    precision: Precision,
    shards: usize,
    values: impl Fn(&TensorSpec) -> Vec<f32>,
) -> io::Result<()> {
    if shards == 1 {
        return write_file(&folder.join("model.safetensors"), tensors, precision, &values);
    }
    let mut map = serde_json::Map::new();
    for (i, part) in tensors.chunks(tensors.len().div_ceil(shards)).enumerate() {
        let name = format!("model-{:05}-of-{shards:05}.safetensors", i + 1);
        write_file(&folder.join(&name), part, precision, &values)?;
        map.extend(part.iter().map(|tensor| (tensor.name.clone(), name.clone().into())));
    }
    let total: usize = tensors.iter().map(|tensor| tensor.elements() * precision.bytes()).sum();
    let index = serde_json::json!({ "metadata": { "total_size": total }, "weight_map": map });
    std::fs::write(folder.join("model.safetensors.index.json"), serde_json::to_vec(&index)?)
}

fn write_file(
    path: &Path,
    tensors: &[TensorSpec],
    precision: Precision,
    values: &impl Fn(&TensorSpec) -> Vec<f32>,
) -> io::Result<()> {
    let mut header = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    let mut start = 0;
    for tensor in tensors {
        let end = start + tensor.elements() * precision.bytes();
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        header += &format!(
            r#","{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{start},{end}]}}"#,
            tensor.name,
            precision.name(),
            shape.join(",")
        );
        start = end;
    }
    header.push('}');
    let padded = header.len().next_multiple_of(8);
    header.extend(std::iter::repeat_n(' ', padded - header.len()));
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for tensor in tensors {
        for value in values(tensor) {
            match precision {
                Precision::Bf16 => file.write_all(&half::bf16::from_f32(value).to_le_bytes())?,
                Precision::F16 => file.write_all(&half::f16::from_f32(value).to_le_bytes())?,
                Precision::F32 => file.write_all(&value.to_le_bytes())?,
            }
        }
    }
    file.flush()
}

impl Precision {
    fn bytes(self) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "BF16",
            Self::F16 => "F16",
            Self::F32 => "F32",
        }
    }
}
