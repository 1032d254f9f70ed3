//! GGUF files (version 3), written and parsed in safe Rust. llama.cpp's own parser aborts the process on some damaged
//! files, so every file is checked here first.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use crate::error::{GgufDefect, LlamaError};
use crate::quantise::GgmlType;

const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;
const ALIGNMENT: usize = 32;
/// Limits on what a header may announce, so that a damaged one cannot cause large allocations. Voices have a few
/// hundred tensors, names below 64 bytes, and at most 2^28 numbers in a tensor.
const ENTRIES_MAX: u64 = 4096;
const STRING_BYTES_MAX: u64 = 1 << 16;
const DIMENSIONS_MAX: u32 = 4;
const SIZE_MAX: u64 = 1 << 32;

/// A metadata value, of the types that this program writes.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum MetadataValue {
    U32(u32),
    F32(f32),
    Bool(bool),
    String(String),
}

impl std::fmt::Display for MetadataValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::U32(value) => value.fmt(f),
            Self::F32(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
        }
    }
}

/// Description of a tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name of the tensor.
    pub name: String,
    /// Shape, outermost dimension first (as in PyTorch).
    pub shape: Vec<usize>,
    /// Number format.
    pub kind: GgmlType,
    /// Offset of its data in the file, in bytes.
    pub offset: u64,
    /// Size of its data in bytes.
    pub bytes: usize,
}

/// Writes a file tensor by tensor, in the announced order, so that only one is in memory at a time.
pub struct GgufWriter {
    file: BufWriter<File>,
    pending: std::vec::IntoIter<TensorInfo>,
    data_start: u64,
}

impl GgufWriter {
    /// Creates the file and writes its header: metadata, and the announced tensors (name, shape outermost first,
    /// format).
    ///
    /// # Errors
    /// Any I/O error.
    pub fn create(
        path: &Path,
        metadata: &[(&str, MetadataValue)],
        tensors: &[(String, Vec<usize>, GgmlType)],
    ) -> std::io::Result<Self> {
        let mut head = Vec::new();
        head.extend(MAGIC);
        head.extend(VERSION.to_le_bytes());
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend((metadata.len() as u64).to_le_bytes());
        let string = |head: &mut Vec<u8>, text: &str| {
            head.extend((text.len() as u64).to_le_bytes());
            head.extend(text.as_bytes());
        };
        for (key, value) in metadata {
            string(&mut head, key);
            match value {
                MetadataValue::U32(v) => {
                    head.extend(4_u32.to_le_bytes());
                    head.extend(v.to_le_bytes());
                }
                MetadataValue::F32(v) => {
                    head.extend(6_u32.to_le_bytes());
                    head.extend(v.to_le_bytes());
                }
                MetadataValue::Bool(v) => {
                    head.extend(7_u32.to_le_bytes());
                    head.push(u8::from(*v));
                }
                MetadataValue::String(v) => {
                    head.extend(8_u32.to_le_bytes());
                    string(&mut head, v);
                }
            }
        }
        let mut offset = 0;
        let mut pending = Vec::new();
        for (name, shape, kind) in tensors {
            string(&mut head, name);
            head.extend((shape.len() as u32).to_le_bytes());
            // GGUF lists dimensions innermost first.
            for &size in shape.iter().rev() {
                head.extend((size as u64).to_le_bytes());
            }
            head.extend(kind.id().to_le_bytes());
            head.extend((offset as u64).to_le_bytes());
            let bytes = kind.bytes(shape.iter().product());
            let info = TensorInfo {
                name: name.clone(),
                shape: shape.clone(),
                kind: *kind,
                offset: offset as u64,
                bytes,
            };
            pending.push(info);
            offset += bytes.next_multiple_of(ALIGNMENT);
        }
        head.resize(head.len().next_multiple_of(ALIGNMENT), 0);
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&head)?;
        Ok(Self { file, pending: pending.into_iter(), data_start: head.len() as u64 })
    }

    /// Writes the next announced tensor.
    ///
    /// # Errors
    /// Any I/O error; `InvalidInput` if no tensor is due or `bytes` does not have its size.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let due = self.pending.next();
        let fits = due.as_ref().is_some_and(|info| info.bytes == bytes.len());
        if !fits || self.file.stream_position()? != self.data_start + due.map_or(0, |info| info.offset) {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "tensor out of order"));
        }
        self.file.write_all(bytes)?;
        let padding = bytes.len().next_multiple_of(ALIGNMENT) - bytes.len();
        self.file.write_all(&[0; ALIGNMENT][..padding])
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Any I/O error; `InvalidInput` if announced tensors are missing.
    pub fn finish(mut self) -> std::io::Result<()> {
        if self.pending.next().is_some() {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "tensors are missing"));
        }
        self.file.flush()
    }
}

