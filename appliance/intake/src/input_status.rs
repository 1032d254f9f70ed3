//! Whether an input works, told when it changes, and how long to wait before trying again.

use std::time::{Duration, Instant};

use crier_system::Backoff;

use crate::{HubClosed, InputHandle};

/// The first wait.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// So long must an input have worked for the next wait to be the first one again.
const STABLE: Duration = Duration::from_secs(10);

/// What was told last, and the next wait.
#[derive(Debug)]
pub(crate) struct InputStatus {
    told: Option<(bool, String)>,
    backoff: Backoff,
    up_since: Option<Instant>,
}

impl InputStatus {
    pub(crate) fn new() -> Self {
        Self { told: None, backoff: Backoff::new(RETRY_FIRST, RETRY_LONGEST), up_since: None }
    }

    /// It works.
    pub(crate) async fn up(&mut self, handle: &InputHandle, detail: String) -> Result<(), HubClosed> {
        self.up_since = Some(Instant::now());
        self.tell(handle, true, detail).await
    }

    /// It does not; gives the time to wait before the next try.
    pub(crate) async fn down(&mut self, handle: &InputHandle, detail: String) -> Result<Duration, HubClosed> {
        self.tell(handle, false, detail).await?;
        if self.up_since.take().is_some_and(|since| since.elapsed() >= STABLE) {
            self.backoff.reset();
        }
        Ok(self.backoff.next_delay())
    }

    async fn tell(&mut self, handle: &InputHandle, up: bool, detail: String) -> Result<(), HubClosed> {
        if self.told.as_ref().is_some_and(|(told, text)| *told == up && *text == detail) {
            return Ok(());
        }
        if up {
            tracing::info!(input = handle.input(), detail, "input works");
        } else {
            tracing::warn!(input = handle.input(), detail, "input does not work");
        }
        self.told = Some((up, detail.clone()));
        handle.report(up, detail).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hub;
    use crier_wire::IntakeReport;

    #[tokio::test]
    async fn waits_grow_to_a_bound_and_a_state_is_told_once() {
        let mut hub = Hub::new();
        let handle = hub.handle("serial:x");
        let mut status = InputStatus::new();
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(status.down(&handle, "gone".into()).await.unwrap().as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        status.up(&handle, "9600 8N1".into()).await.unwrap();
        let input = "serial:x".to_owned();
        let down = IntakeReport::Input { input: input.clone(), up: false, detail: "gone".into() };
        assert_eq!(hub.report().await, down);
        let up = IntakeReport::Input { input, up: true, detail: "9600 8N1".into() };
        assert_eq!(hub.report().await, up);
    }
}
