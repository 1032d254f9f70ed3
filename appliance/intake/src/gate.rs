//! What every input does with what it read: flood limits, the counter's answer in short, and the count of refusals.

use std::time::Instant;

use crier_announce::Draft;
use crier_system::TokenBucket;
use crier_wire::{Answer, Command};

use crate::{Desk, DeskClosed};

/// Commands in a minute that an input may give; they cost little, but each is a question to the supervisor.
const COMMANDS_PER_MINUTE: u32 = 6000;

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

/// A desk with a limit.
#[derive(Debug)]
pub(crate) struct Gate {
    desk: Desk,
    announcements: TokenBucket,
    commands: TokenBucket,
    refused: u64,
}

impl Gate {
    pub(crate) fn new(desk: Desk, max_per_minute: u32) -> Self {
        let now = Instant::now();
        Self {
            desk,
            announcements: TokenBucket::new(max_per_minute, now),
            commands: TokenBucket::new(COMMANDS_PER_MINUTE, now),
            refused: 0,
        }
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) async fn say(&mut self, draft: Draft) -> Result<Outcome, DeskClosed> {
        if !self.announcements.pass(Instant::now()) {
            self.refuse();
            return Ok(Outcome::Busy);
        }
        let answer = self.desk.submit(draft).await?;
        Ok(self.outcome(answer))
    }

    pub(crate) async fn command(&mut self, command: Command) -> Result<Outcome, DeskClosed> {
        if !self.commands.pass(Instant::now()) {
            self.refuse();
            return Ok(Outcome::Busy);
        }
        let answer = self.desk.command(command).await?;
        Ok(self.outcome(answer))
    }

    /// Counts a message that is not handed in.
    pub(crate) fn refuse(&mut self) {
        self.refused += 1;
    }

    /// Tells what was counted; called now and then, so that a flood of refusals is no flood of reports.
    pub(crate) async fn tell_refused(&mut self) -> Result<(), DeskClosed> {
        match std::mem::take(&mut self.refused) {
            0 => Ok(()),
            count => self.desk.refused(count).await,
        }
    }

    /// What the supervisor refused it has counted itself.
    fn outcome(&mut self, answer: Answer) -> Outcome {
        match answer {
            Answer::Accepted { sequence, id, durable: _ } => Outcome::Accepted { sequence, id },
            Answer::Duplicate { sequence: _, id } => Outcome::Duplicate { id },
            Answer::Done => Outcome::Done,
            Answer::Refused { later: true, reason: _ } => Outcome::Busy,
            Answer::Refused { later: false, reason } => Outcome::Refused(reason),
        }
    }
}
