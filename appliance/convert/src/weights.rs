//! Talker and predictor as GGUF files: names and number formats of the tensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crier_llama::gguf::{GgufHeader, GgufWriter, MetadataValue, TensorInfo};
use crier_llama::quantise::{GgmlType, dequantise, quantise, quantise_q4_0_least_squares};
use crier_speech::GROUPS;
use crier_system::{FileMap, map_file};

use crate::ConvertError;
use crate::checkpoint::Tensors;
use crate::config::{TalkerConfig, TransformerConfig};
use crate::onnx::predictor::StoredMatrix;
use crate::options::{MatrixRole, PredictorQuantisation, TalkerQuantisation};
use crate::progress::ConvertProgress;

/// A tensor to convert: its names in the checkpoint and in the file, its shape, its format.
struct TensorPlan {
    source: String,
    target: String,
    shape: Vec<usize>,
    kind: GgmlType,
}

/// Writes the talker as a llama.cpp model of the architecture `qwen3`: token embedding and output head are those of
/// the codec vocabulary; there is no tokenizer.
///
/// # Errors
/// A tensor that is missing, damaged or does not fit.
pub(crate) fn write_talker(
    tensors: &Tensors,
    config: &TalkerConfig,
    quantisation: TalkerQuantisation,
    path: &Path,
    progress: &mut dyn ConvertProgress,
) -> Result<(), ConvertError> {
    let t = &config.transformer;
    let (hidden, vocab) = (t.hidden_size, t.vocab_size);
    let kind = |role| quantisation.kind(role, t.num_hidden_layers);
    let plan = |source: &str, target: &str, shape: Vec<usize>, kind| TensorPlan {
        source: source.to_owned(),
        target: target.to_owned(),
        kind: fitting(kind, &shape),
        shape,
    };
    let mut plans = vec![
        plan(
            "talker.model.codec_embedding.weight",
            "token_embd.weight",
            vec![vocab, hidden],
            kind(MatrixRole::Embedding),
        ),
        plan("talker.model.norm.weight", "output_norm.weight", vec![hidden], GgmlType::F32),
        plan("talker.codec_head.weight", "output.weight", vec![vocab, hidden], kind(MatrixRole::Output)),
    ];
    for layer in 0..t.num_hidden_layers {
        plans.extend(layer_plans(t, &format!("talker.model.layers.{layer}"), layer, |matrix| {
            kind(matrix(layer))
        }));
    }
    let mut metadata = vec![
        ("general.architecture", MetadataValue::String("qwen3".to_owned())),
        ("general.name", MetadataValue::String("Crier talker".to_owned())),
        // llama.cpp insists on a tokenizer; `none` is its way to have no vocabulary of text.
        ("tokenizer.ggml.model", MetadataValue::String("none".to_owned())),
        ("qwen3.vocab_size", MetadataValue::U32(vocab as u32)),
    ];
    // The key's prefix is the architecture's name; the names must outlive the borrowed metadata.
    let keys = shape_keys(t);
    let names: Vec<String> = keys.iter().map(|(key, _)| format!("qwen3.{key}")).collect();
    metadata.extend(names.iter().map(String::as_str).zip(keys.into_iter().map(|(_, value)| value)));
    write(tensors, path, &metadata, &plans, false, progress)
}

