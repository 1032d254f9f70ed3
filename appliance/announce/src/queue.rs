//! Queue of announcements: commands in, effects out.
//!
//! Every command takes the time as `uptime_ms`, the machine's uptime in milliseconds (`CLOCK_BOOTTIME`). The caller
//! then carries out the effects of [`Queue::next_effect`] until there are none left.

mod recovery;
mod scheduling;

use std::collections::{BTreeMap, VecDeque};

use crate::entry::Entry;
use crate::error::cut;
use crate::limits::REASON_CHARACTERS_MAX;
use crate::recent_ids::RecentIds;
use crate::timeline::Timeline;
use crate::{
    AnnounceError, Announcement, CancelReason, Effect, EventKind, Outcome, Priority, QueueLimits, Record,
    Sequence,
};

/// Submission whose journal record is not durable yet.
#[derive(Debug, Clone)]
enum Pending {
    /// New announcement.
    New {
        entry: Entry,
        /// True if it was cancelled meanwhile.
        stopped: bool,
    },
    /// Duplicate of a pending announcement. It is acknowledged together with its original: an earlier acknowledgement
    /// would promise durability that a power cut can still break.
    Duplicate { of: Sequence, announcement: Announcement },
}

/// Announcements that have not ended, in the order of SSIP's priorities.
#[derive(Debug, Clone)]
pub struct Queue {
    limits: QueueLimits,
    timeline: Timeline,
    next: Sequence,
    pending: BTreeMap<Sequence, Pending>,
    waiting: BTreeMap<Sequence, Entry>,
    current: Option<Entry>,
    paused: bool,
    /// True if no further announcement is begun.
    closed: bool,
    /// Announcement that was begun last, for `repeat last`.
    last: Option<Entry>,
    recent_ids: RecentIds,
    effects: VecDeque<Effect>,
}

impl Queue {
    /// Returns an empty queue for an empty journal, in the boot with the kernel's id `boot`.
    #[must_use]
    pub fn new(limits: QueueLimits, boot: &str, uptime_ms: u64) -> Self {
        Self::recover(std::iter::empty(), limits, boot, uptime_ms)
    }

    /// Submits an announcement and returns its sequence number, which its events carry. The first one is `accepted`,
    /// once its record is stored, or `duplicate`.
    ///
    /// # Errors
    /// The queue is full by number or by bytes; it is unchanged.
    pub fn submit(&mut self, announcement: Announcement, uptime_ms: u64) -> Result<Sequence, AnnounceError> {
        let now_ms = self.advance(uptime_ms);
        let sequence = self.next;
        // Duplicates first: they are acknowledged even when the queue is full, or their sender would repeat them for
        // ever.
        if let Some(id) = announcement.id() {
            if let Some(of) = self.pending_with_id(id) {
                // Counted, unlike other duplicates, since it is kept until its original is durable.
                self.check_entries()?;
                self.pending.insert(sequence, Pending::Duplicate { of, announcement });
                self.next = sequence.following();
                return Ok(sequence);
            }
            // An announcement may wait longer than ids are remembered, so live ones are searched, too.
            if self.recent_ids.contains(id) || self.live().any(|entry| entry.announcement.id() == Some(id)) {
                self.next = sequence.following();
                self.report_duplicate(sequence, &announcement);
                return Ok(sequence);
            }
        }
        self.check_entries()?;
        let record = Record::Accepted { sequence, at_ms: now_ms, announcement: announcement.clone() };
        // Encoded here for its length only: the byte limit is that of the journal, where escapes make a text longer.
        let needed = record.encode()?.len();
        self.check_bytes(needed)?;

        // State changes only below, after the last check that can fail.
        self.next = sequence.following();
        if let Some(id) = announcement.id() {
            self.recent_ids.insert(id, now_ms);
        }
        let entry = Entry::new(sequence, now_ms, announcement, needed);
        self.pending.insert(sequence, Pending::New { entry, stopped: false });
        self.effects.push_back(Effect::Append(record));
        Ok(sequence)
    }

    /// Reports that the record of `sequence` is durable: the announcement is acknowledged and admitted.
    pub fn appended(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.admit_pending(sequence, true, uptime_ms);
    }

    /// Reports that the record of `sequence` cannot be stored: the announcement is admitted, but acknowledged as not
    /// durable. An appliance with a full or broken medium still speaks.
    pub fn append_failed(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.admit_pending(sequence, false, uptime_ms);
    }

    /// Reports that `sequence` was spoken to its end. Ignored for any but the current announcement: the report was sent
    /// while that one was being stopped.
    pub fn finished(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.advance(uptime_ms);
        self.end_current(sequence, EventKind::Finished);
    }

    /// Reports that playback of `sequence` reached a mark. Not in the journal: an announcement that is spoken again
    /// passes its marks again.
    pub fn reached(&mut self, sequence: Sequence, mark: String) {
        // Taken and put back, as the report needs the queue as well. Another one may be current since the mark was seen.
        if let Some(entry) = self.current.take_if(|entry| entry.sequence == sequence) {
            self.report(&entry, EventKind::Mark { name: mark });
            self.current = Some(entry);
        }
    }

    /// Reports that `sequence` cannot be spoken. A long reason is cut.
    pub fn failed(&mut self, sequence: Sequence, reason: &str, uptime_ms: u64) {
        self.advance(uptime_ms);
        self.end_current(sequence, EventKind::Failed { reason: cut(reason, REASON_CHARACTERS_MAX) });
    }