/// The validated header of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct GgufHeader {
    /// Metadata by key.
    pub metadata: BTreeMap<String, MetadataValue>,
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorInfo>,
}

impl GgufHeader {
    /// Reads and validates the header of the file at `path`.
    ///
    /// # Errors
    /// [`LlamaError::Read`] if it cannot be read, [`LlamaError::Damaged`] if it is not valid.
    pub fn read(path: &Path) -> Result<Self, LlamaError> {
        let map = crier_system::map_file(path).map_err(|e| LlamaError::Read {
            path: path.to_path_buf(),
            source: std::io::Error::other(e.to_string()),
        })?;
        Self::parse(path, &map)
    }

    /// Parses and validates the header of `file`, the whole contents of the file at `path`.
    ///
    /// # Errors
    /// [`LlamaError::Damaged`] with the defect.
    pub fn parse(path: &Path, file: &[u8]) -> Result<Self, LlamaError> {
        parse(file).map_err(|reason| LlamaError::Damaged { path: path.to_path_buf(), reason })
    }
}

struct HeaderReader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> HeaderReader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], GgufDefect> {
        let bytes = self.at.checked_add(count).and_then(|end| self.file.get(self.at..end));
        self.at += count;
        bytes.ok_or(GgufDefect::Truncated)
    }

    fn u32(&mut self) -> Result<u32, GgufDefect> {
        let bytes = self.take(4)?;
        Ok(bytes.try_into().map_or(0, u32::from_le_bytes))
    }

    fn u64(&mut self) -> Result<u64, GgufDefect> {
        let bytes = self.take(8)?;
        Ok(bytes.try_into().map_or(0, u64::from_le_bytes))
    }

    fn string(&mut self) -> Result<String, GgufDefect> {
        let length = self.u64()?;
        if length > STRING_BYTES_MAX {
            return Err(GgufDefect::NameLength { bytes: length });
        }
        String::from_utf8(self.take(length as usize)?.to_vec()).map_err(|_| GgufDefect::NameEncoding)
    }

    fn value(&mut self) -> Result<MetadataValue, GgufDefect> {
        match self.u32()? {
            4 => Ok(MetadataValue::U32(self.u32()?)),
            6 => Ok(MetadataValue::F32(f32::from_bits(self.u32()?))),
            7 => Ok(MetadataValue::Bool(self.take(1)? != [0])),
            8 => Ok(MetadataValue::String(self.string()?)),
            id => Err(GgufDefect::ValueType { id }),
        }
    }

    fn tensor(&mut self) -> Result<TensorInfo, GgufDefect> {
        let name = self.string()?;
        let dimensions = self.u32()?;
        if dimensions == 0 || dimensions > DIMENSIONS_MAX {
            return Err(GgufDefect::Dimensions { tensor: name, dimensions });
        }
        let mut shape = Vec::new();
        let mut numbers = 1_u64;
        for _ in 0..dimensions {
            let size = self.u64()?;
            // Checked after every dimension: the product of four may wrap to a small number.
            let product = numbers.checked_mul(size).filter(|&n| n > 0 && n < SIZE_MAX);
            let Some(product) = product else { return Err(GgufDefect::TensorSize { tensor: name }) };
            numbers = product;
            shape.insert(0, size as usize);
        }
        let id = self.u32()?;
        let Some(kind) = GgmlType::ALL.into_iter().find(|kind| kind.id() == id) else {
            return Err(GgufDefect::NumberFormat { tensor: name, id });
        };
        if shape.last().is_some_and(|columns| columns % kind.block() != 0) {
            return Err(GgufDefect::PartialBlocks { tensor: name });
        }
        let offset = self.u64()?;
        Ok(TensorInfo { name, shape, kind, offset, bytes: kind.bytes(numbers as usize) })
    }
}

