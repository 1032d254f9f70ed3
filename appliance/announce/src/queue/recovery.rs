//! Recovery of the queue from its journal, and compaction of the journal.

use std::collections::{BTreeMap, VecDeque};

use super::Queue;
use crate::entry::Entry;
use crate::limits::{ATTEMPTS_MAX, COMPACTION_SLACK_BYTES};
use crate::recent_ids::RecentIds;
use crate::timeline::Timeline;
use crate::{Effect, EventKind, Outcome, Priority, QueueLimits, Record, Sequence};

/// State after replay of the records read so far.
#[derive(Default)]
struct Replay {
    boot: Option<(String, u64)>,
    next: Sequence,
    latest_ms: u64,
    live: BTreeMap<Sequence, Entry>,
    last: Option<Entry>,
    ids: Vec<(u64, String)>,
}

impl Replay {
    fn read(&mut self, record: Record) {
        // A decoded record can be encoded again; 0 in the impossible case only makes the queue's byte limit less exact.
        let weigh = |record: &Record| record.encode().map_or(0, |bytes| bytes.len());
        let journal_bytes = if record.awaited().is_some() { weigh(&record) } else { 0 };
        match record {
            Record::Boot { boot, offset_ms, at_ms, next } => {
                self.latest_ms = self.latest_ms.max(at_ms);
                // The maximum, as in every arm: compaction reorders records, and a corrupt one may be missing.
                self.next = self.next.max(next);
                self.boot = Some((boot, offset_ms));
            }
            Record::Accepted { sequence, at_ms, announcement } => {
                self.seen(sequence, at_ms);
                self.ids.extend(announcement.id().map(|id| (at_ms, id.to_owned())));
                self.live.insert(sequence, Entry::new(sequence, at_ms, announcement, journal_bytes));
            }
            Record::Started { sequence, attempt } => {
                // None after the loss of its `accepted` record.
                if let Some(entry) = self.live.get_mut(&sequence) {
                    entry.attempts = entry.attempts.max(attempt);
                    self.last = Some(entry.clone());
                }
            }
            Record::Ended { sequence, at_ms, .. } => {
                self.seen(sequence, at_ms);
                self.live.remove(&sequence);
            }
            Record::Remembered { id, at_ms } => {
                self.latest_ms = self.latest_ms.max(at_ms);
                self.ids.push((at_ms, id));
            }
        }
    }

    fn seen(&mut self, sequence: Sequence, at_ms: u64) {
        self.next = self.next.max(sequence.following());
        self.latest_ms = self.latest_ms.max(at_ms);
    }

    fn recent_ids(&mut self) -> RecentIds {
        let mut recent_ids = RecentIds::default();
        // Compaction writes remembered ids before live announcements, so file order is not order of time.
        self.ids.sort_by_key(|(at_ms, _)| *at_ms);
        for (at_ms, id) in self.ids.drain(..) {
            // As at that time: an id accepted again a day later is remembered from then on.
            recent_ids.advance(at_ms);
            recent_ids.insert(&id, at_ms);
        }
        recent_ids
    }
}

impl Queue {
    /// Returns the queue that `records` describe, at `uptime_ms` of the boot with the kernel's id `boot`.
    ///
    /// Unfinished announcements are spoken again from their start. Not spoken, but reported at once, are expired ones;
    /// after a reboot all that have an expiry, since the time without power is unknown; and, as failed, those begun in
    /// [`ATTEMPTS_MAX`] runs. A pause ends with its run.
    #[must_use]
    pub fn recover(
        records: impl IntoIterator<Item = Record>,
        limits: QueueLimits,
        boot: &str,
        uptime_ms: u64,
    ) -> Self {
        let mut replay = Replay::default();
        for record in records {
            replay.read(record);
        }
        let same_boot = replay.boot.as_ref().is_some_and(|(id, _)| id == boot);
        let mut queue = Self {
            limits,
            timeline: Timeline::after(replay.boot.take(), replay.latest_ms, boot, uptime_ms),
            next: replay.next,
            pending: BTreeMap::new(),
            waiting: BTreeMap::new(),
            current: None,
            paused: false,
            closed: false,
            last: replay.last.take(),
            recent_ids: replay.recent_ids(),
            effects: VecDeque::new(),
        };
        // First of all effects: later records have times of this boot.
        if !same_boot {
            queue.effects.push_back(Effect::Append(queue.boot_record()));
        }
        for (_, mut entry) in replay.live {
            if !same_boot && entry.announcement.expires_in_s().is_some() {
                queue.end(&entry, EventKind::Expired);
            } else if entry.attempts >= ATTEMPTS_MAX {
                let reason = format!("the appliance crashed {} times while speaking it", entry.attempts);
                queue.end(&entry, EventKind::Failed { reason });
            } else {
                // Older ones of its series were cancelled when it was accepted.
                entry.last_of_series = entry.announcement.priority() == Priority::Progress;
                queue.waiting.insert(entry.sequence, entry);
            }
        }
        queue.advance(uptime_ms);
        queue.start_next();
        queue
    }

    /// Returns true if most of a journal of `journal_bytes` is obsolete, so that it should be rewritten.
    #[must_use]
    pub fn wants_compaction(&self, journal_bytes: u64) -> bool {
        // Twice the needed length: each compaction then removes at least half, and its cost is amortized over appends.
        let last = self.last.as_ref().map_or(0, |entry| entry.journal_bytes);
        let needed = self.live_bytes() + last + self.recent_ids.journal_bytes();
        journal_bytes > COMPACTION_SLACK_BYTES + 2 * needed as u64
    }

    /// Returns the records of a compacted journal, equivalent to the present one. Effects taken from the queue later
    /// are appended to the new journal. Some of them may be in it already, which is harmless as replay is idempotent.
    pub fn compacted(&self) -> impl Iterator<Item = Record> {
        let remembered =
            self.recent_ids.iter().map(|(id, at_ms)| Record::Remembered { id: id.to_owned(), at_ms });
        let last_sequence = self.last.as_ref().map(|entry| entry.sequence);
        let mut live: Vec<&Entry> =
            self.live().filter(|entry| Some(entry.sequence) != last_sequence).collect();
        live.sort_by_key(|entry| entry.sequence);
        // The announcement begun last comes last, so that `repeat last` finds it after recovery.
        let last_is_over = !self.live().any(|entry| Some(entry.sequence) == last_sequence);
        // Its end is written, too, or recovery would speak it again. The outcome was reported long ago; any will do.
        let over = self.last.iter().filter(move |_| last_is_over).map(|entry| Record::Ended {
            sequence: entry.sequence,
            at_ms: entry.accepted_ms,
            outcome: Outcome::Finished,
        });
        std::iter::once(self.boot_record())
            .chain(remembered)
            .chain(live.into_iter().chain(&self.last).flat_map(entry_records))
            .chain(over)
    }

    fn boot_record(&self) -> Record {
        Record::Boot {
            boot: self.timeline.boot().to_owned(),
            offset_ms: self.timeline.offset_ms(),
            at_ms: self.timeline.now_ms(),
            next: self.next,
        }
    }
}

/// Returns the records of one announcement that has not ended.
fn entry_records(entry: &Entry) -> impl Iterator<Item = Record> {
    let sequence = entry.sequence;
    let announcement = entry.announcement.clone();
    // Only the last attempt, since replay takes the maximum.
    let started = (entry.attempts > 0).then_some(Record::Started { sequence, attempt: entry.attempts });
    std::iter::once(Record::Accepted { sequence, at_ms: entry.accepted_ms, announcement }).chain(started)
}
