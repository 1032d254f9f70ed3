//! A checkpoint folder, as published: configuration files, and weights in safetensors files that are mapped and never
//! trusted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crier_system::{FileMap, map_file};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, SafeTensors};
use serde::de::DeserializeOwned;

use crate::ConvertError;
use crate::config::{GenerationConfig, ModelConfig, SpeechTokenizerConfig, TokenizerConfig};

/// Limit on the size of configuration, tokenizer and lexicon files; real ones have a few megabytes.
const JSON_BYTES_MAX: u64 = 64 << 20;

/// An opened checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    /// Folder of the checkpoint.
    pub folder: PathBuf,
    /// `config.json`
    pub config: ModelConfig,
    /// `generation_config.json`
    pub generation: GenerationConfig,
    /// `tokenizer_config.json`
    pub tokenizer: TokenizerConfig,
    /// `speech_tokenizer/config.json`
    pub speech: SpeechTokenizerConfig,
    /// Weights of talker and predictor.
    pub main: Tensors,
    /// Weights of the codec.
    pub codec: Tensors,
}

impl Checkpoint {
    /// Opens a checkpoint folder and checks that it is of the family that this program speaks.
    ///
    /// # Errors
    /// The first file that is missing, damaged, or of another model.
    pub fn open(folder: &Path) -> Result<Self, ConvertError> {
        let config_path = folder.join("config.json");
        let config: ModelConfig = read_json(&config_path)?;
        let speech_path = folder.join("speech_tokenizer/config.json");
        let speech: SpeechTokenizerConfig = read_json(&speech_path)?;
        let generation_path = folder.join("generation_config.json");
        let generation =
            // Optional: the defaults are those of the official package.
            if generation_path.exists() { read_json(&generation_path)? } else { GenerationConfig::default() };
        let unsupported =
            |path: &Path, reason: String| Err(ConvertError::Unsupported { path: path.to_path_buf(), reason });
        // The codec decides what codes mean; with another one every later file would convert and then speak
        // noise.
        if config.tokenizer_type != "qwen3_tts_tokenizer_12hz" {
            return unsupported(&config_path, format!("tokenizer_type is '{}'", config.tokenizer_type));
        }
        if config.talker_config.num_code_groups != crier_speech::CODEBOOKS {
            return unsupported(
                &config_path,
                format!("num_code_groups is {}", config.talker_config.num_code_groups),
            );
        }
        let decoder = &speech.decoder_config;
        // Checked against each other because the sizes of all buffers follow from them.
        let rate: usize = decoder.upsample_rates.iter().chain(&decoder.upsampling_ratios).product();
        if decoder.num_quantizers != crier_speech::CODEBOOKS
            || rate != speech.decode_upsample_rate
            || decoder.num_attention_heads != decoder.num_key_value_heads
            || decoder.sliding_window < 2
        {
            return unsupported(&speech_path, "its decoder has another structure".to_owned());
        }
        Ok(Self {
            tokenizer: read_json(&folder.join("tokenizer_config.json"))?,
            main: Tensors::open(folder)?,
            codec: Tensors::open(&folder.join("speech_tokenizer"))?,
            folder: folder.to_path_buf(),
            config,
            generation,
            speech,
        })
    }
}

pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, ConvertError> {
    let wrap = |source| ConvertError::Read { path: path.to_path_buf(), source };
    let length = std::fs::metadata(path).map_err(wrap)?.len();
    // Before reading: the limit is there to bound memory.
    if length > JSON_BYTES_MAX {
        let reason = format!("{length} bytes are too many");
        return Err(ConvertError::Damaged { path: path.to_path_buf(), reason });
    }
    std::fs::read(path).map_err(wrap)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ConvertError> {
    serde_json::from_slice(&read_bounded(path)?)
        .map_err(|e| ConvertError::Damaged { path: path.to_path_buf(), reason: e.to_string() })
}

/// All tensors of one `model.safetensors`, or of the shards that its index lists.
#[derive(Debug)]
pub struct Tensors {
    folder: PathBuf,
    files: Vec<(PathBuf, FileMap, usize, Metadata)>,
    /// Tensor name to file.
    places: HashMap<String, usize>,
}

/// A tensor as stored.
#[derive(Debug, Clone, Copy)]
pub struct RawTensor<'a> {
    /// BF16, F16 or F32.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: &'a [usize],
    /// Its bytes, little-endian, row-major.
    pub bytes: &'a [u8],
}

