//! Scheduling: admission by SSIP's rules, expiry, and choice of the next announcement.

use super::{Pending, Queue};
use crate::entry::Entry;
use crate::{
    Announcement, CancelReason, Effect, EventKind, OtherState, PreemptionRule, Priority, QueueEvent, Record,
    Sequence,
};

impl Queue {
    /// Advances the time, removes old ids and expired announcements, and returns journal time.
    pub(super) fn advance(&mut self, uptime_ms: u64) -> u64 {
        let now_ms = self.timeline.advance(uptime_ms);
        self.recent_ids.advance(now_ms);
        self.expire();
        now_ms
    }

    /// Ends expired announcements that wait. The current one, spoken or paused, has begun in time.
    pub(super) fn expire(&mut self) {
        let now_ms = self.timeline.now_ms();
        for (_, entry) in self.waiting.extract_if(.., |_, entry| entry.is_expired(now_ms)).collect::<Vec<_>>()
        {
            self.end(&entry, EventKind::Expired);
        }
    }

    /// Acknowledges a pending announcement and its duplicates, and admits it.
    pub(super) fn admit_pending(&mut self, sequence: Sequence, durable: bool, uptime_ms: u64) {
        let now_ms = self.advance(uptime_ms);
        let Some(Pending::New { entry, stopped }) = self.pending.remove(&sequence) else {
            return;
        };
        // The acknowledgement comes before any end, also of an announcement that was cancelled or expired meanwhile.
        self.report(&entry, EventKind::Accepted { durable });
        self.report_duplicates_of(sequence);
        if stopped {
            self.end(&entry, EventKind::Cancelled { reason: CancelReason::Stopped });
        } else if entry.is_expired(now_ms) {
            self.end(&entry, EventKind::Expired);
        } else {
            self.admit(entry);
        }
    }

    /// Applies SSIP's rules of preemption between a new announcement and all others.
    fn admit(&mut self, mut entry: Entry) {
        let priority = entry.announcement.priority();
        // SSIP keeps neither of them for later: they are of use only at the moment of their submission.
        if self.paused && matches!(priority, Priority::Notification | Priority::Progress) {
            return self.end(&entry, EventKind::Cancelled { reason: CancelReason::Paused });
        }
        // A paused announcement counts as waiting: SSIP's PAUSE discards nothing, so nothing interrupts it.
        let place = if self.paused { OtherState::Waiting } else { OtherState::Spoken };
        // The current one with its effective priority: a raised progress announcement is protected like a message.
        // While it waits, its own priority protects it (see `Priority::preemption`).
        let meets_current = |other: &Entry| priority.preemption(other.spoken_priority(), place);
        let meets_waiting =
            |other: &Entry| priority.preemption(other.announcement.priority(), OtherState::Waiting);

        // Before any other announcement is cancelled: one that is not admitted must not preempt others.
        let refused = self.current.as_ref().map(meets_current) == Some(PreemptionRule::CancelNew)
            || self.waiting.values().any(|other| meets_waiting(other) == PreemptionRule::CancelNew);
        if refused {
            return self.end(&entry, EventKind::Cancelled { reason: CancelReason::Busy });
        }
        if let Some(other) = self.current.take_if(|other| meets_current(other) == PreemptionRule::CancelOther)
        {
            let by = entry.id();
            let reason = match place {
                OtherState::Spoken => CancelReason::Interrupted { by },
                OtherState::Waiting => CancelReason::Superseded { by },
            };
            self.stop_playback(&other);
            self.end(&other, EventKind::Cancelled { reason });
        }
        self.supersede(&entry, |other| meets_waiting(other) == PreemptionRule::CancelOther);
        // With nothing before it, it is spoken at once, as an ordinary element of its series.
        entry.last_of_series =
            priority == Priority::Progress && (self.current.is_some() || !self.waiting.is_empty());
        self.waiting.insert(entry.sequence, entry);
        self.start_next();
    }

