//! The queue: commands in, effects out.
//!
//! Every command takes the time as `uptime_ms`, the machine's uptime in milliseconds (`CLOCK_BOOTTIME`); what is to be
//! done about it is then taken from [`Queue::next_effect`] until there is nothing more.

mod recovery;
mod turns;

use std::collections::{BTreeMap, VecDeque};

use crate::entry::Entry;
use crate::error::cut;
use crate::history::History;
use crate::limits::REASON_CHARACTERS_MAX;
use crate::timeline::Timeline;
use crate::{
    AnnounceError, Announcement, CancelReason, Effect, EventKind, Outcome, Priority, QueueLimits, Record,
    Sequence,
};

/// A submission that waits for its journal record to become durable.
#[derive(Debug, Clone)]
enum Pending {
    /// A new announcement.
    New {
        entry: Entry,
        /// True if `stop all` came meanwhile.
        stopped: bool,
    },
    /// One with the id of another that is on its way itself. It is acknowledged with that one, not earlier: else a
    /// sender would take as safe what a power cut can still lose.
    Duplicate { of: Sequence, announcement: Announcement },
}

/// All announcements that came and have not ended, in SSIP's order.
#[derive(Debug, Clone)]
pub struct Queue {
    limits: QueueLimits,
    timeline: Timeline,
    next: Sequence,
    pending: BTreeMap<Sequence, Pending>,
    waiting: BTreeMap<Sequence, Entry>,
    current: Option<Entry>,
    paused: bool,
    /// Nothing more is begun.
    closed: bool,
    /// The announcement that was begun last, for `repeat last`.
    last: Option<Entry>,
    history: History,
    effects: VecDeque<Effect>,
}

impl Queue {
    /// An empty queue with an empty journal, in the boot with the kernel's id `boot`.
    #[must_use]
    pub fn new(limits: QueueLimits, boot: &str, uptime_ms: u64) -> Self {
        Self::recover(std::iter::empty(), limits, boot, uptime_ms)
    }

    /// Submits an announcement and returns its number, which the events about it carry: accepted once its record is
    /// stored, or a duplicate of one that is already stored.
    ///
    /// # Errors
    /// The queue is full, by number or by bytes; nothing is changed then.
    pub fn submit(&mut self, announcement: Announcement, uptime_ms: u64) -> Result<Sequence, AnnounceError> {
        let now_ms = self.advance(uptime_ms);
        let sequence = self.next;
        if let Some(id) = announcement.id() {
            if let Some(of) = self.pending_with_id(id) {
                self.check_entries()?;
                self.pending.insert(sequence, Pending::Duplicate { of, announcement });
                self.next = sequence.following();
                return Ok(sequence);
            }
            if self.history.knows(id) || self.live().any(|entry| entry.announcement.id() == Some(id)) {
                self.next = sequence.following();
                self.report_duplicate(sequence, &announcement);
                return Ok(sequence);
            }
        }
        self.check_entries()?;
        let record = Record::Accepted { sequence, at_ms: now_ms, announcement: announcement.clone() };
        let needed = record.encode()?.len();
        self.check_bytes(needed)?;

        self.next = sequence.following();
        if let Some(id) = announcement.id() {
            self.history.remember(id, now_ms);
        }
        let entry = Entry::new(sequence, now_ms, announcement, needed);
        self.pending.insert(sequence, Pending::New { entry, stopped: false });
        self.effects.push_back(Effect::Append(record));
        Ok(sequence)
    }

    /// The record of `sequence` is stored: the announcement is acknowledged and takes its place.
    pub fn appended(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.admit_pending(sequence, true, uptime_ms);
    }

    /// The record of `sequence` cannot be stored: the announcement takes its place, but is acknowledged as not durable.
    pub fn append_failed(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.admit_pending(sequence, false, uptime_ms);
    }

    /// `sequence` was spoken to its end. An answer about anything else than the current announcement is ignored: it
    /// was on its way while that one was stopped.
    pub fn finished(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.advance(uptime_ms);
        self.end_current(sequence, EventKind::Finished);
    }

    /// `sequence` cannot be spoken; the reason is for people and is cut if it is long.
    pub fn failed(&mut self, sequence: Sequence, reason: &str, uptime_ms: u64) {
        self.advance(uptime_ms);
        self.end_current(sequence, EventKind::Failed { reason: cut(reason, REASON_CHARACTERS_MAX) });
    }

    /// Cancels what is being spoken, or is paused; the next one begins.
    pub fn stop(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        self.stop_current();
        self.start_next();
    }

    /// Cancels one announcement, wherever it is; one that has ended already is ignored.
    pub fn cancel(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.advance(uptime_ms);
        if let Some(Pending::New { stopped, .. }) = self.pending.get_mut(&sequence) {
            // Its record is on the way to the medium: it ends as soon as that is known.
            *stopped = true;
        } else if self.current.as_ref().is_some_and(|entry| entry.sequence == sequence) {
            self.stop_current();
            self.start_next();
        } else if let Some(entry) = self.waiting.remove(&sequence) {
            self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
        }
    }

    /// Cancels all announcements of one source, also those that are not accepted yet; the next one of another source
    /// begins.
    pub fn cancel_source(&mut self, source: &str, uptime_ms: u64) {
        self.advance(uptime_ms);
        let is_of_source = |entry: &Entry| entry.announcement.source() == Some(source);
        for pending in self.pending.values_mut() {
            if let Pending::New { entry, stopped } = pending {
                // Its record is on the way to the medium: it ends as soon as that is known.
                *stopped |= is_of_source(entry);
            }
        }
        // Waiting ones go first, or the next of this source would begin when the current one ends.
        let waiting: Vec<_> =
            self.waiting.values().filter(|entry| is_of_source(entry)).map(|entry| entry.sequence).collect();
        for sequence in waiting {
            if let Some(entry) = self.waiting.remove(&sequence) {
                self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
            }
        }
        if self.current.as_ref().is_some_and(is_of_source) {
            self.stop_current();
            self.start_next();
        }
    }

