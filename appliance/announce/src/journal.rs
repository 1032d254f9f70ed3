//! Encoding of the journal: framing of records, and reading of frames from a file that may be damaged anywhere.
//!
//! ```text
//! length   u32, little endian   bytes of the payload, 2 ..= RECORD_BYTES_MAX
//! crc      u32, little endian   CRC-32 (IEEE) of the length's four bytes and the payload
//! payload  version, one byte (1), then the record in JSON
//! ```
//!
//! The checksum covers the length, so a damaged length is not mistaken for a shorter or longer record.
//!
//! # Compatibility
//!
//! After the rollback of an A/B slot an older program reads the journal of a newer one. Therefore:
//!
//! * Unknown *fields* of a known record, and of its announcement, are ignored: speaking an acknowledged announcement
//!   without an unknown option is better than dropping it. A newer program whose new field must not be ignored has to
//!   raise the version.
//! * An unknown outcome of an `ended` record still ends its announcement.
//! * Frames of another version, of an unknown kind, or with other values that this program does not know are intact but
//!   foreign: the reader skips exactly that frame and reports it.
//!
//! Damage never hides the records behind it. The reader continues at the next offset that holds a intact frame. No
//! frame can hide inside the JSON of another: the high byte of every length is zero, and JSON escapes zero bytes.

use crc32fast::Hasher;

use crate::error::cut;
use crate::limits::{REASON_CHARACTERS_MAX, RECORD_BYTES_MAX};
use crate::{AnnounceError, Record};

/// Version of the payload, written and read. Raised only when an older program must not read a record.
const VERSION: u8 = 1;

/// Length of the frame's head, in bytes: length and checksum.
const HEAD_BYTES: usize = 8;

/// Shortest payload: the version and one byte of JSON. Excludes the zeros that file systems leave after a power cut.
const PAYLOAD_BYTES_MIN: usize = 2;

impl Record {
    /// Encodes the record as bytes to append to the journal.
    ///
    /// # Errors
    /// [`AnnounceError::Encode`]: the record is longer than [`RECORD_BYTES_MAX`], which no valid announcement makes.
    pub fn encode(&self) -> Result<Vec<u8>, AnnounceError> {
        // Placeholder for the head, which is known only after the payload was encoded.
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

/// Part of a journal that the reader skipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the journal, {bytes} bytes skipped: {kind}")]
pub struct CorruptRecord {
    /// Offset of the first skipped byte.
    pub offset: usize,
    /// Number of bytes skipped.
    pub bytes: usize,
    /// Reason for skipping.
    pub kind: CorruptRecordKind,
}

impl CorruptRecord {
    /// Returns true for the remains of a write that was interrupted, as by a power cut.
    #[must_use]
    pub fn is_torn_tail(&self) -> bool {
        self.kind == CorruptRecordKind::TornTail
    }
}

/// Reason for skipping bytes of a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorruptRecordKind {
    /// The journal ends inside a record, or in zeros, as after a power cut while writing. Such a record was never
    /// acknowledged.
    #[error("the journal ends inside a record, as after a power cut")]
    TornTail,
    /// The length is outside the range of any record.
    #[error("a record of {length} bytes is not possible; check the storage medium")]
    Length {
        /// Length found, in bytes.
        length: u32,
    },
    /// The checksum is wrong.
    #[error("the checksum is {found:08x} where {expected:08x} was written; check the storage medium")]
    Checksum {
        /// Checksum in the frame.
        expected: u32,
        /// Checksum of the bytes.
        found: u32,
    },
    /// Intact frame of another version.
    #[error("the record has version {version}, this program reads version 1; another Crier wrote it")]
    Version {
        /// Version found.
        version: u8,
    },
    /// Intact frame with unknown content.
    #[error("the record is intact but unknown to this program: {problem}")]
    Content {
        /// Message of the parser, cut to a bounded length.
        problem: String,
    },
}

/// Iterator over the records and the corrupt parts of a journal. Its memory is bounded by one record.
#[derive(Debug, Clone)]
pub struct JournalReader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> JournalReader<'a> {
    /// Returns a reader of a whole journal.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Offset of the next byte to read, which is the end of the last item returned.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns an iterator over the records without the corrupt ones.
    pub fn records(self) -> impl Iterator<Item = Record> {
        self.filter_map(Result::ok)
    }
}

