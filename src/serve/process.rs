//! One stage, kept alive: started, watched, started again.
//!
//! Whoever uses a stage gets a [`Link`] for each of its lives. A link that ends says so and no more: its user waits for
//! the next one and tells the new process what it has to know. Nothing here waits for a stage but the task that watches
//! it.

use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use crier_announce::{Restart, RestartPolicy};
use std::os::fd::AsFd;

use crier_system::{Channel, Child, Ended, Spawn, User, Watched, monotonic_ms};
use crier_wire::{FromStage, Started, ToStage, VERSION, decode, encode, read_floats};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::evidence::{Evidence, Lines, Messages, read_lines};
use super::link::{Link, Links, Slot};
use crate::cli::StageName;
use crate::error::CrierError;
use crate::packets::Packets;

/// Packets between a stage's user and the task that watches it.
const PACKETS_IN_FLIGHT_MAX: usize = 64;
/// How often a stage is asked whether it is there.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone before the next one is started all the same.
const REAP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a process whose channel is closed may still live before it is killed.
const LAST_BREATH: Duration = Duration::from_millis(50);
/// What is wrong with a stage whose channel is closed.
const GONE: &str = "closed its channel";

/// What a stage is and how it is run.
#[derive(Debug, Clone)]
pub(crate) struct Plan<S> {
    /// What `status` calls it.
    pub(crate) name: String,
    pub(crate) stage: StageName,
    pub(crate) settings: S,
    pub(crate) user: Option<User>,
    pub(crate) processors: Option<Vec<usize>>,
    pub(crate) oom_score_adjust: i16,
    pub(crate) care: Care,
}

/// How patient the supervisor is with a stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Care {
    /// From the start until it can work.
    pub(crate) start_timeout: Duration,
    /// Without an answer.
    pub(crate) progress_timeout: Duration,
    /// Restarts within a minute.
    pub(crate) restarts_max: usize,
}

/// What a stage is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Starting,
    Running,
    /// It died and will be started again soon.
    Waiting,
    /// It died too often, or somebody said so.
    Held,
}

/// All that is known about a stage, for `status`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StageStatus {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) pid: Option<i32>,
    pub(crate) restarts: u64,
    pub(crate) detail: String,
    pub(crate) load_ms: u64,
    /// How its last life ended.
    pub(crate) last_end: Option<Evidence>,
}

/// A stage, as those who use it and those who ask about it see it.
pub(crate) struct Stage {
    status: RefCell<StageStatus>,
    condition: watch::Sender<Condition>,
    wish: RefCell<Wish>,
    wished: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Run,
    Hold,
    /// Start again, as after a change of settings.
    Restart,
}

impl Stage {
    /// Starts a stage by `plan`, as it is at each start, and keeps it alive for as long as the receiver of its links lives.
    pub(crate) fn start<S, R>(plan: Rc<RefCell<Plan<S>>>) -> (Rc<Self>, Links<R>)
    where
        S: Serialize + Clone + 'static,
        R: DeserializeOwned + 'static,
    {
        let status = StageStatus {
            name: plan.borrow().name.clone(),
            condition: Condition::Starting,
            pid: None,
            restarts: 0,
            detail: String::new(),
            load_ms: 0,
            last_end: None,
        };
        let stage = Rc::new(Self {
            status: RefCell::new(status),
            condition: watch::channel(Condition::Starting).0,
            wish: RefCell::new(Wish::Run),
            wished: Notify::new(),
        });
        let slot = Rc::new(Slot::default());
        let (watched, offered) = (Rc::clone(&stage), Rc::clone(&slot));
        tokio::task::spawn_local(async move { watched.keep(plan, offered).await });
        (Rc::clone(&stage), Links { stage, slot })
    }

    /// All that is known.
    pub(crate) fn status(&self) -> StageStatus {
        self.status.borrow().clone()
    }

    /// What it is doing, now and from now on.
    pub(crate) fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// Ends it and leaves it so.
    pub(crate) fn hold(&self) {
        self.wish(Wish::Hold);
    }

    /// Starts it again after a hold.
    pub(crate) fn release(&self) {
        self.wish(Wish::Run);
    }

    /// Ends it and starts it again at once.
    pub(crate) fn restart(&self) {
        self.wish(Wish::Restart);
    }

    fn wish(&self, wish: Wish) {
        *self.wish.borrow_mut() = wish;
        self.wished.notify_waiters();
        self.wished.notify_one();
    }

    fn set(&self, condition: Condition) {
        self.status.borrow_mut().condition = condition;
        self.condition.send_replace(condition);
    }

