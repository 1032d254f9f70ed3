//! The vocoder's state behind the recording of a voice, kept in a file beside the voice: making it takes as long as
//! speaking the recording, reading it takes milliseconds.
//!
//! The file is a cache: `crier vocoder state 1 KEY SHA256`, a line end, the position and the state's numbers, all
//! little-endian. The key is made of the recording's codes and of the vocoder's files, so a state of anything else is
//! not taken; a file that is missing, foreign or damaged is made again.

use std::io::Read;
use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, Role, VoiceFile, hexadecimal, write_whole};
use sha2::{Digest, Sha256};

use crate::vocoder::VocoderState;
use crate::{Vocoder, VocoderError};

/// How the file begins.
const MAGIC: &str = "crier vocoder state 1 ";
/// Magic, key, a blank, a hash and a line end.
const HEAD_BYTES: usize = MAGIC.len() + 2 * 64 + 2;

/// Where the state of a voice is kept: beside the voice file, `.state` behind its name.
#[must_use]
pub fn state_path(voice_path: &Path) -> PathBuf {
    let mut name = voice_path.file_name().unwrap_or_default().to_owned();
    name.push(".state");
    voice_path.with_file_name(name)
}

impl Vocoder {
    /// Lets every utterance begin behind the recording that a voice was made of, as the official package does; in
    /// silence when the voice has no transcript. The state is taken from the file beside the voice, or made, which takes
    /// as long as speaking the recording, and written there if that can be.
    ///
    /// # Errors
    /// As [`Vocoder::decode`]; that the state cannot be read or written is none.
    pub fn begin_as(
        &mut self,
        bundle: &Bundle,
        voice: &VoiceFile,
        voice_path: &Path,
    ) -> Result<(), VocoderError> {
        let codes = voice.reference_codes();
        if codes.is_empty() {
            return self.set_beginning(None);
        }
        let path = state_path(voice_path);
        let key = key(bundle, voice);
        let kept = read(&path, &key, self.state_len());
        let state = match kept {
            Some(state) => state,
            None => {
                let state = self.state_after(codes)?;
                if let Err(error) = write(&path, &key, &state) {
                    tracing::debug!(%error, "the voice's vocoder state is not kept");
                }
                state
            }
        };
        self.set_beginning(Some(state))
    }
}

/// What a state depends on.
fn key(bundle: &Bundle, voice: &VoiceFile) -> String {
    let vocoder = bundle.hash_of(&[Role::Vocoder, Role::VocoderWeights]);
    hexadecimal(&Sha256::digest(format!("{vocoder} {}", voice.reference_hash())))
}

/// The state in a file, if it is the one that is wanted, whole.
fn read(path: &Path, key: &str, numbers: usize) -> Option<VocoderState> {
    let length = HEAD_BYTES + 8 + 4 * numbers;
    let file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() != length {
        return None;
    }
    let (head, body) = bytes.split_at(HEAD_BYTES);
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
    fn a_state_comes_back_and_a_damaged_or_foreign_one_does_not() {
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
