//! Status of an input, reported when it changes, and the back-off of its attempts to open a device.

use std::time::{Duration, Instant};

use crier_system::Backoff;

use crate::{HubClosed, InputHandle};

/// First pause between attempts. Short: an adapter that was reset is back at once.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// Longest pause between attempts: a device that is plugged in works within these seconds.
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Duration of a working input after which the back-off starts again; a port that fails at once each time must not be
/// opened ten times a second.
const STABLE: Duration = Duration::from_secs(10);

/// Status reported last, and the back-off.
#[derive(Debug)]
pub(crate) struct InputStatus {
    reported: Option<(bool, String)>,
    backoff: Backoff,
    up_since: Option<Instant>,
}

impl InputStatus {
    pub(crate) fn new() -> Self {
        Self { reported: None, backoff: Backoff::new(RETRY_FIRST, RETRY_LONGEST), up_since: None }
    }

    /// Reports that the input is up.
    pub(crate) async fn up(&mut self, handle: &InputHandle, detail: String) -> Result<(), HubClosed> {
        self.up_since = Some(Instant::now());
        self.report(handle, true, detail).await
    }

    /// Reports that the input is down, and returns the pause before the next attempt.
    pub(crate) async fn down(&mut self, handle: &InputHandle, detail: String) -> Result<Duration, HubClosed> {
        self.report(handle, false, detail).await?;
        if self.up_since.take().is_some_and(|since| since.elapsed() >= STABLE) {
            self.backoff.reset();
        }
        Ok(self.backoff.next_delay())
    }

    async fn report(&mut self, handle: &InputHandle, up: bool, detail: String) -> Result<(), HubClosed> {
        // A device that is missing is tried for days; its log has one line, and the supervisor one report.
        if self.reported.as_ref().is_some_and(|(was_up, was)| *was_up == up && *was == detail) {
            return Ok(());
        }
        if up {
            tracing::info!(input = handle.input(), detail, "input works");
        } else {
            tracing::warn!(input = handle.input(), detail, "input does not work");
        }
        self.reported = Some((up, detail.clone()));
        handle.report(up, detail).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hub;
    use crier_wire::IntakeReport;

    #[tokio::test]
    async fn pauses_grow_to_a_maximum_and_an_unchanged_status_is_reported_once() {
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
