//! Text by wire: a serial port, and one of five dialects spoken on it.
//!
//! [`Dialect`]s know nothing of ports and clocks; [`run`] brings them together with a [`Port`] and a
//! [`InputHandle`].

mod conversation;
mod dectalk;
mod dialect;
mod emic2;
mod frames;
mod line;
pub mod port;
mod syn6288;
mod xfs5152;

pub use dialect::{Dialect, DialectRequest, PortQueue, dialect};

use crier_config::SerialSettings;

use self::conversation::SerialConversation;
use self::port::Port;
use crate::input_status::InputStatus;
use crate::rate_limited::RateLimitedHandle;
use crate::{HubClosed, InputHandle};

/// Holds the conversation on one port until the hub is closed. A port that is missing, fails or vanishes is opened
/// again when it is there.
pub async fn run(settings: SerialSettings, handle: InputHandle) {
    let HubClosed = match serve(&settings, &handle).await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
}

async fn serve(
    settings: &SerialSettings,
    handle: &InputHandle,
) -> Result<std::convert::Infallible, HubClosed> {
    let limited = RateLimitedHandle::new(handle.clone(), settings.max_per_minute);
    let mut conversation = SerialConversation::new(dialect(settings), limited);
    let mut status = InputStatus::new();
    loop {
        let problem = match Port::open(settings).await {
            Ok(port) => {
                status.up(handle, port::describe(settings)).await?;
                let error = conversation.hold(&port).await?;
                port.discard_output().await;
                format!("{} failed: {error}; it is opened again when it is there", settings.device.display())
            }
            Err(error) => error.to_string(),
        };
        let wait = status.down(handle, problem).await?;
        tokio::select! {
            () = handle.closed() => return Err(HubClosed),
            paused = conversation.pause(wait) => paused?,
        }
    }
}
