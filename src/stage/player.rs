//! The player stage: a thread that reads requests, one that plays, and one that lists devices.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crier_player::{Activity, Options, Output, Player, Timing, playback_devices};
use crier_system::{Channel, limit_realtime, lock_memory, run_realtime};
use crier_wire::{FromStage, PlayerReport, PlayerRequest, ToStage, decode, floats};
use serde::{Deserialize, Serialize};

use super::requests::{send, settings, started};
use crate::error::CrierError;

/// Real-time priority of the thread that feeds the device; below that of kernel threads.
const REALTIME_PRIORITY: u8 = 20;
/// Limit of CPU time without a blocking call in that thread (`RLIMIT_RTTIME`); beyond it the kernel ends the stage. A
/// period of audio costs well below a millisecond, so only an endless loop takes a second.
const REALTIME_WITHOUT_WAITING_MAX: Duration = Duration::from_secs(1);
/// Requests between the threads: all samples that the supervisor sends ahead (100 packets), and some
/// commands. The reading thread must not wait for room while the device holds up the other one, or heartbeats would
/// wait, too.
const REQUESTS_MAX: usize = 128;
/// Requests for the list of devices that may wait: as many as the supervisor lets wait.
const LIST_REQUESTS_MAX: usize = 16;

/// Settings of the player stage, its first message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlayerStageSettings {
    pub(crate) output: crier_config::OutputSetting,
    pub(crate) mixer: crier_config::MixerSetting,
    pub(crate) buffer_ms: u32,
    pub(crate) period_ms: u32,
    pub(crate) volume_percent: u8,
    pub(crate) muted: bool,
}

impl PlayerStageSettings {
    fn output(&self) -> Output {
        match &self.output {
            crier_config::OutputSetting::Alsa { device } => Output::Alsa {
                device: device.clone(),
                timing: Timing { buffer_ms: self.buffer_ms, period_ms: self.period_ms },
                mixer: match &self.mixer {
                    crier_config::MixerSetting::Auto => crier_player::Mixer::Auto,
                    crier_config::MixerSetting::None => crier_player::Mixer::None,
                    crier_config::MixerSetting::Element(name) => crier_player::Mixer::Name(name.clone()),
                },
            },
            crier_config::OutputSetting::Wav { file } => {
                Output::Wav { path: file.clone(), format: crier_player::WavFormat::S16 }
            }
            crier_config::OutputSetting::Capture { file } => {
                Output::Capture { path: file.clone(), format: crier_player::WavFormat::S16 }
            }
            crier_config::OutputSetting::Null => Output::Null,
        }
    }
}

/// Message from the reading thread.
enum Incoming {
    Heartbeat(u64),
    ListDevices(u64),
    ToPlayer(PlayerInput),
}

/// Request for the player, or an error: the supervisor sent something that this version does not understand.
type PlayerInput = Result<(PlayerRequest, Vec<f32>), CrierError>;

pub(super) fn run(channel: Channel) -> Result<(), CrierError> {
    let settings: PlayerStageSettings = settings(&channel)?;
    let (output, channel) = (settings.output(), Arc::new(channel));
    let detail = output.name();
    // Before the device is open: that may take long or fail, which is the state of the device and not of the stage.
    let mut packet = Vec::new();
    if !send::<()>(&channel, &started(0, detail), &[], &mut packet)? {
        return Ok(());
    }
    let (to_player, incoming) = sync_channel(REQUESTS_MAX);
    let (to_lister, list_requests) = sync_channel(LIST_REQUESTS_MAX);
    spawn("devices", {
        let channel = Arc::clone(&channel);
        move || list_devices(&list_requests, &channel)
    })?;
    let activity = Arc::new(Activity::default());
    spawn("requests", {
        let (channel, activity) = (Arc::clone(&channel), Arc::clone(&activity));
        move || read(&channel, &activity, &to_player, &to_lister)
    })?;
    // After the start of the other threads, which would inherit real-time scheduling.
    let privileges = [
        ("be kept from running away", limit_realtime(REALTIME_WITHOUT_WAITING_MAX)),
        ("run in real time", run_realtime(REALTIME_PRIORITY)),
        ("lock memory", lock_memory()),
    ];
    for (what, result) in privileges {
        if let Err(error) = result {
            tracing::warn!(%error, "the player cannot {what}; it plays all the same");
        }
    }
    let options =
        Options { volume_percent: settings.volume_percent, muted: settings.muted, ..Options::default() };
    let player = Player::new(options, Box::new(move |rate_hz| output.open(rate_hz)));
    play(player, &activity, &incoming, &channel)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), CrierError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|source| CrierError::Start { what: "start the player's threads", source })
}

