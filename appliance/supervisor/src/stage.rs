//! The shell around [`Lifecycle`]: one task for each stage that carries out its actions and reports events, and the
//! source of the connections to its instances.
//!
//! The task never waits for anything but events. What blocks (fork and exec) runs on another thread.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crier_system::{Channel, Child, Ended, Spawn, monotonic_ms};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::SupervisorError;
use crate::connection::{Connection, Mailbox};
use crate::crash_report::CrashReport;
use crate::instance::{Instance, next_event};
use crate::lifecycle::{Action, Condition, EndReason, Event, Lifecycle};
use crate::spec::StageSpec;

/// Variables of the service manager, which concern the supervisor only.
const PRIVATE_VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// Everything known about a stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageStatus {
    /// Name of the specification.
    pub name: String,
    /// Present state.
    pub condition: Condition,
    /// Process number of the present instance.
    pub pid: Option<i32>,
    /// Number of spawns after the first one.
    pub restarts: u64,
    /// Description of the instance by itself, such as model and threads.
    pub detail: String,
    /// Load time of the latest instance, in milliseconds.
    pub load_ms: u64,
    /// End of the latest instance that failed.
    pub last_crash: Option<CrashReport>,
}

/// Handle of a stage: its status, and commands to it.
pub struct Stage {
    status: RefCell<StageStatus>,
    condition: watch::Sender<Condition>,
    /// Unbounded, since it carries one small value for each command of an operator, and the task always takes them.
    commands: mpsc::UnboundedSender<Event>,
}

impl Stage {
    /// Starts a stage. It runs until the returned source of connections is dropped; `spec` is read at each spawn, so
    /// a change takes effect with [`Stage::restart`].
    pub fn start<S, R>(spec: Rc<RefCell<StageSpec<S>>>) -> (Rc<Self>, ConnectionSource<R>)
    where
        S: Serialize + Clone + 'static,
        R: DeserializeOwned + 'static,
    {
        let status = StageStatus {
            name: spec.borrow().name.clone(),
            condition: Condition::Starting,
            pid: None,
            restarts: 0,
            detail: String::new(),
            load_ms: 0,
            last_crash: None,
        };
        let (commands, incoming) = mpsc::unbounded_channel();
        let stage = Rc::new(Self {
            status: RefCell::new(status),
            condition: watch::channel(Condition::Starting).0,
            commands,
        });
        let mailbox = Rc::new(Mailbox::default());
        let lifecycle = Lifecycle::new(spec.borrow().timeouts, monotonic_ms());
        let task = Task {
            lifecycle,
            stage: Rc::clone(&stage),
            spec,
            name: Rc::from(stage.status().name.as_str()),
            mailbox: Rc::clone(&mailbox),
            instance: None,
            spawning: None,
        };
        tokio::task::spawn_local(task.run(incoming));
        (Rc::clone(&stage), ConnectionSource { stage, mailbox })
    }

    /// Status of the stage.
    pub fn status(&self) -> Ref<'_, StageStatus> {
        self.status.borrow()
    }

    /// Condition of the stage, now and from now on.
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// Ends the stage and leaves it ended until [`Stage::release`].
    pub fn hold(&self) {
        self.send(Event::Hold);
    }

    /// Starts a held stage again.
    pub fn release(&self) {
        self.send(Event::Release);
    }

    /// Replaces the instance so that the present specification is used. A held stage stays held.
    pub fn restart(&self) {
        self.send(Event::Restart);
    }

    pub(crate) fn send(&self, command: Event) {
        // Fails only when the task has ended, which no command could change.
        let _ = self.commands.send(command);
    }
}

/// Source of the connections to a stage's instances. Dropping it ends the stage.
pub struct ConnectionSource<R> {
    stage: Rc<Stage>,
    mailbox: Rc<Mailbox<R>>,
}

/// The stage is held: there is no next instance until it is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled;

