//! The voice file: who speaks, enrolled from a recording. Small, and of one model.
//!
//! One line, `crier voice 1 SHA256`, and JSON of which that is the hash:
//!
//! | key | what |
//! |---|---|
//! | `name` | what the voice is called |
//! | `model` | [`Manifest::model`](crate::Manifest::model) of the bundle it was enrolled with |
//! | `language` | language of the recording, where it was told |
//! | `recording_s` | how long the recording was, in seconds |
//! | `embedding` | the speaker's embedding (x-vector), `hidden` numbers |
//! | `reference` | with a transcript: its token ids, and the recording's codes |

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crier_speech::{CODEBOOKS, Identity, Reference};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::open::hexadecimal;
use crate::{Bundle, BundleError};

/// How a voice file begins, up to its format.
const MAGIC: &str = "crier voice ";
/// Version of the format that is written and read.
const FORMAT: u32 = 1;
/// No voice file is larger: a minute of codes is 60 kB, a wide embedding 30.
const BYTES_MAX: u64 = 1 << 20;
/// The longest reference: a minute.
const FRAMES_MAX: usize = 750;
/// Nobody says more in a minute.
const TOKENS_MAX: usize = 4096;

/// A voice that was made of a recording.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceFile {
    /// What the voice is called.
    pub name: String,
    /// [`Manifest::model`](crate::Manifest::model) of the bundle it was enrolled with.
    pub model: String,
    /// Language of the recording, where it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How long the recording was, in seconds.
    pub recording_s: f32,
    /// The speaker's embedding.
    pub embedding: Vec<f32>,
    /// What is said in the recording, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<StoredReference>,
}

/// A recording as text and codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredReference {
    /// Token ids of what is said.
    pub text: Vec<u32>,
    /// Codes of how it is said, a row for every 80 ms.
    pub codes: Vec<[u16; CODEBOOKS]>,
}

impl std::fmt::Debug for VoiceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // How somebody sounds, and what was said, does not belong into a log.
        f.debug_struct("VoiceFile")
            .field("name", &self.name)
            .field("language", &self.language)
            .field("frames", &self.reference.as_ref().map(|r| r.codes.len()))
            .finish_non_exhaustive()
    }
}

impl VoiceFile {
    /// Reads a voice file and checks that it fits `bundle`.
    ///
    /// # Errors
    /// [`BundleError::Read`]; [`BundleError::VoiceFile`] when it is damaged or something else;
    /// [`BundleError::VoiceFormat`]; [`BundleError::ForeignVoice`] when it was enrolled with another model.
    pub fn open(path: &Path, bundle: &Bundle) -> Result<Self, BundleError> {
        let voice = Self::read(path)?;
        voice.check(bundle, path)?;
        Ok(voice)
    }

    /// Reads a voice file to look at it; whether it fits a model is not known yet.
    ///
    /// # Errors
    /// As [`VoiceFile::open`], but [`BundleError::ForeignVoice`].
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let damaged = |reason: String| BundleError::VoiceFile { path: path.to_path_buf(), reason };
        let bytes = read_bounded(path)?;
        let line_end = bytes.iter().take(128).position(|&b| b == b'\n');
        let (line, body) = bytes.split_at(line_end.unwrap_or(0));
        let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix(MAGIC));
        let (format, hash) = line
            .and_then(|line| line.split_once(' '))
            .ok_or_else(|| damaged("it does not begin as a voice file does".to_owned()))?;
        let format = format.parse().map_err(|_| damaged(format!("format '{}'", format.escape_debug())))?;
        if format != FORMAT {
            return Err(BundleError::VoiceFormat {
                path: path.to_path_buf(),
                found: format,
                expected: FORMAT,
            });
        }
        let body = &body[1..];
        if hash != sha256_text(body) {
            return Err(damaged("its SHA-256 is not that of its first line".to_owned()));
        }
        serde_json::from_slice(body).map_err(|e| damaged(e.to_string()))
    }

    /// Writes the voice so that it is there whole or not at all.
    ///
    /// # Errors
    /// [`BundleError::Write`]; nothing is left behind then.
    pub fn write(&self, path: &Path) -> Result<(), BundleError> {
        let wrong = |reason: String| BundleError::VoiceFile { path: path.to_path_buf(), reason };
        let body = serde_json::to_vec(self).map_err(|e| wrong(e.to_string()))?;
        let head = format!("{MAGIC}{FORMAT} {}\n", sha256_text(&body));
        write_whole(path, &[head.as_bytes(), &body])
    }

    /// Who speaks, as prompts need it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::Embedding(self.embedding.clone())
    }

    /// What the speech continues, as prompts need it; `None` when no transcript was given.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        let reference = self.reference.as_ref()?;
        Some(Reference { text: reference.text.clone(), codes: reference.codes.clone() })
    }

    /// Codes that a vocoder hears before the first frame, so that it is in voice already; none without a transcript.
    #[must_use]
    pub fn reference_codes(&self) -> &[[u16; CODEBOOKS]] {
        self.reference.as_ref().map_or(&[], |reference| &reference.codes)
    }

    /// The SHA-256 of [`VoiceFile::reference_codes`], in hexadecimal.
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
        let reason = "it is no file".to_owned();
        return Err(BundleError::VoiceFile { path: path.to_path_buf(), reason });
    }
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        let reason = format!("it is larger than {BYTES_MAX} bytes");
        return Err(BundleError::VoiceFile { path: path.to_path_buf(), reason });
    }
    Ok(bytes)
}

/// Writes a file under another name beside it, and renames it when it is on the disk: it is there whole or not at all.
///
/// # Errors
/// [`BundleError::Write`]; nothing is left behind then.
pub fn write_whole(path: &Path, parts: &[&[u8]]) -> Result<(), BundleError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&partial)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().map_err(|source| {
        // It may never have been created.
        let _ = std::fs::remove_file(&partial);
        BundleError::Write { path: path.to_path_buf(), source }
    })
}

fn sha256_text(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}
