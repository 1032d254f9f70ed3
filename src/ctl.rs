//! `crier ctl`: asks the running appliance, or tells it what to do.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crier_announce::{Draft, EventKind};
use crier_wire::{Answer, Command, Mode};
use serde_json::json;

use crate::cli::{CtlArguments, CtlCommand, CtlSayArguments};
use crate::control::{Request, Response, StageEntry, Status};
use crate::error::CrierError;
use crate::report::{print, print_json, rows_left, table};

/// How long an answer may take that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &CtlArguments) -> Result<(), CrierError> {
    let socket = arguments.socket.clone().unwrap_or_else(|| PathBuf::from("/run/crier/control"));
    let mut appliance = Connection::open(&socket)?;
    let json = arguments.json;
    match &arguments.command {
        CtlCommand::Status => match appliance.ask(&Request::Status)? {
            Response::Status(status) if json => print_json(&json!(status)),
            Response::Status(status) => print(&status_text(&status)),
            other => unexpected(other),
        },
        CtlCommand::Queue => match appliance.ask(&Request::Queue)? {
            Response::Queue(entries) if json => print_json(&json!(entries)),
            Response::Queue(entries) if entries.is_empty() => print("Nothing is to be said.\n"),
            Response::Queue(entries) => {
                let head = ["", "id", "priority", "characters", "source"].map(str::to_owned).to_vec();
                let rows = entries.into_iter().map(|entry| {
                    let mark = if entry.spoken_now { ">" } else { "" };
                    vec![
                        mark.to_owned(),
                        entry.id,
                        entry.priority,
                        entry.characters.to_string(),
                        entry.source,
                    ]
                });
                print(&rows_left(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
            }
            other => unexpected(other),
        },
        CtlCommand::Voices => match appliance.ask(&Request::Voices)? {
            Response::Voices(voices) if json => print_json(&json!(voices)),
            Response::Voices(voices) => {
                let rows: Vec<Vec<String>> = voices
                    .into_iter()
                    .map(|voice| {
                        let mark = if voice.chosen { ">" } else { "" };
                        let bundle = voice.bundle.display().to_string();
                        vec![mark.to_owned(), voice.name, voice.condition, bundle, voice.detail]
                    })
                    .collect();
                print(&rows_left(&rows))
            }
            other => unexpected(other),
        },
        CtlCommand::Devices => match appliance.ask(&Request::Devices)? {
            Response::Devices(devices) if json => print_json(&json!(devices)),
            Response::Devices(devices) => {
                print(&table(&devices.into_iter().map(|(name, what)| vec![name, what]).collect::<Vec<_>>()))
            }
            other => unexpected(other),
        },
        CtlCommand::Say(say) => {
            let draft = Draft {
                id: say.id.clone(),
                text: say.text.join(" "),
                voice: say.voice.clone(),
                speaker: say.speaker.clone(),
                language: say.language.clone(),
                priority: say.priority.unwrap_or_default(),
                volume: say.volume,
                chime: say.chime.clone(),
                expires_in_s: say.expires_in_s,
                source: Some("ctl".to_owned()),
            };
            appliance.say(draft, say, json)
        }
        CtlCommand::Stop { all: true } => appliance.command(Command::StopAll),
        CtlCommand::Stop { all: false } => appliance.command(Command::Stop),
        CtlCommand::Pause => appliance.command(Command::Pause),
        CtlCommand::Resume => appliance.command(Command::Resume),
        CtlCommand::Repeat => appliance.command(Command::RepeatLast),
        CtlCommand::Volume { percent } => appliance.command(Command::Volume { percent: *percent }),
        CtlCommand::Mute => appliance.command(Command::Mute { on: Some(true) }),
        CtlCommand::Unmute => appliance.command(Command::Mute { on: Some(false) }),
        CtlCommand::Voice { name } => appliance.command(Command::Voice { name: name.clone() }),
        CtlCommand::Hold { stage } => appliance.done(&Request::Hold { stage: stage.clone() }),
        CtlCommand::Release { stage } => appliance.done(&Request::Release { stage: stage.clone() }),
    }
}

/// A connection to the appliance; takes one request.
struct Connection {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Connection {
    fn open(socket: &Path) -> Result<Self, CrierError> {
        let failed = |source: std::io::Error| match source.kind() {
            ErrorKind::PermissionDenied => CrierError::ControlDenied { socket: socket.to_owned() },
            _ => CrierError::Control { socket: socket.to_owned(), source },
        };
        let stream = UnixStream::connect(socket).map_err(failed)?;
        Ok(Self { socket: socket.to_owned(), stream: BufReader::new(stream) })
    }

    fn failed(&self, source: std::io::Error) -> CrierError {
        CrierError::Control { socket: self.socket.clone(), source }
    }

    fn ask(&mut self, request: &Request) -> Result<Response, CrierError> {
        let mut line = serde_json::to_vec(request)
            .map_err(|error| CrierError::Internal(format!("a request cannot be written: {error}")))?;
        line.push(b'\n');
        self.stream.get_ref().set_read_timeout(Some(PATIENCE)).map_err(|source| self.failed(source))?;
        self.stream.get_mut().write_all(&line).map_err(|source| self.failed(source))?;
        self.next()
    }

    fn next(&mut self) -> Result<Response, CrierError> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).map_err(|source| self.failed(source))?;
        if read == 0 {
            return Err(self.failed(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
        }
        match serde_json::from_str(&line) {
            Ok(Response::Error(reason)) => Err(CrierError::Usage(reason)),
            Ok(response) => Ok(response),
            Err(error) => Err(CrierError::Internal(format!("the answer cannot be read: {error}"))),
        }
    }

    fn done(&mut self, request: &Request) -> Result<(), CrierError> {
        match self.ask(request)? {
            Response::Answer(Answer::Refused { reason, later }) => Err(refused(reason, later)),
            Response::Answer(_) => Ok(()),
            other => unexpected(other),
        }
    }

    fn command(&mut self, command: Command) -> Result<(), CrierError> {
        self.done(&Request::Command(command))
    }

    fn say(&mut self, draft: Draft, arguments: &CtlSayArguments, json: bool) -> Result<(), CrierError> {
        let &CtlSayArguments { wait, cancel_on_exit, .. } = arguments;
        let answer = match self.ask(&Request::Say { draft: Box::new(draft), wait, cancel_on_exit })? {
            Response::Answer(Answer::Refused { reason, later }) => return Err(refused(reason, later)),
            Response::Answer(answer) => answer,
            other => return unexpected(other),
        };
        match &answer {
            _ if json => print_json(&json!(answer))?,
            Answer::Duplicate { id, .. } => return print(&format!("{id}: said already within 24 hours\n")),
            Answer::Accepted { id, durable: false, .. } => {
                print(&format!("{id}: accepted, but the journal cannot be written\n"))?;
            }
            Answer::Accepted { id, .. } => print(&format!("{id}: accepted\n"))?,
            _ => {}
        }
        if !wait || !matches!(answer, Answer::Accepted { .. }) {
            return Ok(());
        }
        // It may have to wait for hours before its turn comes.
        self.stream.get_ref().set_read_timeout(None).map_err(|source| self.failed(source))?;
        loop {
            let Response::Event(event) = self.next()? else { continue };
            if json {
                print_json(&json!(event))?;
            }
            match event.kind {
                EventKind::Finished => {
                    return if json { Ok(()) } else { print(&format!("{}: finished\n", event.id)) };
                }
                EventKind::Failed { reason } => {
                    return Err(CrierError::Refused {
                        reason: format!("{}: {reason}", event.id),
                        later: false,
                    });
                }
                kind if kind.is_end() => {
                    let reason = format!("{}: it was not spoken to its end", event.id);
                    return Err(CrierError::Refused { reason, later: false });
                }
                _ => {}
            }
        }
    }
}

fn refused(reason: String, later: bool) -> CrierError {
    CrierError::Refused { reason, later }
}

fn unexpected(response: Response) -> Result<(), CrierError> {
    match response {
        Response::Error(reason) => Err(CrierError::Usage(reason)),
        _ => Err(CrierError::Internal("the appliance answered something else than was asked".to_owned())),
    }
}

/// What a person likes to read.
fn status_text(status: &Status) -> String {
    let state = &status.state;
    let mode = match state.mode {
        Mode::Starting => "starting",
        Mode::Idle => "idle",
        Mode::Preparing => "preparing",
        Mode::Speaking => "speaking",
        Mode::Paused => "paused",
        Mode::Fault => "FAULT",
    };
    let mut text = format!(
        "{} ({}), Crier {}: {mode}{}, up {}\n",
        status.name,
        status.id,
        status.version,
        state.announcement.as_ref().map(|id| format!(" {id}")).unwrap_or_default(),
        human_time(state.uptime_s),
    );
    for problem in &state.problems {
        text.push_str(&format!("  ! {problem}\n"));
    }
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0} {unit}"))
    };
    let muted = if state.muted { ", muted" } else { "" };
    let device =
        if status.device_open { status.device.clone() } else { format!("closed: {}", status.device) };
    let factor =
        state.real_time_factor.map_or_else(|| "-".to_owned(), |factor| format!("{factor:.2} x real time"));
    let count = |event: &str| status.events.get(event).copied().unwrap_or(0);
    text.push_str(&rows_left(&[
        vec!["queue".to_owned(), format!("{} waiting or spoken", state.queued)],
        vec![
            "announcements".to_owned(),
            format!(
                "{} finished, {} cancelled, {} expired, {} failed",
                count("finished"),
                count("cancelled"),
                count("expired"),
                count("failed")
            ),
        ],
        vec!["voice".to_owned(), format!("{} of {}", state.voice, state.voices.join(", "))],
        vec!["volume".to_owned(), format!("{} %{muted}", state.volume_percent)],
        vec!["sound".to_owned(), format!("{device}, {} underruns", status.underruns)],
        vec![
            "speed".to_owned(),
            format!("{factor}, first sound after {}", number(status.first_audio_ms, "ms")),
        ],
        vec!["processors".to_owned(), status.cpu_plan.clone()],
        vec!["temperature".to_owned(), number(state.soc_celsius.map(f64::from), "°C")],
        vec!["journal".to_owned(), crate::report::human_bytes(status.journal_bytes)],
    ]));
    text.push('\n');
    let head = ["stage", "", "pid", "restarts", "ms", "what"].map(str::to_owned).to_vec();
    let row = |stage: &StageEntry| {
        vec![
            stage.name.clone(),
            stage.condition.clone(),
            stage.pid.map(|pid| pid.to_string()).unwrap_or_default(),
            stage.restarts.to_string(),
            stage.ms.map(|ms| format!("{ms:.1}")).unwrap_or_default(),
            stage.detail.clone(),
        ]
    };
    text.push_str(&rows_left(
        &std::iter::once(head).chain(status.stages.iter().map(row)).collect::<Vec<_>>(),
    ));
    for stage in &status.stages {
        if let Some(last_end) = &stage.last_end {
            text.push_str(&format!("  {}: last {last_end}\n", stage.name));
            if let Some(line) = stage.last_lines.last() {
                text.push_str(&format!("    {line}\n"));
            }
        }
    }
    if !status.inputs.is_empty() {
        text.push('\n');
        let rows: Vec<Vec<String>> = status
            .inputs
            .iter()
            .map(|(name, input)| {
                let up = if input.up { "up" } else { "DOWN" };
                vec![name.clone(), up.to_owned(), format!("{} refused", input.refused), input.detail.clone()]
            })
            .collect();
        text.push_str(&rows_left(&rows));
    }
    text
}

fn human_time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::human_time;

    #[test]
    fn times_read_well() {
        let times = [5, 65, 7265, 200_000].map(human_time);
        assert_eq!(times, ["5 s", "1 min", "2 h 1 min", "2 days"]);
    }
}
