//! The shell around [`Lifecycle`]: one task for each stage that carries out its actions and reports what happens.
//!
//! The task never waits for anything but events. What blocks (fork and exec) runs on another thread.

use std::cell::{Ref, RefCell};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crier_system::{Channel, ChannelError, Child, Spawn, User, Watched, monotonic_ms};
use crier_wire::{FromStage, Started, ToStage, VERSION, decode, encode, read_floats};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::connection::{Connection, ConnectionSource, Mailbox};
use crate::crash_report::{CrashReport, MessageLog, StderrReader};
use crate::lifecycle::{Action, Condition, EndReason, Event, Lifecycle, StageTimeouts};
use crate::{PacketError, Packets, SupervisorError};

/// Packets between a client and the task of its stage, each way. A vocoder chunk of 64 frames arrives in far fewer;
/// beyond it the client waits, or the stage is not read.
const PACKETS_IN_FLIGHT_MAX: usize = 64;

/// Specification of a stage: what is run, as whom, where, and with which settings. Read at each spawn.
#[derive(Debug, Clone)]
pub struct StageSpec<S> {
    /// Name in status, log and metrics. Never changes in the life of a stage.
    pub name: String,
    /// Path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Environment variables in addition to those of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// First message to the stage.
    pub settings: S,
    /// User of the process; `None` is the user of this process.
    pub user: Option<User>,
    /// CPUs of the process; `None` leaves those that this process has.
    pub cpus: Option<Vec<usize>>,
    /// Preference of the kernel's out-of-memory killer, -1000 to 1000; the highest goes first.
    pub oom_score_adjust: i16,
    /// Timeouts and limits.
    pub timeouts: StageTimeouts,
    /// True if messages may carry spoken text, which must not get into crash reports.
    pub private: bool,
}

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

type Spawned = Result<(Child, Channel), SupervisorError>;

/// Process of an instance and everything that belongs to it.
struct Instance<R> {
    child: Child,
    exit: Watched<OwnedFd>,
    packets: Packets,
    stderr: StderrReader,
    messages: MessageLog,
    /// Packet that is being sent; empty if there is none.
    sending: Vec<u8>,
    /// Heartbeat that is to be sent before the next packet of the client.
    heartbeat: Option<u64>,
    /// First message of the instance, once it has come.
    started: Option<Started>,
    /// The task's ends of the [`Connection`].
    requests: Option<mpsc::Receiver<Vec<u8>>>,
    replies: Option<mpsc::Sender<(R, Vec<f32>)>>,
    /// Reply that the client had no room for; until it has, the channel is not read.
    stalled: Option<(R, Vec<f32>)>,
    /// False once the channel has ended.
    open: bool,
}

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
        let mut packet = Vec::new();
        self.carry_out();
        while !self.lifecycle.is_closed() {
            // A reload changes timeouts without a restart.
            self.lifecycle.set_timeouts(self.spec.borrow().timeouts);
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
                self.note_ready();
            }
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
                        let (to, requests) = mpsc::channel(PACKETS_IN_FLIGHT_MAX);
                        let (replies, from) = mpsc::channel(PACKETS_IN_FLIGHT_MAX);
                        (instance.requests, instance.replies) = (Some(requests), Some(replies));
                        self.mailbox.put(Connection { to, from });
                    }
                }
                Action::CloseConnection => {
                    self.mailbox.clear();
                    if let Some(instance) = &mut self.instance {
                        (instance.requests, instance.replies, instance.stalled) = (None, None, None);
                    }
                }
                Action::SendHeartbeat(number) => {
                    if let Some(instance) = &mut self.instance {
                        instance.heartbeat = Some(number);
                    }
                }
                Action::Kill => {
                    if let Some(instance) = &self.instance
                        && let Err(error) = instance.child.kill()
                    {
                        tracing::warn!(stage = %self.name, %error, "stage cannot be killed");
                    }
                }
                Action::Abandon => {
                    tracing::error!(stage = %self.name, "killed stage is not reaped (a hanging device driver?); replaced");
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
        if before != condition {
            if condition == Condition::Held && !self.lifecycle.is_closed() {
                tracing::error!(stage = %self.name, "stage is held; `crier ctl release` starts it again");
            }
            self.stage.condition.send_replace(condition);
        }
    }

    fn note_ready(&self) {
        if let Some(started) = self.instance.as_ref().and_then(|instance| instance.started.as_ref()) {
            let mut status = self.stage.status.borrow_mut();
            (status.detail, status.load_ms) = (started.detail.clone(), started.load_ms);
            tracing::info!(stage = %self.name, load_ms = started.load_ms, "stage is ready");
        }
    }

    /// Keeps and logs the crash report of the present instance.
    fn report(&mut self, reason: &EndReason) {
        let reason = reason.to_string();
        tracing::warn!(stage = %self.name, %reason, "stage has ended");
        let report = match &mut self.instance {
            Some(instance) => {
                instance.stderr.drain(&self.name);
                CrashReport::new(reason, &instance.stderr.lines, &instance.messages)
            }
            None => CrashReport::without_instance(reason),
        };
        self.stage.status.borrow_mut().last_crash = Some(report);
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
                self.stage.status.borrow_mut().pid = Some(instance.child.pid());
                self.instance = Some(instance);
                Event::Spawned
            }
            Err(error) => Event::SpawnFailed(error.to_string()),
        }
    }
}

