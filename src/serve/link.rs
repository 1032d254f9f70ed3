//! How a stage is talked to: one link for each of its lives, and where the next one is found.

use std::cell::RefCell;
use std::rc::Rc;

use crier_wire::{ToStage, encode};
use serde::Serialize;
use tokio::sync::{Notify, mpsc, watch};

use super::process::{Condition, Stage};

/// One life of a stage.
pub(crate) struct Link<R> {
    pub(super) to: mpsc::Sender<Vec<u8>>,
    pub(super) from: mpsc::Receiver<(R, Vec<f32>)>,
}

/// Where a stage's lives put their links and its user finds the latest one. When the user drops this, the stage ends.
pub(crate) struct Links<R> {
    pub(super) stage: Rc<Stage>,
    pub(super) slot: Rc<Slot<R>>,
}

/// Where the link to the present life lies until it is taken.
pub(super) struct Slot<R> {
    link: RefCell<Option<Link<R>>>,
    offered: Notify,
    closed: watch::Sender<bool>,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Self { link: RefCell::new(None), offered: Notify::new(), closed: watch::channel(false).0 }
    }
}

impl<R> Slot<R> {
    pub(super) fn offer(&self, link: Link<R>) {
        *self.link.borrow_mut() = Some(link);
        self.offered.notify_one();
    }

    pub(super) async fn closed(&self) {
        // Fails only without a sender, which lives here.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}

impl<R> Drop for Links<R> {
    fn drop(&mut self) {
        self.slot.closed.send_replace(true);
    }
}

/// The stage is held: it will not come back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held;

impl<R> Links<R> {
    /// The link to the stage's present life; waits while it is being started.
    pub(crate) async fn next(&self) -> Result<Link<R>, Held> {
        let mut condition = self.stage.condition();
        loop {
            if let Some(link) = self.slot.link.borrow_mut().take() {
                return Ok(link);
            }
            tokio::select! {
                () = self.slot.offered.notified() => {}
                held = condition.wait_for(|condition| *condition == Condition::Held) => {
                    drop(held);
                    return Err(Held);
                }
            }
        }
    }

    /// The stage behind the links.
    pub(crate) fn stage(&self) -> &Rc<Stage> {
        &self.stage
    }
}

/// The stage has died; its next life gets a new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

impl<R> Link<R> {
    /// Sends a request; waits while the stage has no room for it.
    pub(crate) async fn send<Q: Serialize>(&self, request: Q, payload: &[f32]) -> Result<(), Lost> {
        let mut packet = Vec::new();
        if let Err(error) = encode(&ToStage::<(), Q>::Work(request), payload, &mut packet) {
            tracing::error!(%error, "a request cannot be sent");
            return Err(Lost);
        }
        self.to.send(packet).await.map_err(|_| Lost)
    }

    /// The next reply and its payload.
    pub(crate) async fn receive(&mut self) -> Result<(R, Vec<f32>), Lost> {
        self.from.recv().await.ok_or(Lost)
    }
}