impl<R> ConnectionSource<R> {
    /// Returns the connection to the present instance; waits while the stage is being started.
    ///
    /// # Errors
    /// [`Disabled`] when the stage is held.
    pub async fn next(&self) -> Result<Connection<R>, Disabled> {
        let mut condition = self.stage.condition();
        loop {
            // Before the wait: the notification of a connection may have been used up by an earlier call that was
            // cancelled.
            if let Some(connection) = self.mailbox.take() {
                return Ok(connection);
            }
            tokio::select! {
                () = self.mailbox.filled() => {}
                held = condition.wait_for(|condition| *condition == Condition::Held) => {
                    // The guard borrows the receiver, whose lock the stage needs for its next change.
                    drop(held);
                    return Err(Disabled);
                }
            }
        }
    }

    /// Waits until the stage is not held any more.
    pub async fn released(&self) {
        // Fails only without a sender, which lives in the stage.
        let _ = self.stage.condition().wait_for(|condition| *condition != Condition::Held).await;
    }

    /// The stage behind the connections.
    #[must_use]
    pub fn stage(&self) -> &Rc<Stage> {
        &self.stage
    }
}

impl<R> Drop for ConnectionSource<R> {
    fn drop(&mut self) {
        self.stage.send(Event::Close);
    }
}

type Spawned = Result<(Child, Channel), SupervisorError>;

struct Task<S, R> {
    name: Rc<str>,
    lifecycle: Lifecycle,
    stage: Rc<Stage>,
    spec: Rc<RefCell<StageSpec<S>>>,
    mailbox: Rc<Mailbox<R>>,
    instance: Option<Instance<R>>,
    spawning: Option<JoinHandle<Spawned>>,
}

