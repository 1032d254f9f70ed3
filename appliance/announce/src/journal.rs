//! The journal's bytes: how a record is framed, and how frames are read back from a file that may end anywhere.
//!
//! ```text
//! length   u32, little endian   bytes of the payload, 2 ..= RECORD_BYTES_MAX
//! crc      u32, little endian   CRC-32 (IEEE) of the length's four bytes and the payload
//! payload  version, one byte (1), then the record in JSON
//! ```
//!
//! The checksum covers the length, so a damaged length is not mistaken for a shorter or longer record. Reading stops at
//! the first damage: everything before it is kept, and the place and kind of the damage are reported.

use crc32fast::Hasher;

use crate::error::cut;
use crate::limits::{REASON_CHARACTERS_MAX, RECORD_BYTES_MAX};
use crate::{AnnounceError, Record};

/// Version of the payload that this program writes and reads.
const VERSION: u8 = 1;

/// Bytes before the payload: length and checksum.
const HEAD_BYTES: usize = 8;

/// Shortest payload: the version and one byte of JSON. Excludes the zeros that file systems leave after a power cut.
const PAYLOAD_BYTES_MIN: usize = 2;

impl Record {
    /// The record as bytes to append to the journal.
    ///
    /// # Errors
    /// [`AnnounceError::Encode`]: the record is longer than [`RECORD_BYTES_MAX`], which no valid announcement makes.
    pub fn encode(&self) -> Result<Vec<u8>, AnnounceError> {
        let mut bytes = vec![0; HEAD_BYTES];
        bytes.push(VERSION);
        serde_json::to_writer(&mut bytes, self)
            .map_err(|source| AnnounceError::Encode { problem: source.to_string() })?;
        let payload_bytes = bytes.len() - HEAD_BYTES;
        let length = u32::try_from(payload_bytes)
            .ok()
            .filter(|_| payload_bytes <= RECORD_BYTES_MAX)
            .ok_or_else(|| AnnounceError::Encode { problem: format!("it has {payload_bytes} bytes") })?
            .to_le_bytes();
        let crc = checksum(length, &bytes[HEAD_BYTES..]);
        bytes[..4].copy_from_slice(&length);
        bytes[4..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
        Ok(bytes)
    }
}

/// Where and why the reading of a journal stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal is damaged at byte {offset}: {kind}; {lost_bytes} bytes are not read, all before them is kept"
)]
pub struct Damage {
    /// Where the damaged record begins: the length of the sound journal, in bytes.
    pub offset: u64,
    /// Bytes from there to the end of the journal.
    pub lost_bytes: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// It ends inside a record, as after a power cut while writing; nothing acknowledged is lost.
    #[error("it ends inside a record, as after a power cut")]
    TornTail,
    /// A record has a length that no record can have.
    #[error("a record of {length} bytes is not possible")]
    Length {
        /// The length that stands there, in bytes.
        length: u32,
    },
    /// A record's bytes are not those that were written.
    #[error("the checksum is {found:08x} where {expected:08x} was written; check the storage medium")]
    Checksum {
        /// The checksum that stands there.
        expected: u32,
        /// The checksum of the bytes.
        found: u32,
    },
    /// A record was written by another version of the program.
    #[error("a record has version {version}, this program reads version 1; it was written by another Crier")]
    Version {
        /// The version that stands there.
        version: u8,
    },
    /// A record is intact but says nothing this program understands.
    #[error("a record cannot be understood: {problem}")]
    Content {
        /// What the parser said, cut to a bounded length.
        problem: String,
    },
}

/// Reads the records of a journal one after the other, in memory bounded by one record; stops at the first damage.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    bytes: &'a [u8],
    offset: usize,
    damage: Option<Damage>,
}

impl<'a> Records<'a> {
    /// A reader of a whole journal.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, damage: None }
    }

    /// Bytes that hold sound records, as far as they were read. After the last record: where to cut the file before
    /// appending to it again.
    #[must_use]
    pub fn sound_bytes(&self) -> u64 {
        self.offset as u64
    }

    /// Why reading stopped, if it was not at the end.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// The record at the present place and the bytes it takes.
    fn read(&self) -> Result<(Record, usize), DamageKind> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let (&length_bytes, after_length) = rest.split_first_chunk::<4>().ok_or(DamageKind::TornTail)?;
        let length = u32::from_le_bytes(length_bytes);
        let payload_bytes = usize::try_from(length)
            .ok()
            .filter(|bytes| (PAYLOAD_BYTES_MIN..=RECORD_BYTES_MAX).contains(bytes))
            .ok_or(DamageKind::Length { length })?;
        let (&crc, after_head) = after_length.split_first_chunk::<4>().ok_or(DamageKind::TornTail)?;
        let payload = after_head.get(..payload_bytes).ok_or(DamageKind::TornTail)?;
        let (expected, found) = (u32::from_le_bytes(crc), checksum(length_bytes, payload));
        if expected != found {
            return Err(DamageKind::Checksum { expected, found });
        }
        Ok((parse(payload)?, HEAD_BYTES + payload_bytes))
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.damage.is_some() || self.offset == self.bytes.len() {
            return None;
        }
        match self.read() {
            Ok((record, bytes)) => {
                self.offset += bytes;
                Some(record)
            }
            Err(kind) => {
                let lost_bytes = (self.bytes.len() - self.offset) as u64;
                self.damage = Some(Damage { offset: self.offset as u64, lost_bytes, kind });
                None
            }
        }
    }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

