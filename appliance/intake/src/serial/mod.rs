//! Text by wire: a serial port, and one of five dialects spoken on it.
//!
//! [`Dialect`]s know nothing of ports and clocks; [`run`] brings them together with a [`Port`] and a
//! [`Desk`].

mod conversation;
mod dectalk;
mod dialect;
mod emic2;
mod frames;
mod line;
pub mod port;
mod settings;
mod syn6288;
mod xfs5152;

pub use dialect::{Dialect, Own, Request, dialect};
pub use settings::{DialectName, FlowControl, Format, NoFormat, Parity, Settings};

use self::conversation::Conversation;
use self::port::Port;
use crate::gate::Gate;
use crate::health::Health;
use crate::{Desk, DeskClosed};

/// Holds the conversation on one port until the desk is closed. A port that is missing, fails or vanishes is opened
/// again when it is there.
pub async fn run(settings: Settings, desk: Desk) {
    let DeskClosed = match serve(&settings, &desk).await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
}

async fn serve(settings: &Settings, desk: &Desk) -> Result<std::convert::Infallible, DeskClosed> {
    let gate = Gate::new(desk.clone(), settings.max_per_minute);
    let mut conversation = Conversation::new(dialect(settings), gate);
    let mut health = Health::new();
    loop {
        let problem = match Port::open(settings) {
            Ok(port) => {
                health.up(desk, port::describe(settings)).await?;
                let error = conversation.hold(&port).await?;
                port.discard_output();
                format!("{} failed: {error}; it is opened again when it is there", settings.device.display())
            }
            Err(error) => error.to_string(),
        };
        let wait = health.down(desk, problem).await?;
        tokio::select! {
            () = desk.closed() => return Err(DeskClosed),
            () = tokio::time::sleep(wait) => {}
        }
    }
}
