//! Opens and validates bundles.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crier_speech::{EmbeddingTables, GROUPS, Tokenizer, VoiceLayout};
use crier_system::{FileMap, hexadecimal, map_file};
use sha2::{Digest, Sha256};

use crate::{BundleError, Lexicon, MANIFEST_NAME, Manifest, ManifestDefect, Role, TableFormat};

/// Format version that is written and read.
pub(crate) const FORMAT: u32 = 2;
/// Limit on the manifest's size, enough for more than a thousand speakers; real ones have a few kilobytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Limit on dimensions of networks, so that the product of two of them cannot overflow.
const SIZE_MAX: usize = 1 << 24;
/// Bytes hashed per read and per progress report.
const BLOCK_BYTES: usize = 1 << 20;

/// An open bundle: validated manifest, memory-mapped tables.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    text: Table,
    codec: Table,
    predictor: Table,
}

impl Bundle {
    /// Opens a bundle: reads and validates the manifest, checks the size of every file, and maps the tables. Contents
    /// of files are checked by [`Bundle::verify`] only.
    ///
    /// # Errors
    /// The first file that is missing or does not fit, by name.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let manifest = read_manifest(folder)?;
        for entry in &manifest.file {
            let path = folder.join(&entry.path);
            // Sizes now, hashes later: a size costs a system call, and a cut-off copy is the most frequent
            // defect.
            let found = std::fs::metadata(&path)
                .map_err(|source| BundleError::Read { path: path.clone(), source })?
                .len();
            if found != entry.bytes {
                return Err(BundleError::Size { path, found, expected: entry.bytes });
            }
        }
        let voice = &manifest.voice;
        let table = |role, rows| Table::map(folder, &manifest, role, rows, voice.hidden);
        Ok(Self {
            text: table(Role::TextEmbedding, voice.text_vocab)?,
            codec: table(Role::CodecEmbedding, voice.codec_vocab)?,
            // Fifteen tables in one file: code 0 is in the talker's own table.
            predictor: table(Role::PredictorEmbedding, GROUPS * voice.codebook_size)?,
            folder: folder.to_path_buf(),
            manifest,
        })
    }

    /// Folder of the bundle.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Manifest of the bundle.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Properties of the voice other than weights.
    #[must_use]
    pub fn layout(&self) -> &VoiceLayout {
        &self.manifest.voice
    }

    /// Returns the path of a file.
    ///
    /// # Errors
    /// [`BundleError::Manifest`] if the bundle has no such file.
    pub fn path(&self, role: Role) -> Result<PathBuf, BundleError> {
        entry_path(&self.folder, &self.manifest, role).map(|(path, _)| path)
    }

    /// Loads the tokenizer of the voice.
    ///
    /// # Errors
    /// [`BundleError::Read`] or [`BundleError::Tokenizer`].
    pub fn tokenizer(&self) -> Result<Tokenizer, BundleError> {
        let read = |role| {
            let path = self.path(role)?;
            std::fs::read(&path).map_err(|source| BundleError::Read { path, source })
        };
        Tokenizer::new(&read(Role::Vocabulary)?, &read(Role::Merges)?, &self.manifest.added_tokens)
            .map_err(|source| BundleError::Tokenizer { folder: self.folder.clone(), source })
    }

    /// Maps the pronunciation lexicon; `None` if the input of the voice is text rather than phonemes.
    ///
    /// # Errors
    /// [`BundleError::Map`] if it cannot be mapped.
    pub fn lexicon(&self) -> Result<Option<Lexicon>, BundleError> {
        match entry_path(&self.folder, &self.manifest, Role::Lexicon) {
            Ok((path, _)) => Ok(Some(Lexicon::new(map_file(&path)?))),
            // Not an error: only voices with phoneme input have one.
            Err(_) => Ok(None),
        }
    }

    /// Compares every file with its SHA-256. Calls `progress` with the number of bytes hashed since its last call.
    ///
    /// # Errors
    /// The first file with a different hash.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<(), BundleError> {
        self.verify_some(&|_| true, progress)
    }

    /// As [`Bundle::verify`], for the files selected by `wanted`.
    ///
    /// # Errors
    /// The first selected file with a different hash.
    pub fn verify_some(
        &self,
        wanted: &dyn Fn(Role) -> bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BundleError> {
        for entry in self.manifest.file.iter().filter(|entry| wanted(entry.role)) {
            let path = self.folder.join(&entry.path);
            // In order of the manifest, so that the same file is reported in each run.
            let found = sha256_hex(&path, progress)?;
            if found != entry.sha256 {
                return Err(BundleError::Hash { path, found, expected: entry.sha256.clone() });
            }
        }
        Ok(())
    }

    /// Returns the SHA-256, in hexadecimal, of the hashes of the files with these roles, in this order.
    #[must_use]
    pub fn hash_of(&self, roles: &[Role]) -> String {
        let mut hash = Sha256::new();
        for role in roles {
            for entry in self.manifest.file.iter().filter(|entry| entry.role == *role) {
                // Hashes of hashes: the files need not be read again.
                hash.update(entry.sha256.as_bytes());
            }
        }
        hexadecimal(&hash.finalize())
    }

    /// Returns true if the bundle has the encoders for enrolling voices.
    #[must_use]
    pub fn can_enrol(&self) -> bool {
        [Role::SpeakerEncoder, Role::CodecFeatures, Role::CodecCodes]
            .iter()
            .all(|role| self.manifest.file.iter().any(|entry| entry.role == *role))
    }

    /// Total size of all files in bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.manifest.file.iter().map(|entry| entry.bytes).sum()
    }
}

