//! Clients of talker, predictor and vocoder: one request, one reply, and an error when the engine has died in between.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_supervisor::{Connection, ConnectionSource, Disconnected, Stage};
use crier_wire::{At, Failure, PredictorReply, TalkerReply, VocoderReply};
use serde::Serialize;

/// Reasons why an engine does not reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The process has ended and another one is being started: replay what it has to know, and repeat the request.
    #[error("the engine has ended and is started again")]
    Disconnected,
    /// The stage is held: it is not started again by itself.
    #[error("the {stage} is held; `crier ctl release` starts it again")]
    Held {
        /// Name of the stage.
        stage: String,
    },
    /// The engine reports that it cannot do the work.
    #[error("{reason}")]
    Failed {
        /// Its error message.
        reason: String,
    },
}

/// Common parts of all replies.
pub(crate) trait Reply {
    /// Address of the request.
    fn at(&self) -> At;
    /// Failure, if the work could not be done.
    fn failure(&self) -> Option<&Failure>;
    /// True if another packet continues the payload.
    fn has_more(&self) -> bool {
        false
    }
}

macro_rules! reply {
    ($reply:ident, $done:ident $(, $more:ident)?) => {
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

            $(
                fn has_more(&self) -> bool {
                    matches!(self, Self::$done { $more: true, .. })
                }
            )?
        }
    };
}

reply!(TalkerReply, Decoded);
reply!(PredictorReply, Predicted);
reply!(VocoderReply, Decoded, more);

/// Latency of an engine, summed over its requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct LatencyStats {
    /// Time between requests and their replies.
    pub time: Duration,
    /// Units of work (decoder steps, frames) that the replies were for.
    pub count: u64,
}

impl LatencyStats {
    /// Returns the mean latency of a unit of work in milliseconds, 0 before the first one.
    #[must_use]
    pub fn mean_ms(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.time.as_secs_f64() * 1e3 / self.count as f64 }
    }
}

/// Time during which at least one engine of a voice was working.
///
/// This, and not the time between the first and the last sample, is the work behind a real-time factor: it excludes
/// waiting for the playback position, pauses, and engines that are being started again.
#[derive(Debug, Default)]
pub struct BusyClock {
    working: Cell<u32>,
    since: Cell<Option<Instant>>,
    total: Cell<Duration>,
}

impl BusyClock {
    /// Returns the time so far.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total.get() + self.since.get().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Counts one more working engine until the guard is dropped, also when its request is cancelled.
    fn enter(self: &Rc<Self>) -> BusyGuard {
        if self.working.get() == 0 {
            self.since.set(Some(Instant::now()));
        }
        self.working.set(self.working.get() + 1);
        BusyGuard(Rc::clone(self))
    }
}

struct BusyGuard(Rc<BusyClock>);

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let clock = &self.0;
        clock.working.set(clock.working.get() - 1);
        // Only the last one that stops ends the interval: overlapping work counts once.
        if clock.working.get() == 0
            && let Some(since) = clock.since.take()
        {
            clock.total.set(clock.total.get() + since.elapsed());
        }
    }
}

/// Client of one engine.
pub(crate) struct EngineClient<R> {
    connections: ConnectionSource<R>,
    connection: Option<Connection<R>>,
    clock: Rc<BusyClock>,
    pub(crate) stats: LatencyStats,
}

impl<R: Reply> EngineClient<R> {
    pub(crate) fn new(connections: ConnectionSource<R>, clock: &Rc<BusyClock>) -> Self {
        Self { connections, connection: None, clock: Rc::clone(clock), stats: LatencyStats::default() }
    }

    /// Waits until the engine is ready for requests.
    pub(crate) async fn ready(&mut self) -> Result<(), EngineError> {
        if self.connection.is_none() {
            let held = |_| EngineError::Held { stage: self.stage().status().name.clone() };
            self.connection = Some(self.connections.next().await.map_err(held)?);
        }
        Ok(())
    }

    /// Stage behind the client.
    pub(crate) fn stage(&self) -> &Rc<Stage> {
        self.connections.stage()
    }

    /// Sends the parts of a request and waits for the reply to `at`, which does `units` units of work.
    pub(crate) async fn call<Q: Serialize>(
        &mut self,
        at: At,
        units: u64,
        parts: impl IntoIterator<Item = (Q, &[f32])>,
    ) -> Result<(R, Vec<f32>), EngineError> {
        self.ready().await?;
        let Some(connection) = &mut self.connection else { return Err(EngineError::Disconnected) };
        // After `ready`, so that the time in which an engine starts again counts neither as work nor as latency.
        let (begin, busy) = (Instant::now(), self.clock.enter());
        let reply = async {
            for (request, payload) in parts {
                connection.send(request, payload).await?;
            }
            let mut numbers = Vec::new();
            loop {
                let (reply, mut payload) = connection.receive().await?;
                // A request that was cancelled, as by an announcement that was stopped, leaves its reply behind.
                if reply.at() != at {
                    continue;
                }
                if numbers.is_empty() {
                    numbers = payload;
                } else {
                    numbers.append(&mut payload);
                }
                if !reply.has_more() {
                    return Ok((reply, numbers));
                }
            }
        };
        let reply = reply.await;
        drop(busy);
        match reply {
            Ok((reply, payload)) => {
                self.stats.time += begin.elapsed();
                self.stats.count += units;
                match reply.failure() {
                    Some(failure) => Err(EngineError::Failed { reason: failure.reason.clone() }),
                    None => Ok((reply, payload)),
                }
            }
            Err(Disconnected) => {
                // The next call waits for the next instance.
                self.connection = None;
                Err(EngineError::Disconnected)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_work_counts_once_and_idle_time_not_at_all() {
        let clock = Rc::new(BusyClock::default());
        let (first, second) = (clock.enter(), clock.enter());
        std::thread::sleep(Duration::from_millis(20));
        drop(first);
        drop(second);
        let busy = clock.total();
        assert!(busy >= Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(clock.total(), busy, "no engine works");
        drop(clock.enter());
        assert!(clock.total() >= busy);
    }

    #[test]
    fn a_mean_of_nothing_is_zero() {
        assert_eq!(LatencyStats::default().mean_ms(), 0.0);
        assert_eq!(LatencyStats { time: Duration::from_millis(30), count: 10 }.mean_ms(), 3.0);
    }
}