impl Tensors {
    fn open(folder: &Path) -> Result<Self, ConvertError> {
        #[derive(serde::Deserialize)]
        struct Index {
            weight_map: HashMap<String, String>,
        }
        let index_path = folder.join("model.safetensors.index.json");
        let mut names = vec!["model.safetensors".to_owned()];
        // A single file takes precedence over an index, as in `transformers`.
        if !folder.join(&names[0]).exists() && index_path.exists() {
            let index: Index = read_json(&index_path)?;
            names = index.weight_map.into_values().collect();
            // The map has an entry a tensor, and no order: sorted, so that the first error is the same in
            // each run.
            names.sort();
            names.dedup();
            // A downloaded index must not make the converter read outside the checkpoint.
            if let Some(name) = names.iter().find(|n| n.contains(['/', '\\']) || n.starts_with('.')) {
                let reason = format!("'{}' is no plain file name", name.escape_debug());
                return Err(ConvertError::Damaged { path: index_path, reason });
            }
        }
        let mut tensors = Self { folder: folder.to_path_buf(), files: Vec::new(), places: HashMap::new() };
        for name in names {
            let path = folder.join(name);
            let map = map_file(&path)?;
            let damaged = |reason: String| ConvertError::Damaged { path: path.clone(), reason };
            let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|e| damaged(e.to_string()))?;
            // A safetensors file is the header's length in eight bytes, the header and the data, with nothing
            // behind. A download that was cut off is noticed here, not at some tensor later.
            let expected = 8 + header + metadata.data_len();
            if map.len() != expected {
                return Err(damaged(format!("it has {} bytes, its header tells of {expected}", map.len())));
            }
            for tensor in metadata.offset_keys() {
                tensors.places.insert(tensor, tensors.files.len());
            }
            tensors.files.push((path, map, 8 + header, metadata));
        }
        Ok(tensors)
    }

    /// Returns true if there is a tensor of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Returns a tensor as stored, after a check of its shape.
    ///
    /// # Errors
    /// It is missing, or has another shape or an unknown number format.
    pub fn raw(&self, name: &str, shape: &[usize]) -> Result<RawTensor<'_>, ConvertError> {
        let missing = || ConvertError::MissingTensor {
            path: self.folder.join("model.safetensors"),
            tensor: name.to_owned(),
        };
        let (path, map, start, metadata) =
            self.places.get(name).and_then(|&f| self.files.get(f)).ok_or_else(missing)?;
        let info = metadata.info(name).ok_or_else(missing)?;
        if info.shape != shape {
            return Err(ConvertError::TensorShape {
                path: path.clone(),
                tensor: name.to_owned(),
                found: info.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        // Quantised checkpoints (FP8, INT8) have scales in other tensors, which are not read here.
        if !matches!(info.dtype, Dtype::BF16 | Dtype::F16 | Dtype::F32) {
            return Err(ConvertError::TensorValues {
                path: path.clone(),
                tensor: name.to_owned(),
                reason: format!("has the type {:?}, not BF16, F16 or F32", info.dtype),
            });
        }
        let (from, to) = info.data_offsets;
        let bytes = map.get(start + from..start + to).ok_or_else(missing)?;
        Ok(RawTensor { dtype: info.dtype, shape: &info.shape, bytes })
    }

    /// Returns a tensor as `f32`, after a check that its shape is as expected and its values are finite.
    ///
    /// # Errors
    /// As [`Tensors::raw`], and when a value is infinite or no number.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ConvertError> {
        let values = self.raw(name, shape)?.to_f32();
        // An infinite number would spoil the whole block that is quantised with it.
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let file = self.places.get(name).and_then(|&f| self.files.get(f));
            return Err(ConvertError::TensorValues {
                path: file.map_or_else(|| self.folder.clone(), |f| f.0.clone()),
                tensor: name.to_owned(),
                reason: format!("holds {} at {at}", values[at]),
            });
        }
        Ok(values)
    }
}

impl RawTensor<'_> {
    /// Returns its numbers, widened to 32 bits.
    #[must_use]
    pub fn to_f32(self) -> Vec<f32> {
        let pairs = || self.bytes.as_chunks::<2>().0.iter();
        match self.dtype {
            Dtype::BF16 => pairs().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::F16 => pairs().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
            _ => self.bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        }
    }
}
