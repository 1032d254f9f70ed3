//! State of the appliance, for the inputs, `crier ctl` and metrics.

use crier_announce::Priority;
use crier_control::{ApplianceStatus, QueueEntry, StageEntry, VoiceEntry};
use crier_playback::Readiness;
use crier_supervisor::{Condition, StageStatus};
use crier_wire::{ApplianceState, Mode};

use super::supervisor::Supervisor;

/// Returns true if two states differ in something that inputs have to learn at once; temperature and time are not.
pub(super) fn differs(before: &ApplianceState, after: &ApplianceState) -> bool {
    let essence = |state: &ApplianceState| ApplianceState {
        soc_celsius: None,
        uptime_s: 0,
        real_time_factor: None,
        ..state.clone()
    };
    essence(before) != essence(after)
}

/// Returns the activity and settings of the appliance.
pub(super) fn state(supervisor: &Supervisor) -> ApplianceState {
    let (appliance, speech) = (&supervisor.appliance, &supervisor.appliance.speech);
    let voices = speech.voices();
    let (paused, queued, announcement) = appliance.queue(|queue| {
        let id = queue.current().map(|(sequence, announcement)| {
            announcement.id().map_or_else(|| sequence.to_string(), str::to_owned)
        });
        (queue.is_paused(), queue.len(), id)
    });
    let problems = problems(supervisor);
    let readiness = voices.readiness().borrow().clone();
    let mode = match (paused, speech.is_sounding(), &announcement) {
        // In the order of what a listener has to know: a pause explains silence better than a fault does.
        (true, _, _) => Mode::Paused,
        (_, true, _) => Mode::Speaking,
        _ if matches!(readiness, Readiness::Failed(_)) => Mode::Fault,
        _ if readiness == Readiness::Loading => Mode::Starting,
        (_, _, Some(_)) => Mode::Preparing,
        _ => Mode::Idle,
    };
    let statistics = appliance.statistics.borrow();
    ApplianceState {
        mode,
        announcement,
        queued,
        volume_percent: appliance.player.volume_percent(),
        muted: appliance.player.is_muted(),
        voice: voices.chosen(),
        voices: voices.names(),
        problems,
        soc_celsius: supervisor.temperature_celsius.get(),
        real_time_factor: statistics.real_time_factor.map(|factor| factor as f32),
        restarts: supervisor.stages().iter().map(|stage| stage.status().restarts).sum(),
        uptime_s: supervisor.begin.elapsed().as_secs(),
    }
}

/// Returns the present problems, in words.
fn problems(supervisor: &Supervisor) -> Vec<String> {
    let mut problems = supervisor.appliance.speech.problems();
    // Held engines are among the problems of their voice.
    for stage in [&supervisor.player, &supervisor.intake] {
        let status = stage.status();
        if status.condition == Condition::Held {
            problems.push(format!("the {} is held", status.name));
        }
    }
    let device = supervisor.appliance.player.device();
    // Without a detail the player has not tried yet.
    if !device.open && !device.detail.is_empty() {
        problems.push(format!("sound: {}", device.detail));
    }
    problems.extend(supervisor.appliance.journal_problem().map(|reason| format!("journal: {reason}")));
    problems
}

/// Returns everything that `crier ctl status` shows.
pub(super) fn status(supervisor: &Supervisor) -> ApplianceStatus {
    let device = supervisor.appliance.player.device();
    let statistics = supervisor.appliance.statistics.borrow();
    let config = supervisor.config();
    ApplianceStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        id: supervisor.id.clone(),
        name: config.appliance.name.clone(),
        state: state(supervisor),
        stages: stage_entries(supervisor),
        inputs: supervisor.inputs.entries(),
        device_open: device.open,
        device: device.detail,
        underruns: supervisor.appliance.player.underruns(),
        cpu_plan: supervisor.cpus.borrow().to_string(),
        journal_bytes: supervisor.appliance.journal_bytes(),
        events: statistics.events.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        first_audio_ms: statistics.first_audio_ms,
        cached: statistics.cached,
    }
}

fn stage_entries(supervisor: &Supervisor) -> Vec<StageEntry> {
    let mut entries = Vec::new();
    for slot in supervisor.appliance.speech.voices().slots() {
        let statuses = slot.voice().into_iter().flat_map(|voice| voice.statuses());
        entries.extend(statuses.map(|(status, mean_ms)| entry(status, mean_ms)));
    }
    entries.extend([&supervisor.player, &supervisor.intake].map(|stage| entry(stage.status().clone(), None)));
    entries
}

/// Returns the announcements that have not ended, in the order of speaking.
pub(super) fn queue(supervisor: &Supervisor) -> Vec<QueueEntry> {
    supervisor.appliance.queue(|queue| {
        let current = queue.current().into_iter().map(|entry| (entry, true));
        let waiting = queue.waiting().into_iter().map(|entry| (entry, false));
        current
            .chain(waiting)
            .map(|((sequence, announcement), spoken_now)| QueueEntry {
                id: announcement.id().map_or_else(|| sequence.to_string(), str::to_owned),
                priority: Priority::to_string(&announcement.priority()),
                source: announcement.source().unwrap_or_default().to_owned(),
                // The length only: who may control the appliance need not be allowed to read what it says.
                characters: announcement.text().chars().count(),
                spoken_now,
            })
            .collect()
    })
}

/// Returns all voices that announcements may name.
pub(super) fn voices(supervisor: &Supervisor) -> Vec<VoiceEntry> {
    let voices = supervisor.appliance.speech.voices();
    // By folder, not by name: voices that share a bundle share its condition.
    let entry = |name: &String| {
        let folder = voices.profile(Some(name)).map(|profile| profile.folder).unwrap_or_default();
        let (condition, detail) = match voices.loaded(&folder) {
            None => ("not loaded", String::new()),
            Some(slot) => match (slot.voice(), slot.problem()) {
                (_, Some(problem)) => ("broken", problem),
                (Some(voice), None) => ("ready", voice.frontend().bundle().manifest().name.clone()),
                (None, None) => ("loading", String::new()),
            },
        };
        VoiceEntry {
            name: name.clone(),
            bundle: folder,
            condition: condition.to_owned(),
            chosen: voices.chosen() == *name,
            detail,
        }
    };
    voices.names().iter().map(entry).collect()
}

fn entry(status: StageStatus, ms: Option<f64>) -> StageEntry {
    let condition = match status.condition {
        Condition::Starting => "starting",
        Condition::Running => "running",
        Condition::Waiting => "waiting",
        Condition::Held => "held",
    };
    let (last_end, last_lines, last_messages) = match status.last_crash {
        Some(evidence) => (Some(evidence.reason), evidence.stderr, evidence.messages),
        None => (None, Vec::new(), Vec::new()),
    };
    StageEntry {
        name: status.name,
        condition: condition.to_owned(),
        pid: status.pid,
        restarts: status.restarts,
        detail: status.detail,
        ms,
        last_end,
        last_lines,
        last_messages,
    }
}
