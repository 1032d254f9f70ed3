//! Submission of the messages of inputs that answer nothing: FIFOs and buttons.

use std::time::Duration;

use crier_wire::{Command, LossReason};
use tokio::time::{Instant, sleep_until};

use crate::backlog::{Backlog, cancels_waiting, overtakes};
use crate::message::Message;
use crate::rate_limited::{RateLimitedHandle, RequestOutcome};
use crate::{HubClosed, InputHandle};

/// Submits the messages of one input. Texts for which the queue has no room wait, and the messages behind them;
/// commands that act on playback do not (see [`overtakes`]).
#[derive(Debug)]
pub(crate) struct Submitter {
    limited: RateLimitedHandle,
    backlog: Backlog<Message>,
}

impl Submitter {
    /// Returns a submitter that reads ahead up to `bytes_max` of text.
    pub(crate) fn new(handle: InputHandle, max_per_minute: u32, bytes_max: usize) -> Self {
        let backlog = Backlog::new(handle.input(), bytes_max);
        Self { limited: RateLimitedHandle::new(handle, max_per_minute), backlog }
    }

    /// Returns true if the input may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.backlog.has_room()
    }

    /// Waits until a message that waits may be submitted again.
    pub(crate) async fn due(&self) {
        self.backlog.due().await;
    }

    /// Reports the losses since the last report.
    pub(crate) async fn report_losses(&mut self) -> Result<(), HubClosed> {
        self.limited.report_losses().await
    }

    /// Submits a message, behind those that wait.
    pub(crate) async fn accept(&mut self, message: Message) -> Result<(), HubClosed> {
        let bytes = match &message {
            Message::Empty => return Ok(()),
            Message::Wrong(reason, explanation) => {
                self.limited.count_refused(*reason, explanation);
                return Ok(());
            }
            Message::Command(command) if overtakes(command) => {
                if cancels_waiting(command) {
                    // A voice is a setting and no announcement: it holds for the texts after the stop, too.
                    let outlives =
                        |message: &Message| matches!(message, Message::Command(Command::Voice { .. }));
                    let cancelled = self.backlog.cancel(outlives);
                    self.limited.count_many(LossReason::Cancelled, cancelled);
                    self.backlog.report(self.limited.handle()).await?;
                }
                self.limited.command(command.clone()).await?;
                return Ok(());
            }
            Message::Command(_) => 0,
            // Counted on arrival, so that a text that waits is not refused later for those that came after it.
            Message::Say(_) if !self.limited.admit() => return Ok(()),
            Message::Say(draft) => draft.text.len(),
        };
        self.backlog.push(message, bytes);
        self.submit_waiting().await
    }

    /// Submits the messages that wait, until one finds the queue full, and reports how many still wait.
    pub(crate) async fn submit_waiting(&mut self) -> Result<(), HubClosed> {
        self.submit_until_full().await?;
        self.backlog.report(self.limited.handle()).await
    }

    async fn submit_until_full(&mut self) -> Result<(), HubClosed> {
        while let Some((message, offered)) = self.backlog.next() {
            let outcome = match message {
                Message::Say(draft) => self.limited.try_say(draft, offered).await?,
                Message::Command(command) => Some(self.limited.command(command.clone()).await?),
                // Never in the backlog; removed should they get there.
                Message::Empty | Message::Wrong(..) => Some(RequestOutcome::Done),
            };
            if outcome.is_none() {
                self.backlog.postpone();
                return Ok(());
            }
            self.backlog.pop();
        }
        Ok(())
    }

    /// Waits for `duration`, and submits meanwhile what finds room.
    pub(crate) async fn pause(&mut self, duration: Duration) -> Result<(), HubClosed> {
        let end = Instant::now() + duration;
        loop {
            tokio::select! {
                () = sleep_until(end) => return Ok(()),
                () = self.due() => self.submit_waiting().await?,
            }
        }
    }
}
