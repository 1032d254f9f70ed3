//! `crier ctl`: requests to the running appliance.

use std::path::PathBuf;

use crier_announce::{Draft, EventKind, Normalise, RecentOutcome};
use crier_control::{
    ApplianceStatus, ControlClient, ControlRequest, ControlResponse, InputEntry, QueueEntry, StageEntry,
    VoiceEntry,
};
use crier_wire::{Answer, Mode};
use serde_json::json;

use crate::cli::{CtlArguments, CtlCommand, CtlSayArguments, NormaliseArgument, VolumeArgument};
use crate::error::CrierError;
use crate::report::{Align, counted, human_time, print, print_json, table};

/// Socket of the image and of the built-in configuration.
const DEFAULT_SOCKET: &str = "/run/crier/control";

pub(crate) fn run(arguments: &CtlArguments) -> Result<(), CrierError> {
    // No configuration is read: it may be readable by root only, and users of the group have the socket.
    let socket = arguments.socket.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET));
    let mut client = ControlClient::connect(&socket)?;
    // The one request that may have more than one response.
    if let CtlCommand::Say(arguments_of_say) = &arguments.command
        && !arguments_of_say.show_text
    {
        return say(&mut client, arguments_of_say, arguments.json);
    }
    match client.ask(&request(&arguments.command))? {
        ControlResponse::Answer(Answer::Refused { reason, later }) => Err(refused(reason, later)),
        ControlResponse::Answer(_) => Ok(()),
        ControlResponse::Text(text) if arguments.json => print_json(&json!(text)),
        ControlResponse::Text(text) => print(&text.to_string()),
        ControlResponse::Status(status) if arguments.json => print_json(&json!(status)),
        ControlResponse::Queue(entries) if arguments.json => print_json(&json!(entries)),
        ControlResponse::History(outcomes) if arguments.json => print_json(&json!(outcomes)),
        ControlResponse::Voices(voices) if arguments.json => print_json(&json!(voices)),
        ControlResponse::Devices(devices) if arguments.json => print_json(&json!(devices)),
        ControlResponse::Status(status) => print(&status_text(&status)),
        ControlResponse::Queue(entries) => print(&queue_text(entries)),
        ControlResponse::History(outcomes) => print(&history_text(&outcomes, crier_system::uptime_ms())),
        ControlResponse::Voices(voices) => print(&voices_text(voices)),
        ControlResponse::Devices(devices) => {
            let rows: Vec<Vec<String>> =
                devices.into_iter().map(|device| vec![device.name, device.description]).collect();
            print(&table(Align::Left, &rows))
        }
        // The client returns reported errors as `Err`; the other two answer requests that this command does not send.
        ControlResponse::Hello(_) | ControlResponse::Event(_) | ControlResponse::Error(_) => {
            Err(CrierError::Internal("the response does not belong to the request".to_owned()))
        }
    }
}

/// Returns the request of a command.
fn request(command: &CtlCommand) -> ControlRequest {
    match command {
        CtlCommand::Status => ControlRequest::Status {},
        CtlCommand::Queue => ControlRequest::Queue {},
        CtlCommand::History => ControlRequest::History {},
        CtlCommand::Voices => ControlRequest::Voices {},
        CtlCommand::Devices => ControlRequest::Devices {},
        CtlCommand::Say(say) => say_request(say),
        CtlCommand::Stop { all } => ControlRequest::Stop { all: *all },
        CtlCommand::Pause => ControlRequest::Pause {},
        CtlCommand::Resume => ControlRequest::Resume {},
        CtlCommand::Repeat => ControlRequest::Repeat {},
        CtlCommand::Volume { volume: VolumeArgument::Percent(percent) } => {
            ControlRequest::Volume { percent: Some(*percent), step: None }
        }
        CtlCommand::Volume { volume: VolumeArgument::Step(step) } => {
            ControlRequest::Volume { percent: None, step: Some(*step) }
        }
        CtlCommand::Mute => ControlRequest::Mute {},
        CtlCommand::Unmute => ControlRequest::Unmute {},
        CtlCommand::Voice { name } => ControlRequest::Voice { name: name.clone() },
        CtlCommand::Hold { stage } => ControlRequest::Hold { stage: stage.clone() },
        CtlCommand::Release { stage } => ControlRequest::Release { stage: stage.clone() },
    }
}

