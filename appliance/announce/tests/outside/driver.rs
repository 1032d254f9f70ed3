//! Drives a queue as the supervisor does: a journal in memory, a voice that speaks until it is told that it is done.

use crier_announce::{
    CancelReason, Draft, Effect, EventKind, JournalReader, Priority, Queue, QueueEvent, QueueLimits, Record,
    Sequence,
};

/// The boot id of all tests that do not reboot.
pub(crate) const BOOT: &str = "7d1f3c1e";

pub(crate) struct Driver {
    pub(crate) queue: Queue,
    pub(crate) boot: String,
    pub(crate) uptime_ms: u64,
    pub(crate) journal: Vec<u8>,
    pub(crate) events: Vec<QueueEvent>,
    /// Journal time of the newest record that has one, in milliseconds.
    pub(crate) latest_ms: u64,
    /// Announcement that the voice has begun and not ended, and true if it is paused.
    voice: Option<(Sequence, String, bool)>,
}

impl Default for Driver {
    fn default() -> Self {
        Self::new(QueueLimits::default())
    }
}

impl Driver {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        let mut driver = Self {
            queue: Queue::new(limits, BOOT, 0),
            boot: BOOT.into(),
            uptime_ms: 0,
            journal: Vec::new(),
            events: Vec::new(),
            latest_ms: 0,
            voice: None,
        };
        driver.run();
        driver
    }

    /// An announcement with this id, which is its text as well.
    pub(crate) fn say(&mut self, id: &str, priority: Priority) -> Sequence {
        self.say_draft(Draft { id: Some(id.into()), priority, ..Draft::plain(id) })
    }

    pub(crate) fn say_draft(&mut self, draft: Draft) -> Sequence {
        let sequence = self.queue.submit(draft.validate().unwrap(), self.uptime_ms).unwrap();
        self.run();
        sequence
    }

    /// Carries out all effects. Checks on the way what a driver may rely on: one voice at a time, pauses in pairs.
    pub(crate) fn run(&mut self) {
        while let Some(effect) = self.queue.next_effect() {
            match effect {
                Effect::Append(record) => self.append(&record),
                Effect::Start { sequence, announcement } => {
                    assert!(self.voice.is_none(), "two voices at once");
                    let id = announcement.id().map_or_else(|| sequence.to_string(), str::to_owned);
                    self.voice = Some((sequence, id, false));
                }
                Effect::Stop(sequence) => {
                    let (spoken, ..) = self.voice.take().unwrap();
                    assert_eq!(spoken, sequence);
                }
                Effect::Pause(sequence) => self.set_paused(sequence, true),
                Effect::Resume(sequence) => self.set_paused(sequence, false),
                Effect::Report(event) => self.events.push(event),
            }
        }
    }

    fn append(&mut self, record: &Record) {
        self.journal.extend(record.encode().unwrap());
        if let Record::Boot { at_ms, .. } | Record::Accepted { at_ms, .. } | Record::Ended { at_ms, .. } =
            record
        {
            self.latest_ms = self.latest_ms.max(*at_ms);
        }
        if let Some(sequence) = record.awaited() {
            self.queue.appended(sequence, self.uptime_ms);
        }
    }

    fn set_paused(&mut self, sequence: Sequence, paused: bool) {
        let (spoken, _, state) = self.voice.as_mut().unwrap();
        assert_eq!((*spoken, *state), (sequence, !paused));
        *state = paused;
    }

    /// Drops the appends that wait and returns what was reported before them.
    pub(crate) fn events_without_journal(&mut self) -> Vec<QueueEvent> {
        let mut events = Vec::new();
        while let Some(effect) = self.queue.next_effect() {
            if let Effect::Report(event) = effect {
                events.push(event);
            }
        }
        events
    }

    pub(crate) fn advance(&mut self, ms: u64) {
        self.uptime_ms += ms;
        self.queue.tick(self.uptime_ms);
        self.run();
    }

    /// The voice comes to the end of what it speaks.
    pub(crate) fn finish(&mut self) {
        if let Some((sequence, _, false)) = self.voice {
            self.voice = None;
            self.queue.finished(sequence, self.uptime_ms);
            self.run();
        }
    }

    pub(crate) fn speak_all(&mut self) {
        while self.audible().is_some() {
            self.finish();
        }
    }

    /// The voice ends without having finished.
    pub(crate) fn fall_silent(&mut self) {
        self.voice = None;
    }

    /// The supervisor is killed and starts again in the boot `boot`, with the journal as it is.
    pub(crate) fn restart(&mut self, boot: &str, limits: QueueLimits) {
        self.voice = None;
        boot.clone_into(&mut self.boot);
        self.queue =
            Queue::recover(JournalReader::new(&self.journal).records(), limits, boot, self.uptime_ms);
        self.run();
    }

    /// Writes the journal anew.
    pub(crate) fn compact(&mut self) {
        self.journal = self.queue.compacted().flat_map(|record| record.encode().unwrap()).collect();
    }

    /// The id of what can be heard now.
    pub(crate) fn audible(&self) -> Option<String> {
        self.voice.as_ref().filter(|(_, _, paused)| !paused).map(|(_, id, _)| id.clone())
    }

    pub(crate) fn speaking(&self) -> String {
        self.audible().unwrap()
    }

    pub(crate) fn finished(&self) -> Vec<String> {
        let finished = self.events.iter().filter(|event| event.kind == EventKind::Finished);
        finished.map(|event| event.id.clone()).collect()
    }

    pub(crate) fn count(&self, id: &str, kind: &EventKind) -> usize {
        self.events.iter().filter(|event| event.id == id && event.kind == *kind).count()
    }

    pub(crate) fn cancelled(&self, id: &str) -> CancelReason {
        let reason = self.events.iter().find_map(|event| match &event.kind {
            EventKind::Cancelled { reason } if event.id == id => Some(reason.clone()),
            _ => None,
        });
        reason.unwrap()
    }
}