impl<R: DeserializeOwned> Instance<R> {
    fn new<S: Serialize>(
        spec: &StageSpec<S>,
        mut child: Child,
        channel: Channel,
    ) -> Result<Self, SupervisorError> {
        for refusal in child.refusals() {
            tracing::debug!(stage = %spec.name, %refusal, "the system refused a property of the process");
        }
        let watch = |source| SupervisorError::Watch { source };
        let exit = child.as_fd().try_clone_to_owned().and_then(Watched::new).map_err(watch)?;
        let mut sending = Vec::new();
        let start = ToStage::<&S, ()>::Start { version: VERSION, settings: &spec.settings };
        encode(&start, &[], &mut sending)?;
        Ok(Self {
            stderr: StderrReader::new(child.take_stderr()),
            messages: MessageLog::new(spec.private),
            child,
            exit,
            packets: Packets::new(channel)?,
            sending,
            heartbeat: None,
            started: None,
            requests: None,
            replies: None,
            stalled: None,
            open: true,
        })
    }

    /// Puts a heartbeat that is due into the empty outgoing slot.
    fn fill(&mut self) {
        if self.sending.is_empty()
            && let Some(number) = self.heartbeat.take()
            && encode(&ToStage::<(), ()>::Probe { number }, &[], &mut self.sending).is_err()
        {
            // A heartbeat always fits into a packet; if it did not, its timeout would say so.
            self.sending.clear();
        }
    }

    /// Takes a packet of the stage; `None` when it was handed to the client.
    fn received(&mut self, packet: &[u8]) -> Option<Event> {
        match self.read(packet) {
            Ok(event) => event,
            Err(error) => Some(Event::Failed(EndReason::Channel(error.to_string()))),
        }
    }

    fn read(&mut self, packet: &[u8]) -> Result<Option<Event>, SupervisorError> {
        let (message, payload) = decode::<FromStage<R>>(packet)?;
        match (message, &self.started) {
            (FromStage::Started(started), _) => {
                if started.version != VERSION {
                    return Err(SupervisorError::Version { found: started.version, expected: VERSION });
                }
                self.started = Some(started);
                Ok(Some(Event::Ready))
            }
            (_, None) => Err(SupervisorError::NotReady),
            (FromStage::Alive { number }, Some(_)) => Ok(Some(Event::HeartbeatAnswered(number))),
            (FromStage::Work(reply), Some(_)) => {
                let mut numbers = Vec::new();
                read_floats(payload, &mut numbers)?;
                // Without a client the instance is being ended, and its replies are of no use to the next one's.
                let Some(replies) = &self.replies else { return Ok(None) };
                match replies.try_send((reply, numbers)) {
                    Ok(()) => Ok(None),
                    Err(TrySendError::Full(reply)) => {
                        self.stalled = Some(reply);
                        Ok(Some(Event::ClientStalled(true)))
                    }
                    Err(TrySendError::Closed(_)) => Ok(Some(Event::Failed(EndReason::ConnectionDropped))),
                }
            }
        }
    }
}

/// Next event of the instance; `None` when only data moved. Pends without an instance. Cancel-safe.
async fn next_event<R: DeserializeOwned>(
    name: &str,
    instance: Option<&mut Instance<R>>,
    packet: &mut Vec<u8>,
) -> Option<Event> {
    let Some(instance) = instance else { return std::future::pending().await };
    instance.fill();
    let may_send = instance.open && !instance.sending.is_empty();
    let may_receive = instance.open && instance.stalled.is_none();
    tokio::select! {
        // Packets before the exit: a stage's last replies are as good as its first.
        biased;
        received = instance.packets.receive(packet), if may_receive => match received {
            Ok(Some(_)) => {
                instance.messages.received(packet);
                instance.received(packet)
            }
            Ok(None) => {
                instance.open = false;
                Some(Event::ChannelClosed)
            }
            Err(error) => {
                instance.open = false;
                Some(Event::Failed(EndReason::Channel(error.to_string())))
            }
        },
        ready = instance.exit.readable() => {
            if let Ok(mut ready) = ready {
                ready.clear();
            }
            match instance.child.try_wait() {
                Ok(Some(ended)) => Some(Event::Exited(ended)),
                Ok(None) => None,
                Err(error) => Some(Event::Failed(EndReason::Channel(error.to_string()))),
            }
        }
        sent = instance.packets.send(&instance.sending), if may_send => {
            instance.messages.sent(&instance.sending);
            instance.sending.clear();
            match sent {
                Ok(()) => None,
                // The other end is closed. Its last packets, and the exit status, are still to be read.
                Err(PacketError::Channel(ChannelError::PeerGone)) => None,
                Err(error) => Some(Event::Failed(EndReason::Channel(error.to_string()))),
            }
        }
        request = next_request(instance.requests.as_mut()), if !may_send => match request {
            Some(request) => {
                instance.sending = request;
                None
            }
            None => {
                instance.requests = None;
                Some(Event::Failed(EndReason::ConnectionDropped))
            }
        },
        () = room(instance.replies.as_ref()), if instance.stalled.is_some() => {
            if let (Some(replies), Some(reply)) = (&instance.replies, instance.stalled.take()) {
                // There is room, or the client is gone, which the next packet finds out.
                let _ = replies.try_send(reply);
            }
            Some(Event::ClientStalled(false))
        }
        () = instance.stderr.read(name) => None,
    }
}

async fn next_request(requests: Option<&mut mpsc::Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match requests {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until the client has room for a reply, or is gone.
async fn room<R>(replies: Option<&mpsc::Sender<(R, Vec<f32>)>>) {
    match replies {
        Some(replies) => drop(replies.reserve().await),
        None => std::future::pending().await,
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
        let (here, there) = Channel::pair()?;
        let child = Spawn { channel: Some(there), ..process }.start()?;
        Ok((child, here))
    })
}
