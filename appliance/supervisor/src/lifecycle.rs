//! The life cycle of one stage as a state machine without I/O, clock or process: events in, actions out.
//!
//! ```text
//!              Spawned             Ready
//!   Spawning ----------> Starting --------> Running
//!      ^  \                  |                 |  failure, restart, hold or close
//!      |   \ SpawnFailed     |                 v
//!      |    \                +-----------> Terminating
//!      |     v                                 |  Exited, or not reaped in time
//!      +-- Backoff <---------------------------+
//!      |                                       |
//!      +-- Held  <-----------------------------+  held by an operator, or too many restarts
//! ```
//!
//! At most one process exists at any time: `Spawn` is only asked for when the previous process was reaped or abandoned.
//! All times are milliseconds of a monotonic clock.

use std::collections::VecDeque;
use std::fmt;

use crier_system::Ended;

use crate::restart::{Restart, RestartPolicy};

/// Interval between heartbeats of an idle stage. Short against the shortest progress timeout that can be configured, so
/// that the timeout dominates the time to detection, and long enough to cost nothing (two small packets).
pub(crate) const HEARTBEAT_INTERVAL_MS: u64 = 500;
/// Time for the kernel to report the exit of a process that has closed its channel. A dying process closes its
/// descriptors a moment before it becomes a zombie; without this grace period every crash would be reported as "closed
/// its channel" instead of by its signal.
pub(crate) const EXIT_GRACE_MS: u64 = 50;
/// Time for a killed process to be reaped. Only a process in uninterruptible sleep (a hanging device driver) takes
/// longer; it is abandoned then, since its replacement may well find the device working.
pub(crate) const REAP_TIMEOUT_MS: u64 = 5_000;

/// Timeouts and limits of a stage, from `[supervisor]` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageTimeouts {
    /// Time from spawn until the stage reports that it is ready, in milliseconds.
    pub start_timeout_ms: u64,
    /// Time for a heartbeat to be answered, in milliseconds.
    pub progress_timeout_ms: u64,
    /// Restarts within a minute before the stage is held.
    pub restarts_max: usize,
}

/// State of a stage as its clients and `crier ctl status` see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A process is being spawned or loads what it needs.
    Starting,
    /// Ready for work.
    Running,
    /// Ended; the next instance is spawned soon.
    Waiting,
    /// Ended, and not restarted until it is released.
    Held,
}

/// Cause of the end of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The process could not be spawned.
    SpawnFailed(String),
    /// The process exited or was killed by someone else.
    Exited(Ended),
    /// Not ready within the start timeout, in milliseconds.
    StartTimeout(u64),
    /// A heartbeat was not answered within the progress timeout, in milliseconds.
    HeartbeatTimeout(u64),
    /// The channel was closed by a process that goes on running.
    ChannelClosed,
    /// The channel failed or carried something invalid.
    Channel(String),
    /// The client dropped the connection in the middle of its work, so the state of the instance is unknown.
    ConnectionDropped,
    /// An operator or a new configuration asked for it. Not a failure.
    Requested,
}

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpawnFailed(error) => write!(formatter, "cannot be started: {error}"),
            Self::Exited(ended) => ended.fmt(formatter),
            Self::StartTimeout(ms) => write!(formatter, "not ready after {} s", ms / 1000),
            Self::HeartbeatTimeout(ms) => write!(formatter, "no heartbeat for {ms} ms"),
            Self::ChannelClosed => formatter.write_str("closed its channel"),
            Self::Channel(error) => formatter.write_str(error),
            Self::ConnectionDropped => formatter.write_str("its client dropped the connection"),
            Self::Requested => formatter.write_str("ended on request"),
        }
    }
}

/// Input of the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The process that was asked for runs its program.
    Spawned,
    /// The process could not be spawned.
    SpawnFailed(String),
    /// The instance has loaded what it needs.
    Ready,
    /// The answer to the heartbeat of this number.
    HeartbeatAnswered(u64),
    /// The client does not take what the stage sends (`true`), or takes it again: while the channel is not read, a
    /// missing heartbeat proves nothing.
    ClientStalled(bool),
    /// The stage has closed its end of the channel.
    ChannelClosed,
    /// The instance must be replaced: its channel failed, or its client has dropped the connection.
    Failed(EndReason),
    /// The process has ended and was reaped.
    Exited(Ended),
    /// Operator: end the stage and leave it ended.
    Hold,
    /// Operator: start a held stage again, with a clean record.
    Release,
    /// Reload: replace the instance so that the present specification is used. Does not release a held stage.
    Restart,
    /// The last client is gone: end the stage for good.
    Close,
    /// Time has passed.
    Tick,
}

