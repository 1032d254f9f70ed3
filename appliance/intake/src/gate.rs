//! Access of an input to the supervisor: rate limits, waiting for room in the queue, and the count of refusals.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crier_announce::Draft;
use crier_system::{Backoff, TokenBucket};
use crier_wire::{Answer, Command, LossReason};

use crate::{Desk, DeskClosed};

/// Commands in a minute that an input may give; they cost little, but each is a question to the supervisor.
const COMMANDS_PER_MINUTE: u32 = 6000;

/// First pause before a text is offered again that met a full queue. The queue reports no free place, so it is polled.
const FULL_RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause: short enough that speech does not stop when the queue drains faster than it is filled.
const FULL_RETRY_MAX: Duration = Duration::from_secs(1);

/// What became of something handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It will be spoken.
    Accepted {
        /// The number of the submission.
        sequence: u64,
        /// Its id.
        id: String,
    },
    /// It was spoken, or will be, under this id.
    Duplicate {
        /// Its id.
        id: String,
    },
    /// It was done.
    Done,
    /// Not now: too much came, or the queue is full.
    Busy,
    /// Never, and why.
    Refused(String),
}

/// Messages that are not submitted, by reason, until they are reported.
#[derive(Debug, Default)]
pub(crate) struct Losses(BTreeMap<LossReason, u64>);

impl Losses {
    pub(crate) fn add(&mut self, reason: LossReason) {
        *self.0.entry(reason).or_default() += 1;
    }

    pub(crate) fn take(&mut self) -> BTreeMap<LossReason, u64> {
        std::mem::take(&mut self.0)
    }
}

/// A desk with a limit.
#[derive(Debug)]
pub(crate) struct Gate {
    desk: Desk,
    announcements: TokenBucket,
    commands: TokenBucket,
    losses: Losses,
}

impl Gate {
    pub(crate) fn new(desk: Desk, max_per_minute: u32) -> Self {
        let now = Instant::now();
        Self {
            desk,
            announcements: TokenBucket::new(max_per_minute, now),
            commands: TokenBucket::new(COMMANDS_PER_MINUTE, now),
            losses: Losses::default(),
        }
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) async fn say(&mut self, draft: Draft) -> Result<Outcome, DeskClosed> {
        if !self.announcements.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(Outcome::Busy);
        }
        let answer = self.desk.submit(draft).await?;
        Ok(self.outcome(answer))
    }

    /// Hands in an announcement and waits while the queue is full, so that the caller stops reading and the sender is
    /// held back by the pipe or the line. Nothing is lost but what exceeds the rate limit or expires, which is counted.
    pub(crate) async fn say_when_there_is_room(&mut self, draft: Draft) -> Result<Outcome, DeskClosed> {
        if !self.announcements.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(Outcome::Busy);
        }
        let backoff = Backoff::new(FULL_RETRY_MIN, FULL_RETRY_MAX);
        match self.desk.submit_when_there_is_room(draft, Instant::now(), backoff).await? {
            Some(answer) => Ok(self.outcome(answer)),
            None => {
                self.count(LossReason::Expired);
                Ok(Outcome::Refused("it expired while the queue was full".to_owned()))
            }
        }
    }

    pub(crate) async fn command(&mut self, command: Command) -> Result<Outcome, DeskClosed> {
        if !self.commands.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(Outcome::Busy);
        }
        let answer = self.desk.command(command).await?;
        Ok(self.outcome(answer))
    }

    /// Counts a message that is not submitted.
    pub(crate) fn count(&mut self, reason: LossReason) {
        self.losses.add(reason);
    }

    /// Reports the losses since the last report; called once a second, so that a flood of messages is no flood of
    /// reports.
    pub(crate) async fn report_losses(&mut self) -> Result<(), DeskClosed> {
        for (reason, count) in self.losses.take() {
            self.desk.lost(reason, count).await?;
        }
        Ok(())
    }

    /// Translates an answer. The supervisor does not know the input of a draft, so its refusals are counted here.
    fn outcome(&mut self, answer: Answer) -> Outcome {
        match answer {
            Answer::Accepted { sequence, id, durable: _ } => Outcome::Accepted { sequence, id },
            Answer::Duplicate { sequence: _, id } => Outcome::Duplicate { id },
            Answer::Done => Outcome::Done,
            Answer::Refused { later: true, reason: _ } => {
                self.count(LossReason::QueueFull);
                Outcome::Busy
            }
            Answer::Refused { later: false, reason } => {
                self.count(LossReason::Rejected);
                Outcome::Refused(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crier_wire::{IntakeReport, IntakeRequest};

    use super::*;
    use crate::Counter;

    async fn answer(counter: &mut Counter, answer: Answer) {
        let IntakeReport::Submit { ticket, .. } = counter.report().await else { panic!("no submission") };
        counter.request(IntakeRequest::Answer { ticket, answer });
    }

    fn full() -> Answer {
        Answer::Refused { reason: "the queue is full".into(), later: true }
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_waits_for_room_in_a_full_queue() {
        let mut counter = Counter::new();
        let mut gate = Gate::new(counter.desk("fifo:test"), 60);
        let waiting = tokio::spawn(async move {
            let outcome = gate.say_when_there_is_room(Draft::plain("Hello.")).await;
            (outcome, gate.losses.take())
        });
        for _ in 0..10 {
            answer(&mut counter, full()).await;
        }
        answer(&mut counter, Answer::Accepted { sequence: 1, id: "#1".into(), durable: true }).await;
        let accepted = Outcome::Accepted { sequence: 1, id: "#1".into() };
        assert_eq!(waiting.await.unwrap(), (Ok(accepted), BTreeMap::new()));
    }

    #[tokio::test]
    async fn what_the_supervisor_refuses_is_counted() {
        let mut counter = Counter::new();
        let mut gate = Gate::new(counter.desk("serial:test"), 60);
        let saying = tokio::spawn(async move {
            let outcome = gate.say(Draft::plain("Hello.")).await;
            (outcome, gate.losses.take())
        });
        answer(&mut counter, full()).await;
        assert_eq!(saying.await.unwrap(), (Ok(Outcome::Busy), BTreeMap::from([(LossReason::QueueFull, 1)])));
    }
}
