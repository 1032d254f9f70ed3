//! Access of an input to the supervisor: rate limits, and the count of what is refused.

use std::collections::BTreeMap;
use std::time::Instant;

use crier_announce::Draft;
use crier_system::TokenBucket;
use crier_wire::{Answer, Command, LossReason};

use crate::{HubClosed, InputHandle};

/// Commands in a minute that an input may give. They cost little, but each is a request to the supervisor.
const COMMANDS_PER_MINUTE: u32 = 6000;

/// Longest explanation of a loss, in characters: it may quote a name that the sender has chosen.
const EXPLANATION_CHARACTERS_MAX: usize = 300;

/// Outcome of a submission or a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The announcement is in the queue.
    Accepted {
        /// Sequence number.
        sequence: u64,
        /// Id of the announcement.
        id: String,
    },
    /// An announcement with this id was accepted before, and is not spoken again.
    Duplicate {
        /// Id of the announcement.
        id: String,
    },
    /// The command was carried out.
    Done,
    /// Refused for now: too many messages in a minute, or the queue is full.
    Busy,
    /// Refused for good, with the reason.
    Refused(String),
}

/// Messages that are not submitted for one reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Number of messages.
    pub(crate) count: u64,
    /// Explanation of the latest one, where the reason alone does not say what to do.
    pub(crate) explanation: Option<String>,
}

/// Messages that are not submitted, by reason, until they are reported.
#[derive(Debug, Default)]
pub(crate) struct Losses(BTreeMap<LossReason, Loss>);

impl Losses {
    pub(crate) fn add(&mut self, reason: LossReason, count: u64) {
        if count > 0 {
            self.0.entry(reason).or_default().count += count;
        }
    }

    pub(crate) fn add_explained(&mut self, reason: LossReason, explanation: &str) {
        let loss = self.0.entry(reason).or_default();
        loss.count += 1;
        loss.explanation = Some(explanation.chars().take(EXPLANATION_CHARACTERS_MAX).collect());
    }

    pub(crate) fn take(&mut self) -> BTreeMap<LossReason, Loss> {
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

    /// Returns true if the rate limit permits one more announcement; counts it as lost otherwise.
    pub(crate) fn admit(&mut self) -> bool {
        let permitted = self.announcements.pass(Instant::now());
        if !permitted {
            self.count(LossReason::RateLimited);
        }
        permitted
    }

    /// Submits an admitted announcement that arrived at `offered`. Returns `None` if the queue is full.
    pub(crate) async fn try_say(
        &mut self,
        draft: &Draft,
        offered: Instant,
    ) -> Result<Option<RequestOutcome>, HubClosed> {
        match self.handle.submit_aged(draft, offered).await? {
            Some(Answer::Refused { later: true, reason }) => {
                tracing::debug!(input = self.handle.input(), reason, "the input waits for room in the queue");
                Ok(None)
            }
            Some(answer) => Ok(Some(self.outcome(answer))),
            None => {
                self.count(LossReason::Expired);
                Ok(Some(RequestOutcome::Refused("it expired while the queue was full".to_owned())))
            }
        }
    }

    pub(crate) async fn command(&mut self, command: Command) -> Result<RequestOutcome, HubClosed> {
        // Limits of their own: a flood of texts must not lock out the stop that ends it.
        if !self.commands.pass(Instant::now()) {
            self.count(LossReason::RateLimited);
            return Ok(RequestOutcome::Busy);
        }
        let answer = self.handle.command(command).await?;
        Ok(self.outcome(answer))
    }

    /// Counts a message that is refused for good.
    pub(crate) fn count_refused(&mut self, reason: LossReason, explanation: &str) {
        self.losses.add_explained(reason, explanation);
    }

    /// Counts a message that is not submitted.
    pub(crate) fn count(&mut self, reason: LossReason) {
        self.losses.add(reason, 1);
    }

    /// Counts messages that are not submitted.
    pub(crate) fn count_many(&mut self, reason: LossReason, count: usize) {
        self.losses.add(reason, u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Reports the losses since the last report; called once a second, so that a flood of messages is no flood of
    /// reports.
    pub(crate) async fn report_losses(&mut self) -> Result<(), HubClosed> {
        for (reason, loss) in self.losses.take() {
            self.handle.lost(reason, loss.count, loss.explanation).await?;
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
                self.count_refused(LossReason::Rejected, &reason);
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

    #[tokio::test]
    async fn text_that_can_wait_is_no_loss_while_the_queue_is_full() {
        let mut hub = Hub::new();
        let mut limited = RateLimitedHandle::new(hub.handle("fifo:test"), 60);
        let saying = tokio::spawn(async move {
            let outcome = limited.try_say(&Draft::plain("Hello."), Instant::now()).await;
            (outcome, limited.losses.take())
        });
        answer(&mut hub, full()).await;
        assert_eq!(saying.await.unwrap(), (Ok(None), BTreeMap::new()));
    }

    #[tokio::test]
    async fn text_that_expired_while_it_waited_is_counted() {
        let hub = Hub::new();
        let mut limited = RateLimitedHandle::new(hub.handle("fifo:test"), 60);
        let draft = Draft { expires_in_s: Some(2), ..Draft::plain("Hello.") };
        let offered = Instant::now().checked_sub(std::time::Duration::from_secs(3)).unwrap();
        let outcome = limited.try_say(&draft, offered).await.unwrap();
        assert!(matches!(outcome, Some(RequestOutcome::Refused(_))), "{outcome:?}");
        assert_eq!(
            limited.losses.take(),
            BTreeMap::from([(LossReason::Expired, Loss { count: 1, explanation: None })])
        );
    }

    #[tokio::test]
    async fn submission_refused_by_the_supervisor_is_counted() {
        let mut hub = Hub::new();
        let mut limited = RateLimitedHandle::new(hub.handle("serial:test"), 60);
        let saying = tokio::spawn(async move {
            let outcome = limited.try_say(&Draft::plain("Hello."), Instant::now()).await;
            (outcome, limited.losses.take())
        });
        answer(&mut hub, Answer::Refused { reason: "no such voice".into(), later: false }).await;
        let refused = RequestOutcome::Refused("no such voice".to_owned());
        let loss = Loss { count: 1, explanation: Some("no such voice".to_owned()) };
        assert_eq!(
            saying.await.unwrap(),
            (Ok(Some(refused)), BTreeMap::from([(LossReason::Rejected, loss)]))
        );
    }
}
