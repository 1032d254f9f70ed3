//! From a Qwen3-TTS-12Hz checkpoint, as published, to a voice bundle: the talker for llama.cpp, the code predictor for
//! ggml, the codec decoder as an ONNX graph, and the embedding tables, all in one pass and without Python.
//!
//! Memory stays bounded: weights are mapped, converted one tensor at a time, and written at once. The bundle appears
//! under its name when it is complete, or not at all.

pub mod checkpoint;
pub mod config;
pub mod onnx;

mod encoders;
mod error;
mod layout;
mod options;
mod progress;
mod tables;
mod weights;

use std::path::Path;

use crier_bundle::{BundleWriter, Manifest, PredictorShape, Role, TalkerShape, VocoderShape, hexadecimal};
use crier_speech::{ModelKind, VoiceLayout};
use sha2::{Digest, Sha256};

pub use checkpoint::Checkpoint;
pub use error::ConvertError;
pub use options::{
    ConvertOptions, PredictorQuantisation, TalkerQuantisation, UnknownFormat, VocoderPrecision,
};
pub use progress::ConvertProgress;

use crate::config::TransformerConfig;
use crate::options::MatrixRole;

/// Role, name in the bundle and contents of a text file.
type TextFile = (Role, &'static str, Vec<u8>);

/// Converts a checkpoint folder to a bundle folder.
///
/// # Errors
/// The first thing that is missing, damaged or does not fit; no bundle is left behind then.
pub fn convert(
    checkpoint: &Path,
    bundle: &Path,
    options: &ConvertOptions,
    progress: &mut dyn ConvertProgress,
) -> Result<Manifest, ConvertError> {
    let checkpoint = Checkpoint::open(checkpoint)?;
    let voice = layout::layout(&checkpoint)?;
    // Only now: everything that can be found wrong in the configuration is known before a folder appears.
    let mut writer = BundleWriter::create(bundle, options.replace)?;
    let talker = &checkpoint.config.talker_config;
    let predictor = &talker.code_predictor_config;

    progress.stage("talker", talker_numbers(talker));
    let path = writer.path("talker.gguf");
    weights::write_talker(&checkpoint.main, talker, options.talker, &path, progress)?;
    writer.add(Role::Talker, "talker.gguf", None)?;

    write_predictor(&checkpoint, options, &mut writer, progress)?;
    write_tables(&checkpoint, options, &mut writer, progress)?;
    let states = write_vocoder(&checkpoint, options, &mut writer, progress)?;
    // Only Base models are published with a speaker encoder.
    if options.enrolment && voice.kind == ModelKind::Base {
        encoders::write(&checkpoint, &mut writer, progress)?;
    }
    // Read once: the same bytes are hashed and written.
    let tokenizer = read_tokenizer(&checkpoint)?;
    let model = identity(&checkpoint, &voice, &tokenizer)?;
    write_texts(&checkpoint, tokenizer, &mut writer)?;

    let name = checkpoint.config.crier.name.clone();
    let manifest = Manifest {
        // Format and files are filled in by the writer.
        format: 0,
        model,
        name: name.unwrap_or_else(|| format!("Qwen3-TTS-12Hz {} {:?}", voice.model_size, voice.kind)),
        talker: TalkerShape {
            transformer: talker.transformer.shape(),
            quantisation: options.talker.to_string(),
            positions_max: talker.transformer.max_position_embeddings,
        },
        predictor: PredictorShape {
            transformer: predictor.shape(),
            quantisation: options.predictor.to_string(),
            projection: weights::has_projection(talker),
        },
        vocoder: VocoderShape {
            precision: options.vocoder.to_string(),
            sample_rate_hz: checkpoint.speech.output_sample_rate,
            samples_per_frame: checkpoint.speech.decode_upsample_rate,
            states,
        },
        added_tokens: layout::added_tokens(&checkpoint),
        voice,
        file: Vec::new(),
    };
    Ok(writer.finish(manifest)?)
}

/// Writes the predictor for ggml, and for ONNX Runtime if requested.
fn write_predictor(
    checkpoint: &Checkpoint,
    options: &ConvertOptions,
    writer: &mut BundleWriter,
    progress: &mut dyn ConvertProgress,
) -> Result<(), ConvertError> {
    let talker = &checkpoint.config.talker_config;
    progress.stage("predictor", predictor_numbers(talker));
    let path = writer.path("predictor.gguf");
    let written = weights::write_predictor(&checkpoint.main, talker, options.predictor, &path, progress)?;
    writer.add(Role::Predictor, "predictor.gguf", None)?;
    if options.onnx_predictor {
        progress.stage("predictor for ONNX Runtime", 1);
        let path = writer.path("predictor.onnx");
        // From the written file rather than the checkpoint, so that both backends compute with the same
        // rounded numbers.
        let mut matrices = |name: &str, shape| written.matrix(name, shape);
        onnx::predictor::write(&checkpoint.main, talker, &mut matrices, &path)?;
        progress.advance(1);
        writer.add(Role::PredictorOnnx, "predictor.onnx", None)?;
        writer.add(Role::PredictorWeights, "predictor.bin", None)?;
    }
    Ok(())
}

fn write_tables(
    checkpoint: &Checkpoint,
    options: &ConvertOptions,
    writer: &mut BundleWriter,
    progress: &mut dyn ConvertProgress,
) -> Result<(), ConvertError> {
    let talker = &checkpoint.config.talker_config;
    // As in the network that speaks first what the row stands for, but eight bits at least: rows are read, not
    // multiplied.
    // One row decides: every row of a table has the width of the talker.
    let hidden = [talker.transformer.hidden_size];
    let talker_rows = weights::fitting(options.talker.kind(MatrixRole::Embedding, 0), &hidden);
    let predictor_rows = weights::fitting(options.predictor.rows(), &hidden);

    progress.stage("text embeddings", talker.text_vocab_size as u64);
    let path = writer.path("text_embedding.bin");
    tables::write_text_embedding(&checkpoint.main, talker, talker_rows, &path, progress)?;
    writer.add(Role::TextEmbedding, "text_embedding.bin", Some(tables::format(talker_rows)))?;

    for (role, name, codes, rows) in [
        (Role::CodecEmbedding, "codec_embedding.bin", tables::codec_embedding(talker), talker_rows),
        (
            Role::PredictorEmbedding,
            "predictor_embedding.bin",
            tables::predictor_embedding(talker),
            predictor_rows,
        ),
    ] {
        tables::write_codes(&checkpoint.main, &codes, rows, &writer.path(name))?;
        writer.add(role, name, Some(tables::format(rows)))?;
    }
    Ok(())
}

/// Returns the identity of the model, which does not depend on quantisation: the SHA-256, in hexadecimal, of its kind
/// and size, its embeddings of codes and its tokenizer.
fn identity(
    checkpoint: &Checkpoint,
    voice: &VoiceLayout,
    texts: &[TextFile],
) -> Result<String, ConvertError> {
    let mut hash = Sha256::new();
    // A few megabytes that no two trained models share: all weights would take minutes and identify no
    // better. Bytes as stored, since converted ones depend on the options.
    hash.update(format!("{:?} {}\n", voice.kind, voice.model_size));
    let talker = &checkpoint.config.talker_config;
    for (names, shape) in [tables::codec_embedding(talker), tables::predictor_embedding(talker)] {
        for name in names {
            hash.update(checkpoint.main.raw(&name, &shape)?.bytes);
        }
    }
    for (_, _, text) in texts {
        hash.update(text);
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn write_vocoder(
    checkpoint: &Checkpoint,
    options: &ConvertOptions,
    writer: &mut BundleWriter,
    progress: &mut dyn ConvertProgress,
) -> Result<Vec<crier_bundle::StateShape>, ConvertError> {
    progress.stage("vocoder", 1);
    let path = writer.path("vocoder.onnx");
    let decoder = &checkpoint.speech.decoder_config;
    let states = onnx::vocoder::write(&checkpoint.codec, decoder, options.vocoder, &path)?;
    progress.advance(1);
    writer.add(Role::Vocoder, "vocoder.onnx", None)?;
    writer.add(Role::VocoderWeights, "vocoder.bin", None)?;
    Ok(states)
}

/// Reads the files of the tokenizer.
fn read_tokenizer(checkpoint: &Checkpoint) -> Result<[TextFile; 2], ConvertError> {
    let read = |name: &str| checkpoint::read_bounded(&checkpoint.folder.join(name));
    Ok([
        (Role::Vocabulary, "vocab.json", read("vocab.json")?),
        (Role::Merges, "merges.txt", read("merges.txt")?),
    ])
}

/// Writes the tokenizer, and the lexicon if the checkpoint has one.
fn write_texts(
    checkpoint: &Checkpoint,
    tokenizer: [TextFile; 2],
    writer: &mut BundleWriter,
) -> Result<(), ConvertError> {
    let mut texts = Vec::from(tokenizer);
    if let Some(lexicon) = &checkpoint.config.crier.lexicon {
        let bytes = checkpoint::read_bounded(&checkpoint.folder.join(lexicon))?;
        texts.push((Role::Lexicon, "lexicon.tsv", bytes));
    }
    for (role, name, bytes) in texts {
        let path = writer.path(name);
        std::fs::write(&path, bytes).map_err(|source| ConvertError::Write { path, source })?;
        writer.add(role, name, None)?;
    }
    Ok(())
}

/// Numbers in the layers of a stack.
fn layer_numbers(t: &TransformerConfig) -> u64 {
    // Queries and output, keys and values: two matrices each. Norms are too small to count.
    let attention = 2 * t.head_dim * (t.num_attention_heads + t.num_key_value_heads);
    (t.num_hidden_layers * t.hidden_size * (attention + 3 * t.intermediate_size)) as u64
}

fn talker_numbers(t: &config::TalkerConfig) -> u64 {
    layer_numbers(&t.transformer) + (2 * t.transformer.vocab_size * t.transformer.hidden_size) as u64
}

fn predictor_numbers(t: &config::TalkerConfig) -> u64 {
    let p = &t.code_predictor_config;
    layer_numbers(p) + (crier_speech::GROUPS * p.vocab_size * p.hidden_size) as u64
}