/// Writes the predictor: its layers, its fifteen heads as separate matrices (`output.0.weight`, …), and the input
/// projection of models whose talker is wider.
///
/// # Errors
/// A tensor that is missing, damaged or does not fit.
pub(crate) fn write_predictor(
    tensors: &Tensors,
    config: &TalkerConfig,
    quantisation: PredictorQuantisation,
    path: &Path,
    progress: &mut dyn ConvertProgress,
) -> Result<PredictorFile, ConvertError> {
    let p = &config.code_predictor_config;
    let (hidden, talker_hidden) = (p.hidden_size, config.transformer.hidden_size);
    let prefix = "talker.code_predictor";
    let kind = quantisation.kind();
    let mut plans = vec![TensorPlan {
        source: format!("{prefix}.model.norm.weight"),
        target: "output_norm.weight".to_owned(),
        shape: vec![hidden],
        kind: GgmlType::F32,
    }];
    for layer in 0..p.num_hidden_layers {
        plans.extend(layer_plans(p, &format!("{prefix}.model.layers.{layer}"), layer, |_| kind));
    }
    // Not stacked: each step of a frame multiplies with one head only.
    for group in 0..GROUPS {
        let shape = vec![p.vocab_size, hidden];
        plans.push(TensorPlan {
            source: format!("{prefix}.lm_head.{group}.weight"),
            target: format!("output.{group}.weight"),
            kind: fitting(kind, &shape),
            shape,
        });
    }
    if has_projection(config) {
        let shape = vec![hidden, talker_hidden];
        plans.push(TensorPlan {
            source: format!("{prefix}.small_to_mtp_projection.weight"),
            target: "input_projection.weight".to_owned(),
            kind: fitting(kind, &shape),
            shape,
        });
        plans.push(TensorPlan {
            source: format!("{prefix}.small_to_mtp_projection.bias"),
            target: "input_projection.bias".to_owned(),
            shape: vec![hidden],
            kind: GgmlType::F32,
        });
    }
    let metadata = [
        ("general.architecture", MetadataValue::String("crier-code-predictor".to_owned())),
        ("general.name", MetadataValue::String("Crier code predictor".to_owned())),
    ];
    write(tensors, path, &metadata, &plans, quantisation == PredictorQuantisation::Q4_0, progress)?;
    let file = map_file(path)?;
    // A file that was written a moment ago and cannot be parsed is a failure to write.
    let header = GgufHeader::parse(path, &file).map_err(|error| ConvertError::Write {
        path: path.to_path_buf(),
        source: std::io::Error::other(error),
    })?;
    let targets = plans.into_iter().map(|plan| (plan.source, plan.target)).collect();
    Ok(PredictorFile { path: path.to_path_buf(), file, header, targets })
}

/// A written predictor, whose numbers the ONNX twin takes over.
pub(crate) struct PredictorFile {
    path: PathBuf,
    file: FileMap,
    header: GgufHeader,
    /// Names in the file, by their official names.
    targets: BTreeMap<String, String>,
}

