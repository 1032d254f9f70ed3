//! Driver of a queue, in place of the supervisor: a journal in memory, and a voice that speaks until the test ends it.

use crier_announce::{
    CancelReason, Draft, Effect, EventKind, JournalReader, Priority, Queue, QueueEvent, QueueLimits, Record,
    Sequence,
};

/// Boot id of tests without a reboot.
pub(crate) const BOOT: &str = "7d1f3c1e";

pub(crate) struct Driver {
    pub(crate) queue: Queue,
    pub(crate) boot: String,
    pub(crate) uptime_ms: u64,
    pub(crate) journal: Vec<u8>,
    pub(crate) events: Vec<QueueEvent>,
    /// Journal time of the newest record that has one, in milliseconds.
    pub(crate) latest_ms: u64,
    /// Announcement that the voice is speaking, with its id, and true if it is paused.
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

    /// Submits an announcement whose text is its id.
    pub(crate) fn say(&mut self, id: &str, priority: Priority) -> Sequence {
        self.say_draft(Draft { id: Some(id.into()), priority, ..Draft::plain(id) })
    }

    pub(crate) fn say_draft(&mut self, draft: Draft) -> Sequence {
        let sequence = self.queue.submit(draft.validate().unwrap(), self.uptime_ms).unwrap();
        self.run();
        sequence
    }

    /// Executes all effects. Checks the guarantees for drivers: one announcement at a time, pauses in pairs.
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

    /// Drops all effects except events, which are returned, as if the journal never answered.
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

    /// Ends the current announcement as spoken.
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

    /// Ends the voice without a report to the queue.
    pub(crate) fn fall_silent(&mut self) {
        self.voice = None;
    }

    /// Recovers the queue from the journal in the boot `boot`, as after a kill.
    pub(crate) fn restart(&mut self, boot: &str, limits: QueueLimits) {
        self.voice = None;
        boot.clone_into(&mut self.boot);
        self.queue =
            Queue::recover(JournalReader::new(&self.journal).records(), limits, boot, self.uptime_ms);
        self.run();
    }

    /// Compacts the journal.
    pub(crate) fn compact(&mut self) {
        self.journal = self.queue.compacted().flat_map(|record| record.encode().unwrap()).collect();
    }

    /// Returns the id of the announcement that is audible.
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
