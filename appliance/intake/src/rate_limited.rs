//! Access of an input to the supervisor: rate limits, waiting for room in the queue, and the count of refusals.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crier_announce::Draft;
use crier_system::{Backoff, TokenBucket};
use crier_wire::{Answer, Command, LossReason};

use crate::{HubClosed, InputHandle};

/// Commands in a minute that an input may give; they cost little, but each is a question to the supervisor.
const COMMANDS_PER_MINUTE: u32 = 6000;

/// First pause before a text is offered again that met a full queue. The queue reports no free place, so it is polled.
const FULL_RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause: short enough that speech does not stop when the queue drains faster than it is filled.
const FULL_RETRY_MAX: Duration = Duration::from_secs(1);

/// What became of something handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
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

/// Handle of an input with its rate limits.
#[derive(Debug)]
pub(crate) struct RateLimitedHandle {
    handle: InputHandle,
    announcements: TokenBucket,
    commands: TokenBucket,
    losses: Losses,
}

impl RateLimitedHandle {
    pub(crate) fn new(handle: InputHandle, max_per_minute: u32) -> Self {
        let now = Instant::now();
        Self {
            handle,
            announcements: TokenBucket::new(max_per_minute, now),
            commands: TokenBucket::new(COMMANDS_PER_MINUTE, now),
            losses: Losses::default(),
        }
    }

    pub(crate) fn handle(&self) -> &InputHandle {
        &self.handle
    }

    pub(crate) async fn say(&mut self, draft: Draft) -> Result<RequestOutcome, HubClosed> {
        if !self.announcements.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(RequestOutcome::Busy);
        }
        let answer = self.handle.submit(draft).await?;
        Ok(self.outcome(answer))
    }

    /// Hands in an announcement and waits while the queue is full, so that the caller stops reading and the sender is
    /// held back by the pipe or the line. Nothing is lost but what exceeds the rate limit or expires, which is counted.
    pub(crate) async fn say_when_there_is_room(&mut self, draft: Draft) -> Result<RequestOutcome, HubClosed> {
        if !self.announcements.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(RequestOutcome::Busy);
        }
        let backoff = Backoff::new(FULL_RETRY_MIN, FULL_RETRY_MAX);
        match self.handle.submit_when_there_is_room(draft, Instant::now(), backoff).await? {
            Some(answer) => Ok(self.outcome(answer)),
            None => {
                self.count(LossReason::Expired);
                Ok(RequestOutcome::Refused("it expired while the queue was full".to_owned()))
            }
        }
    }

    pub(crate) async fn command(&mut self, command: Command) -> Result<RequestOutcome, HubClosed> {
        if !self.commands.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(RequestOutcome::Busy);
        }
        let answer = self.handle.command(command).await?;
        Ok(self.outcome(answer))
    }

    /// Counts a message that is not submitted.
    pub(crate) fn count(&mut self, reason: LossReason) {
        self.losses.add(reason);
    }

    /// Reports the losses since the last report; called once a second, so that a flood of messages is no flood of
    /// reports.
    pub(crate) async fn report_losses(&mut self) -> Result<(), HubClosed> {
        for (reason, count) in self.losses.take() {
            self.handle.lost(reason, count).await?;
        }
        Ok(())
    }

    /// Translates an answer. The supervisor does not know the input of a draft, so its refusals are counted here.
    fn outcome(&mut self, answer: Answer) -> RequestOutcome {
        match answer {
            Answer::Accepted { sequence, id, durable: _ } => RequestOutcome::Accepted { sequence, id },
            Answer::Duplicate { sequence: _, id } => RequestOutcome::Duplicate { id },
            Answer::Done => RequestOutcome::Done,
            Answer::Refused { later: true, reason: _ } => {
                self.count(LossReason::QueueFull);
                RequestOutcome::Busy
            }
            Answer::Refused { later: false, reason } => {
                self.count(LossReason::Rejected);
                RequestOutcome::Refused(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crier_wire::{IntakeReport, IntakeRequest};

    use super::*;
    use crate::Hub;

    async fn answer(hub: &mut Hub, answer: Answer) {
        let IntakeReport::Submit { request_id, .. } = hub.report().await else { panic!("no submission") };
        hub.request(IntakeRequest::Answer { request_id, answer });
    }

    fn full() -> Answer {
        Answer::Refused { reason: "the queue is full".into(), later: true }
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_waits_for_room_in_a_full_queue() {
        let mut hub = Hub::new();
        let mut limited = RateLimitedHandle::new(hub.handle("fifo:test"), 60);
        let waiting = tokio::spawn(async move {
            let outcome = limited.say_when_there_is_room(Draft::plain("Hello.")).await;
            (outcome, limited.losses.take())
        });
        for _ in 0..10 {
            answer(&mut hub, full()).await;
        }
        answer(&mut hub, Answer::Accepted { sequence: 1, id: "#1".into(), durable: true }).await;
        let accepted = RequestOutcome::Accepted { sequence: 1, id: "#1".into() };
        assert_eq!(waiting.await.unwrap(), (Ok(accepted), BTreeMap::new()));
    }

    #[tokio::test]
    async fn what_the_supervisor_refuses_is_counted() {
        let mut hub = Hub::new();
        let mut limited = RateLimitedHandle::new(hub.handle("serial:test"), 60);
        let saying = tokio::spawn(async move {
            let outcome = limited.say(Draft::plain("Hello.")).await;
            (outcome, limited.losses.take())
        });
        answer(&mut hub, full()).await;
        assert_eq!(
            saying.await.unwrap(),
            (Ok(RequestOutcome::Busy), BTreeMap::from([(LossReason::QueueFull, 1)]))
        );
    }
}
