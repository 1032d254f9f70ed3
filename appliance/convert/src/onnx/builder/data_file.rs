//! The file beside a model that holds its weights.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::super::write_failed;
use crate::ConvertError;

/// Weights start at multiples of this, a cache line, so that a mapped file serves aligned vector loads.
const ALIGNMENT: u64 = 64;
/// Weights of at least a page start at a page, the unit in which ONNX Runtime maps them.
const PAGE: u64 = 4096;

/// Weights, one after the other.
pub(super) struct DataFile {
    path: PathBuf,
    /// File name without folder, as the model refers to it.
    pub(super) name: String,
    writer: BufWriter<File>,
    length: u64,
}

impl DataFile {
    pub(super) fn create(path: &Path) -> Result<Self, ConvertError> {
        let file = File::create(path).map_err(|source| write_failed(path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: path.to_owned(), name, writer: BufWriter::with_capacity(1 << 20, file), length: 0 })
    }

    /// Appends a weight and returns its offset.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<u64, ConvertError> {
        // Small weights are not worth a page each.
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

    pub(super) fn finish(mut self) -> Result<(), ConvertError> {
        self.writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .map_err(|source| write_failed(&self.path, source))
    }
}