impl<S, R> Task<S, R>
where
    S: Serialize + Clone + 'static,
    R: DeserializeOwned + 'static,
{
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Event>) {
        // One buffer for all packets: a stage sends hundreds a second.
        let mut packet = Vec::new();
        // The first spawn.
        self.carry_out();
        while !self.lifecycle.is_closed() {
            let wait_ms = self.lifecycle.deadline_ms().map(|at_ms| at_ms.saturating_sub(monotonic_ms()));
            let event = tokio::select! {
                // Commands first: a hold must not wait behind a stage that talks all the time.
                biased;
                Some(command) = commands.recv() => Some(command),
                event = next_event(&self.name, self.instance.as_mut(), &mut packet) => event,
                spawned = spawned(self.spawning.as_mut()) => {
                    self.spawning = None;
                    Some(self.begin(spawned))
                }
                () = tick(wait_ms) => Some(Event::Tick),
            };
            let Some(event) = event else { continue };
            let exited = matches!(event, Event::Exited(_));
            if event == Event::Ready {
                // Before the condition changes: who waits for it reads the status next.
                self.note_ready();
            }
            // A reload changes timeouts without a restart, perhaps while the event was awaited.
            self.lifecycle.set_timeouts(self.spec.borrow().timeouts);
            self.lifecycle.on(event, monotonic_ms());
            self.carry_out();
            if exited {
                // Not before the actions: the crash report reads what the process has left behind.
                self.retire();
            }
        }
    }

    /// Carries out the actions of the state machine, and publishes its condition.
    fn carry_out(&mut self) {
        while let Some(action) = self.lifecycle.next_action() {
            match action {
                Action::Spawn => {
                    self.spawning = Some(spawn(&self.spec.borrow()));
                }
                Action::OpenConnection => {
                    if let Some(instance) = &mut self.instance {
                        self.mailbox.put(instance.connect());
                    }
                }
                Action::CloseConnection => {
                    self.mailbox.clear();
                    if let Some(instance) = &mut self.instance {
                        instance.disconnect();
                    }
                }
                Action::SendHeartbeat(number) => {
                    if let Some(instance) = &mut self.instance {
                        instance.send_heartbeat(number);
                    }
                }
                Action::Kill => {
                    if let Some(instance) = &self.instance
                        && let Err(error) = instance.kill()
                    {
                        tracing::warn!(stage = %self.name, %error, "stage cannot be killed");
                    }
                }
                Action::Abandon => {
                    let stage = &self.name;
                    tracing::error!(%stage, "killed stage is not reaped (a hanging device driver?); replaced");
                    self.retire();
                }
                Action::Report(reason) => self.report(&reason),
            }
        }
        self.publish();
    }

    fn publish(&self) {
        let condition = self.lifecycle.condition();
        let before = {
            let mut status = self.stage.status.borrow_mut();
            status.restarts = self.lifecycle.restarts();
            std::mem::replace(&mut status.condition, condition)
        };
        // Listeners are woken by changes only; the restarts above change without one.
        if before != condition {
            if condition == Condition::Held && !self.lifecycle.is_closed() {
                // An operator's hold is no fault, and would be an alarm to a monitor that watches for errors.
                let (stage, remedy) = (&self.name, "`crier ctl release` starts it again");
                if self.lifecycle.has_given_up() {
                    tracing::error!(%stage, "stage failed too often and is held; {remedy}");
                } else {
                    tracing::info!(%stage, "stage is held by an operator; {remedy}");
                }
            }
            self.stage.condition.send_replace(condition);
        }
    }

    fn note_ready(&self) {
        if let Some(started) = self.instance.as_ref().and_then(Instance::started) {
            let mut status = self.stage.status.borrow_mut();
            (status.detail, status.load_ms) = (started.detail.clone(), started.load_ms);
            tracing::info!(stage = %self.name, load_ms = started.load_ms, "stage is ready");
        }
    }

    /// Keeps and logs the crash report of the present instance.
    fn report(&mut self, reason: &EndReason) {
        let exit_code = match reason {
            EndReason::Exited(Ended::Exited { code }) => Some(*code),
            _ => None,
        };
        let reason = reason.to_string();
        tracing::warn!(stage = %self.name, %reason, "stage has ended");
        let report = match &mut self.instance {
            Some(instance) => instance.crash_report(&self.name, reason),
            // The spawn failed, or the process was abandoned.
            None => CrashReport::without_instance(reason),
        };
        self.stage.status.borrow_mut().last_crash = Some(CrashReport { exit_code, ..report });
    }

    /// Lets go of the present instance.
    fn retire(&mut self) {
        self.instance = None;
        self.stage.status.borrow_mut().pid = None;
    }

    /// Takes over a process that was spawned.
    fn begin(&mut self, spawned: Spawned) -> Event {
        let spec = self.spec.borrow();
        match spawned.and_then(|(child, channel)| Instance::new(&spec, child, channel)) {
            Ok(instance) => {
                self.stage.status.borrow_mut().pid = Some(instance.pid());
                self.instance = Some(instance);
                Event::Spawned
            }
            Err(error) => Event::SpawnFailed(error.to_string()),
        }
    }
}

/// Result of the spawn that is under way; pends without one.
async fn spawned(spawning: Option<&mut JoinHandle<Spawned>>) -> Spawned {
    match spawning {
        Some(spawning) => spawning.await.unwrap_or(Err(SupervisorError::Spawner)),
        None => std::future::pending().await,
    }
}

async fn tick(wait_ms: Option<u64>) {
    match wait_ms {
        Some(wait_ms) => sleep(Duration::from_millis(wait_ms)).await,
        None => std::future::pending().await,
    }
}

/// Forks and executes the program on another thread: that takes milliseconds, or longer when memory is short.
fn spawn<S>(spec: &StageSpec<S>) -> JoinHandle<Spawned> {
    let inherited =
        std::env::vars_os().filter(|(name, _)| PRIVATE_VARIABLES.iter().all(|private| name != private));
    let process = Spawn {
        program: spec.program.clone(),
        arguments: spec.arguments.clone(),
        environment: inherited.chain(spec.environment.iter().cloned()).collect(),
        user: spec.user.clone(),
        processors: spec.cpus.clone(),
        oom_score_adjust: Some(spec.oom_score_adjust),
        ..Spawn::default()
    };
    tokio::task::spawn_blocking(move || {
        // The child's end is closed here by the spawn, so that the channel ends with the child.
        let (here, there) = Channel::pair()?;
        let child = Spawn { channel: Some(there), ..process }.start()?;
        Ok((child, here))
    })
}
