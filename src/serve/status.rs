//! What the appliance says of itself.

use std::path::Path;

use crier_announce::Priority;
use crier_wire::{Mode, State};

use super::Supervisor;
use super::voices::Readiness;
use crate::control::{QueueEntry, StageEntry, Status, VoiceEntry};
use crier_supervisor::{Condition, StageStatus};

/// Where the kernel has its temperature sensors.
use crier_system::THERMAL_ROOT;

/// Whether two states differ in something that is worth telling at once; temperature and time are not.
pub(crate) fn differs(before: &State, after: &State) -> bool {
    let essence =
        |state: &State| State { soc_celsius: None, uptime_s: 0, real_time_factor: None, ..state.clone() };
    essence(before) != essence(after)
}

impl Supervisor {
    /// How the appliance is.
    pub(crate) fn current_state(&self) -> State {
        let (appliance, speech) = (&self.appliance, &self.appliance.speech);
        let voices = speech.voices();
        let (paused, queued, announcement) = appliance.queue(|queue| {
            let id = queue.current().map(|(sequence, announcement)| {
                announcement.id().map_or_else(|| sequence.to_string(), str::to_owned)
            });
            (queue.is_paused(), queue.len(), id)
        });
        let problems = self.problems();
        let readiness = voices.readiness().borrow().clone();
        let mode = match (paused, speech.is_sounding(), &announcement) {
            (true, _, _) => Mode::Paused,
            (_, true, _) => Mode::Speaking,
            _ if matches!(readiness, Readiness::Failed(_)) => Mode::Fault,
            _ if readiness == Readiness::Loading => Mode::Starting,
            (_, _, Some(_)) => Mode::Preparing,
            _ => Mode::Idle,
        };
        let counts = appliance.counts.borrow();
        State {
            mode,
            announcement,
            queued,
            volume_percent: appliance.playing.volume_percent(),
            muted: appliance.playing.is_muted(),
            voice: voices.chosen(),
            voices: voices.names(),
            problems,
            soc_celsius: crier_system::temperature_celsius(Path::new(THERMAL_ROOT))
                .map(|celsius| celsius as f32),
            real_time_factor: counts.real_time_factor.map(|factor| factor as f32),
            restarts: self.stages().iter().map(|stage| stage.status().restarts).sum(),
            uptime_s: self.begin.elapsed().as_secs(),
        }
    }

    /// What does not work, in words.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.appliance.speech.problems();
        for stage in [&self.player, &self.intake] {
            let status = stage.status();
            if status.condition == Condition::Held {
                problems.push(format!("the {} is held", status.name));
            }
        }
        let device = self.appliance.playing.device();
        if !device.open && !device.detail.is_empty() {
            problems.push(format!("sound: {}", device.detail));
        }
        problems.extend(self.appliance.journal_problem().map(|reason| format!("journal: {reason}")));
        problems
    }

    /// Everything that `crier ctl status` shows.
    pub(crate) fn status(&self) -> Status {
        let device = self.appliance.playing.device();
        let counts = self.appliance.counts.borrow();
        let config = self.config();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            id: self.id.clone(),
            name: config.appliance.name.clone(),
            state: self.current_state(),
            stages: self.stage_entries(),
            inputs: self.inputs.entries(),
            device_open: device.open,
            device: device.detail,
            underruns: self.appliance.playing.underruns(),
            cpu_plan: self.cpu_plan(),
            journal_bytes: self.appliance.journal_bytes(),
            events: counts.events.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            first_audio_ms: counts.first_audio_ms,
            cached: counts.cached,
        }
    }

    fn stage_entries(&self) -> Vec<StageEntry> {
        let mut entries = Vec::new();
        for slot in self.appliance.speech.voices().slots() {
            let statuses = slot.voice().into_iter().flat_map(|voice| voice.statuses());
            entries.extend(statuses.map(|(status, mean_ms)| entry(status, mean_ms)));
        }
        entries.extend([&self.player, &self.intake].map(|stage| entry(stage.status().clone(), None)));
        entries
    }

    /// What waits and what is being spoken, in the order of speaking.
    pub(crate) fn queue(&self) -> Vec<QueueEntry> {
        self.appliance.queue(|queue| {
            let current = queue.current().into_iter().map(|entry| (entry, true));
            let waiting = queue.waiting().into_iter().map(|entry| (entry, false));
            current
                .chain(waiting)
                .map(|((sequence, announcement), spoken_now)| QueueEntry {
                    id: announcement.id().map_or_else(|| sequence.to_string(), str::to_owned),
                    priority: Priority::to_string(&announcement.priority()),
                    source: announcement.source().unwrap_or_default().to_owned(),
                    characters: announcement.text().chars().count(),
                    spoken_now,
                })
                .collect()
        })
    }

    /// All voices that announcements may name.
    pub(crate) fn voices(&self) -> Vec<VoiceEntry> {
        let voices = self.appliance.speech.voices();
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

    /// Says aloud, once, that the chosen voice cannot speak any more, if another one can.
    pub(crate) fn report_held(&self) {
        if let Some(problem) = self.appliance.speech.new_problem() {
            tracing::error!(%problem, "the chosen voice cannot speak; the embedded voice speaks instead");
            let text = "The voice of this appliance has failed. The backup voice is speaking.";
            let appliance = std::rc::Rc::clone(&self.appliance);
            let draft =
                crier_announce::Draft { source: Some("appliance".to_owned()), ..super::plan::notice(text) };
            tokio::task::spawn_local(async move { appliance.submit(draft).await });
        }
    }
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