impl EmbeddingTables for Bundle {
    fn add_text(&self, id: u32, row: &mut [f32]) {
        self.text.add(id as usize, row);
    }

    fn add_codec(&self, id: u32, row: &mut [f32]) {
        self.codec.add(id as usize, row);
    }

    fn add_predictor(&self, group: usize, code: u16, row: &mut [f32]) {
        self.predictor.add(group * self.manifest.voice.codebook_size + usize::from(code), row);
    }
}

/// Returns the SHA-256 of a file in hexadecimal, reading it in blocks.
pub(crate) fn sha256_hex(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<String, BundleError> {
    let wrap = |source| BundleError::Read { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(wrap)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        // Blocks rather than the whole: a talker has hundreds of megabytes.
        let count = file.read(&mut block).map_err(wrap)?;
        if count == 0 {
            break;
        }
        hash.update(&block[..count]);
        progress(count as u64);
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn entry_path(folder: &Path, manifest: &Manifest, role: Role) -> Result<(PathBuf, TableFormat), BundleError> {
    manifest
        .file
        .iter()
        .find(|entry| entry.role == role)
        .map(|entry| (folder.join(&entry.path), entry.format.unwrap_or(TableFormat::F32)))
        .ok_or_else(|| BundleError::Manifest {
            path: folder.join(MANIFEST_NAME),
            reason: ManifestDefect::MissingFile { role },
        })
}

/// Reads and validates the manifest of a bundle whose other files need not be there yet.
///
/// # Errors
/// The folder has no manifest, or one that is not valid.
pub fn read_manifest(folder: &Path) -> Result<Manifest, BundleError> {
    let path = folder.join(MANIFEST_NAME);
    // Whatever the reason, the remedy is the same: this folder cannot be used as a bundle.
    let file = File::open(&path).map_err(|_| BundleError::NotABundle { folder: folder.to_path_buf() })?;
    let mut text = String::new();
    file.take(MANIFEST_BYTES_MAX)
        // A larger manifest is cut here and then fails to parse.
        .read_to_string(&mut text)
        .map_err(|source| BundleError::Read { path: path.clone(), source })?;
    let wrong = |reason| BundleError::Manifest { path: path.clone(), reason };
    /// Parsed before the rest, because a newer format may have keys that are unknown here: the error should name the
    /// format, not the key.
    #[derive(serde::Deserialize)]
    struct FormatOnly {
        format: u32,
    }
    let syntax = |e: toml::de::Error| {
        let line = e.span().map(|s| 1 + text[..s.start.min(text.len())].matches('\n').count());
        wrong(ManifestDefect::Syntax { line: line.unwrap_or(1), message: e.message().replace('\n', " ") })
    };
    let version: FormatOnly = toml::from_str(&text).map_err(syntax)?;
    // Older formats are not read: converting again is quick and needs no code for each version.
    if version.format != FORMAT {
        return Err(BundleError::Format { path, found: version.format, expected: FORMAT });
    }
    let manifest: Manifest = toml::from_str(&text).map_err(syntax)?;
    check(&manifest).map_err(wrong)?;
    Ok(manifest)
}

/// Rejects values that would make later steps fail or allocate without bound.
fn check(manifest: &Manifest) -> Result<(), ManifestDefect> {
    if manifest.model.len() != 64 || !manifest.model.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ManifestDefect::ModelIdentity);
    }
    manifest.voice.check()?;
    let voice = &manifest.voice;
    let mut sizes = vec![
        ("voice.hidden", voice.hidden),
        ("voice.codec_vocab", voice.codec_vocab),
        ("voice.text_vocab", voice.text_vocab),
        ("vocoder.samples_per_frame", manifest.vocoder.samples_per_frame),
        ("talker.positions_max", manifest.talker.positions_max),
    ];
    for (name, t) in
        [("talker", &manifest.talker.transformer), ("predictor", &manifest.predictor.transformer)]
    {
        let all = [t.hidden, t.intermediate, t.layers, t.heads, t.kv_heads, t.head_dim];
        sizes.extend(all.map(|size| (name, size)));
        // Conditions of the attention kernels, some of which would abort the process.
        if t.kv_heads == 0 || t.heads % t.kv_heads != 0 || t.head_dim % 2 != 0 {
            let (heads, kv_heads, width) = (t.heads, t.kv_heads, t.head_dim);
            return Err(ManifestDefect::Heads { network: name, heads, kv_heads, width });
        }
    }
    if let Some((key, size)) = sizes.into_iter().find(|&(_, size)| size == 0 || size > SIZE_MAX) {
        return Err(ManifestDefect::Size { key, size, limit: SIZE_MAX });
    }
    for state in &manifest.vocoder.states {
        if state.shape.is_empty()
            // Two sets of all states are allocated when the vocoder is opened.
            || state.shape.iter().any(|&d| d == 0 || d > 1 << 16)
            || state.shape.len() > 4
        {
            return Err(ManifestDefect::StateShape { state: state.name.clone(), shape: state.shape.clone() });
        }
    }
    for entry in &manifest.file {
        // No separators and no leading dot: a manifest must not reach outside its folder.
        let plain = !entry.path.is_empty()
            && !entry.path.starts_with('.')
            && entry.path.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !plain {
            return Err(ManifestDefect::FileName { name: entry.path.clone() });
        }
    }
    Ok(())
}

/// A memory-mapped table of rows.
#[derive(Debug)]
struct Table {
    map: FileMap,
    format: TableFormat,
    columns: usize,
}

impl Table {
    fn map(
        folder: &Path,
        manifest: &Manifest,
        role: Role,
        rows: usize,
        columns: usize,
    ) -> Result<Self, BundleError> {
        let (path, format) = entry_path(folder, manifest, role)?;
        let map = map_file(&path)?;
        // Cannot overflow, since each factor was checked against `SIZE_MAX`.
        let expected = (rows * format.row_bytes(columns)) as u64;
        if map.len() as u64 != expected {
            return Err(BundleError::Size { path, found: map.len() as u64, expected });
        }
        Ok(Self { map, format, columns })
    }

    fn add(&self, index: usize, row: &mut [f32]) {
        let bytes = self.format.row_bytes(self.columns);
        // Ids are checked elsewhere; a row too many would be silence rather than a crash.
        let Some(source) = self.map.get(index * bytes..(index + 1) * bytes) else { return };
        match self.format {
            TableFormat::F32 => {
                for (sum, b) in row.iter_mut().zip(source.as_chunks::<4>().0) {
                    *sum += f32::from_le_bytes(*b);
                }
            }
            TableFormat::F16 => {
                for (sum, b) in row.iter_mut().zip(source.as_chunks::<2>().0) {
                    *sum += half::f16::from_le_bytes(*b).to_f32();
                }
            }
            TableFormat::Q8_0 => {
                let blocks = source.as_chunks::<{ TableFormat::Q8_0_BLOCK_BYTES }>().0;
                for (sums, [a, b, numbers @ ..]) in row.chunks_mut(TableFormat::Q8_0_BLOCK).zip(blocks) {
                    // ggml's layout: the scale first, then 32 signed bytes.
                    let scale = half::f16::from_le_bytes([*a, *b]).to_f32();
                    for (sum, number) in sums.iter_mut().zip(numbers) {
                        *sum += scale * f32::from(number.cast_signed());
                    }
                }
            }
        }
    }
}
