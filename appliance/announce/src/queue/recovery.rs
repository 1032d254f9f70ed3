//! Recovery of the queue from its journal, and compaction of the journal.

use std::collections::{BTreeMap, VecDeque};

use super::Queue;
use crate::entry::Entry;
use crate::history::History;
use crate::limits::{ATTEMPTS_MAX, COMPACTION_SLACK_BYTES};
use crate::timeline::Timeline;
use crate::{Effect, EventKind, Outcome, Priority, QueueLimits, Record, Sequence};

/// State after the records read so far.
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
        // What was decoded can be encoded; the length is only known from doing it.
        let weigh = |record: &Record| record.encode().map_or(0, |bytes| bytes.len());
        let journal_bytes = if record.awaited().is_some() { weigh(&record) } else { 0 };
        match record {
            Record::Boot { boot, offset_ms, at_ms, next } => {
                self.latest_ms = self.latest_ms.max(at_ms);
                self.next = self.next.max(next);
                self.boot = Some((boot, offset_ms));
            }
            Record::Accepted { sequence, at_ms, announcement } => {
                self.seen(sequence, at_ms);
                self.ids.extend(announcement.id().map(|id| (at_ms, id.to_owned())));
                self.live.insert(sequence, Entry::new(sequence, at_ms, announcement, journal_bytes));
            }
            Record::Started { sequence, attempt } => {
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

    fn history(&mut self) -> History {
        let mut history = History::default();
        self.ids.sort_by_key(|(at_ms, _)| *at_ms);
        for (at_ms, id) in self.ids.drain(..) {
            // As it was then: an id that came again a day later is remembered from that time on.
            history.advance(at_ms);
            history.remember(&id, at_ms);
        }
        history
    }
}

impl Queue {
    /// Returns the queue that `records` describe, in the boot with the kernel's id `boot`, at `uptime_ms` of it.
    ///
    /// Unfinished announcements are spoken again from their start. Reported at once, and not spoken, are announcements
    /// that expired meanwhile; after a reboot all that can expire, since the time without power is unknown; and, as
    /// failed, those begun in [`ATTEMPTS_MAX`] runs. A pause does not outlive its run.
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
            history: replay.history(),
            effects: VecDeque::new(),
        };
        if !same_boot {
            queue.effects.push_back(Effect::Append(queue.boot_record()));
        }
        for (_, mut entry) in replay.live {
            if !same_boot && entry.announcement.expires_in_s().is_some() {
                queue.end(&entry, EventKind::Expired);
            } else if entry.attempts >= ATTEMPTS_MAX {
                let reason = format!("the appliance ended {} times while speaking it", entry.attempts);
                queue.end(&entry, EventKind::Failed { reason });
            } else {
                entry.held = entry.announcement.priority() == Priority::Progress;
                queue.waiting.insert(entry.sequence, entry);
            }
        }
        queue.advance(uptime_ms);
        queue.start_next();
        queue
    }

    /// True if a journal of `journal_bytes` holds so much that is over that it should be written anew.
    #[must_use]
    pub fn wants_compaction(&self, journal_bytes: u64) -> bool {
        let last = self.last.as_ref().map_or(0, |entry| entry.journal_bytes);
        let needed = self.live_bytes() + last + self.history.journal_bytes();
        journal_bytes > COMPACTION_SLACK_BYTES + 2 * needed as u64
    }

    /// The records of a new journal that says all the present one says and nothing that is over. Effects taken from
    /// the queue later are appended to the new journal; it does no harm if some of them are in it already.
    pub fn compacted(&self) -> impl Iterator<Item = Record> {
        let remembered =
            self.history.iter().map(|(id, at_ms)| Record::Remembered { id: id.to_owned(), at_ms });
        let last_sequence = self.last.as_ref().map(|entry| entry.sequence);
        let mut live: Vec<&Entry> =
            self.live().filter(|entry| Some(entry.sequence) != last_sequence).collect();
        live.sort_by_key(|entry| entry.sequence);
        // The one that was begun last comes last, so that it is the last again after recovery.
        let last_is_over = !self.live().any(|entry| Some(entry.sequence) == last_sequence);
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

/// The records of one announcement that has not ended.
fn entry_records(entry: &Entry) -> impl Iterator<Item = Record> {
    let sequence = entry.sequence;
    let announcement = entry.announcement.clone();
    let started = (entry.attempts > 0).then_some(Record::Started { sequence, attempt: entry.attempts });
    std::iter::once(Record::Accepted { sequence, at_ms: entry.accepted_ms, announcement }).chain(started)
}
