//! A file whose WAV header was written for a stream: where its lengths say "until the end", the true ones are read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// Lengths from this on are no lengths but "until the end": programs that write into a pipe put the largest number
/// there, with or without a sign, less some for the header. A file of 2 GB is far beyond every limit of this crate.
const ENDLESS_FROM: u32 = 0x7FFF_0000;
/// Bytes in which the samples have to begin; usual headers have 44, those with a list of names a few hundred.
const HEADER_BYTES_MAX: u64 = 64 * 1024;
/// `RIFF`, a length, `WAVE`.
const RIFF_BYTES: usize = 12;
/// Name and length of a chunk.
const CHUNK_BYTES: usize = 8;

/// A file with other bytes at some places.
pub(crate) struct PatchedFile {
    file: File,
    position: u64,
    bytes: u64,
    patches: Vec<(u64, [u8; 4])>,
}

impl PatchedFile {
    /// Takes over an open file, and looks at its header.
    pub(crate) fn open(mut file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        let mut header = Vec::new();
        (&mut file).take(HEADER_BYTES_MAX).read_to_end(&mut header)?;
        file.rewind()?;
        Ok(Self { file, position: 0, bytes, patches: patches(&header, bytes) })
    }
}

/// Returns the lengths that are to be read instead of those of a stream, with their places.
fn patches(header: &[u8], file_bytes: u64) -> Vec<(u64, [u8; 4])> {
    let mut patches = Vec::new();
    let number =
        |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    if !header.starts_with(b"RIFF") || header.get(8..RIFF_BYTES) != Some(b"WAVE") {
        return patches;
    }
    let mut patch = |at: usize, behind: usize, frame_bytes: u64| {
        let rest = file_bytes.saturating_sub(behind as u64);
        // Whole frames only: a writer that was killed may have left a part of one.
        let rest = rest - rest % frame_bytes.max(1);
        patches.push((at as u64, u32::try_from(rest).unwrap_or(u32::MAX).to_le_bytes()));
    };
    if number(4).is_some_and(|length| length >= ENDLESS_FROM) {
        patch(4, CHUNK_BYTES, 1);
    }
    let (mut at, mut frame_bytes) = (RIFF_BYTES, 1);
    while let (Some(name), Some(length)) = (header.get(at..at + 4), number(at + 4)) {
        match name {
            b"fmt " => {
                let block = header.get(at + CHUNK_BYTES + 12..at + CHUNK_BYTES + 14);
                frame_bytes = block
                    .and_then(|bytes| bytes.try_into().ok())
                    .map_or(1, |bytes| u64::from(u16::from_le_bytes(bytes)));
            }
            b"data" => {
                if length >= ENDLESS_FROM {
                    patch(at + 4, at + CHUNK_BYTES, frame_bytes);
                }
                break;
            }
            _ => {}
        }
        // Chunks of odd length are followed by a byte that fills up.
        let padded = u64::from(length) + u64::from(length % 2);
        match usize::try_from(padded).ok().and_then(|padded| at.checked_add(CHUNK_BYTES)?.checked_add(padded))
        {
            Some(next) => at = next,
            None => break,
        }
    }
    patches
}

impl Read for PatchedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        for (place, patch) in &self.patches {
            for (offset, byte) in (*place..).zip(patch) {
                // A length may lie across two reads.
                let at = offset.checked_sub(self.position).and_then(|at| usize::try_from(at).ok());
                if let Some(target) = at.filter(|at| *at < count).and_then(|at| buffer.get_mut(at)) {
                    *target = *byte;
                }
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for PatchedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

impl MediaSource for PatchedFile {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.bytes)
    }
}
