//! Whether an input works, told when it changes, and how long to wait before trying again.

use std::time::{Duration, Instant};

use crier_system::Backoff;

use crate::{Desk, DeskClosed};

/// The first wait.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// So long must an input have worked for the next wait to be the first one again.
const STABLE: Duration = Duration::from_secs(10);

/// What was told last, and the next wait.
#[derive(Debug)]
pub(crate) struct Health {
    told: Option<(bool, String)>,
    backoff: Backoff,
    up_since: Option<Instant>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { told: None, backoff: Backoff::new(RETRY_FIRST, RETRY_LONGEST), up_since: None }
    }

    /// It works.
    pub(crate) async fn up(&mut self, desk: &Desk, detail: String) -> Result<(), DeskClosed> {
        self.up_since = Some(Instant::now());
        self.tell(desk, true, detail).await
    }

    /// It does not; gives the time to wait before the next try.
    pub(crate) async fn down(&mut self, desk: &Desk, detail: String) -> Result<Duration, DeskClosed> {
        self.tell(desk, false, detail).await?;
        if self.up_since.take().is_some_and(|since| since.elapsed() >= STABLE) {
            self.backoff.reset();
        }
        Ok(self.backoff.next_delay())
    }

    async fn tell(&mut self, desk: &Desk, up: bool, detail: String) -> Result<(), DeskClosed> {
        if self.told.as_ref().is_some_and(|(told, text)| *told == up && *text == detail) {
            return Ok(());
        }
        if up {
            tracing::info!(input = desk.input(), detail, "input works");
        } else {
            tracing::warn!(input = desk.input(), detail, "input does not work");
        }
        self.told = Some((up, detail.clone()));
        desk.report(up, detail).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counter;
    use crier_wire::IntakeReport;

    #[tokio::test]
    async fn waits_grow_to_a_bound_and_a_state_is_told_once() {
        let mut counter = Counter::new();
        let desk = counter.desk("serial:x");
        let mut health = Health::new();
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(health.down(&desk, "gone".into()).await.unwrap().as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        health.up(&desk, "9600 8N1".into()).await.unwrap();
        let input = "serial:x".to_owned();
        let down = IntakeReport::Input { input: input.clone(), up: false, detail: "gone".into() };
        assert_eq!(counter.report().await, down);
        let up = IntakeReport::Input { input, up: true, detail: "9600 8N1".into() };
        assert_eq!(counter.report().await, up);
    }
}
