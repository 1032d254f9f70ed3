//! The appliance: the queue and everything that carries out what it says.
//!
//! All of it lives in one thread, and nothing in it waits: commands change the queue, effects are carried out at once,
//! and what takes time (speaking, the journal's medium) runs in tasks and a thread that report when they are done.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crier_announce::{
    Announcement, Draft, Effect, EventKind, Queue, QueueEvent, QueueLimits, RecentOutcome, RecentOutcomes,
    Sequence,
};
use crier_playback::{PlayerClient, SpeechService, SpeechStatistics};
use crier_store::{Journal, JournalEvent};
use crier_system::uptime_ms;
use crier_wire::{AnnouncementEvent, Answer, Command};
use tokio::sync::{Notify, broadcast, oneshot};
use tokio::task::JoinHandle;

/// Events that a listener may lag behind before it misses some: several for each announcement of the longest queue that
/// is usual (64).
const EVENTS_MAX: usize = 1024;

/// Queue, journal, speech and player, and the answers that submissions wait for.
pub(crate) struct Appliance {
    queue: RefCell<Queue>,
    journal: Journal,
    pub(crate) player: Rc<PlayerClient>,
    pub(crate) speech: Rc<SpeechService>,
    speaking: RefCell<Option<(Sequence, JoinHandle<()>)>>,
    /// Senders of the answers that submissions wait for, by number of the announcement.
    asked: RefCell<BTreeMap<u64, oneshot::Sender<Answer>>>,
    events: broadcast::Sender<AnnouncementEvent>,
    /// Notified when something about the state has changed.
    pub(crate) changed: Notify,
    pub(crate) statistics: RefCell<SpeechStatistics>,
    recent: RefCell<RecentOutcomes>,
    journal_problem: RefCell<Option<String>>,
    journal_bytes: Cell<u64>,
    ending: Cell<bool>,
}

impl Appliance {
    pub(crate) fn new(
        queue: Queue,
        journal: Journal,
        player: Rc<PlayerClient>,
        speech: Rc<SpeechService>,
    ) -> Rc<Self> {
        Rc::new(Self {
            queue: RefCell::new(queue),
            journal,
            player,
            speech,
            speaking: RefCell::new(None),
            asked: RefCell::new(BTreeMap::new()),
            events: broadcast::channel(EVENTS_MAX).0,
            changed: Notify::new(),
            statistics: RefCell::new(SpeechStatistics::default()),
            recent: RefCell::new(RecentOutcomes::default()),
            journal_problem: RefCell::new(None),
            journal_bytes: Cell::new(0),
            ending: Cell::new(false),
        })
    }