impl Iterator for JournalReader<'_> {
    type Item = Result<Record, CorruptRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let offset = self.offset;
        let (read, bytes) = match frame(rest) {
            Ok(payload) => (parse(payload), HEAD_BYTES + payload.len()),
            Err(kind) => {
                let bytes = bytes_before_intact_frame(rest);
                let skipped = rest.get(..bytes).unwrap_or_default();
                // Some file systems leave zeros where the length of a file, but not its data, survived a power cut.
                let is_last = bytes == rest.len();
                let torn = is_last && skipped.iter().all(|byte| *byte == 0);
                // A length beyond the end is a torn tail only if no intact frame follows; otherwise it is damaged.
                let kind = match kind {
                    CorruptRecordKind::TornTail if !is_last => {
                        CorruptRecordKind::Length { length: length_of(rest) }
                    }
                    _ if torn => CorruptRecordKind::TornTail,
                    other => other,
                };
                (Err(kind), bytes)
            }
        };
        self.offset += bytes;
        Some(read.map_err(|kind| CorruptRecord { offset, bytes, kind }))
    }
}

/// Returns the payload of the frame at the start of `bytes` if its length is in range and its checksum correct.
fn frame(bytes: &[u8]) -> Result<&[u8], CorruptRecordKind> {
    let (&length_bytes, after_length) = bytes.split_first_chunk::<4>().ok_or(CorruptRecordKind::TornTail)?;
    let length = u32::from_le_bytes(length_bytes);
    // The range is checked before the tail, so that a damaged length is not taken for a torn write.
    let payload_bytes = usize::try_from(length)
        .ok()
        .filter(|bytes| (PAYLOAD_BYTES_MIN..=RECORD_BYTES_MAX).contains(bytes))
        .ok_or(CorruptRecordKind::Length { length })?;
    let (&crc, after_head) = after_length.split_first_chunk::<4>().ok_or(CorruptRecordKind::TornTail)?;
    let payload = after_head.get(..payload_bytes).ok_or(CorruptRecordKind::TornTail)?;
    let (expected, found) = (u32::from_le_bytes(crc), checksum(length_bytes, payload));
    if expected != found {
        return Err(CorruptRecordKind::Checksum { expected, found });
    }
    Ok(payload)
}

/// Returns the number of bytes before the first intact frame behind the first byte.
fn bytes_before_intact_frame(bytes: &[u8]) -> usize {
    let is_intact = |at: &usize| {
        let candidate = bytes.get(*at..).unwrap_or_default();
        // Cheap tests first: a checksum is computed only where a JSON payload of a possible length may begin.
        candidate.get(3) == Some(&0)
            && candidate.get(HEAD_BYTES + 1) == Some(&b'{')
            && frame(candidate).is_ok()
    };
    // From 1: the caller has found that no frame begins at 0, and must make progress.
    (1..bytes.len()).find(is_intact).unwrap_or(bytes.len())
}

/// Returns the length field at the start of `bytes`, or 0 if it is incomplete.
fn length_of(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length))
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