    /// Begins the most urgent waiting announcement, if none is current.
    pub(super) fn start_next(&mut self) {
        if self.paused || self.closed || self.current.is_some() {
            return;
        }
        self.raise_last_of_series();
        let Some(sequence) =
            self.waiting.values().min_by_key(|entry| entry.order_key()).map(|entry| entry.sequence)
        else {
            return;
        };
        let Some(mut entry) = self.waiting.remove(&sequence) else {
            return;
        };
        // Once per run: a postponed announcement is begun again without a crash.
        if !std::mem::replace(&mut entry.begun, true) {
            entry.attempts = entry.attempts.saturating_add(1);
        }
        // The attempt is recorded before speaking, so that a crash during it is counted.
        self.effects.push_back(Effect::Append(Record::Started { sequence, attempt: entry.attempts }));
        self.effects.push_back(Effect::Start { sequence, announcement: entry.announcement.clone() });
        self.report(&entry, EventKind::Started);
        self.last = Some(entry.clone());
        self.current = Some(entry);
    }

    /// Applies the preemption of a message for the last progress announcement of a series, which is raised to one when
    /// no announcement is current.
    fn raise_last_of_series(&mut self) {
        let Some(last) = self.waiting.values().find(|entry| entry.last_of_series).cloned() else {
            return;
        };
        self.supersede(&last, |other| {
            // Later ones met it when they were admitted.
            other.sequence < last.sequence
                && matches!(other.announcement.priority(), Priority::Text | Priority::Notification)
        });
    }

    /// Ends the current announcement if it is `sequence`, and begins the next one.
    pub(super) fn end_current(&mut self, sequence: Sequence, kind: EventKind) {
        if let Some(entry) = self.current.take_if(|entry| entry.sequence == sequence) {
            self.end(&entry, kind);
            self.start_next();
        }
    }

    /// Cancels waiting announcements that `gives_way` selects, in favour of `newcomer`.
    fn supersede(&mut self, newcomer: &Entry, gives_way: impl Fn(&Entry) -> bool) {
        for (_, other) in self.waiting.extract_if(.., |_, other| gives_way(other)).collect::<Vec<_>>() {
            let reason = CancelReason::Superseded { by: newcomer.id() };
            self.end(&other, EventKind::Cancelled { reason });
        }
    }

    pub(super) fn stop_playback(&mut self, entry: &Entry) {
        self.effects.push_back(Effect::Stop(entry.sequence));
    }

    /// Records the end of `entry` in the journal and reports it.
    pub(super) fn end(&mut self, entry: &Entry, kind: EventKind) {
        // Not awaited: if a power cut loses this record, the announcement is spoken again, which is better than never.
        if let Some(outcome) = Self::outcome(&kind) {
            let at_ms = self.timeline.now_ms();
            self.effects.push_back(Effect::Append(Record::Ended {
                sequence: entry.sequence,
                at_ms,
                outcome,
            }));
        }
        self.report(entry, kind);
    }

    pub(super) fn report(&mut self, entry: &Entry, kind: EventKind) {
        let source = entry.announcement.source().map(str::to_owned);
        self.effects.push_back(Effect::Report(QueueEvent {
            sequence: entry.sequence,
            id: entry.id(),
            source,
            priority: entry.announcement.priority(),
            kind,
        }));
    }

    pub(super) fn report_duplicate(&mut self, sequence: Sequence, announcement: &Announcement) {
        // Never empty: a duplicate was found by its id.
        let id = announcement.id().unwrap_or_default().to_owned();
        let source = announcement.source().map(str::to_owned);
        let priority = announcement.priority();
        let kind = EventKind::Duplicate;
        self.effects.push_back(Effect::Report(QueueEvent { sequence, id, source, priority, kind }));
    }

    fn report_duplicates_of(&mut self, original: Sequence) {
        let is_duplicate =
            |pending: &Pending| matches!(pending, Pending::Duplicate { of, .. } if *of == original);
        let duplicates: Vec<_> = self.pending.extract_if(.., |_, pending| is_duplicate(pending)).collect();
        for (sequence, pending) in duplicates {
            if let Pending::Duplicate { announcement, .. } = pending {
                self.report_duplicate(sequence, &announcement);
            }
        }
    }
}
