//! The intake, seen from the supervisor: what comes in is handed on, what becomes of it goes back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crier_wire::{ApplianceState, IntakeReport, IntakeRequest};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

use super::appliance::Appliance;
use crier_control::InputEntry;
use crier_supervisor::{Connection, ConnectionSource, Disabled, Disconnected};

/// Answers on their way to the intake.
const ANSWERS_MAX: usize = 256;

/// What is known of each input.
#[derive(Default)]
pub(crate) struct Inputs(RefCell<BTreeMap<String, InputEntry>>);

impl Inputs {
    /// All inputs that ever said something.
    pub(crate) fn entries(&self) -> BTreeMap<String, InputEntry> {
        self.0.borrow().clone()
    }

    fn change(&self, input: String, change: impl FnOnce(&mut InputEntry)) {
        let unknown = || InputEntry { up: false, detail: String::new(), refused: 0, losses: BTreeMap::new() };
        change(self.0.borrow_mut().entry(input).or_insert_with(unknown));
    }

    fn all_down(&self, why: &str) {
        for entry in self.0.borrow_mut().values_mut() {
            (entry.up, entry.detail) = (false, why.to_owned());
        }
    }
}

/// Serves the intake, whichever life it is in, for ever.
pub(crate) async fn drive(
    appliance: Rc<Appliance>,
    links: ConnectionSource<IntakeReport>,
    inputs: Rc<Inputs>,
    state: watch::Receiver<ApplianceState>,
) {
    loop {
        match links.next().await {
            Ok(link) => {
                let Disconnected = talk(&appliance, link, &inputs, state.clone()).await;
                inputs.all_down("the intake has ended and is started again");
            }
            Err(Disabled) => {
                inputs.all_down("the intake is held");
                links.released().await;
            }
        }
    }
}

async fn talk(
    appliance: &Rc<Appliance>,
    mut link: Connection<IntakeReport>,
    inputs: &Inputs,
    mut state: watch::Receiver<ApplianceState>,
) -> Disconnected {
    let mut events = appliance.events();
    let (answered, mut answers) = mpsc::channel(ANSWERS_MAX);
    state.mark_changed();
    loop {
        let request = tokio::select! {
            report = link.receive() => {
                match report {
                    Ok((report, _)) => take(appliance, report, inputs, &answered),
                    Err(lost) => return lost,
                }
                continue;
            }
            Some(answer) = answers.recv() => answer,
            event = events.recv() => match event {
                Ok(event) => IntakeRequest::Event(event),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the intake is too slow; it missed events");
                    continue;
                }
                Err(RecvError::Closed) => return Disconnected,
            },
            changed = state.changed() => match changed {
                Ok(()) => IntakeRequest::State(Box::new(state.borrow_and_update().clone())),
                Err(_) => return Disconnected,
            },
        };
        if let Err(lost) = link.send(request, &[]).await {
            return lost;
        }
    }
}

fn take(
    appliance: &Rc<Appliance>,
    report: IntakeReport,
    inputs: &Inputs,
    answers: &mpsc::Sender<IntakeRequest>,
) {
    match report {
        IntakeReport::Submit { request_id, draft } => {
            let (appliance, answers) = (Rc::clone(appliance), answers.clone());
            tokio::task::spawn_local(async move {
                let answer = appliance.submit(*draft).await;
                // An intake that has died meanwhile has acknowledged nothing.
                let _ = answers.send(IntakeRequest::Answer { request_id, answer }).await;
            });
        }
        IntakeReport::Command { request_id, command } => {
            let (appliance, answers) = (Rc::clone(appliance), answers.clone());
            tokio::task::spawn_local(async move {
                let answer = appliance.command(command).await;
                let _ = answers.send(IntakeRequest::Answer { request_id, answer }).await;
            });
        }
        IntakeReport::Input { input, up, detail } => {
            tracing::info!(input = %input.escape_debug(), up, detail = %detail.escape_debug(), "an input changed");
            inputs.change(input, |entry| (entry.up, entry.detail) = (up, detail));
            appliance.changed.notify_one();
        }
        IntakeReport::Lost { input, reason, count } => {
            tracing::warn!(input = %input.escape_debug(), %reason, count, "messages of the input are not spoken");
            inputs.change(input, |entry| {
                entry.refused += count;
                *entry.losses.entry(reason.name().to_owned()).or_default() += count;
            });
        }
    }
}
