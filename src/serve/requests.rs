//! Verbs of the control protocol, as the supervisor carries them out.

use std::rc::Rc;

use crier_announce::{Draft, Sequence};
use crier_control::{
    ControlHandler, ControlRequest, ControlResponse, DeviceEntry, ErrorCode, ErrorReport, Hello,
};
use crier_supervisor::Stage;
use crier_wire::{AnnouncementEvent, Answer};
use tokio::sync::broadcast::Receiver;

use super::status;
use super::supervisor::Supervisor;

impl ControlHandler for Supervisor {
    async fn request(self: &Rc<Self>, request: ControlRequest) -> ControlResponse {
        if let Some(command) = request.command() {
            return ControlResponse::Answer(self.appliance.command(command).await);
        }
        match request {
            ControlRequest::Hello {} => ControlResponse::Hello(Hello::current(env!("CARGO_PKG_VERSION"))),
            ControlRequest::Status {} => ControlResponse::Status(Box::new(status::status(self))),
            ControlRequest::Queue {} => ControlResponse::Queue(status::queue(self)),
            ControlRequest::History {} => ControlResponse::History(self.appliance.history()),
            ControlRequest::Voices {} => ControlResponse::Voices(status::voices(self)),
            ControlRequest::Devices {} => devices(self).await,
            ControlRequest::ShowText { draft } => show_text(self, *draft).await,
            ControlRequest::Hold { stage } => with_stages(self, &stage, Stage::hold),
            ControlRequest::Release { stage } => with_stages(self, &stage, Stage::release),
            // Commands were carried out above, and the server submits announcements itself.
            other => failed(ErrorCode::Invalid, &format!("{other:?} is no request")),
        }
    }

    async fn submit(self: &Rc<Self>, draft: Draft) -> Answer {
        self.appliance.submit(draft).await
    }

    fn events(&self) -> Receiver<AnnouncementEvent> {
        self.appliance.events()
    }

    fn cancel(&self, sequence: Sequence) {
        self.appliance.cancel(sequence);
    }
}

async fn devices(supervisor: &Supervisor) -> ControlResponse {
    match supervisor.appliance.player.list_devices().await {
        Ok(devices) => ControlResponse::Devices(
            devices
                .into_iter()
                .map(|device| DeviceEntry { name: device.name, description: device.description })
                .collect(),
        ),
        Err(error) => failed(ErrorCode::Failed, &error.to_string()),
    }
}

/// Returns a text as it would be spoken, or the refusal that it would meet.
async fn show_text(supervisor: &Supervisor, draft: Draft) -> ControlResponse {
    let refused = |reason: String| ControlResponse::Answer(Answer::Refused { reason, later: false });
    let announcement = match draft.validate() {
        Ok(announcement) => announcement,
        Err(error) => return refused(error.to_string()),
    };
    let speech = &supervisor.appliance.speech;
    // As at the door, so that what is shown is what would be spoken, or the refusal that it would meet.
    if let Err(error) = speech.check(&announcement) {
        return refused(error.to_string());
    }
    match speech.read(&announcement).await {
        Ok(shown) => ControlResponse::Text(shown),
        Err(error) => refused(error.to_string()),
    }
}

fn with_stages(supervisor: &Supervisor, name: &str, change: impl Fn(&Stage)) -> ControlResponse {
    let stages = supervisor.stages();
    // `talker` is the talker of every voice: who holds an engine wants it silent, whichever voice is chosen.
    let fits = |known: &str| known == name || known.split('/').next_back() == Some(name);
    let (mut found, mut known) = (false, Vec::new());
    for stage in &stages {
        let stage_name = stage.status().name.clone();
        if fits(&stage_name) {
            change(stage);
            found = true;
        }
        known.push(stage_name);
    }
    if found {
        return ControlResponse::Answer(Answer::Done);
    }
    let message = format!("there is no stage '{}'; use one of {}", name.escape_debug(), known.join(", "));
    failed(ErrorCode::NotFound, &message)
}

fn failed(code: ErrorCode, message: &str) -> ControlResponse {
    ControlResponse::Error(ErrorReport::new(code, message))
}
