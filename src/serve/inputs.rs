//! The supervisor's side of the intake: submissions and commands go to the appliance, answers and events back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crier_wire::{ApplianceState, IntakeReport, IntakeRequest, LossReason};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::appliance::Appliance;
use crier_control::InputEntry;
use crier_supervisor::{Connection, ConnectionSource, Disabled, Disconnected};

/// Requests of the intake without an answer, beyond which it is not read: as many as an intake in order has open.
const OPEN_REQUESTS_MAX: usize = 4096;
/// Inputs of which something is kept: more than a configuration has, and a bound for an intake that invents names.
const INPUTS_MAX: usize = 256;

/// State and losses of each input.
#[derive(Default)]
pub(crate) struct Inputs(RefCell<BTreeMap<String, InputEntry>>);

impl Inputs {
    /// Returns all inputs that have reported something.
    pub(crate) fn entries(&self) -> BTreeMap<String, InputEntry> {
        self.0.borrow().clone()
    }

    fn change(&self, input: String, change: impl FnOnce(&mut InputEntry)) {
        let mut inputs = self.0.borrow_mut();
        if inputs.len() < INPUTS_MAX || inputs.contains_key(&input) {
            change(inputs.entry(input).or_default());
        }
    }

    /// Marks all inputs as down, and counts what they had read: it went with the intake.
    fn all_down(&self, why: &str) {
        for (input, entry) in self.0.borrow_mut().iter_mut() {
            (entry.up, entry.detail) = (false, why.to_owned());
            let count = std::mem::take(&mut entry.waiting);
            if count > 0 {
                count_loss(input, entry, LossReason::Interrupted, count, None);
            }
        }
    }
}

/// Counts and logs messages that are not spoken.
fn count_loss(
    input: &str,
    entry: &mut InputEntry,
    reason: LossReason,
    count: u64,
    explanation: Option<String>,
) {
    let because = explanation.as_deref();
    tracing::warn!(input, %reason, count, because, "messages of the input are not spoken");
    entry.refused += count;
    *entry.losses.entry(reason.name().to_owned()).or_default() += count;
    if explanation.is_some() {
        entry.last_refusal = explanation;
    }
}

/// Serves one instance of the intake after the other, for ever.
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

/// Serves one instance of the intake to its end.
async fn talk(
    appliance: &Rc<Appliance>,
    link: Connection<IntakeReport>,
    inputs: &Inputs,
    mut state: watch::Receiver<ApplianceState>,
) -> Disconnected {
    let (sender, mut receiver) = link.split();
    let mut events = appliance.events();
    let mut open = JoinSet::new();
    let mut waiting: Option<IntakeRequest> = None;
    // Each instance needs the state once, even if it does not change any more.
    state.mark_changed();
    let lost = loop {
        let is_free = waiting.is_none();
        tokio::select! {
            // Reports are taken while a request waits for room: the intake may be waiting for room, too.
            report = receiver.receive(), if open.len() < OPEN_REQUESTS_MAX => match report {
                Ok((report, _)) => take(appliance, report, inputs, &mut open),
                Err(lost) => break lost,
            },
            slot = sender.room(), if !is_free => {
                let sent = slot.and_then(|slot| waiting.take().map_or(Ok(()), |request| slot.send(request, &[])));
                if let Err(lost) = sent {
                    break lost;
                }
            }
            // A task that panics has no answer; its sender waits in vain, which its own timeout ends.
            Some(answer) = open.join_next(), if is_free => waiting = answer.ok(),
            event = events.recv(), if is_free => match event {
                Ok(event) => waiting = Some(IntakeRequest::Event(event)),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the intake is too slow; it missed events");
                }
                Err(RecvError::Closed) => break Disconnected,
            },
            changed = state.changed(), if is_free => match changed {
                Ok(()) => waiting = Some(IntakeRequest::State(Box::new(state.borrow_and_update().clone()))),
                Err(_) => break Disconnected,
            },
        }
    };
    // An intake that has died has acknowledged nothing, but what it submitted is spoken: a line of a FIFO cannot be
    // sent again.
    open.detach_all();
    lost
}

fn take(appliance: &Rc<Appliance>, report: IntakeReport, inputs: &Inputs, open: &mut JoinSet<IntakeRequest>) {
    match report {
        IntakeReport::Submit { request_id, draft } => {
            let appliance = Rc::clone(appliance);
            open.spawn_local(async move {
                let answer = appliance.submit(*draft).await;
                IntakeRequest::Answer { request_id, answer }
            });
        }
        IntakeReport::Command { request_id, command } => {
            let appliance = Rc::clone(appliance);
            open.spawn_local(async move {
                let answer = appliance.command(command).await;
                IntakeRequest::Answer { request_id, answer }
            });
        }
        IntakeReport::Input { input, up, detail } => {
            tracing::info!(input = %input.escape_debug(), up, detail = %detail.escape_debug(), "an input changed");
            inputs.change(input, |entry| (entry.up, entry.detail) = (up, detail));
            appliance.changed.notify_one();
        }
        IntakeReport::Lost { input, reason, count, explanation } => {
            let name = input.clone();
            inputs.change(input, |entry| count_loss(&name, entry, reason, count, explanation));
        }
        IntakeReport::Waiting { input, count } => inputs.change(input, |entry| entry.waiting = count),
    }
}