    /// Cancels the current announcement, spoken or paused, and begins the next one.
    pub fn stop(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        self.stop_current();
        self.start_next();
    }

    /// Cancels one announcement in any state. Ignored if it has ended already.
    pub fn cancel(&mut self, sequence: Sequence, uptime_ms: u64) {
        self.advance(uptime_ms);
        if let Some(Pending::New { stopped, .. }) = self.pending.get_mut(&sequence) {
            // Its record may be on the medium already. It is acknowledged first, so that no announcement ends that its
            // sender does not know as accepted.
            *stopped = true;
        } else if self.current.as_ref().is_some_and(|entry| entry.sequence == sequence) {
            self.stop_current();
            self.start_next();
        } else if let Some(entry) = self.waiting.remove(&sequence) {
            self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
        }
    }

    /// Cancels all announcements of one source, pending ones included, and begins the next one of another source.
    pub fn cancel_source(&mut self, source: &str, uptime_ms: u64) {
        self.advance(uptime_ms);
        let is_of_source = |entry: &Entry| entry.announcement.source() == Some(source);
        for pending in self.pending.values_mut() {
            if let Pending::New { entry, stopped } = pending {
                // As in `cancel`.
                *stopped |= is_of_source(entry);
            }
        }
        // Waiting ones first, or the next one of this source would begin when the current one ends.
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

    /// Cancels all announcements submitted before this command, pending ones included.
    pub fn stop_all(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        for pending in self.pending.values_mut() {
            if let Pending::New { stopped, .. } = pending {
                *stopped = true;
            }
        }
        // No `start_next`: nothing is left, and pending ones end when they are admitted.
        self.stop_current();
        for entry in std::mem::take(&mut self.waiting).into_values() {
            self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
        }
    }

    /// Pauses playback. New announcements wait, except notifications and progress, which are cancelled. No effect if
    /// already paused.
    pub fn pause(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        if std::mem::replace(&mut self.paused, true) {
            return;
        }
        // Nothing to pause is a pause as well: announcements that arrive now wait.
        if let Some(entry) = self.current.take() {
            self.effects.push_back(Effect::Pause(entry.sequence));
            self.report(&entry, EventKind::Paused);
            self.current = Some(entry);
        }
    }

    /// Continues at the position of the pause, or with a more urgent announcement submitted meanwhile; the paused one
    /// is then spoken afterwards from its start. No effect if not paused.
    pub fn resume(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
        if !std::mem::replace(&mut self.paused, false) {
            return;
        }
        if let Some(mut entry) = self.current.take() {
            let priority = entry.spoken_priority();
            if self.waiting.values().any(|other| other.announcement.priority() < priority) {
                // Streams are played in the order of their beginning, so this one has to end to let the other one pass.
                self.stop_playback(&entry);
                self.report(&entry, EventKind::Postponed);
                entry.last_of_series = entry.announcement.priority() == Priority::Progress;
                self.waiting.insert(entry.sequence, entry);
                // It waits again, and has no more time than other waiting ones.
                self.expire();
            } else {
                self.effects.push_back(Effect::Resume(entry.sequence));
                self.report(&entry, EventKind::Resumed);
                self.current = Some(entry);
            }
        }
        self.start_next();
    }

    /// Submits the announcement that was begun last once more, without id and expiry and with the priority of a message
    /// at least.
    ///
    /// # Errors
    /// No announcement was begun yet, or the queue is full.
    pub fn repeat_last(&mut self, uptime_ms: u64) -> Result<Sequence, AnnounceError> {
        let last = self.last.as_ref().ok_or(AnnounceError::NothingToRepeat)?;
        self.submit(last.announcement.repeated(), uptime_ms)
    }

    /// Replaces the limits. Announcements that are already in the queue stay, even beyond the new limits.
    pub fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Begins no further announcement: waiting ones are kept for the next run, the current one may end.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Advances the time and ends expired announcements. Called about twice a second.
    pub fn tick(&mut self, uptime_ms: u64) {
        self.advance(uptime_ms);
    }

    /// Returns the next effect to carry out, in order.
    #[must_use]
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Announcement that is being spoken or is paused.
    #[must_use]
    pub fn current(&self) -> Option<(Sequence, &Announcement)> {
        self.current.as_ref().map(|entry| (entry.sequence, &entry.announcement))
    }

    /// Waiting announcements, in the order in which they would be spoken now.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Sequence, &Announcement)> {
        let mut entries: Vec<&Entry> = self.waiting.values().collect();
        entries.sort_by_key(|entry| entry.order_key());
        entries.into_iter().map(|entry| (entry.sequence, &entry.announcement)).collect()
    }

    /// Age of the oldest waiting announcement, in milliseconds, for a watchdog.
    #[must_use]
    pub fn oldest_age_ms(&self) -> Option<u64> {
        let oldest_ms = self.waiting.values().map(|entry| entry.accepted_ms).min()?;
        Some(self.timeline.now_ms().saturating_sub(oldest_ms))
    }

    /// Number of announcements that have not ended, pending ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len() + self.waiting.len() + usize::from(self.current.is_some())
    }

    /// Returns true if no announcement is current, waiting or pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true between `pause` and `resume`.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    fn stop_current(&mut self) {
        if let Some(entry) = self.current.take() {
            self.stop_playback(&entry);
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

    /// Announcements that have not ended, in no particular order.
    fn live(&self) -> impl Iterator<Item = &Entry> {
        let pending = self.pending.values().filter_map(|pending| match pending {
            Pending::New { entry, .. } => Some(entry),
            // Has no record of its own, and the original is counted.
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
