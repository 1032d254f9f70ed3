//! Journal: cuts and flipped bits at every position, replay, compaction.

use std::time::Instant;

use crier_announce::{
    ATTEMPTS_MAX, CorruptRecord, CorruptRecordKind, Draft, Effect, EventKind, JournalReader, Outcome,
    Priority, Queue, QueueLimits, Record, Sequence,
};
use proptest::prelude::*;

use crate::driver::{BOOT, Driver};
use crate::operation::{Operation, operations};

/// Returns a driver whose journal has every kind of record.
fn sample() -> Driver {
    let mut driver = Driver::default();
    for (id, priority) in [("a", Priority::Message), ("b", Priority::Message), ("c", Priority::Text)] {
        driver.say(id, priority);
    }
    driver.finish();
    driver.compact();
    driver.say("d", Priority::Important);
    driver.speak_all();
    driver.say_draft(Draft::plain("e, without a name"));
    driver.say("f", Priority::Message);
    driver
}

fn records(bytes: &[u8]) -> Vec<Record> {
    JournalReader::new(bytes).records().collect()
}

/// Returns the corrupt records.
fn skipped(bytes: &[u8]) -> Vec<CorruptRecord> {
    JournalReader::new(bytes).filter_map(Result::err).collect()
}

/// Returns the state of a queue as records.
fn state(queue: &Queue) -> Vec<Record> {
    queue.compacted().collect()
}

/// Returns the offsets at which the records of an intact journal end, after a first 0.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut reader = JournalReader::new(bytes);
    let mut ends = vec![0];
    while let Some(item) = reader.next() {
        item.unwrap();
        ends.push(reader.offset());
    }
    assert_eq!(ends.last(), Some(&bytes.len()));
    ends
}

/// Returns the frame as a newer program would write it: intact, with another version.
fn as_next_version(frame: &[u8]) -> Vec<u8> {
    let (length, payload) = (&frame[..4], [&[2], &frame[9..]].concat());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(&payload);
    [length, &hasher.finalize().to_le_bytes(), &payload].concat()
}

#[test]
fn journal_cut_at_any_byte_keeps_all_whole_records() {
    let journal = sample().journal;
    let (all, ends) = (records(&journal), boundaries(&journal));
    for cut in 0..=journal.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(records(&journal[..cut]), all[..whole], "cut at {cut}");
        let torn = CorruptRecord {
            offset: ends[whole],
            bytes: cut - ends[whole],
            kind: CorruptRecordKind::TornTail,
        };
        let expected = if torn.bytes == 0 { vec![] } else { vec![torn] };
        assert_eq!(skipped(&journal[..cut]), expected, "cut at {cut}");
    }
}