fn parse(file: &[u8]) -> Result<GgufHeader, GgufDefect> {
    let mut reader = HeaderReader { file, at: 0 };
    if reader.take(4)? != MAGIC {
        return Err(GgufDefect::Magic);
    }
    let version = reader.u32()?;
    if version != VERSION {
        return Err(GgufDefect::Version { found: version, supported: VERSION });
    }
    let (tensor_count, value_count) = (reader.u64()?, reader.u64()?);
    if tensor_count > ENTRIES_MAX || value_count > ENTRIES_MAX {
        return Err(GgufDefect::EntryCount { tensors: tensor_count, values: value_count });
    }
    let mut metadata = BTreeMap::new();
    for _ in 0..value_count {
        let key = reader.string()?;
        metadata.insert(key, reader.value()?);
    }
    let mut tensors = BTreeMap::new();
    for _ in 0..tensor_count {
        let info = reader.tensor()?;
        if let Some(first) = tensors.insert(info.name.clone(), info) {
            return Err(GgufDefect::DuplicateTensor { tensor: first.name });
        }
    }
    // Offsets in the header are relative to the data section, which begins at the next aligned byte.
    let start = reader.at.next_multiple_of(ALIGNMENT) as u64;
    for info in tensors.values_mut() {
        let aligned = info.offset.is_multiple_of(ALIGNMENT as u64);
        if !aligned {
            return Err(GgufDefect::Misaligned { tensor: info.name.clone() });
        }
        // Saturating is enough: no file is as long as the largest offset.
        info.offset = start.saturating_add(info.offset);
        if info.offset.saturating_add(info.bytes as u64) > file.len() as u64 {
            return Err(GgufDefect::OutsideFile { tensor: info.name.clone() });
        }
    }
    Ok(GgufHeader { metadata, tensors })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gguf");
        let metadata = [
            ("general.architecture", MetadataValue::String("test".to_owned())),
            ("test.size", MetadataValue::U32(7)),
            ("test.eps", MetadataValue::F32(1e-6)),
            ("test.flag", MetadataValue::Bool(true)),
        ];
        let tensors =
            [("a".to_owned(), vec![3, 32], GgmlType::Q8_0), ("b".to_owned(), vec![5], GgmlType::F32)];
        let mut writer = GgufWriter::create(&path, &metadata, &tensors).unwrap();
        assert!(writer.write(&[0; 3]).is_err());
        let mut writer = GgufWriter::create(&path, &metadata, &tensors).unwrap();
        writer.write(&[1; 102]).unwrap();
        writer.write(&[2; 20]).unwrap();
        writer.finish().unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_written_file_parses_to_the_same_header() {
        let file = sample();
        let header = GgufHeader::parse(Path::new("a"), &file).unwrap();
        assert_eq!(header.metadata["test.size"], MetadataValue::U32(7));
        assert_eq!(header.metadata["general.architecture"], MetadataValue::String("test".to_owned()));
        let b = &header.tensors["b"];
        assert_eq!((b.shape.as_slice(), b.kind), (&[5][..], GgmlType::F32));
        assert_eq!(file[b.offset as usize..][..b.bytes], [2; 20]);
        assert_eq!(header.tensors["a"].shape, [3, 32]);
    }

    #[test]
    fn truncated_and_bit_flipped_files_neither_panic_nor_point_outside() {
        let file = sample();
        for length in 0..file.len() - 12 {
            assert!(GgufHeader::parse(Path::new("a"), &file[..length]).is_err(), "{length} bytes");
        }
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(header) = GgufHeader::parse(Path::new("a"), &damaged) {
                for info in header.tensors.values() {
                    assert!(info.offset as usize + info.bytes <= damaged.len());
                }
            }
        }
    }
}