/// Output of the state machine, to be carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Spawn a process by the present specification, and send its settings.
    Spawn,
    /// Give the client a connection to the instance.
    OpenConnection,
    /// Take the connection away.
    CloseConnection,
    /// Send the heartbeat of this number.
    SendHeartbeat(u64),
    /// Kill the process and its group.
    Kill,
    /// Let go of a process that cannot be reaped.
    Abandon,
    /// Keep a crash report with this reason, and log it.
    Report(EndReason),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum LifecyclePhase {
    /// The process is being spawned; nothing can be killed yet.
    Spawning {
        abort: bool,
    },
    /// The process loads what it needs.
    Starting {
        deadline_ms: u64,
    },
    /// A connection is open.
    Running {
        heartbeat: Heartbeat,
        stalled: bool,
    },
    /// The channel is closed, and the process is expected to be reaped in a moment.
    Exiting {
        deadline_ms: u64,
    },
    /// The process was killed and waits to be reaped.
    Terminating {
        reason: EndReason,
        deadline_ms: u64,
    },
    /// Waiting for the next spawn.
    Backoff {
        until_ms: u64,
    },
    Held,
    /// For ever.
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heartbeat {
    /// The next one is due at this time.
    Due { at_ms: u64 },
    /// Sent, and to be answered by this time.
    Sent { deadline_ms: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DesiredState {
    Running,
    Held,
    Closed,
}

/// State machine of one stage.
#[derive(Debug)]
pub struct Lifecycle {
    timeouts: StageTimeouts,
    policy: RestartPolicy,
    phase: LifecyclePhase,
    desired: DesiredState,
    /// True if the restart policy asked for the hold.
    gave_up: bool,
    /// Number of the latest heartbeat; an answer to an earlier one proves nothing.
    heartbeat: u64,
    /// Time of the latest spawn.
    born_ms: u64,
    restarts: u64,
    actions: VecDeque<Action>,
}

impl Lifecycle {
    /// Begins with a request for the first spawn.
    #[must_use]
    pub fn new(timeouts: StageTimeouts, now_ms: u64) -> Self {
        Self {
            timeouts,
            policy: RestartPolicy::new(timeouts.restarts_max),
            phase: LifecyclePhase::Spawning { abort: false },
            desired: DesiredState::Running,
            gave_up: false,
            heartbeat: 0,
            born_ms: now_ms,
            restarts: 0,
            actions: VecDeque::from([Action::Spawn]),
        }
    }

    /// Replaces timeouts and limits; running deadlines keep theirs.
    pub fn set_timeouts(&mut self, timeouts: StageTimeouts) {
        self.timeouts = timeouts;
        self.policy.set_restarts_max(timeouts.restarts_max);
    }

    /// Next action, if any.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Time at which `Tick` has to be delivered at the latest.
    #[must_use]
    pub fn deadline_ms(&self) -> Option<u64> {
        match &self.phase {
            LifecyclePhase::Starting { deadline_ms }
            | LifecyclePhase::Exiting { deadline_ms }
            | LifecyclePhase::Terminating { deadline_ms, .. } => Some(*deadline_ms),
            // While the channel is not read no answer can arrive, so nothing is due.
            LifecyclePhase::Running { stalled: true, .. } => None,
            LifecyclePhase::Running { heartbeat: Heartbeat::Due { at_ms }, .. } => Some(*at_ms),
            LifecyclePhase::Running { heartbeat: Heartbeat::Sent { deadline_ms }, .. } => Some(*deadline_ms),
            LifecyclePhase::Backoff { until_ms } => Some(*until_ms),
            LifecyclePhase::Spawning { .. } | LifecyclePhase::Held | LifecyclePhase::Closed => None,
        }
    }

    /// State as clients see it.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self.phase {
            LifecyclePhase::Spawning { .. } | LifecyclePhase::Starting { .. } => Condition::Starting,
            LifecyclePhase::Running { .. } => Condition::Running,
            LifecyclePhase::Exiting { .. }
            | LifecyclePhase::Terminating { .. }
            | LifecyclePhase::Backoff { .. } => Condition::Waiting,
            LifecyclePhase::Held | LifecyclePhase::Closed => Condition::Held,
        }
    }

    /// True once the stage has ended for good and its process is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == LifecyclePhase::Closed
    }

    /// True if the stage is held because it failed too often, not because an operator asked for it.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.gave_up
    }

    /// Number of spawns after the first one.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Takes an event. Events that do not fit the phase are late news of a process that is already being ended, and
    /// are ignored.
    pub fn on(&mut self, event: Event, now_ms: u64) {
        match event {
            Event::Spawned => self.spawned(now_ms),
            Event::SpawnFailed(error) => {
                if let LifecyclePhase::Spawning { abort } = self.phase {
                    // A process that was not wanted any more is no failure, whether or not it could be spawned.
                    let reason = if abort { EndReason::Requested } else { EndReason::SpawnFailed(error) };
                    self.ended(reason, now_ms);
                }
            }
            Event::Ready => {
                if let LifecyclePhase::Starting { .. } = self.phase {
                    let heartbeat = Heartbeat::Due { at_ms: now_ms + HEARTBEAT_INTERVAL_MS };
                    self.phase = LifecyclePhase::Running { heartbeat, stalled: false };
                    self.actions.push_back(Action::OpenConnection);
                }
            }
            Event::HeartbeatAnswered(number) => {
                if let LifecyclePhase::Running { heartbeat, .. } = &mut self.phase
                    && number == self.heartbeat
                {
                    *heartbeat = Heartbeat::Due { at_ms: now_ms + HEARTBEAT_INTERVAL_MS };
                }
            }
            Event::ClientStalled(now_stalled) => self.stalled(now_stalled, now_ms),
            Event::ChannelClosed => self.channel_closed(now_ms),
            Event::Failed(reason) => self.terminate(reason, now_ms),
            Event::Exited(exit) => self.exited(exit, now_ms),
            Event::Hold => self.hold(now_ms),
            Event::Release => self.release(now_ms),
            Event::Restart => self.restart(now_ms),
            Event::Close => self.close(now_ms),
            Event::Tick => self.tick(now_ms),
        }
    }

    fn spawned(&mut self, now_ms: u64) {
        let LifecyclePhase::Spawning { abort } = self.phase else { return };
        self.phase = LifecyclePhase::Starting { deadline_ms: now_ms + self.timeouts.start_timeout_ms };
        if abort {
            // Hold, restart or close came while there was no process to end yet.
            self.terminate(EndReason::Requested, now_ms);
        }
    }

    fn stalled(&mut self, now_stalled: bool, now_ms: u64) {
        if let LifecyclePhase::Running { heartbeat, stalled } = &mut self.phase {
            if *stalled && !now_stalled {
                // An answer may wait in the channel behind what was not read: the clock starts anew.
                *heartbeat = match heartbeat {
                    Heartbeat::Due { .. } => Heartbeat::Due { at_ms: now_ms + HEARTBEAT_INTERVAL_MS },
                    Heartbeat::Sent { .. } => {
                        Heartbeat::Sent { deadline_ms: now_ms + self.timeouts.progress_timeout_ms }
                    }
                };
            }
            *stalled = now_stalled;
        }
    }

    fn channel_closed(&mut self, now_ms: u64) {
        match self.phase {
            LifecyclePhase::Running { .. } => self.actions.push_back(Action::CloseConnection),
            LifecyclePhase::Starting { .. } => {}
            _ => return,
        }
        // Not killed yet: a process that dies by itself should be reported by its own exit status.
        self.phase = LifecyclePhase::Exiting { deadline_ms: now_ms + EXIT_GRACE_MS };
    }

    /// Ends the process, if there is one, for this reason.
    fn terminate(&mut self, reason: EndReason, now_ms: u64) {
        match self.phase {
            LifecyclePhase::Running { .. } => self.actions.push_back(Action::CloseConnection),
            LifecyclePhase::Starting { .. } | LifecyclePhase::Exiting { .. } => {}
            _ => return,
        }
        self.actions.push_back(Action::Kill);
        self.phase = LifecyclePhase::Terminating { reason, deadline_ms: now_ms + REAP_TIMEOUT_MS };
    }

    fn exited(&mut self, exit: Ended, now_ms: u64) {
        // `Closed` is a placeholder: each arm sets the phase.
        match std::mem::replace(&mut self.phase, LifecyclePhase::Closed) {
            LifecyclePhase::Starting { .. } | LifecyclePhase::Exiting { .. } => {
                self.ended(EndReason::Exited(exit), now_ms);
            }
            LifecyclePhase::Running { .. } => {
                self.actions.push_back(Action::CloseConnection);
                self.ended(EndReason::Exited(exit), now_ms);
            }
            // The cause of the kill is the news, not the signal that this program sent.
            LifecyclePhase::Terminating { reason, .. } => self.ended(reason, now_ms),
            other => self.phase = other,
        }
    }

    /// Decides how it goes on after the end of an instance, whose process is gone.
    fn ended(&mut self, reason: EndReason, now_ms: u64) {
        let requested = reason == EndReason::Requested;
        if !requested {
            self.actions.push_back(Action::Report(reason));
        }
        match self.desired {
            DesiredState::Closed => self.phase = LifecyclePhase::Closed,
            DesiredState::Held => self.phase = LifecyclePhase::Held,
            // Without back-off: an operator or a reload waits for it, and no failure calls for caution.
            DesiredState::Running if requested => self.spawn(now_ms),
            DesiredState::Running => match self.policy.died(now_ms, now_ms.saturating_sub(self.born_ms)) {
                Restart::After { wait_ms } => {
                    self.phase = LifecyclePhase::Backoff { until_ms: now_ms + wait_ms }
                }
                Restart::Hold => {
                    // As if an operator had asked for it, so that the same release starts it again.
                    self.desired = DesiredState::Held;
                    self.phase = LifecyclePhase::Held;
                    self.gave_up = true;
                }
            },
        }
    }

    fn spawn(&mut self, now_ms: u64) {
        self.restarts += 1;
        // From the spawn, not from readiness: an instance that dies while it loads has lived for a short time.
        self.born_ms = now_ms;
        self.phase = LifecyclePhase::Spawning { abort: false };
        self.actions.push_back(Action::Spawn);
    }

    fn hold(&mut self, now_ms: u64) {
        if self.desired == DesiredState::Closed {
            return;
        }
        self.desired = DesiredState::Held;
        match &mut self.phase {
            // Nothing can be killed before it exists; the end of the spawn finds the flag.
            LifecyclePhase::Spawning { abort } => *abort = true,
            LifecyclePhase::Backoff { .. } => self.phase = LifecyclePhase::Held,
            _ => self.terminate(EndReason::Requested, now_ms),
        }
    }

    fn release(&mut self, now_ms: u64) {
        if self.desired != DesiredState::Held {
            return;
        }
        self.gave_up = false;
        self.desired = DesiredState::Running;
        self.policy.release();
        if self.phase == LifecyclePhase::Held {
            self.spawn(now_ms);
        }
        // Otherwise the process is still being ended, and the end finds the new desired state.
    }

    fn restart(&mut self, now_ms: u64) {
        if self.desired != DesiredState::Running {
            return;
        }
        match &mut self.phase {
            // It may have been given the old specification already. One that waits to be spawned anyway is spawned at
            // once: the new specification may be the remedy for its failures.
            LifecyclePhase::Spawning { abort } => *abort = true,
            LifecyclePhase::Backoff { .. } => self.spawn(now_ms),
            _ => self.terminate(EndReason::Requested, now_ms),
        }
    }

    fn close(&mut self, now_ms: u64) {
        self.desired = DesiredState::Closed;
        match &mut self.phase {
            LifecyclePhase::Spawning { abort } => *abort = true,
            LifecyclePhase::Backoff { .. } | LifecyclePhase::Held => self.phase = LifecyclePhase::Closed,
            _ => self.terminate(EndReason::Requested, now_ms),
        }
    }

    fn tick(&mut self, now_ms: u64) {
        // A tick may be early: the deadline has moved since its timer was set.
        if self.deadline_ms().is_none_or(|deadline_ms| now_ms < deadline_ms) {
            return;
        }
        match &self.phase {
            LifecyclePhase::Starting { .. } => {
                self.terminate(EndReason::StartTimeout(self.timeouts.start_timeout_ms), now_ms);
            }
            LifecyclePhase::Running { heartbeat: Heartbeat::Due { .. }, stalled } => {
                let stalled = *stalled;
                // A new number each time, so that an answer that was late by one heartbeat is not taken for this one's.
                self.heartbeat += 1;
                self.actions.push_back(Action::SendHeartbeat(self.heartbeat));
                let deadline_ms = now_ms + self.timeouts.progress_timeout_ms;
                self.phase = LifecyclePhase::Running { heartbeat: Heartbeat::Sent { deadline_ms }, stalled };
            }
            LifecyclePhase::Running { heartbeat: Heartbeat::Sent { .. }, .. } => {
                self.terminate(EndReason::HeartbeatTimeout(self.timeouts.progress_timeout_ms), now_ms);
            }
            LifecyclePhase::Exiting { .. } => self.terminate(EndReason::ChannelClosed, now_ms),
            LifecyclePhase::Terminating { reason, .. } => {
                let reason = reason.clone();
                // Its memory and CPU are lost until the kernel lets it end, but the stage works again.
                self.actions.push_back(Action::Abandon);
                self.ended(reason, now_ms);
            }
            LifecyclePhase::Backoff { .. } => self.spawn(now_ms),
            LifecyclePhase::Spawning { .. } | LifecyclePhase::Held | LifecyclePhase::Closed => {}
        }
    }
}

#[cfg(test)]
mod tests;
