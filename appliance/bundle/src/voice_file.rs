//! The voice file: a speaker enrolled from a recording, for one model.
//!
//! Format: one line `crier voice 1 SHA256`, then JSON with that hash:
//!
//! | key | contents |
//! |---|---|
//! | `name` | name of the voice |
//! | `model` | [`Manifest::model`](crate::Manifest::model) of the bundle it was enrolled with |
//! | `language` | language of the recording, if given |
//! | `recording_s` | length of the recording in seconds |
//! | `loudness_lufs` | loudness of the recording |
//! | `embedding` | the speaker's embedding (x-vector), `hidden` numbers |
//! | `reference` | if a transcript was given: its token ids, and the codes of the recording |

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crier_speech::{CODEBOOKS, PromptSpeaker, Reference};
use crier_system::hexadecimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Bundle, BundleError};

/// Magic bytes before the format version.
const MAGIC: &str = "crier voice ";
/// Format version that is written and read.
const FORMAT: u32 = 1;
/// Limit on the size of voice files: a minute of codes takes 60 kB, a wide embedding 30 kB.
const BYTES_MAX: u64 = 1 << 20;
/// Largest number of frames of a reference: a minute at 12.5 frames a second.
const FRAMES_MAX: usize = 750;
/// Largest number of tokens of a transcript: more than ten times the speech rate over a minute.
const TOKENS_MAX: usize = 4096;

/// A voice enrolled from a recording.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceFile {
    /// Name of the voice.
    pub name: String,
    /// [`Manifest::model`](crate::Manifest::model) of the bundle it was enrolled with.
    pub model: String,
    /// Language of the recording, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Length of the recording in seconds.
    pub recording_s: f32,
    /// Loudness of the recording in LUFS, which is that of the speech made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness_lufs: Option<f32>,
    /// Embedding of the speaker (x-vector).
    pub embedding: Vec<f32>,
    /// Transcript and codes of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<StoredReference>,
}

/// A recording as tokens and codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredReference {
    /// Token ids of the transcript.
    pub text: Vec<u32>,
    /// Codes of the recording, one row per 80 ms.
    pub codes: Vec<[u16; CODEBOOKS]>,
}

impl std::fmt::Debug for VoiceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The embedding is biometric data and the transcript is private: neither belongs in a log.
        f.debug_struct("VoiceFile")
            .field("name", &self.name)
            .field("language", &self.language)
            // The number of frames tells whether there is a transcript.
            .field("frames", &self.reference.as_ref().map(|r| r.codes.len()))
            .finish_non_exhaustive()
    }
}

impl VoiceFile {
    /// Reads a voice file and checks that it fits `bundle`.
    ///
    /// # Errors
    /// [`BundleError::ReadVoice`]; [`BundleError::VoiceFile`] if it is damaged or not a voice file;
    /// [`BundleError::VoiceFormat`]; [`BundleError::ForeignVoice`] if it was enrolled with another model.
    pub fn open(path: &Path, bundle: &Bundle) -> Result<Self, BundleError> {
        let voice = Self::read(path)?;
        voice.check(bundle, path)?;
        Ok(voice)
    }