    async fn keep<S, R>(&self, plan: Rc<RefCell<Plan<S>>>, links: Rc<Slot<R>>)
    where
        S: Serialize + Clone,
        R: DeserializeOwned + 'static,
    {
        let mut policy = RestartPolicy::new(plan.borrow().care.restarts_max);
        loop {
            self.set(Condition::Starting);
            let born_ms = monotonic_ms();
            // It may have changed since its last life.
            let plan = plan.borrow().clone();
            let evidence = tokio::select! {
                evidence = self.live(&plan, &links) => evidence,
                () = links.closed() => return,
            };
            let wish = std::mem::replace(&mut *self.wish.borrow_mut(), Wish::Run);
            self.status.borrow_mut().pid = None;
            let restart = match wish {
                Wish::Hold => Restart::Hold,
                Wish::Restart => Restart::After { wait_ms: 0 },
                Wish::Run => {
                    tracing::warn!(stage = %plan.name, reason = %evidence.reason, "a stage has ended");
                    let now_ms = monotonic_ms();
                    self.status.borrow_mut().last_end = Some(evidence);
                    policy.died(now_ms, now_ms.saturating_sub(born_ms))
                }
            };
            match restart {
                Restart::After { wait_ms } => {
                    self.set(Condition::Waiting);
                    sleep(Duration::from_millis(wait_ms)).await;
                }
                Restart::Hold => {
                    tracing::error!(stage = %plan.name, "the stage is held; `crier ctl release` starts it again");
                    self.set(Condition::Held);
                    if !self.released(&links).await {
                        return;
                    }
                    policy.release();
                }
            }
            self.status.borrow_mut().restarts += 1;
        }
    }

    /// Waits for a release; false when nobody uses the stage any more.
    async fn released<R>(&self, links: &Slot<R>) -> bool {
        loop {
            tokio::select! {
                () = self.wished.notified() => {}
                () = links.closed() => return false,
            }
            if *self.wish.borrow() != Wish::Hold {
                *self.wish.borrow_mut() = Wish::Run;
                return true;
            }
        }
    }

    /// One life, from start to death.
    async fn live<S: Serialize, R: DeserializeOwned + 'static>(
        &self,
        plan: &Plan<S>,
        links: &Slot<R>,
    ) -> Evidence {
        let (mut lines, messages) = (Lines::default(), Messages::new(plan.stage));
        let (mut child, packets) = match spawn(plan) {
            Ok(spawned) => spawned,
            Err(error) => return Evidence::new(format!("cannot be started: {error}"), &lines, &messages),
        };
        self.status.borrow_mut().pid = Some(child.pid());
        for refusal in child.refusals() {
            tracing::debug!(stage = %plan.name, %refusal, "a wish was refused");
        }
        let stderr = child.take_stderr();
        let why = {
            let exit = match Watched::new(child.as_fd()) {
                Ok(exit) => exit,
                Err(error) => return Evidence::new(format!("cannot be watched: {error}"), &lines, &messages),
            };
            tokio::select! {
                result = exit.readable() => {
                    drop(result);
                    None
                }
                why = self.converse(plan, &packets, links, &messages) => {
                    // The channel of a process that dies is closed a moment before the process can be reaped.
                    match timeout(LAST_BREATH, exit.readable()).await {
                        Ok(_) if why == GONE => None,
                        _ => Some(why),
                    }
                }
                () = read_lines(&plan.name, stderr.as_ref(), &mut lines) => None,
                () = self.unwanted() => Some("it was told to end".to_owned()),
            }
        };
        if let Err(error) = child.kill() {
            tracing::warn!(stage = %plan.name, %error, "a stage cannot be killed");
        }
        let ended = reap(&mut child).await;
        // What it said last is still in the pipe.
        let _ = timeout(Duration::from_millis(20), read_lines(&plan.name, stderr.as_ref(), &mut lines)).await;
        let reason = match (why, ended) {
            (Some(why), _) => why,
            (None, Some(ended)) => ended.to_string(),
            (None, None) => "it cannot be reaped".to_owned(),
        };
        Evidence::new(reason, &lines, &messages)
    }

    async fn unwanted(&self) {
        while *self.wish.borrow() == Wish::Run {
            self.wished.notified().await;
        }
    }

    /// Talks with the process until something is wrong, and says what.
    async fn converse<S: Serialize, R: DeserializeOwned>(
        &self,
        plan: &Plan<S>,
        packets: &Packets,
        links: &Slot<R>,
        messages: &Messages,
    ) -> String {
        let started = match timeout(plan.care.start_timeout, greet::<S, R>(plan, packets)).await {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return format!("was not ready after {} s", plan.care.start_timeout.as_secs()),
        };
        {
            let mut status = self.status.borrow_mut();
            (status.detail, status.load_ms) = (started.detail, started.load_ms);
        }
        tracing::info!(stage = %plan.name, load_ms = started.load_ms, "a stage is ready");
        let (to, outgoing) = mpsc::channel(PACKETS_IN_FLIGHT_MAX);
        let (incoming, from) = mpsc::channel(PACKETS_IN_FLIGHT_MAX);
        links.offer(Link { to, from });
        self.set(Condition::Running);
        let error = tokio::select! {
            error = write(packets, outgoing, messages) => error,
            error = read(packets, incoming, plan.care.progress_timeout, messages) => error,
        };
        error.to_string()
    }
}

