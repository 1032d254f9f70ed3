//! On-disk cache of primed vocoder states, in a file beside each voice file. Computing such a state takes as long as
//! synthesising the voice's recording; reading it takes milliseconds.
//!
//! Format: `crier vocoder state 1 KEY SHA256`, a line feed, the position and the numbers of the state, both
//! little-endian. The key is a hash of the recording's codes and the vocoder's files, so a state of another voice or
//! vocoder does not match. A file that is missing, foreign or damaged is computed again.

use std::io::Read;
use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, Role, VoiceFile, hexadecimal, write_whole};
use sha2::{Digest, Sha256};

use crate::vocoder::VocoderState;
use crate::{Vocoder, VocoderError};

/// Magic bytes and format version.
const MAGIC: &str = "crier vocoder state 1 ";
/// Length of the first line: magic, key, a space, a hash and a line feed.
const HEAD_BYTES: usize = MAGIC.len() + 2 * 64 + 2;

/// Returns the path of a voice's cached state: the voice file's, with `.state` appended.
#[must_use]
pub fn state_path(voice_path: &Path) -> PathBuf {
    let mut name = voice_path.file_name().unwrap_or_default().to_owned();
    name.push(".state");
    voice_path.with_file_name(name)
}

impl Vocoder {
    /// Primes the vocoder with the recording of a voice, as the official package does, so that every utterance
    /// continues it. A voice without transcript has no codes and starts from silence. The state comes from the cache
    /// file or is computed, which takes as long as synthesising the recording, and then cached.
    ///
    /// # Errors
    /// As [`Vocoder::decode`]. Failure to read or write the cache is not an error.
    pub fn prime_from(
        &mut self,
        bundle: &Bundle,
        voice: &VoiceFile,
        voice_path: &Path,
    ) -> Result<(), VocoderError> {
        let codes = voice.reference_codes();
        if codes.is_empty() {
            // Only a recording with a transcript has codes.
            return self.set_primed_state(None);
        }
        let path = state_path(voice_path);
        let key = key(bundle, voice);
        let state = match read(&path, &key, self.state_len()) {
            Some(state) => state,
            None => {
                let state = self.state_after(codes)?;
                if let Err(error) = write(&path, &key, &state) {
                    // The folder may be read-only; only the next start is slower.
                    tracing::debug!(%error, "cannot cache the primed vocoder state");
                }
                state
            }
        };
        self.set_primed_state(Some(state))
    }
}

/// Hash of everything that a state depends on.
fn key(bundle: &Bundle, voice: &VoiceFile) -> String {
    // Weights of another precision give other states, although the voice fits both.
    let vocoder = bundle.hash_of(&[Role::Vocoder, Role::VocoderWeights]);
    hexadecimal(&Sha256::digest(format!("{vocoder} {}", voice.reference_hash())))
}

/// Reads the state from a file, if it is complete and has this key.
fn read(path: &Path, key: &str, numbers: usize) -> Option<VocoderState> {
    let length = HEAD_BYTES + 8 + 4 * numbers;
    let file = std::fs::File::open(path).ok()?;
    // One byte more than expected, so that a longer file is noticed without being read.
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() != length {
        return None;
    }
    let (head, body) = bytes.split_at(HEAD_BYTES);
    // One comparison covers version, key and checksum.
    if head != head_of(key, body).as_bytes() {
        return None;
    }
    let (position, values) = body.split_first_chunk::<8>()?;
    let values = values.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Some(VocoderState { position: i64::from_le_bytes(*position), values })
}

fn write(path: &Path, key: &str, state: &VocoderState) -> Result<(), crier_bundle::BundleError> {
    let values = state.values.iter().flat_map(|v| v.to_le_bytes());
    let body: Vec<u8> = state.position.to_le_bytes().into_iter().chain(values).collect();
    // Atomically: another process may read the file at the same time.
    write_whole(path, &[head_of(key, &body).as_bytes(), &body])
}

fn head_of(key: &str, body: &[u8]) -> String {
    format!("{MAGIC}{key} {}\n", hexadecimal(&Sha256::digest(body)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_written_state_is_read_back_and_damaged_or_foreign_ones_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = state_path(&folder.path().join("lobby.voice"));
        assert!(path.ends_with("lobby.voice.state"));
        let state = VocoderState { position: 25, values: vec![0.5, -1.25, 3e-9] };
        let (key, other) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(read(&path, &key, 3), None);
        write(&path, &key, &state).unwrap();
        assert_eq!(read(&path, &key, 3), Some(state));
        assert_eq!(read(&path, &other, 3), None);
        assert_eq!(read(&path, &key, 2), None);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(read(&path, &key, 3), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(&path, &key, 3), None, "cut at {at}");
        }
    }
}