    /// Reads a voice file without checking that it fits a model.
    ///
    /// # Errors
    /// As [`VoiceFile::open`], except [`BundleError::ForeignVoice`].
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let damaged = |reason: String| BundleError::VoiceFile { path: path.to_path_buf(), reason };
        let bytes = read_bounded(path)?;
        // The first line has fixed parts of less than 128 bytes; a file without line feeds is not searched to
        // its end.
        let line_end = bytes.iter().take(128).position(|&b| b == b'\n');
        let (line, body) = bytes.split_at(line_end.unwrap_or(0));
        let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix(MAGIC));
        let (format, hash) = line
            .and_then(|line| line.split_once(' '))
            .ok_or_else(|| damaged("its first line is not that of a voice file".to_owned()))?;
        let format =
            format.parse().map_err(|_| damaged(format!("it has format '{}'", format.escape_debug())))?;
        if format != FORMAT {
            return Err(BundleError::VoiceFormat {
                path: path.to_path_buf(),
                found: format,
                expected: FORMAT,
            });
        }
        // Without the line feed; there is one, since the first line was found.
        let body = &body[1..];
        // Before JSON is parsed: damage is then reported as damage, not as a syntax error.
        if hash != sha256_text(body) {
            return Err(damaged("its SHA-256 is not that of its first line".to_owned()));
        }
        serde_json::from_slice(body).map_err(|e| damaged(e.to_string()))
    }

    /// Writes the voice file atomically.
    ///
    /// # Errors
    /// [`BundleError::Write`]; no partial file remains.
    pub fn write(&self, path: &Path) -> Result<(), BundleError> {
        let wrong = |reason: String| BundleError::VoiceFile { path: path.to_path_buf(), reason };
        // The hash is of the bytes written, so the order of keys does not matter.
        let body = serde_json::to_vec(self).map_err(|e| wrong(e.to_string()))?;
        let head = format!("{MAGIC}{FORMAT} {}\n", sha256_text(&body));
        write_whole(path, &[head.as_bytes(), &body])
    }

    /// Identity of the speaker, for prompts.
    #[must_use]
    pub fn identity(&self) -> PromptSpeaker {
        PromptSpeaker::Embedding(self.embedding.clone())
    }

    /// Reference speech, for prompts; `None` if no transcript was given.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        let reference = self.reference.as_ref()?;
        Some(Reference { text: reference.text.clone(), codes: reference.codes.clone() })
    }

    /// Codes for priming a vocoder; empty without a transcript.
    #[must_use]
    pub fn reference_codes(&self) -> &[[u16; CODEBOOKS]] {
        self.reference.as_ref().map_or(&[], |reference| &reference.codes)
    }

    /// SHA-256 of [`VoiceFile::reference_codes`] in hexadecimal.
    #[must_use]
    pub fn reference_hash(&self) -> String {
        let codes = self.reference_codes().as_flattened();
        sha256_text(&codes.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<u8>>())
    }

    fn check(&self, bundle: &Bundle, path: &Path) -> Result<(), BundleError> {
        let layout = bundle.layout();
        let wrong = |reason: &str| {
            Err(BundleError::VoiceFile { path: path.to_path_buf(), reason: reason.to_owned() })
        };
        if self.model != bundle.manifest().model {
            return Err(BundleError::ForeignVoice {
                path: path.to_path_buf(),
                bundle: bundle.folder().to_path_buf(),
            });
        }
        // An infinite number would spread to every position of the talker.
        if self.embedding.len() != layout.hidden || self.embedding.iter().any(|v| !v.is_finite()) {
            return wrong("its embedding does not fit the model");
        }
        let Some(reference) = &self.reference else { return Ok(()) };
        let (text, codes) = (&reference.text, &reference.codes);
        if text.is_empty() || text.len() > TOKENS_MAX || codes.is_empty() || codes.len() > FRAMES_MAX {
            return wrong("its reference is empty, or longer than a minute");
        }
        if text.iter().any(|&id| id as usize >= layout.text_vocab) {
            return wrong("a token of its transcript is unknown to the model");
        }
        if codes.as_flattened().iter().any(|&code| usize::from(code) >= layout.codebook_size) {
            return wrong("a code of its reference is unknown to the model");
        }
        Ok(())
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, BundleError> {
    let failed = |source| BundleError::ReadVoice { path: path.to_path_buf(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        // Reading a FIFO or a device could block for ever.
        let reason = "it is not a regular file".to_owned();
        return Err(BundleError::VoiceFile { path: path.to_path_buf(), reason });
    }
    // One byte more than allowed: a larger file is noticed without being read.
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        let reason = format!("it is larger than {BYTES_MAX} bytes");
        return Err(BundleError::VoiceFile { path: path.to_path_buf(), reason });
    }
    Ok(bytes)
}

/// Writes a file atomically: under a temporary name in the same folder, synced to the disk, then renamed.
///
/// # Errors
/// [`BundleError::Write`]; no partial file remains.
pub fn write_whole(path: &Path, parts: &[&[u8]]) -> Result<(), BundleError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // In the same folder, since a rename does not cross file systems; hidden, so that a list of voices does
    // not show it.
    let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&partial)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        // Before the rename, or a power cut could leave the new name with no contents.
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().map_err(|source| {
        // Ignored: creating the file may be what failed.
        let _ = std::fs::remove_file(&partial);
        BundleError::Write { path: path.to_path_buf(), source }
    })
}

fn sha256_text(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}
