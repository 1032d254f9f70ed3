//! Talker, predictor and vocoder as the supervisor uses them: one question, one answer, and a word when the one who was
//! to answer has died.

use std::time::{Duration, Instant};

use crier_wire::{At, Failure, PredictorReply, TalkerReply, VocoderReply};
use serde::Serialize;

use crier_supervisor::{Connection, ConnectionSource, Disconnected};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The stage has died and will be back: tell it what it has to know, and ask again.
    Lost,
    /// The stage will not be back by itself, or says that it cannot do it.
    Unable(String),
}

/// What all replies have.
pub(crate) trait Reply {
    /// The work it answers.
    fn at(&self) -> At;
    /// Why the work could not be done.
    fn failure(&self) -> Option<&Failure>;
}

macro_rules! reply {
    ($reply:ident, $done:ident) => {
        impl Reply for $reply {
            fn at(&self) -> At {
                match self {
                    Self::$done { at, .. } | Self::Failed(Failure { at, .. }) => *at,
                }
            }

            fn failure(&self) -> Option<&Failure> {
                match self {
                    Self::Failed(failure) => Some(failure),
                    Self::$done { .. } => None,
                }
            }
        }
    };
}

reply!(TalkerReply, Decoded);
reply!(PredictorReply, Predicted);
reply!(VocoderReply, Decoded);

/// Time that was spent waiting for an engine, and for how many pieces of work.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effort {
    pub(crate) time: Duration,
    pub(crate) count: u64,
}

/// One engine.
pub(crate) struct Engine<R> {
    links: ConnectionSource<R>,
    link: Option<Connection<R>>,
    pub(crate) effort: Effort,
}

impl<R: Reply> Engine<R> {
    pub(crate) fn new(links: ConnectionSource<R>) -> Self {
        Self { links, link: None, effort: Effort::default() }
    }

    /// Waits until the stage can work.
    pub(crate) async fn ready(&mut self) -> Result<(), Trouble> {
        if self.link.is_none() {
            let held = |_| Trouble::Unable(format!("the {} is held", self.links.stage().status().name));
            self.link = Some(self.links.next().await.map_err(held)?);
        }
        Ok(())
    }

    /// Sends the parts of a request and waits for the answer to `at`; `units` pieces of work are done by it.
    pub(crate) async fn call<Q: Serialize>(
        &mut self,
        at: At,
        units: u64,
        parts: impl IntoIterator<Item = (Q, &[f32])>,
    ) -> Result<(R, Vec<f32>), Trouble> {
        self.ready().await?;
        let Some(link) = &mut self.link else { return Err(Trouble::Lost) };
        let begin = Instant::now();
        let answer = async {
            for (request, payload) in parts {
                link.send(request, payload).await?;
            }
            loop {
                // Answers to questions whose asker was stopped are nobody's any more.
                let (reply, payload) = link.receive().await?;
                if reply.at() == at {
                    return Ok((reply, payload));
                }
            }
        };
        match answer.await {
            Ok((reply, payload)) => {
                self.effort.time += begin.elapsed();
                self.effort.count += units;
                match reply.failure() {
                    Some(failure) => Err(Trouble::Unable(failure.reason.clone())),
                    None => Ok((reply, payload)),
                }
            }
            Err(Disconnected) => {
                self.link = None;
                Err(Trouble::Lost)
            }
        }
    }
}