    /// Returns the events of announcements from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<AnnouncementEvent> {
        self.events.subscribe()
    }

    /// Takes an announcement; answers once it may be acknowledged, which is after it is in the journal.
    pub(crate) async fn submit(self: &Rc<Self>, draft: Draft) -> Answer {
        let (id, source, priority) = (draft.id.clone(), draft.source.clone(), draft.priority);
        let refused = |reason: String, later: bool| {
            // What is to be sent again later would fill the history with attempts of one sender.
            if !later {
                let mut recent = self.recent.borrow_mut();
                recent.refuse(id.as_deref(), source.as_deref(), priority, &reason, uptime_ms());
            }
            Answer::Refused { reason, later }
        };
        if self.ending.get() {
            return refused("the appliance is ending; send it again after its restart".to_owned(), true);
        }
        let announcement = match draft.validate() {
            Ok(announcement) => announcement,
            Err(error) => return refused(error.to_string(), false),
        };
        if let Err(error) = self.speech.check(&announcement) {
            return refused(error.to_string(), false);
        }
        let answer = {
            let submitted = self.queue.borrow_mut().submit(announcement, uptime_ms());
            match submitted {
                Ok(sequence) => self.ask(sequence),
                Err(error) => return refused(error.to_string(), true),
            }
        };
        self.carry_out();
        // The sender is dropped only with the appliance itself.
        answer.await.unwrap_or_else(|_| refused("the appliance is ending".to_owned(), true))
    }

    /// Returns the last announcements that ended or were refused, newest first.
    pub(crate) fn history(&self) -> Vec<RecentOutcome> {
        self.recent.borrow().iter().cloned().collect()
    }

    /// Cancels the announcement of this number, if it has not ended.
    pub(crate) fn cancel(self: &Rc<Self>, sequence: Sequence) {
        self.queue.borrow_mut().cancel(sequence, uptime_ms());
        self.carry_out();
    }

    /// Carries out a command.
    pub(crate) async fn command(self: &Rc<Self>, command: Command) -> Answer {
        let now_ms = uptime_ms();
        match command {
            Command::Stop => self.queue.borrow_mut().stop(now_ms),
            Command::StopAll => self.queue.borrow_mut().stop_all(now_ms),
            Command::StopSource { source } => self.queue.borrow_mut().cancel_source(&source, now_ms),
            Command::Pause => self.queue.borrow_mut().pause(now_ms),
            Command::Resume => self.queue.borrow_mut().resume(now_ms),
            Command::PauseToggle => {
                let mut queue = self.queue.borrow_mut();
                if queue.is_paused() { queue.resume(now_ms) } else { queue.pause(now_ms) }
            }
            Command::RepeatLast => {
                let submitted = self.queue.borrow_mut().repeat_last(now_ms);
                let answer = match submitted {
                    Ok(sequence) => self.ask(sequence),
                    Err(error) => return Answer::Refused { reason: error.to_string(), later: true },
                };
                self.carry_out();
                let ending = || Answer::Refused { reason: "the appliance is ending".to_owned(), later: true };
                return answer.await.unwrap_or_else(|_| ending());
            }
            Command::Volume { percent } if percent > 100 => {
                let reason = format!("the volume is {percent}; send a percentage from 0 to 100");
                return Answer::Refused { reason, later: false };
            }
            Command::Volume { percent } => self.player.set_volume(percent),
            // The result is cut, not refused: a knob at its end stop is turned on without an error.
            Command::VolumeStep { percent } => {
                let wanted = i64::from(self.player.volume_percent()) + i64::from(percent);
                self.player.set_volume(u32::try_from(wanted.clamp(0, 100)).unwrap_or(0));
            }
            Command::Mute { on } => self.player.set_mute(on.unwrap_or(!self.player.is_muted())),
            Command::Voice { name } => {
                if let Err(error) = self.speech.voices().choose(&name) {
                    return Answer::Refused { reason: error.to_string(), later: false };
                }
            }
        }
        self.carry_out();
        Answer::Done
    }

    /// Looks at the queue: how many announcements have not ended, and which is being spoken.
    pub(crate) fn queue<T>(&self, look: impl FnOnce(&Queue) -> T) -> T {
        look(&self.queue.borrow())
    }

    /// Changes the limits of the queue; what it holds already stays.
    pub(crate) fn set_limits(&self, limits: QueueLimits) {
        self.queue.borrow_mut().set_limits(limits);
    }

    /// Message for the status if the journal cannot be written, or has records that cannot be read.
    pub(crate) fn journal_problem(&self) -> Option<String> {
        let unreadable = || self.journal.quarantine_problem().map(str::to_owned);
        self.journal_problem.borrow().clone().or_else(unreadable)
    }

    /// Takes an event of the journal's thread.
    pub(crate) fn stored(self: &Rc<Self>, stored: JournalEvent) {
        let now_ms = uptime_ms();
        match stored {
            JournalEvent::Appended { sequence, durable: true } => {
                self.queue.borrow_mut().appended(sequence, now_ms);
            }
            JournalEvent::Appended { sequence, durable: false } => {
                self.queue.borrow_mut().append_failed(sequence, now_ms);
            }
            JournalEvent::Length(bytes) => {
                self.journal_bytes.set(bytes);
                // A journal that cannot be written is rewritten by `mend_journal` alone, at its slower pace.
                let queue = self.queue.borrow();
                if self.journal_problem.borrow().is_none() && queue.wants_compaction(bytes) {
                    self.journal.rewrite(queue.compacted());
                }
            }
            JournalEvent::Failed(reason) => {
                tracing::error!(%reason, "the journal cannot be written; announcements are kept in memory only");
                *self.journal_problem.borrow_mut() = Some(reason);
            }
            JournalEvent::Recovered => {
                if self.journal_problem.borrow_mut().take().is_some() {
                    tracing::info!("the journal is whole again");
                }
            }
        }
        self.carry_out();
    }

    /// Tells the queue the time, for expiries; to be called about once a second.
    pub(crate) fn tick(self: &Rc<Self>) {
        self.queue.borrow_mut().tick(uptime_ms());
        self.carry_out();
    }

    /// Tries to write the journal again if that failed; to be called now and then.
    pub(crate) fn mend_journal(&self) {
        if self.journal_problem.borrow().is_some() {
            self.journal.rewrite(self.queue.borrow().compacted());
        }
    }

    /// Takes and begins no more announcements; the present one may still be heard.
    pub(crate) fn end(&self) {
        self.ending.set(true);
        self.queue.borrow_mut().close();
    }

    /// Returns true while an announcement is being spoken.
    pub(crate) fn is_speaking(&self) -> bool {
        self.speaking.borrow().is_some()
    }

    /// Returns the length of the journal, in bytes.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal_bytes.get()
    }

    /// Waits until the journal's thread has done what it was given.
    pub(crate) async fn journal_written(&self) {
        self.journal.flush().await;
    }

    /// Carries out the effects that the queue asks for.
    pub(crate) fn carry_out(self: &Rc<Self>) {
        // One effect at a time: carrying one out may change the queue, and with it the next one.
        loop {
            let effect = self.queue.borrow_mut().next_effect();
            match effect {
                Some(Effect::Append(record)) => self.journal.append(&record),
                Some(Effect::Start { sequence, announcement }) => self.start(sequence, announcement),
                Some(Effect::Stop(sequence)) => self.stop(sequence),
                Some(Effect::Pause(_)) => self.player.pause(),
                Some(Effect::Resume(_)) => self.player.resume(),
                Some(Effect::Report(event)) => self.report(event),
                None => break,
            }
        }
        // Also without an effect: `pause` changes the state and nothing else.
        self.changed.notify_one();
    }

    fn ask(&self, sequence: Sequence) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        self.asked.borrow_mut().insert(sequence.number(), answer);
        answered
    }

    fn start(self: &Rc<Self>, sequence: Sequence, announcement: Announcement) {
        let appliance = Rc::clone(self);
        let task = tokio::task::spawn_local(async move {
            let mark = |name| {
                appliance.queue.borrow_mut().reached(sequence, name);
                appliance.carry_out();
            };
            let spoken = appliance.speech.speak(&appliance.player, &announcement, mark).await;
            let now_ms = uptime_ms();
            // Before the queue learns of the end: it may start the next announcement at once.
            appliance.speaking.borrow_mut().take();
            match spoken {
                Ok(spoken) => {
                    appliance.statistics.borrow_mut().count_spoken(&spoken);
                    appliance.queue.borrow_mut().finished(sequence, now_ms);
                }
                Err(error) => {
                    let reason = error.to_string();
                    tracing::error!(announcement = %sequence, %reason, "an announcement cannot be spoken");
                    // Its beginning may be playing already.
                    appliance.player.stop();
                    appliance.queue.borrow_mut().failed(sequence, &reason, now_ms);
                }
            }
            appliance.carry_out();
        });
        *self.speaking.borrow_mut() = Some((sequence, task));
    }

    fn stop(&self, sequence: Sequence) {
        // The announcement may have ended by itself a moment ago, and another one may be speaking.
        let task = self.speaking.borrow_mut().take_if(|(present, _)| *present == sequence);
        if let Some((_, task)) = task {
            task.abort();
        }
        self.player.stop();
    }

    fn report(&self, event: QueueEvent) {
        let number = event.sequence.number();
        let answer = match &event.kind {
            EventKind::Accepted { durable } => {
                Some(Answer::Accepted { sequence: number, id: event.id.clone(), durable: *durable })
            }
            EventKind::Duplicate => Some(Answer::Duplicate { sequence: number, id: event.id.clone() }),
            kind if kind.is_end() => {
                // What ends before it was accepted was refused.
                let reason = "it was stopped before it was accepted".to_owned();
                Some(Answer::Refused { reason, later: false })
            }
            _ => None,
        };
        if let Some(answer) = answer
            && let Some(asked) = self.asked.borrow_mut().remove(&number)
        {
            // Whoever asked may have gone.
            let _ = asked.send(answer);
        }
        self.statistics.borrow_mut().count(&event);
        self.recent.borrow_mut().observe(&event, uptime_ms());
        tracing::info!(announcement = %event.id.escape_debug(), event = event.kind.name(), "announcement");
        // There may be no listener.
        let _ = self.events.send(AnnouncementEvent { sequence: number, event });
    }
}
