//! Requests for the list of sound devices. The player stage answers them: alsa-lib may block for seconds, which the
//! supervisor's event loop never does, and it parses configuration files, which a process running as root should not.

use std::collections::BTreeMap;
use std::time::Duration;

use crier_wire::{PlayerReport, PlayerRequest, SoundDevice};
use tokio::sync::oneshot;

/// Longest wait for the list. A card that does not respond costs alsa-lib a few seconds; `crier ctl` itself gives up
/// after 10 s.
pub(crate) const DEVICE_LIST_TIMEOUT: Duration = Duration::from_secs(8);
/// Requests that may wait at the same time.
const PENDING_MAX: usize = 16;

/// Reason why there is no list of sound devices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceListError {
    /// No player stage runs that could answer.
    #[error(
        "cannot list the sound devices: the player stage is not running; start it with `crier ctl release player`"
    )]
    NotRunning,
    /// The player stage ended before it answered.
    #[error("cannot list the sound devices: the player stage ended before it answered; try again")]
    Interrupted,
    /// The player stage did not answer in time.
    #[error(
        "cannot list the sound devices: the player stage did not answer in time; is a sound card unresponsive?"
    )]
    TimedOut,
    /// Too many requests wait already.
    #[error("cannot list the sound devices: too many requests are waiting already; try again later")]
    TooMany,
    /// Error of the player, which names operation and remedy itself.
    #[error("{0}")]
    Player(String),
}

type DeviceListResult = Result<Vec<SoundDevice>, DeviceListError>;

/// Requests that the player has not answered yet.
#[derive(Default)]
pub(crate) struct PendingDeviceLists {
    last_id: u64,
    waiting: BTreeMap<u64, oneshot::Sender<DeviceListResult>>,
}

impl PendingDeviceLists {
    /// Creates a request and the receiver of its result.
    pub(crate) fn add(
        &mut self,
    ) -> Result<(PlayerRequest, oneshot::Receiver<DeviceListResult>), DeviceListError> {
        // A client that timed out has dropped its receiver; the answer may never come.
        self.waiting.retain(|_, sender| !sender.is_closed());
        if self.waiting.len() >= PENDING_MAX {
            return Err(DeviceListError::TooMany);
        }
        // Identifiers are not reused, so that a late answer never reaches another request.
        let (sender, receiver) = oneshot::channel();
        self.last_id += 1;
        self.waiting.insert(self.last_id, sender);
        Ok((PlayerRequest::ListDevices { request_id: self.last_id }, receiver))
    }

    /// Takes an answer of the player; returns any other report.
    pub(crate) fn take(&mut self, report: PlayerReport) -> Option<PlayerReport> {
        let (request_id, result) = match report {
            PlayerReport::Devices { request_id, devices } => (request_id, Ok(devices)),
            PlayerReport::DevicesUnavailable { request_id, reason } => {
                (request_id, Err(DeviceListError::Player(reason)))
            }
            other => return Some(other),
        };
        if let Some(sender) = self.waiting.remove(&request_id) {
            // The client may have timed out meanwhile.
            let _ = sender.send(result);
        }
        None
    }

    /// Fails all requests: the player that was to answer them has ended.
    pub(crate) fn interrupt(&mut self) {
        for (_, sender) in std::mem::take(&mut self.waiting) {
            let _ = sender.send(Err(DeviceListError::Interrupted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reaches_its_request_and_other_reports_pass() {
        let mut pending = PendingDeviceLists::default();
        let (first, mut first_result) = pending.add().unwrap();
        let (_, mut second_result) = pending.add().unwrap();
        assert_eq!(first, PlayerRequest::ListDevices { request_id: 1 });
        let finished = PlayerReport::Finished { stream: 1 };
        assert_eq!(pending.take(finished.clone()), Some(finished));
        let reason = "no configuration".to_owned();
        assert_eq!(
            pending.take(PlayerReport::DevicesUnavailable { request_id: 2, reason: reason.clone() }),
            None
        );
        assert_eq!(second_result.try_recv(), Ok(Err(DeviceListError::Player(reason))));
        assert!(first_result.try_recv().is_err());
        pending.interrupt();
        assert_eq!(first_result.try_recv(), Ok(Err(DeviceListError::Interrupted)));
    }

    #[test]
    fn the_number_of_waiting_requests_is_bounded_and_abandoned_ones_make_room() {
        let mut pending = PendingDeviceLists::default();
        let mut receivers: Vec<_> = (0..PENDING_MAX).map(|_| pending.add().unwrap().1).collect();
        assert_eq!(pending.add().err(), Some(DeviceListError::TooMany));
        receivers.pop();
        assert!(pending.add().is_ok());
    }
}