/// Sends what the user sends.
async fn write(packets: &Packets, mut outgoing: mpsc::Receiver<Vec<u8>>, messages: &Messages) -> CrierError {
    loop {
        let Some(packet) = outgoing.recv().await else {
            // The user has dropped the link and waits for another life.
            return CrierError::Internal("nobody talks to it any more".to_owned());
        };
        messages.sent(&packet);
        if let Err(error) = packets.send(&packet).await {
            return error;
        }
    }
}

/// Gives the user what comes, and asks again and again whether anybody is there.
async fn read<R: DeserializeOwned>(
    packets: &Packets,
    incoming: mpsc::Sender<(R, Vec<f32>)>,
    patience: Duration,
    messages: &Messages,
) -> CrierError {
    let (mut packet, mut question) = (Vec::new(), Vec::new());
    let mut asked: Option<Instant> = None;
    let mut number = 0;
    let mut next_probe = Instant::now() + PROBE_INTERVAL;
    loop {
        let deadline = asked.map_or(next_probe, |asked| asked + patience);
        let received = tokio::select! {
            biased;
            received = packets.receive(&mut packet) => received,
            () = sleep_until(deadline) => {
                if asked.is_some() {
                    return CrierError::Internal(format!("gave no sign of life for {} ms", patience.as_millis()));
                }
                number += 1;
                let probe = ToStage::<(), ()>::Probe { number };
                if let Err(error) = encode(&probe, &[], &mut question) {
                    return error.into();
                }
                asked = Some(Instant::now());
                // A stage whose queue is full of work it does not read is found by the same deadline.
                if let Ok(Err(error)) = timeout(patience, packets.send(&question)).await {
                    return error;
                }
                continue;
            }
        };
        match received {
            Ok(Some(_)) => {}
            Ok(None) => return CrierError::Internal(GONE.to_owned()),
            Err(error) => return error,
        }
        messages.received(&packet);
        match decode::<FromStage<R>>(&packet) {
            Ok((FromStage::Alive { number: answered }, _)) if answered == number => {
                asked = None;
                next_probe = Instant::now() + PROBE_INTERVAL;
            }
            Ok((FromStage::Alive { .. } | FromStage::Started(_), _)) => {}
            Ok((FromStage::Work(reply), bytes)) => {
                let mut payload = Vec::new();
                if let Err(error) = read_floats(bytes, &mut payload) {
                    return error.into();
                }
                // A user that was dropped in the middle of something does not listen; the stage is none the worse.
                if incoming.send((reply, payload)).await.is_err() {
                    return CrierError::Internal("nobody listens to it any more".to_owned());
                }
            }
            Err(error) => return error.into(),
        }
    }
}

/// Sends the settings and waits until the stage can work.
async fn greet<S: Serialize, R: DeserializeOwned>(
    plan: &Plan<S>,
    packets: &Packets,
) -> Result<Started, CrierError> {
    let mut packet = Vec::new();
    let start = ToStage::<&S, ()>::Start { version: VERSION, settings: &plan.settings };
    encode(&start, &[], &mut packet)?;
    packets.send(&packet).await?;
    if packets.receive(&mut packet).await?.is_none() {
        return Err(CrierError::Internal("closed its channel before it was ready".to_owned()));
    }
    match decode::<FromStage<R>>(&packet)?.0 {
        FromStage::Started(started) if started.version == VERSION => Ok(started),
        _ => Err(CrierError::Internal("is of another version: the program was replaced".to_owned())),
    }
}

fn spawn<S>(plan: &Plan<S>) -> Result<(Child, Packets), CrierError> {
    let (here, there) = Channel::pair()?;
    let program =
        std::env::current_exe().map_err(|source| CrierError::Start { what: "find the program", source })?;
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os()
        // A stage tells the service manager nothing.
        .filter(|(name, _)| name != "NOTIFY_SOCKET" && name != "WATCHDOG_USEC" && name != "WATCHDOG_PID")
        .collect();
    if !environment.iter().any(|(name, _)| name == "GOMP_SPINCOUNT") {
        environment.push(("GOMP_SPINCOUNT".into(), crier_llama::threads::SPIN_COUNT.into()));
    }
    let child = Spawn {
        program,
        arguments: vec!["stage".into(), plan.stage.name().into()],
        environment,
        user: plan.user.clone(),
        channel: Some(there),
        processors: plan.processors.clone(),
        oom_score_adjust: Some(plan.oom_score_adjust),
        ..Spawn::default()
    }
    .start()?;
    Ok((child, Packets::new(here)?))
}

async fn reap(child: &mut Child) -> Option<Ended> {
    let deadline = Instant::now() + REAP_TIMEOUT;
    loop {
        match child.try_wait() {
            Ok(Some(ended)) => return Some(ended),
            Ok(None) if Instant::now() < deadline => sleep(Duration::from_millis(2)).await,
            Ok(None) | Err(_) => return None,
        }
    }
}