fn parse(payload: &[u8]) -> Result<Record, DamageKind> {
    let (&version, json) = payload.split_first().ok_or(DamageKind::TornTail)?;
    if version != VERSION {
        return Err(DamageKind::Version { version });
    }
    let content = |problem: &str| DamageKind::Content { problem: cut(problem, REASON_CHARACTERS_MAX) };
    let record: Record = serde_json::from_slice(json).map_err(|source| content(&source.to_string()))?;
    if !record.is_sane() {
        return Err(content("a number is beyond what this program writes"));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::{DamageKind, HEAD_BYTES, Records, checksum};
    use crate::{Draft, RECORD_BYTES_MAX, Record, Sequence, TEXT_BYTES_MAX};

    fn started() -> Vec<u8> {
        Record::Started { sequence: Sequence(7), attempt: 1 }.encode().unwrap()
    }

    /// A frame whose checksum is right, whatever its payload says.
    fn frame(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&length[..], &checksum(length, payload).to_le_bytes(), payload].concat()
    }

    fn damage_of(bytes: &[u8]) -> DamageKind {
        let mut records = Records::new(bytes);
        assert_eq!(records.by_ref().count(), 0);
        records.damage().unwrap().kind.clone()
    }

    #[test]
    fn the_frame_is_as_documented() {
        let bytes = started();
        assert_eq!(&bytes[HEAD_BYTES..], b"\x01{\"started\":{\"sequence\":7,\"attempt\":1}}");
        let [length, crc] = [39_u32, 0x7648_dfa7].map(u32::to_le_bytes);
        assert_eq!(bytes[..HEAD_BYTES], [length, crc].concat(), "the CRC-32 of zlib, of length and payload");
        assert_eq!(Records::new(&bytes).next(), Some(Record::Started { sequence: Sequence(7), attempt: 1 }));
    }

    #[test]
    fn the_longest_announcement_fits_in_a_record() {
        let text = "\u{1}".repeat(TEXT_BYTES_MAX - 1) + "a";
        let quotes = "\"".repeat(64);
        let draft = Draft {
            id: Some("\"".repeat(128)),
            speaker: Some(quotes.clone()),
            source: Some(quotes),
            ..Draft::plain(text)
        };
        let record =
            Record::Accepted { sequence: Sequence(1), at_ms: 0, announcement: draft.validate().unwrap() };
        let bytes = record.encode().unwrap();
        assert!(bytes.len() > 6 * (TEXT_BYTES_MAX - 1));
        assert_eq!(Records::new(&bytes).next(), Some(record));
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        assert_eq!(damage_of(&[0; 4096]), DamageKind::Length { length: 0 });
        let beyond = u32::try_from(RECORD_BYTES_MAX + 1).unwrap();
        assert_eq!(damage_of(&beyond.to_le_bytes()), DamageKind::Length { length: beyond });
        assert_eq!(damage_of(&started()[..20]), DamageKind::TornTail);
        let mut flipped = started();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(matches!(damage_of(&flipped), DamageKind::Checksum { .. }));
        assert_eq!(damage_of(&frame(b"\x02{}")), DamageKind::Version { version: 2 });
        assert!(matches!(damage_of(&frame(b"\x01{}")), DamageKind::Content { .. }));
        let huge = frame(b"\x01{\"started\":{\"sequence\":18446744073709551615,\"attempt\":1}}");
        assert!(matches!(damage_of(&huge), DamageKind::Content { .. }));
    }

    #[test]
    fn what_stands_before_the_damage_is_kept() {
        let mut bytes = [started(), started()].concat();
        let sound = bytes.len() as u64;
        bytes.extend_from_slice(b"junk after it");
        let mut records = Records::new(&bytes);
        assert_eq!(records.by_ref().count(), 2);
        assert_eq!(records.sound_bytes(), sound);
        let damage = records.damage().unwrap();
        assert_eq!((damage.offset, damage.lost_bytes), (sound, 13));
    }
}