/// Reads requests until the channel ends. Its end drops the senders, and with them ends the other threads.
fn read(
    channel: &Channel,
    activity: &Activity,
    to_player: &SyncSender<PlayerInput>,
    to_lister: &SyncSender<u64>,
) {
    let (mut packet, mut answer) = (Vec::new(), Vec::new());
    while let Ok(Some(_)) = channel.receive(&mut packet) {
        match parse(&packet).unwrap_or_else(|error| Incoming::ToPlayer(Err(error))) {
            // Never waits: behind this request are the samples of what is playing. The supervisor bounds the requests
            // that wait, and times out on one that is dropped here.
            Incoming::ListDevices(request_id) => drop(to_lister.try_send(request_id)),
            // Answered here: the thread that plays may be held up by the device for as long as a new process would be.
            Incoming::Heartbeat(number) if activity.is_healthy() => {
                let alive = FromStage::<PlayerReport>::Alive { number };
                if !matches!(send(channel, &alive, &[], &mut answer), Ok(true)) {
                    break;
                }
            }
            // Without an answer the supervisor replaces the stage.
            Incoming::Heartbeat(_) => {}
            Incoming::ToPlayer(received) => {
                if to_player.send(received).is_err() {
                    break;
                }
            }
        }
    }
}

/// Lists the devices for each request. In a thread of its own, because alsa-lib may block for seconds; neither sound
/// nor heartbeats wait for it.
fn list_devices(requests: &Receiver<u64>, channel: &Channel) {
    let mut packet = Vec::new();
    while let Ok(request_id) = requests.recv() {
        let report = match playback_devices() {
            Ok(devices) => PlayerReport::Devices { request_id, devices },
            Err(error) => PlayerReport::DevicesUnavailable { request_id, reason: error.to_string() },
        };
        match send(channel, &FromStage::Work(report), &[], &mut packet) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => tracing::warn!(%error, "cannot send the list of sound devices"),
        }
    }
}

fn play(
    mut player: Player,
    activity: &Activity,
    incoming: &Receiver<PlayerInput>,
    channel: &Channel,
) -> Result<(), CrierError> {
    // The player has no clock of its own, so that tests can run it at any speed.
    let begin = Instant::now();
    let mut packet = Vec::new();
    loop {
        let wait = activity.during(|| player.poll(begin.elapsed()));
        while let Some(report) = player.report() {
            if !send(channel, &FromStage::Work(report), &[], &mut packet)? {
                return Ok(());
            }
        }
        // A wait of zero is frequent while playback catches up, and `recv_timeout` would take the clock for it.
        let mut next = match wait {
            Duration::ZERO => incoming.try_recv().map_err(|error| match error {
                std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
            wait => incoming.recv_timeout(wait),
        };
        loop {
            match next {
                Ok(received) => {
                    let (request, samples) = received?;
                    activity.during(|| player.handle(&request, &samples, begin.elapsed()));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => break,
            }
            // All that has arrived is handled before the device is served again: a stop must not wait behind a write.
            next = incoming.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }
}

fn parse(packet: &[u8]) -> Result<Incoming, CrierError> {
    let (head, bytes) = decode::<ToStage<serde_json::Value, PlayerRequest>>(packet)?;
    match head {
        ToStage::Start { .. } => Err(CrierError::Internal("the player was started twice".to_owned())),
        ToStage::Probe { number } => Ok(Incoming::Heartbeat(number)),
        ToStage::Work(PlayerRequest::ListDevices { request_id }) => Ok(Incoming::ListDevices(request_id)),
        ToStage::Work(request) => Ok(Incoming::ToPlayer(Ok((request, floats(bytes)?)))),
    }
}
