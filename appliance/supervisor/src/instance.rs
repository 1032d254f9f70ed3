//! The process of one instance: its channel, its standard error, its exit, and the connection of its client.

use std::os::fd::{AsFd, OwnedFd};

use crier_system::{Channel, ChannelError, Child, Ended, SystemError, Watched};
use crier_wire::{FromStage, Started, ToStage, VERSION, decode, encode, read_floats};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::SupervisorError;
use crate::connection::Connection;
use crate::crash_report::{CrashReport, MessageLog, StderrReader};
use crate::lifecycle::{EndReason, Event};
use crate::packets::{PacketError, Packets};
use crate::spec::StageSpec;

/// Packets between a client and the task of its stage, each way. A vocoder chunk of 64 frames arrives in far fewer;
/// beyond it the client waits, or the stage is not read.
const PACKETS_IN_FLIGHT_MAX: usize = 64;

type Reaped = Result<Option<Ended>, SystemError>;

/// Process of an instance and everything that belongs to it.
pub(crate) struct Instance<R> {
    child: Child,
    exit: Watched<OwnedFd>,
    /// Reaping that is under way: the process has ended.
    reaping: Option<JoinHandle<Reaped>>,
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

impl<R: DeserializeOwned> Instance<R> {
    /// Takes over a process that was spawned, and has its settings sent to it.
    pub(crate) fn new<S: Serialize>(
        spec: &StageSpec<S>,
        mut child: Child,
        channel: Channel,
    ) -> Result<Self, SupervisorError> {
        for refusal in child.refusals() {
            tracing::debug!(stage = %spec.name, %refusal, "the system refused a property of the process");
        }
        let watch = |source| SupervisorError::Watch { source };
        // A second descriptor: the event loop owns the one that it watches, and the child needs its own for signals.
        let exit = child.as_fd().try_clone_to_owned().and_then(Watched::new).map_err(watch)?;
        let mut sending = Vec::new();
        let start = ToStage::<&S, ()>::Start { version: VERSION, settings: &spec.settings };
        encode(&start, &[], &mut sending)?;
        Ok(Self {
            stderr: StderrReader::new(child.take_stderr()),
            messages: MessageLog::new(spec.private),
            child,
            exit,
            reaping: None,
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

    /// Number of the process.
    pub(crate) fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// First message of the instance, once it has come.
    pub(crate) fn started(&self) -> Option<&Started> {
        self.started.as_ref()
    }

    /// Kills the process and its group.
    pub(crate) fn kill(&self) -> Result<(), SystemError> {
        self.child.kill()
    }

    /// Has a heartbeat sent before the next packet of the client.
    pub(crate) fn send_heartbeat(&mut self, number: u64) {
        self.heartbeat = Some(number);
    }

    /// Opens the connection for the client.
    pub(crate) fn connect(&mut self) -> Connection<R> {
        let (to, requests) = mpsc::channel(PACKETS_IN_FLIGHT_MAX);
        let (replies, from) = mpsc::channel(PACKETS_IN_FLIGHT_MAX);
        (self.requests, self.replies) = (Some(requests), Some(replies));
        Connection { to, from }
    }

    /// Closes the connection; the client still gets the replies that are on their way to it.
    pub(crate) fn disconnect(&mut self) {
        // A reply that still waits for room is lost, as one that was not sent: the client asks the next instance.
        (self.requests, self.replies, self.stalled) = (None, None, None);
    }

    /// Returns the crash report, with what the process has left in its pipe.
    pub(crate) fn crash_report(&mut self, stage: &str, reason: String) -> CrashReport {
        self.stderr.drain(stage);
        CrashReport::new(reason, &self.stderr.lines, &self.messages)
    }

    /// Has the process reaped by another thread: it has ended.
    fn start_reaping(&mut self) {
        let reaping = self.child.reap();
        self.reaping = Some(spawn_blocking(move || reaping.run()));
    }

    fn reaped(&mut self, reaped: Reaped) -> Option<Event> {
        self.reaping = None;
        self.child.reaped(reaped.as_ref().ok().copied().flatten());
        match reaped {
            Ok(ended) => ended.map(Event::Exited),
            // Something else has reaped it, which this program never does: its end is unknown, but it has one.
            Err(error) => Some(Event::Failed(EndReason::Channel(error.to_string()))),
        }
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
                // Before the event: the status shows what the instance says of itself as soon as it is ready.
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
pub(crate) async fn next_event<R: DeserializeOwned>(
    name: &str,
    instance: Option<&mut Instance<R>>,
    packet: &mut Vec<u8>,
) -> Option<Event> {
    let Some(instance) = instance else { return std::future::pending().await };
    instance.fill();
    // After the channel has ended there may still be an exit status, and a last line on standard error.
    let may_send = instance.open && !instance.sending.is_empty();
    let may_receive = instance.open && instance.stalled.is_none();
    tokio::select! {
        // Packets before the exit: a stage's last replies are as good as its first. Receiving before sending: a stage
        // that waits for room itself is relieved first. Standard error last: a stage that writes to it without end
        // must not keep its packets waiting.
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
        ready = instance.exit.readable(), if instance.reaping.is_none() => {
            if let Ok(mut ready) = ready {
                ready.clear();
            }
            instance.start_reaping();
            None
        }
        reaped = reaped(instance.reaping.as_mut()) => instance.reaped(reaped),
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
        // One packet at a time: the next one stays in the client's queue, which makes the client wait when it is full.
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

/// Result of the reaping that is under way; pends without one.
async fn reaped(reaping: Option<&mut JoinHandle<Reaped>>) -> Reaped {
    match reaping {
        // A thread that dies has reaped nothing; the timeout of the termination decides then.
        Some(reaping) => reaping.await.unwrap_or(Ok(None)),
        None => std::future::pending().await,
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