#[test]
fn flipped_bit_loses_only_its_record() {
    let mut journal = sample().journal;
    let (all, ends) = (records(&journal), boundaries(&journal));
    for bit in 0..journal.len() * 8 {
        journal[bit / 8] ^= 1 << (bit % 8);
        let damaged = ends.iter().filter(|end| **end <= bit / 8).count() - 1;
        let mut expected = all.clone();
        expected.remove(damaged);
        assert_eq!(records(&journal), expected, "bit {bit}");
        let spans: Vec<_> = skipped(&journal).iter().map(|corrupt| (corrupt.offset, corrupt.bytes)).collect();
        assert_eq!(spans, [(ends[damaged], ends[damaged + 1] - ends[damaged])], "bit {bit}");
        journal[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn unfinished_announcement_is_spoken_again_after_crash_and_order_is_kept() {
    let mut driver = sample();
    assert_eq!(driver.finished(), ["a", "d", "c"]);
    let unnamed = driver.speaking();
    driver.restart(BOOT, QueueLimits::default());
    assert_eq!(driver.speaking(), unnamed);
    driver.speak_all();
    assert_eq!(driver.finished(), ["a", "d", "c", &unnamed, "f"]);
    driver.say("a", Priority::Message);
    assert_eq!(driver.count("a", &EventKind::Duplicate), 1, "ids outlive the crash");
}

#[test]
fn expiry_counts_across_crash_and_expiring_announcements_end_at_reboot() {
    let expiring =
        |id: &str, seconds| Draft { id: Some(id.into()), expires_in_s: Some(seconds), ..Draft::plain(id) };
    let mut driver = Driver::default();
    driver.say("now", Priority::Message);
    driver.say_draft(expiring("soon", 10));
    driver.say_draft(expiring("later", 3600));
    driver.say("whenever", Priority::Message);
    driver.uptime_ms += 10_000;
    driver.restart(BOOT, QueueLimits::default());
    assert_eq!(
        (driver.count("soon", &EventKind::Expired), driver.count("later", &EventKind::Expired)),
        (1, 0)
    );
    driver.uptime_ms = 3_000;
    driver.restart("another boot", QueueLimits::default());
    assert_eq!(driver.count("later", &EventKind::Expired), 1);
    driver.speak_all();
    assert_eq!(driver.finished(), ["now", "whenever"]);
}

#[test]
fn announcement_that_crashes_every_run_fails_after_attempts_max() {
    let mut driver = Driver::default();
    driver.say("deadly", Priority::Message);
    driver.say("harmless", Priority::Message);
    for _ in 1..ATTEMPTS_MAX {
        driver.restart(BOOT, QueueLimits::default());
        driver.compact();
        assert_eq!(driver.speaking(), "deadly");
    }
    driver.restart(BOOT, QueueLimits::default());
    assert_eq!(driver.speaking(), "harmless");
    assert!(driver.events.iter().any(|event| event.id == "deadly" && event.kind.is_end()));
}

#[test]
fn repeat_last_works_after_crash_and_compaction() {
    let mut driver = Driver::default();
    driver.say("a", Priority::Message);
    driver.speak_all();
    driver.compact();
    driver.restart(BOOT, QueueLimits::default());
    driver.queue.repeat_last(driver.uptime_ms).unwrap();
    driver.run();
    assert_eq!(driver.queue.current().unwrap().1.text(), "a");
}

#[test]
fn journal_length_is_bounded_by_compaction() {
    let mut driver = Driver::default();
    let mut compactions = 0;
    for n in 0..3_000 {
        driver.say_draft(Draft { id: Some(n.to_string()), ..Draft::plain("a".repeat(1000)) });
        driver.speak_all();
        driver.advance(60_000);
        if driver.queue.wants_compaction(driver.journal.len() as u64) {
            driver.compact();
            compactions += 1;
            assert!(!driver.queue.wants_compaction(driver.journal.len() as u64));
        }
        assert!(driver.journal.len() < 2_000_000);
    }
    assert!((2..20).contains(&compactions), "{compactions}");
}

#[test]
fn recovery_of_1000_announcements_takes_less_than_a_second() {
    let mut driver = Driver::default();
    for n in 0..1000 {
        driver.say_draft(Draft { id: Some(n.to_string()), ..Draft::plain("a".repeat(1000)) });
    }
    let begin = Instant::now();
    let queue =
        Queue::recover(JournalReader::new(&driver.journal).records(), QueueLimits::default(), BOOT, 0);
    let took = begin.elapsed();
    println!("recovery of 1000 announcements: {:.1} ms", took.as_secs_f64() * 1e3);
    assert_eq!(queue.len(), 1000);
    assert!(took.as_millis() < 1000, "twenty times the promise, for machines that are busy");
}

#[test]
fn accepted_record_written_twice_is_recovered_once() {
    let mut driver = Driver::default();
    let sequence = driver.queue.submit(Draft::plain("Hello.").validate().unwrap(), 0).unwrap();
    let Some(Effect::Append(record)) = driver.queue.next_effect() else { panic!("no append") };
    driver.compact();
    driver.journal.extend(record.encode().unwrap());
    driver.queue.appended(sequence, 0);
    driver.run();
    driver.restart(BOOT, QueueLimits::default());
    assert_eq!((driver.queue.len(), driver.queue.current().unwrap().0), (1, sequence));
}

proptest! {
    #[test]
    fn journal_reader_never_panics_on_arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let queue = Queue::recover(JournalReader::new(&bytes).records(), QueueLimits::default(), BOOT, 0);
        prop_assert!(queue.is_empty());
        prop_assert_eq!(skipped(&bytes).iter().map(|corrupt| corrupt.bytes).sum::<usize>(), bytes.len());
        let _ = Draft::from_json(&bytes).and_then(Draft::validate);
    }

    /// Arbitrary records with correct checksums reach the replay.
    #[test]
    fn recovery_never_panics_on_arbitrary_records(
        mut numbers in proptest::collection::vec((0..6u8, 0..5u64, any::<u64>()), 0..40),
        uptime_ms: u64,
    ) {
        let sequence = |number: u64| -> Sequence { serde_json::from_str(&number.to_string()).unwrap() };
        let records = numbers.drain(..).map(|(kind, number, at_ms)| match kind {
            0 => Record::Boot { boot: number.to_string(), offset_ms: at_ms, at_ms, next: sequence(at_ms) },
            1 | 2 => Record::Accepted {
                sequence: sequence(number),
                at_ms,
                announcement: Operation::draft(None, Priority::Progress, Some(1)).validate().unwrap(),
            },
            3 => Record::Started { sequence: sequence(number), attempt: u32::MAX },
            4 => Record::Ended { sequence: sequence(number), at_ms, outcome: Outcome::Failed },
            _ => Record::Remembered { id: number.to_string(), at_ms },
        });
        let mut queue = Queue::recover(records, QueueLimits::default(), "1", uptime_ms);
        let _ = queue.submit(Draft::plain("Hello.").validate().unwrap(), uptime_ms);
        let _ = queue.compacted().count();
        while queue.next_effect().is_some() {}
    }

    #[test]
    fn records_round_trip_through_their_encoding(operations in operations(40)) {
        let mut driver = Driver::default();
        operations.iter().for_each(|operation| operation.apply(&mut driver));
        let all = records(&driver.journal);
        let again: Vec<u8> = all.iter().flat_map(|record| record.encode().unwrap()).collect();
        prop_assert_eq!(again, driver.journal);
    }

    /// One foreign or damaged frame of any journal affects no other record.
    #[test]
    fn single_corrupt_or_foreign_frame_loses_only_itself(
        operations in operations(40),
        pick: prop::sample::Index,
        foreign: bool,
        junk in proptest::collection::vec(any::<u8>(), 1..60),
    ) {
        let mut driver = Driver::default();
        operations.iter().for_each(|operation| operation.apply(&mut driver));
        let (mut expected, ends) = (records(&driver.journal), boundaries(&driver.journal));
        let damaged = pick.index(expected.len());
        let (before, rest) = driver.journal.split_at(ends[damaged]);
        let (frame, behind) = rest.split_at(ends[damaged + 1] - ends[damaged]);
        let replacement = if foreign { as_next_version(frame) } else { junk };
        expected.remove(damaged);
        let journal = [before, &replacement, behind].concat();
        prop_assert_eq!(records(&journal), expected);
        let spans: Vec<_> = skipped(&journal).iter().map(|corrupt| (corrupt.offset, corrupt.bytes)).collect();
        prop_assert_eq!(spans, [(before.len(), replacement.len())]);
    }

    #[test]
    fn compacted_journal_recovers_the_same_queue(operations in operations(60)) {
        let mut driver = Driver::default();
        operations.iter().for_each(|operation| operation.apply(&mut driver));
        driver.queue.pause(driver.uptime_ms);
        driver.run();
        let recover = |journal: &[u8]| {
            let records = JournalReader::new(journal).records();
            let queue = Queue::recover(records, QueueLimits::default(), &driver.boot, driver.uptime_ms);
            let live = queue.waiting().into_iter().chain(queue.current());
            let live: Vec<_> = live.map(|(sequence, announcement)| (sequence, announcement.clone())).collect();
            // Without the boot record, whose next number counts duplicates, which leave no record.
            (live, state(&queue).split_off(1))
        };
        let compacted: Vec<u8> = driver.queue.compacted().flat_map(|record| record.encode().unwrap()).collect();
        prop_assert_eq!(recover(&driver.journal), recover(&compacted));
        prop_assert_eq!(records(&compacted), state(&driver.queue));
    }

    /// Acknowledged announcements, and no others, are spoken or reported after a power cut.
    #[test]
    fn power_cut_loses_no_acknowledged_announcement(operations in operations(40), part in 0.0..1.0f64) {
        let mut driver = Driver::default();
        operations.iter().for_each(|operation| operation.apply(&mut driver));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let cut = (driver.journal.len() as f64 * part) as usize;
        let journal = &driver.journal[..cut];

        let mut expected: Vec<Sequence> = Vec::new();
        for record in records(journal) {
            match record {
                Record::Accepted { sequence, .. } => expected.push(sequence),
                Record::Ended { sequence, .. } => expected.retain(|other| *other != sequence),
                _ => {}
            }
        }
        let mut queue = Queue::recover(JournalReader::new(journal).records(), QueueLimits::default(), "after", 0);
        let mut found: Vec<Sequence> = queue.waiting().into_iter().chain(queue.current()).map(|(s, _)| s).collect();
        while let Some(effect) = queue.next_effect() {
            if let Effect::Report(event) = effect && event.kind.is_end() {
                found.push(event.sequence);
            }
        }
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}
