//! Embedding tables: text embeddings already projected, and embeddings of codes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crier_bundle::TableFormat;
use crier_llama::quantise::{GgmlType, quantise};
use crier_speech::GROUPS;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::ConvertError;
use crate::checkpoint::{RawTensor, Tensors};
use crate::config::TalkerConfig;
use crate::progress::ConvertProgress;

/// Rows per matrix product on one CPU: enough for the product to be bound by arithmetic, and few enough to keep
/// intermediate results at some megabytes per CPU.
const ROWS: usize = 256;

/// Returns the name that the manifest has for `kind`.
pub(crate) fn format(kind: GgmlType) -> TableFormat {
    match kind {
        GgmlType::F32 => TableFormat::F32,
        GgmlType::Q8_0 => TableFormat::Q8_0,
        _ => TableFormat::F16,
    }
}

/// Writes `fc2(silu(fc1(T)))` for every row of the text embedding, as `kind`.
///
/// # Errors
/// A tensor that is missing or damaged.
pub(crate) fn write_text_embedding(
    tensors: &Tensors,
    config: &TalkerConfig,
    kind: GgmlType,
    path: &Path,
    progress: &mut dyn ConvertProgress,
) -> Result<(), ConvertError> {
    let wrap = |source| ConvertError::Write { path: path.to_path_buf(), source };
    let (inner, outer) = (config.text_hidden_size, config.transformer.hidden_size);
    let matrix = |name: &str, rows, columns| -> Result<Array2<f32>, ConvertError> {
        let values = tensors.f32(&format!("talker.text_projection.{name}.weight"), &[rows, columns])?;
        // The shape was checked by `f32`.
        Ok(Array2::from_shape_vec((rows, columns), values).unwrap_or_default())
    };
    let bias = |name: &str, size| tensors.f32(&format!("talker.text_projection.{name}.bias"), &[size]);
    let (fc1, fc2) = (matrix("linear_fc1", inner, inner)?, matrix("linear_fc2", outer, inner)?);
    let (bias1, bias2) = (bias("linear_fc1", inner)?, bias("linear_fc2", outer)?);
    let name = "talker.model.text_embedding.weight";
    // Not widened as a whole: with 150,000 rows of 2048 numbers that alone would take 1.2 GB.
    let table = tensors.raw(name, &[config.text_vocab_size, inner])?;
    let row_bytes = table.bytes.len() / config.text_vocab_size;
    let mut file = BufWriter::new(File::create(path).map_err(wrap)?);
    let mut done = 0;
    // A few blocks at a time: memory stays bounded, every processor is busy.
    for group in table.bytes.chunks(row_bytes * ROWS * 8) {
        let blocks = group
            .par_chunks(row_bytes * ROWS)
            .map(|block| {
                let rows = block.len() / row_bytes;
                let values = RawTensor { bytes: block, ..table }.to_f32();
                let input = ArrayView2::from_shape((rows, inner), &values)
                    // Cannot fail: the number of rows was computed from the block.
                    .unwrap_or_else(|_| ArrayView2::from(&[[0.0; 0]; 0]));
                let mut middle = input.dot(&fc1.t());
                for mut row in middle.axis_iter_mut(Axis(0)) {
                    for (x, b) in row.iter_mut().zip(&bias1) {
                        // SiLU, `y * sigmoid(y)`.
                        let y = *x + b;
                        *x = y / (1.0 + (-y).exp());
                    }
                }
                let mut output = middle.dot(&fc2.t());
                for mut row in output.axis_iter_mut(Axis(0)) {
                    for (x, b) in row.iter_mut().zip(&bias2) {
                        *x += b;
                    }
                }
                quantise(kind, outer, &output.into_iter().collect::<Vec<f32>>())
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| ConvertError::Quantise { tensor: name.to_owned(), source })?;
        for block in &blocks {
            file.write_all(block).map_err(wrap)?;
        }
        let rows = group.len() / row_bytes;
        progress.advance(rows as u64);
        done += rows;
    }
    debug_assert_eq!(done, config.text_vocab_size);
    file.flush().map_err(wrap)
}

/// Returns the tensors with the talker's embeddings of codes and tags, and the shape of each.
pub(crate) fn codec_embedding(config: &TalkerConfig) -> (Vec<String>, [usize; 2]) {
    let shape = [config.transformer.vocab_size, config.transformer.hidden_size];
    (vec!["talker.model.codec_embedding.weight".to_owned()], shape)
}

/// Returns the fifteen tensors with the predictor's embeddings of codes, and the shape of each.
pub(crate) fn predictor_embedding(config: &TalkerConfig) -> (Vec<String>, [usize; 2]) {
    let shape = [config.code_predictor_config.vocab_size, config.transformer.hidden_size];
    let names = (0..GROUPS).map(|g| format!("talker.code_predictor.model.codec_embedding.{g}.weight"));
    (names.collect(), shape)
}

/// Writes tensors of one shape one after the other, as `kind`.
///
/// # Errors
/// A tensor that is missing or damaged.
pub(crate) fn write_codes(
    tensors: &Tensors,
    (names, shape): &(Vec<String>, [usize; 2]),
    kind: GgmlType,
    path: &Path,
) -> Result<(), ConvertError> {
    let wrap = |source| ConvertError::Write { path: path.to_path_buf(), source };
    let mut file = BufWriter::new(File::create(path).map_err(wrap)?);
    for name in names {
        let rows = quantise(kind, shape[1], &tensors.f32(name, shape)?)
            .map_err(|source| ConvertError::Quantise { tensor: name.clone(), source })?;
        file.write_all(&rows).map_err(wrap)?;
    }
    file.flush().map_err(wrap)
}
