//! Queue compared with a simple model, written from the sentences of SSIP's specification rather than the queue's
//! table.

use std::collections::BTreeMap;

use crier_announce::{ATTEMPTS_MAX, EventKind, ID_MEMORY_MS, Priority, Sequence};
use proptest::prelude::*;

use crate::driver::Driver;
use crate::operation::{Operation, operations};

#[derive(Debug, Clone)]
struct Item {
    number: u64,
    id: Option<u8>,
    /// Source: true for the sender of odd ids, false for that of even ids.
    odd: Option<bool>,
    priority: Priority,
    expires_ms: Option<u64>,
    attempts: u32,
    begun: bool,
    raised: bool,
}

impl Item {
    fn spoken_as(&self) -> Priority {
        if self.raised { Priority::Message } else { self.priority }
    }
}

#[derive(Debug, Default)]
struct Model {
    now_ms: u64,
    next: u64,
    /// Next number by the journal, which has no records of duplicates.
    recorded_next: u64,
    current: Option<Item>,
    waiting: Vec<Item>,
    paused: bool,
    last: Option<(Priority, Option<bool>)>,
    ids_ms: BTreeMap<u8, u64>,
    ends: BTreeMap<u64, &'static str>,
}

impl Model {
    fn apply(&mut self, operation: &Operation, driver: &Driver) {
        match *operation {
            Operation::Say { id, priority, expires_in_s } => {
                self.say(id, id.map(|id| id % 2 == 1), priority, expires_in_s);
            }
            Operation::Finish => self.end_audible("finished"),
            Operation::Fail => self.end_audible("failed"),
            Operation::Stop => {
                self.end_current("cancelled");
                self.start();
            }
            Operation::StopAll => {
                self.end_current("cancelled");
                self.cancel_waiting(|_| true);
            }
            Operation::StopSource { odd } => {
                self.cancel_waiting(|item| item.odd == Some(odd));
                let current = self.current.as_ref().is_some_and(|item| item.odd == Some(odd));
                self.end_current_if(current);
                self.start();
            }
            Operation::Pause => self.paused = true,
            Operation::Resume => self.resume(),
            Operation::Repeat => {
                if let Some((priority, odd)) = self.last {
                    let important = priority == Priority::Important;
                    self.say(None, odd, if important { priority } else { Priority::Message }, None);
                }
            }
            Operation::Advance { ms } => self.advance(ms),
            Operation::Compact => self.recorded_next = self.next,
            Operation::Crash => self.restart(false),
            Operation::Reboot => {
                // Without a record of later times, journal time continues at the last record.
                self.now_ms = driver.latest_ms;
                self.restart(true);
            }
        }
    }

    fn say(&mut self, id: Option<u8>, odd: Option<bool>, priority: Priority, expires_in_s: Option<u32>) {
        use Priority::{Important, Message, Notification, Progress, Text};
        let number = self.next;
        self.next += 1;
        if let Some(id) = id {
            let live = self.waiting.iter().chain(&self.current).any(|item| item.id == Some(id));
            let recent = self.ids_ms.get(&id).is_some_and(|came_ms| came_ms + ID_MEMORY_MS > self.now_ms);
            if live || recent {
                return;
            }
            self.ids_ms.insert(id, self.now_ms);
        }
        self.recorded_next = self.next;
        let expires_ms = expires_in_s.map(|seconds| self.now_ms + u64::from(seconds) * 1000);
        let mut item =
            Item { number, id, odd, priority, expires_ms, attempts: 0, begun: false, raised: false };

        if self.paused && (priority == Notification || priority == Progress) {
            return self.end(&item, "cancelled");
        }
        let spoken = self.current.as_ref().map(Item::spoken_as);
        let waits = |wanted: Priority| self.waiting.iter().any(|other| other.priority == wanted);
        match priority {
            // "said immediately ...; postponed (message and text) ... or canceled (notification and progress)"
            Important => {
                let cancelled = if self.paused {
                    spoken == Some(Notification)
                } else {
                    spoken.is_some_and(|spoken| spoken != Important)
                };
                self.end_current_if(cancelled);
                self.cancel_waiting(|other| other.priority == Notification);
            }
            // "if there are messages of priority notification, progress or text ..., they are canceled"; only the
            // latest text is said, so a text does to others what a message does.
            Message | Text => {
                let cancelled = match spoken {
                    Some(Text | Notification) => true,
                    Some(Progress) => !self.paused,
                    _ => false,
                };
                self.end_current_if(cancelled);
                self.cancel_waiting(|other| matches!(other.priority, Text | Notification));
            }
            // "if there are messages with priorities important, message, text or progress ..., it is canceled"
            Notification => {
                let busy = spoken.is_some_and(|spoken| spoken != Notification)
                    || [Important, Message, Text, Progress].into_iter().any(waits);
                if busy {
                    return self.end(&item, "cancelled");
                }
                self.end_current("cancelled");
                self.cancel_waiting(|_| true);
            }
            // "don't interrupt each other"; the last of the series is kept
            Progress => {
                self.cancel_waiting(|other| matches!(other.priority, Progress | Notification));
                item.raised = self.current.is_some() || !self.waiting.is_empty();
            }
        }
        self.waiting.push(item);
        self.start();
    }