    /// Cancels everything that came before this command, also what is not accepted yet.
    pub fn stop_all(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        for pending in self.pending.values_mut() {
            if let Pending::New { stopped, .. } = pending {
                *stopped = true;
            }
        }
        self.stop_current();
        for entry in std::mem::take(&mut self.waiting).into_values() {
            self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
        }
    }

    /// Falls silent and keeps everything. What comes meanwhile waits, except notifications and progress, which are
    /// cancelled. Does nothing if it is paused already.
    pub fn pause(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        if std::mem::replace(&mut self.paused, true) {
            return;
        }
        if let Some(entry) = self.current.take() {
            self.effects.push_back(Effect::Pause(entry.sequence));
            self.report(&entry, EventKind::Paused);
            self.current = Some(entry);
        }
    }

    /// Goes on where it was paused, or with something more urgent that came meanwhile; then what was paused is spoken
    /// from its start afterwards. Does nothing if it is not paused.
    pub fn resume(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        if !std::mem::replace(&mut self.paused, false) {
            return;
        }
        if let Some(mut entry) = self.current.take() {
            let priority = entry.spoken_priority();
            if self.waiting.values().any(|other| other.announcement.priority() < priority) {
                self.silence(&entry);
                self.report(&entry, EventKind::Postponed);
                entry.held = entry.announcement.priority() == Priority::Progress;
                self.waiting.insert(entry.sequence, entry);
                self.expire();
            } else {
                self.effects.push_back(Effect::Resume(entry.sequence));
                self.report(&entry, EventKind::Resumed);
                self.current = Some(entry);
            }
        }
        self.start_next();
    }

    /// Submits once more what was begun last: without its id and expiry, and at least as a message.
    ///
    /// # Errors
    /// Nothing was spoken yet, or the queue is full.
    pub fn repeat_last(&mut self, uptime_ms: u64) -> Result<Sequence, AnnounceError> {
        let last = self.last.as_ref().ok_or(AnnounceError::NothingToRepeat)?;
        self.submit(last.announcement.repeated(), uptime_ms)
    }

    /// Replaces the limits. Announcements that are already in the queue stay, even beyond the new limits.
    pub fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Begins nothing more: what waits stays for the next run. What is being spoken may come to its end.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Lets time pass: what has expired is reported and leaves the queue. Called about twice a second.
    pub fn tick(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
    }

    /// The next thing to do, in order; `None` when all is done.
    #[must_use]
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The announcement that is being spoken or is paused.
    #[must_use]
    pub fn current(&self) -> Option<(Sequence, &Announcement)> {
        self.current.as_ref().map(|entry| (entry.sequence, &entry.announcement))
    }

    /// The announcements that wait, in the order in which they would be spoken now.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Sequence, &Announcement)> {
        let mut entries: Vec<&Entry> = self.waiting.values().collect();
        entries.sort_by_key(|entry| entry.turn());
        entries.into_iter().map(|entry| (entry.sequence, &entry.announcement)).collect()
    }

    /// Milliseconds since the oldest announcement that is not being spoken came: for a watchdog.
    #[must_use]
    pub fn oldest_age_ms(&self) -> Option<u64> {
        let oldest_ms = self.waiting.values().map(|entry| entry.accepted_ms).min()?;
        Some(self.timeline.now_ms().saturating_sub(oldest_ms))
    }

    /// Announcements that came and have not ended, with those on their way to the journal.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len() + self.waiting.len() + usize::from(self.current.is_some())
    }

    /// True if nothing is to be spoken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True between `pause` and `resume`.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    fn stop_current(&mut self) {
        if let Some(entry) = self.current.take() {
            self.silence(&entry);
            self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
        }
    }

    fn check_entries(&self) -> Result<(), AnnounceError> {
        let (entries, limit) = (self.len(), self.limits.entries);
        if entries >= limit { Err(AnnounceError::FullEntries { entries, limit }) } else { Ok(()) }
    }

    fn check_bytes(&self, needed: usize) -> Result<(), AnnounceError> {
        let (bytes, limit) = (self.live_bytes(), self.limits.bytes);
        if bytes.saturating_add(needed) > limit {
            return Err(AnnounceError::FullBytes { bytes, needed, limit });
        }
        Ok(())
    }

    /// Everything that came and has not ended, in no particular order.
    fn live(&self) -> impl Iterator<Item = &Entry> {
        let pending = self.pending.values().filter_map(|pending| match pending {
            Pending::New { entry, .. } => Some(entry),
            Pending::Duplicate { .. } => None,
        });
        pending.chain(self.waiting.values()).chain(&self.current)
    }

    fn live_bytes(&self) -> usize {
        self.live().map(|entry| entry.journal_bytes).sum()
    }

    fn pending_with_id(&self, id: &str) -> Option<Sequence> {
        self.pending.iter().find_map(|(sequence, pending)| match pending {
            Pending::New { entry, .. } if entry.announcement.id() == Some(id) => Some(*sequence),
            _ => None,
        })
    }

    /// Returns the outcome that the journal keeps for an event that ends an announcement.
    fn outcome(kind: &EventKind) -> Option<Outcome> {
        match kind {
            EventKind::Finished => Some(Outcome::Finished),
            EventKind::Cancelled { .. } => Some(Outcome::Cancelled),
            EventKind::Expired => Some(Outcome::Expired),
            EventKind::Failed { .. } => Some(Outcome::Failed),
            _ => None,
        }
    }
}