fn parse(payload: &[u8]) -> Result<Record, CorruptRecordKind> {
    let (&version, json) = payload.split_first().ok_or(CorruptRecordKind::TornTail)?;
    // Before the JSON: the content of another version need not be JSON.
    if version != VERSION {
        return Err(CorruptRecordKind::Version { version });
    }
    let content = |problem: &str| CorruptRecordKind::Content { problem: cut(problem, REASON_CHARACTERS_MAX) };
    // Only the part before the first quote: the parser quotes unexpected strings, which may be announced text.
    let without_quotes = |message: String| content(message.split('"').next().unwrap_or_default().trim_end());
    let record: Record = serde_json::from_slice(json).map_err(|source| without_quotes(source.to_string()))?;
    // A sequence number near `u64::MAX`, with a valid checksum, would leave no number for the next announcement.
    if !record.is_sane() {
        return Err(content("a number is outside the range that this program writes"));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::{CorruptRecordKind, HEAD_BYTES, JournalReader, checksum};
    use crate::{
        Draft, Outcome, PitchShift, RECORD_BYTES_MAX, Record, Sequence, SpeechRate, TEXT_BYTES_MAX,
        TextFormat,
    };

    fn started() -> Record {
        Record::Started { sequence: Sequence(7), attempt: 1 }
    }

    /// Returns a frame with a correct checksum around any payload.
    fn frame(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&length[..], &checksum(length, payload).to_le_bytes(), payload].concat()
    }

    fn first(bytes: &[u8]) -> Record {
        JournalReader::new(bytes).next().unwrap().unwrap()
    }

    fn kind_of(bytes: &[u8]) -> CorruptRecordKind {
        let items: Vec<_> = JournalReader::new(bytes).collect();
        let [Err(corrupt)] = &items[..] else { panic!("{items:?}") };
        assert_eq!((corrupt.offset, corrupt.bytes), (0, bytes.len()));
        corrupt.kind.clone()
    }

    #[test]
    fn frame_has_documented_bytes() {
        let bytes = started().encode().unwrap();
        assert_eq!(&bytes[HEAD_BYTES..], b"\x01{\"started\":{\"sequence\":7,\"attempt\":1}}");
        let [length, crc] = [39_u32, 0x7648_dfa7].map(u32::to_le_bytes);
        assert_eq!(bytes[..HEAD_BYTES], [length, crc].concat(), "the CRC-32 of zlib, of length and payload");
        assert_eq!(first(&bytes), started());
    }

    #[test]
    fn longest_announcement_fits_in_one_record() {
        let text = "\u{1}".repeat(TEXT_BYTES_MAX - 1) + "a";
        let quotes = "\"".repeat(64);
        let draft = Draft {
            id: Some("\"".repeat(128)),
            speaker: Some(quotes.clone()),
            source: Some(quotes),
            instruct: Some("\"".repeat(500)),
            ..Draft::plain(text)
        };
        let record =
            Record::Accepted { sequence: Sequence(1), at_ms: 0, announcement: draft.validate().unwrap() };
        let bytes = record.encode().unwrap();
        assert!(bytes.len() > 6 * (TEXT_BYTES_MAX - 1));
        assert_eq!(first(&bytes), record);
    }

    #[test]
    fn record_of_an_older_program_has_no_manner_of_speaking() {
        let old = b"\x01{\"accepted\":{\"sequence\":1,\"at_ms\":2,\"announcement\":\
            {\"text\":\"a\",\"priority\":\"message\"}}}";
        let Record::Accepted { announcement, .. } = first(&frame(old)) else { panic!("no announcement") };
        assert_eq!((announcement.format(), announcement.rate(), announcement.pitch()), (None, None, None));
        assert_eq!(announcement.instruct(), None);
    }

    #[test]
    fn manner_of_speaking_is_read_back_as_it_was_accepted() {
        for (rate, pitch) in [(0.5, -12.0), (1.001, 0.01), (1.1, -3.33), (3.0, 12.0)] {
            let draft = Draft {
                format: Some(TextFormat::Ssml),
                rate: Some(SpeechRate::from_factor(rate)),
                pitch: Some(PitchShift::from_semitones(pitch)),
                instruct: Some("calm".into()),
                ..Draft::plain("<speak>a</speak>")
            };
            let announcement = draft.validate().unwrap();
            let record = Record::Accepted { sequence: Sequence(1), at_ms: 0, announcement };
            assert_eq!(first(&record.encode().unwrap()), record);
        }
    }

    type IsExpected = fn(&CorruptRecordKind) -> bool;

    /// Returns corrupt records of every kind, with the kind expected at the end of a journal.
    fn corrupt_records() -> Vec<(Vec<u8>, IsExpected)> {
        let mut flipped = started().encode().unwrap();
        *flipped.last_mut().unwrap() ^= 1;
        let beyond = u32::try_from(RECORD_BYTES_MAX + 1).unwrap();
        vec![
            (vec![0; 4096], |kind| *kind == CorruptRecordKind::TornTail),
            (vec![1, 0, 0, 0], |kind| *kind == CorruptRecordKind::Length { length: 1 }),
            (beyond.to_le_bytes().into(), |kind| matches!(kind, CorruptRecordKind::Length { .. })),
            (started().encode().unwrap()[..20].into(), |kind| *kind == CorruptRecordKind::TornTail),
            (flipped, |kind| matches!(kind, CorruptRecordKind::Checksum { .. })),
            (frame(b"\x02{}"), |kind| *kind == CorruptRecordKind::Version { version: 2 }),
            (frame(b"\xff\x00\x01binary"), |kind| *kind == CorruptRecordKind::Version { version: 255 }),
            (frame(b"\x01{}"), |kind| matches!(kind, CorruptRecordKind::Content { .. })),
            (frame(b"\x01not JSON"), |kind| matches!(kind, CorruptRecordKind::Content { .. })),
            (frame(b"\x01{\"postponed\":{\"sequence\":1}}"), |kind| {
                matches!(kind, CorruptRecordKind::Content { .. })
            }),
            (frame(b"\x01{\"started\":{\"sequence\":18446744073709551615,\"attempt\":1}}"), |kind| {
                matches!(kind, CorruptRecordKind::Content { .. })
            }),
            (
                frame(
                    b"\x01{\"accepted\":{\"sequence\":1,\"at_ms\":2,\"announcement\":\
                      {\"text\":\"a\",\"priority\":\"whispered\"}}}",
                ),
                |kind| matches!(kind, CorruptRecordKind::Content { .. }),
            ),
        ]
    }

    #[test]
    fn corrupt_record_is_reported_with_its_kind() {
        for (bytes, is_expected) in corrupt_records() {
            let kind = kind_of(&bytes);
            assert!(is_expected(&kind), "{kind:?}");
        }
    }

    #[test]
    fn corrupt_record_at_any_position_loses_no_other_record() {
        let records: Vec<Record> =
            (1..=3).map(|number| Record::Started { sequence: Sequence(number), attempt: 1 }).collect();
        for (bytes, _) in corrupt_records() {
            for place in 0..=records.len() {
                let mut journal: Vec<u8> = Vec::new();
                for (index, record) in records.iter().enumerate() {
                    if index == place {
                        journal.extend(&bytes);
                    }
                    journal.extend(record.encode().unwrap());
                }
                if place == records.len() {
                    journal.extend(&bytes);
                }
                let items: Vec<_> = JournalReader::new(&journal).collect();
                let read: Vec<Record> = items.iter().flatten().cloned().collect();
                assert_eq!(read, records, "{bytes:?} at {place}");
                let skipped: usize =
                    items.iter().filter_map(|item| item.as_ref().err()).map(|c| c.bytes).sum();
                assert_eq!(skipped, bytes.len(), "{bytes:?} at {place}");
            }
        }
    }

    #[test]
    fn unknown_fields_of_known_records_are_ignored() {
        let boot = br#"{"boot":{"boot":"b","offset_ms":1,"at_ms":2,"next":3,"new":[1]}}"#;
        let accepted =
            br#"{"accepted":{"sequence":4,"at_ms":5,"announcement":{"text":"Hello.","speed":3},"new":0}}"#;
        let started = br#"{"started":{"sequence":4,"attempt":1,"new":{}}}"#;
        let ended = br#"{"ended":{"sequence":4,"at_ms":6,"outcome":"outsourced","new":null}}"#;
        let remembered = br#"{"remembered":{"id":"i","at_ms":7,"new":""}}"#;
        let (boot_id, sequence) = ("b".to_owned(), Sequence(4));
        let announcement = Draft::plain("Hello.").validate().unwrap();
        let cases: [(&[u8], Record); 5] = [
            (boot, Record::Boot { boot: boot_id, offset_ms: 1, at_ms: 2, next: Sequence(3) }),
            (accepted, Record::Accepted { sequence, at_ms: 5, announcement }),
            (started, Record::Started { sequence, attempt: 1 }),
            (ended, Record::Ended { sequence, at_ms: 6, outcome: Outcome::Other }),
            (remembered, Record::Remembered { id: "i".into(), at_ms: 7 }),
        ];
        for (json, expected) in cases {
            assert_eq!(first(&frame(&[b"\x01", json].concat())), expected);
        }
    }
}