fn say_request(say: &CtlSayArguments) -> ControlRequest {
    let draft = Draft {
        id: say.id.clone(),
        text: say.text.join(" "),
        format: say.format,
        voice: say.voice.clone(),
        speaker: say.speaker.clone(),
        language: say.language.clone(),
        normalise: say.normalise.map(|normalise| match normalise {
            NormaliseArgument::On => Normalise::On,
            NormaliseArgument::Off => Normalise::Off,
        }),
        priority: say.priority.unwrap_or_default(),
        rate: say.manner.rate,
        pitch: say.manner.pitch,
        instruct: say.manner.instruct.clone(),
        volume: say.volume,
        chime: say.chime.clone(),
        expires_in_s: say.expires_in_s,
        // A stop of an input cancels by source; `ctl` is not the name of any.
        source: Some("ctl".to_owned()),
    };
    // The same draft, so that every option has the effect on the shown text that it has on the spoken one.
    if say.show_text {
        return ControlRequest::ShowText { draft: Box::new(draft) };
    }
    ControlRequest::Say { draft: Box::new(draft), wait: say.wait, cancel_on_exit: say.cancel_on_exit }
}

fn say(client: &mut ControlClient, arguments: &CtlSayArguments, json: bool) -> Result<(), CrierError> {
    let answer = match client.ask(&say_request(arguments))? {
        ControlResponse::Answer(Answer::Refused { reason, later }) => return Err(refused(reason, later)),
        ControlResponse::Answer(answer) => answer,
        _ => return Err(CrierError::Internal("the response does not belong to the request".to_owned())),
    };
    match &answer {
        // A line for the answer and one for each event: a reader does not have to wait for the end.
        _ if json => print_json(&json!(answer))?,
        // No failure: a sender that repeats itself after a lost answer gets what it asked for.
        Answer::Duplicate { id, .. } => {
            return print(&format!(
                "{id}: duplicate of an announcement already accepted in the last 24 hours\n"
            ));
        }
        Answer::Accepted { id, durable: false, .. } => {
            print(&format!("{id}: accepted, but not in the journal, which cannot be written\n"))?;
        }
        Answer::Accepted { id, .. } => print(&format!("{id}: accepted\n"))?,
        _ => {}
    }
    // A duplicate has no events of its own to wait for.
    if !arguments.wait || !matches!(answer, Answer::Accepted { .. }) {
        return Ok(());
    }
    loop {
        // Only events of this announcement come here; the server has filtered them.
        let ControlResponse::Event(event) = client.next_response()? else { continue };
        if json {
            print_json(&json!(event))?;
        }
        match event.kind {
            EventKind::Finished => {
                return if json { Ok(()) } else { print(&format!("{}: finished\n", event.id)) };
            }
            // Exit codes tell scripts apart what was spoken and what was not, whatever the reason.
            EventKind::Failed { reason } => return Err(refused(format!("{}: {reason}", event.id), false)),
            kind if kind.is_end() => {
                return Err(refused(format!("{}: it was not spoken to its end", event.id), false));
            }
            _ => {}
        }
    }
}