    fn start(&mut self) {
        if self.paused || self.current.is_some() {
            return;
        }
        self.waiting.sort_by_key(|item| item.number);
        if let Some(raised) = self.waiting.iter().find(|item| item.raised).map(|item| item.number) {
            self.cancel_waiting(|other| {
                other.number < raised && matches!(other.priority, Priority::Text | Priority::Notification)
            });
        }
        self.waiting.sort_by_key(|item| (item.spoken_as(), item.number));
        if !self.waiting.is_empty() {
            let mut item = self.waiting.remove(0);
            item.attempts += u32::from(!item.begun);
            item.begun = true;
            self.last = Some((item.priority, item.odd));
            self.current = Some(item);
        }
    }

    fn resume(&mut self) {
        if !std::mem::replace(&mut self.paused, false) {
            return;
        }
        let spoken = self.current.as_ref().map(Item::spoken_as);
        if spoken.is_some_and(|spoken| self.waiting.iter().any(|item| item.priority < spoken)) {
            let mut item = self.current.take().unwrap();
            item.raised = item.priority == Priority::Progress;
            self.waiting.push(item);
            self.expire();
        }
        self.start();
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        self.expire();
    }

    fn expire(&mut self) {
        let now_ms = self.now_ms;
        let expired = |item: &Item| item.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms);
        for item in self.waiting.extract_if(.., |item| expired(item)).collect::<Vec<_>>() {
            self.end(&item, "expired");
        }
    }

    fn restart(&mut self, rebooted: bool) {
        self.paused = false;
        self.next = self.recorded_next;
        self.waiting.extend(self.current.take());
        for mut item in std::mem::take(&mut self.waiting) {
            item.begun = false;
            item.raised = item.priority == Priority::Progress;
            let now_ms = self.now_ms;
            if rebooted && item.expires_ms.is_some() {
                self.end(&item, "expired");
            } else if item.attempts >= ATTEMPTS_MAX {
                self.end(&item, "failed");
            } else if item.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
                self.end(&item, "expired");
            } else {
                self.waiting.push(item);
            }
        }
        self.start();
    }

    fn end_audible(&mut self, how: &'static str) {
        if !self.paused {
            self.end_current(how);
            self.start();
        }
    }

    fn end_current_if(&mut self, cancelled: bool) {
        if cancelled {
            self.end_current("cancelled");
        }
    }

    fn end_current(&mut self, how: &'static str) {
        if let Some(item) = self.current.take() {
            self.end(&item, how);
        }
    }

    fn cancel_waiting(&mut self, which: impl Fn(&Item) -> bool) {
        for item in self.waiting.extract_if(.., |item| which(item)).collect::<Vec<_>>() {
            self.end(&item, "cancelled");
        }
    }

    fn end(&mut self, item: &Item, how: &'static str) {
        assert!(self.ends.insert(item.number, how).is_none());
    }
}

fn name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Finished => "finished",
        EventKind::Cancelled { .. } => "cancelled",
        EventKind::Expired => "expired",
        EventKind::Failed { .. } => "failed",
        _ => "not an end",
    }
}

/// Announcements that the queue reported as ended; each announcement ends once, and only after it was accepted.
fn ends(driver: &Driver) -> BTreeMap<u64, &'static str> {
    let mut accepted = Vec::new();
    let mut ends = BTreeMap::new();
    for event in &driver.events {
        if matches!(event.kind, EventKind::Accepted { .. }) {
            accepted.push(event.sequence);
        } else if event.kind.is_end() {
            assert!(accepted.contains(&event.sequence), "{event:?} before it was accepted");
            assert!(ends.insert(event.sequence.number(), name(&event.kind)).is_none(), "{event:?} twice");
        }
    }
    ends
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn queue_agrees_with_model(operations in operations(80)) {
        let mut driver = Driver::default();
        let mut model = Model::default();
        for operation in &operations {
            operation.apply(&mut driver);
            model.apply(operation, &driver);

            let number = |sequence: Sequence| sequence.number();
            let current = driver.queue.current().map(|(sequence, _)| number(sequence));
            prop_assert_eq!(current, model.current.as_ref().map(|item| item.number), "after {:?}", operation);
            prop_assert_eq!(driver.queue.is_paused(), model.paused);
            prop_assert_eq!(driver.audible().is_some(), current.is_some() && !model.paused);

            model.waiting.sort_by_key(|item| (item.spoken_as(), item.number));
            let waiting: Vec<u64> = driver.queue.waiting().iter().map(|(sequence, _)| number(*sequence)).collect();
            let expected: Vec<u64> = model.waiting.iter().map(|item| item.number).collect();
            prop_assert_eq!(waiting, expected, "after {:?}", operation);
            prop_assert_eq!(ends(&driver), model.ends.clone(), "after {:?}", operation);
        }
    }
}