impl PredictorFile {
    /// Returns the matrix `[out, in]` of an official name.
    ///
    /// # Errors
    /// [`ConvertError::MissingTensor`], [`ConvertError::TensorShape`].
    pub(crate) fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<StoredMatrix, ConvertError> {
        let info = self.targets.get(name).and_then(|target| self.header.tensors.get(target));
        let bytes = |info: &TensorInfo| {
            let start = usize::try_from(info.offset).ok()?;
            self.file.get(start..start.checked_add(info.bytes)?)
        };
        // Offsets of a checked header lie inside the file; `get` keeps that from being an assumption.
        let (Some(info), Some(bytes)) = (info, info.and_then(bytes)) else {
            return Err(ConvertError::MissingTensor { path: self.path.clone(), tensor: name.to_owned() });
        };
        if info.shape != shape {
            return Err(ConvertError::TensorShape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                found: info.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(match info.kind {
            GgmlType::Q4_0 => StoredMatrix::Q4_0(bytes.to_vec()),
            GgmlType::Q8_0 => StoredMatrix::Q8_0(bytes.to_vec()),
            GgmlType::Iq4Nl => StoredMatrix::Iq4Nl(bytes.to_vec()),
            // `MatMulNBits` has no half precision; widened, the numbers stay the same.
            kind => StoredMatrix::F32(
                dequantise(kind, bytes)
                    .map_err(|source| ConvertError::Quantise { tensor: name.to_owned(), source })?,
            ),
        })
    }
}

/// Returns true if talker and predictor differ in width, so that the hidden state is projected between them.
#[must_use]
pub(crate) fn has_projection(config: &TalkerConfig) -> bool {
    config.code_predictor_config.hidden_size != config.transformer.hidden_size
}

fn layer_plans(
    t: &TransformerConfig,
    source: &str,
    layer: usize,
    kind: impl Fn(fn(usize) -> MatrixRole) -> GgmlType,
) -> Vec<TensorPlan> {
    let (hidden, inner) = (t.hidden_size, t.intermediate_size);
    let (queries, keys) = (t.num_attention_heads * t.head_dim, t.num_key_value_heads * t.head_dim);
    let ordinary: fn(usize) -> MatrixRole = |_| MatrixRole::Ordinary;
    // Names of the checkpoint and of llama.cpp's `qwen3` architecture.
    let matrices = [
        ("self_attn.q_proj", "attn_q", [queries, hidden], ordinary),
        ("self_attn.k_proj", "attn_k", [keys, hidden], ordinary),
        ("self_attn.v_proj", "attn_v", [keys, hidden], MatrixRole::Sensitive as fn(usize) -> MatrixRole),
        ("self_attn.o_proj", "attn_output", [hidden, queries], ordinary),
        ("mlp.gate_proj", "ffn_gate", [inner, hidden], ordinary),
        ("mlp.up_proj", "ffn_up", [inner, hidden], ordinary),
        ("mlp.down_proj", "ffn_down", [hidden, inner], MatrixRole::Sensitive),
    ];
    let norms = [
        ("self_attn.q_norm", "attn_q_norm", t.head_dim),
        ("self_attn.k_norm", "attn_k_norm", t.head_dim),
        ("input_layernorm", "attn_norm", hidden),
        ("post_attention_layernorm", "ffn_norm", hidden),
    ];
    let matrices = matrices.map(|(from, to, shape, matrix)| TensorPlan {
        source: format!("{source}.{from}.weight"),
        target: format!("blk.{layer}.{to}.weight"),
        kind: fitting(kind(matrix), &shape),
        shape: shape.to_vec(),
    });
    let norms = norms.map(|(from, to, size)| TensorPlan {
        source: format!("{source}.{from}.weight"),
        target: format!("blk.{layer}.{to}.weight"),
        shape: vec![size],
        kind: GgmlType::F32,
    });
    matrices.into_iter().chain(norms).collect()
}

/// The next better format when rows are no whole blocks of the wanted one, as llama.cpp chooses it.
pub(crate) fn fitting(kind: GgmlType, shape: &[usize]) -> GgmlType {
    let columns = shape.last().copied().unwrap_or(1);
    let fits = |kind: GgmlType| columns % kind.block() == 0;
    match kind {
        _ if fits(kind) => kind,
        GgmlType::Q4K if fits(GgmlType::Q5_0) => GgmlType::Q5_0,
        GgmlType::Q6K if fits(GgmlType::Q8_0) => GgmlType::Q8_0,
        _ => GgmlType::F16,
    }
}

fn shape_keys(t: &TransformerConfig) -> Vec<(&'static str, MetadataValue)> {
    let number = |n: usize| MetadataValue::U32(n as u32);
    vec![
        ("context_length", number(t.max_position_embeddings)),
        ("embedding_length", number(t.hidden_size)),
        ("block_count", number(t.num_hidden_layers)),
        ("feed_forward_length", number(t.intermediate_size)),
        ("attention.head_count", number(t.num_attention_heads)),
        ("attention.head_count_kv", number(t.num_key_value_heads)),
        ("attention.key_length", number(t.head_dim)),
        ("attention.value_length", number(t.head_dim)),
        ("attention.layer_norm_rms_epsilon", MetadataValue::F32(t.rms_norm_eps)),
        ("rope.freq_base", MetadataValue::F32(t.rope_theta)),
    ]
}

fn write(
    tensors: &Tensors,
    path: &Path,
    metadata: &[(&str, MetadataValue)],
    plans: &[TensorPlan],
    least_squares: bool,
    progress: &mut dyn ConvertProgress,
) -> Result<(), ConvertError> {
    let wrap = |source| ConvertError::Write { path: path.to_path_buf(), source };
    let announced: Vec<_> = plans.iter().map(|p| (p.target.clone(), p.shape.clone(), p.kind)).collect();
    let mut writer = GgufWriter::create(path, metadata, &announced).map_err(wrap)?;
    for plan in plans {
        let values = tensors.f32(&plan.source, &plan.shape)?;
        // Blocks lie along rows, the last axis.
        let columns = plan.shape.last().copied().unwrap_or(1);
        let bytes = match plan.kind {
            // Vectors and matrices in full precision are stored as they are.
            GgmlType::F32 => Ok(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            kind => in_parallel(columns, &values, |rows| match kind {
                GgmlType::Q4_0 if least_squares => quantise_q4_0_least_squares(columns, rows),
                _ => quantise(kind, columns, rows),
            }),
        };
        let bytes: Vec<u8> =
            bytes.map_err(|source| ConvertError::Quantise { tensor: plan.source.clone(), source })?;
        writer.write(&bytes).map_err(wrap)?;
        progress.advance(values.len() as u64);
    }
    writer.finish().map_err(wrap)
}

/// Applies `each` to groups of rows on all CPUs and joins the results in order.
fn in_parallel<E: Send>(
    columns: usize,
    values: &[f32],
    each: impl Fn(&[f32]) -> Result<Vec<u8>, E> + Sync + Send,
) -> Result<Vec<u8>, E> {
    use rayon::prelude::*;
    /// Rows per task: enough to hide the cost of a task, few enough to keep all CPUs busy to the end.
    const ROWS: usize = 64;
    // Blocks are quantised independently: the file does not depend on the number of CPUs.
    let parts: Vec<Vec<u8>> = values.par_chunks(ROWS * columns).map(each).collect::<Result<_, E>>()?;
    Ok(parts.concat())
}
