//! The player as a stage: one thread hands over what the supervisor says, the other one plays.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crier_player::{Command, Options, Output, Player, Report, Timing};
use crier_system::{Channel, limit_realtime, lock_memory, run_realtime};
use crier_wire::{FromStage, PlayerReport, PlayerRequest, ToStage, decode, floats};
use serde::{Deserialize, Serialize};

use super::{send, settings, started};
use crate::error::CrierError;

/// Real-time priority of the thread that feeds the device; below that of kernel threads.
const REALTIME_PRIORITY: u8 = 20;
/// How long that thread may compute without waiting for anything before the kernel ends it.
const REALTIME_WITHOUT_WAITING_MAX: Duration = Duration::from_secs(1);
/// Requests that were read and not carried out.
const REQUESTS_MAX: usize = 64;

/// What the player is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlayerSettings {
    pub(crate) output: crier_config::Output,
    pub(crate) mixer: crier_config::Mixer,
    pub(crate) buffer_ms: u32,
    pub(crate) period_ms: u32,
    pub(crate) volume_percent: u8,
    pub(crate) muted: bool,
}

impl PlayerSettings {
    fn output(&self) -> Output {
        match &self.output {
            crier_config::Output::Alsa { device } => Output::Alsa {
                device: device.clone(),
                timing: Timing { buffer_ms: self.buffer_ms, period_ms: self.period_ms },
                mixer: match &self.mixer {
                    crier_config::Mixer::Auto => crier_player::Mixer::Auto,
                    crier_config::Mixer::None => crier_player::Mixer::None,
                    crier_config::Mixer::Element(name) => crier_player::Mixer::Name(name.clone()),
                },
            },
            crier_config::Output::Wav { file } => {
                Output::Wav { path: file.clone(), format: crier_player::WavFormat::S16 }
            }
            crier_config::Output::Capture { file } => {
                Output::Capture { path: file.clone(), format: crier_player::WavFormat::S16 }
            }
            crier_config::Output::Null => Output::Null,
        }
    }
}

enum Incoming {
    Probe(u64),
    Command(Command),
    /// The supervisor says something that this version does not understand.
    Wrong(CrierError),
}

pub(super) fn run(channel: Channel) -> Result<(), CrierError> {
    let settings: PlayerSettings = settings(&channel)?;
    let (output, channel) = (settings.output(), Arc::new(channel));
    let detail = output.name();
    let mut packet = Vec::new();
    if !send::<()>(&channel, &started(0, detail), &[], &mut packet)? {
        return Ok(());
    }
    let (to_player, incoming) = sync_channel(REQUESTS_MAX);
    let reading = Arc::clone(&channel);
    std::thread::Builder::new()
        .name("requests".to_owned())
        .spawn(move || {
            let mut packet = Vec::new();
            // The end of the channel ends this thread, and with its sender the player.
            while let Ok(Some(_)) = reading.receive(&mut packet) {
                let incoming = parse(&packet).unwrap_or_else(Incoming::Wrong);
                if to_player.send(incoming).is_err() {
                    break;
                }
            }
        })
        .map_err(|source| CrierError::Start { what: "start the player's thread", source })?;
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
    play(player, &incoming, &channel)
}

fn play(mut player: Player, incoming: &Receiver<Incoming>, channel: &Channel) -> Result<(), CrierError> {
    let begin = Instant::now();
    let mut packet = Vec::new();
    loop {
        let wait = player.poll(begin.elapsed());
        while let Some(report) = player.report() {
            if !send(channel, &FromStage::Work(report_for_wire(report)), &[], &mut packet)? {
                return Ok(());
            }
        }
        let mut next = match wait {
            Duration::ZERO => incoming.try_recv().map_err(|error| match error {
                std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
            wait => incoming.recv_timeout(wait),
        };
        loop {
            match next {
                Ok(Incoming::Command(command)) => player.command(command, begin.elapsed()),
                Ok(Incoming::Probe(number)) => {
                    if !send::<PlayerReport>(channel, &FromStage::Alive { number }, &[], &mut packet)? {
                        return Ok(());
                    }
                }
                Ok(Incoming::Wrong(error)) => return Err(error),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => break,
            }
            next = incoming.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }
}

fn parse(packet: &[u8]) -> Result<Incoming, CrierError> {
    let (head, bytes) = decode::<ToStage<serde_json::Value, PlayerRequest>>(packet)?;
    let request = match head {
        ToStage::Start { .. } => return Err(CrierError::Internal("the player was started twice".to_owned())),
        ToStage::Probe { number } => return Ok(Incoming::Probe(number)),
        ToStage::Work(request) => request,
    };
    // Loudness beyond 100 % is 100 %.
    let percent = |percent: u32| u8::try_from(percent.min(100)).unwrap_or(100);
    Ok(Incoming::Command(match request {
        PlayerRequest::Begin { stream, rate_hz, volume_percent, offset } => {
            Command::Begin { stream, rate_hz, volume_percent: volume_percent.map(percent), offset }
        }
        PlayerRequest::Samples { stream, offset } => {
            Command::Samples { stream, offset, samples: floats(bytes)? }
        }
        PlayerRequest::End { stream, length } => Command::End { stream, length },
        PlayerRequest::Stop { stream } => Command::Stop { stream },
        PlayerRequest::Pause => Command::Pause,
        PlayerRequest::Resume => Command::Resume,
        PlayerRequest::Volume { percent: wanted } => Command::Volume(percent(wanted)),
        PlayerRequest::Mute { on } => Command::Mute(on),
    }))
}

fn report_for_wire(report: Report) -> PlayerReport {
    match report {
        Report::Heard { stream, offset } => PlayerReport::Heard { stream, offset },
        Report::Finished { stream } => PlayerReport::Finished { stream },
        Report::Stopped { stream, heard } => PlayerReport::Stopped { stream, offset: heard },
        Report::Room { stream, until } => PlayerReport::Room { stream, until },
        Report::Underrun { stream } => PlayerReport::Underrun { stream },
        Report::Device { open, detail } => PlayerReport::Device { open, detail },
        Report::Refused { stream, reason } => PlayerReport::Refused { stream, reason: reason.to_string() },
    }
}