fn queue_text(entries: Vec<QueueEntry>) -> String {
    if entries.is_empty() {
        return "The queue is empty.\n".to_owned();
    }
    let head = ["", "id", "priority", "characters", "source"].map(str::to_owned).to_vec();
    let rows = entries.into_iter().map(|entry| {
        let mark = if entry.spoken_now { ">" } else { "" };
        // Escaped, as in the history: they come from the senders.
        let [id, source] = [entry.id, entry.source].map(|text| printable(&text));
        vec![mark.to_owned(), id, entry.priority, entry.characters.to_string(), source]
    });
    table(Align::Left, &std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn history_text(outcomes: &[RecentOutcome], uptime_ms: u64) -> String {
    if outcomes.is_empty() {
        return "No announcement has ended since the start.\n".to_owned();
    }
    let head = ["ended", "number", "id", "source", "priority", "waited", "spoken", "outcome"];
    let seconds =
        |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{:.1} s", ms as f64 / 1e3));
    let row = |outcome: &RecentOutcome| {
        vec![
            format!("{} ago", human_time(uptime_ms.saturating_sub(outcome.at_ms) / 1000)),
            outcome.sequence.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            // Ids and sources come from the senders, and could otherwise command the terminal.
            printable(&outcome.id),
            printable(outcome.source.as_deref().unwrap_or("-")),
            outcome.priority.to_string(),
            seconds(outcome.waited_ms),
            seconds(outcome.spoken_ms),
            printable(&outcome.end.to_string()),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(outcomes.iter().map(row)).collect();
    table(Align::Left, &rows)
}

/// Returns text of senders without characters that command a terminal.
fn printable(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

fn voices_text(voices: Vec<VoiceEntry>) -> String {
    let row = |voice: VoiceEntry| {
        let mark = if voice.chosen { ">" } else { "" };
        let bundle = voice.bundle.display().to_string();
        vec![mark.to_owned(), voice.name, voice.condition, bundle, voice.detail]
    };
    table(Align::Left, &voices.into_iter().map(row).collect::<Vec<_>>())
}

fn refused(reason: String, later: bool) -> CrierError {
    CrierError::Refused { reason, later }
}

/// Returns the status as a person reads it.
fn status_text(status: &ApplianceStatus) -> String {
    let state = &status.state;
    let mode = match state.mode {
        Mode::Starting => "starting",
        Mode::Idle => "idle",
        Mode::Preparing => "preparing",
        Mode::Speaking => "speaking",
        Mode::Paused => "paused",
        // The one that needs an operator is seen from afar.
        Mode::Fault => "FAULT",
    };
    let mut text = format!(
        "{} ({}), Crier {}: {mode}{}, up {}\n",
        status.name,
        status.id,
        status.version,
        state.announcement.as_ref().map(|id| format!(" {}", printable(id))).unwrap_or_default(),
        human_time(state.uptime_s),
    );
    for problem in &state.problems {
        text.push_str(&format!("  ! {problem}\n"));
    }
    text.push_str(&table(Align::Left, &figures(status)));
    text.push('\n');
    text.push_str(&stages_text(&status.stages));
    if !status.inputs.is_empty() {
        text.push('\n');
        let row = |(name, input): (&String, &InputEntry)| {
            let up = if input.up { "up" } else { "DOWN" };
            vec![name.clone(), up.to_owned(), refusals(input), input.detail.clone()]
        };
        text.push_str(&table(Align::Left, &status.inputs.iter().map(row).collect::<Vec<_>>()));
        for (name, input) in &status.inputs {
            if let Some(reason) = &input.last_refusal {
                text.push_str(&format!("  {name}: refused last: {}\n", printable(reason)));
            }
        }
    }
    text
}

/// Returns the figures of the status, a row each.
fn figures(status: &ApplianceStatus) -> Vec<Vec<String>> {
    let state = &status.state;
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0} {unit}"))
    };
    let muted = if state.muted { ", muted" } else { "" };
    let device =
        if status.device_open { status.device.clone() } else { format!("closed: {}", status.device) };
    let underruns = counted(usize::try_from(status.underruns).unwrap_or(usize::MAX), "underrun");
    let rtf = state.real_time_factor.map_or_else(|| "-".to_owned(), |factor| format!("{factor:.2}"));
    // An event that never happened is not in the map.
    let count = |event: &str| status.events.get(event).copied().unwrap_or(0);
    let announcements = format!(
        "{} finished, {} cancelled, {} expired, {} failed",
        count("finished"),
        count("cancelled"),
        count("expired"),
        count("failed")
    );
    [
        ("queue", counted(state.queued, "announcement")),
        ("announcements", announcements),
        ("voice", format!("{} of {}", state.voice, state.voices.join(", "))),
        ("volume", format!("{} %{muted}", state.volume_percent)),
        ("sound", format!("{device}, {underruns}")),
        ("speed", format!("RTF {rtf}, time to first audio {}", number(status.first_audio_ms, "ms"))),
        ("CPUs", status.cpu_plan.clone()),
        ("temperature", number(state.soc_celsius.map(f64::from), "°C")),
        ("journal", crate::report::human_bytes(status.journal_bytes)),
    ]
    .map(|(name, value)| vec![name.to_owned(), value])
    .to_vec()
}

/// Returns the table of the stages, and below it the ends of their last instances.
fn stages_text(stages: &[StageEntry]) -> String {
    let head = ["stage", "condition", "pid", "restarts", "ms", "detail"].map(str::to_owned).to_vec();
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
    let rows: Vec<_> = std::iter::once(head).chain(stages.iter().map(row)).collect();
    let mut text = table(Align::Left, &rows);
    for stage in stages {
        if let Some(last_end) = &stage.last_end {
            text.push_str(&format!("  {}: last instance {last_end}\n", stage.name));
            // The last line only: the panic message or the assertion. JSON has them all.
            if let Some(line) = stage.last_lines.last() {
                text.push_str(&format!("    {line}\n"));
            }
        }
    }
    text
}

/// Returns the number of messages that are not spoken, and its parts by reason: "3 refused (queue_full 2, too_long 1)".
fn refusals(input: &InputEntry) -> String {
    let parts: Vec<String> = input.losses.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let waiting = if input.waiting > 0 { format!("{} waiting, ", input.waiting) } else { String::new() };
    format!("{waiting}{} refused{parts}", input.refused)
}
