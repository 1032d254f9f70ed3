//! The player as a stage.

use crier_system::Channel;

use crate::error::CrierError;

pub(super) fn run(_channel: Channel) -> Result<(), CrierError> {
    Err(CrierError::Internal("not yet".to_owned()))
}
