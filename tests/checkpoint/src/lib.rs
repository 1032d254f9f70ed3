//! Synthetic Qwen3-TTS checkpoints for tests: every file and every tensor of a published checkpoint, under its own
//! name, in its own number format, at sizes that run in milliseconds.
//!
//! Every weight is a pure function of (seed, tensor name, element number), so that the same checkpoint can be made
//! anywhere, bit for bit: the reference outputs in `tests/golden` were made from these very checkpoints by the
//! official Python package. The weights are noise, with one exception: the end of the text is planted so that it makes
//! the talker end the speech (see `plant.rs`), which noise would never do.

mod bpe;
mod codec_tensors;
mod config;
mod main_tensors;
mod plant;
mod random;
mod safetensors;
mod tensor;

use std::io;
use std::path::Path;

/// Which sizes a checkpoint has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// All layer types, hidden size 64, codebooks of 256 entries (5 MB).
    Tiny,
    /// As [`Preset::Tiny`], but talker (96) and code predictor (64) differ in hidden size, as in the 1.7B models.
    Tiny17,
    /// Sizes are multiples of 256, as llama.cpp's K-quants ask (18 MB).
    Kq,
    /// The sizes of the published 0.6B model (2.5 GB), for measurements. Its vocabulary is the small one of the other
    /// presets, at the published ids of the special tokens.
    Real,
}

/// What a checkpoint can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckpointKind {
    /// Has built-in speakers.
    CustomVoice,
    /// Clones a voice from a recording; has a speaker encoder.
    Base,
    /// Makes a voice from a description.
    VoiceDesign,
}

/// Number format of the main weights. Published checkpoints have BF16; the codec is always F32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Brain float, rounded to nearest even.
    Bf16,
    /// IEEE half.
    F16,
    /// IEEE single.
    F32,
}

/// A checkpoint that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Synthetic {
    /// Its sizes.
    pub preset: Preset,
    /// What it can do.
    pub kind: CheckpointKind,
    /// Seed of all weights.
    pub seed: u64,
    /// Number format of the main weights.
    pub precision: Precision,
    /// Files that the main weights are spread over; with more than one there is an index file.
    pub shards: usize,
}

impl Synthetic {
    /// A checkpoint in the published form: BF16, one file.
    #[must_use]
    pub fn new(preset: Preset, kind: CheckpointKind, seed: u64) -> Self {
        Self { preset, kind, seed, precision: Precision::Bf16, shards: 1 }
    }

    /// Writes all files of the checkpoint into a folder, which is made if need be.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let sizes = config::Sizes::of(self.preset);
        let vocabulary = bpe::Vocabulary::train();
        std::fs::create_dir_all(folder.join("speech_tokenizer"))?;
        std::fs::write(folder.join("vocab.json"), vocabulary.vocab_json()?)?;
        std::fs::write(folder.join("merges.txt"), vocabulary.merges_txt())?;
        for (name, value) in config::files(self, &sizes, vocabulary.assistant()) {
            std::fs::write(folder.join(name), serde_json::to_vec(&value)?)?;
        }
        let main = main_tensors::list(&sizes, self.kind == CheckpointKind::Base);
        let plant = plant::Plant::new(self.seed, &sizes);
        safetensors::write(folder, &main, self.precision, self.shards.max(1), |tensor| {
            let mut values = random::values(self.seed, tensor);
            plant.apply(tensor, &mut values);
            values
        })?;
        let codec = codec_tensors::list(&sizes);
        safetensors::write(&folder.join("speech_tokenizer"), &codec, Precision::F32, 1, |tensor| {
            random::values(self.seed, tensor)
        })
    }
}

/// Writes a checkpoint in the published form.
///
/// # Errors
/// What the file system says.
pub fn write(preset: Preset, kind: CheckpointKind, seed: u64, folder: &Path) -> io::Result<()> {
    Synthetic::new(preset, kind, seed).write(folder)
}
