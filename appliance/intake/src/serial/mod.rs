//! Serial ports, and the five dialects spoken on them.
//!
//! A [`Dialect`] knows neither port nor clock; [`run`] connects it to a [`Port`] and an [`InputHandle`].

mod conversation;
mod dectalk;
mod device_voices;
mod dialect;
mod emic2;
mod frames;
mod line;
pub mod port;
mod speech_chip;
mod syn6288;
mod xfs5152;

pub use dialect::{Dialect, DialectRequest, PortQueue};

use crier_config::{DialectName, SerialSettings};

use self::conversation::SerialConversation;
use self::port::Port;
use self::speech_chip::ChipDialect;
use crate::input_status::InputStatus;
use crate::message::Defaults;
use crate::rate_limited::RateLimitedHandle;
use crate::{HubClosed, InputHandle};

/// Returns the dialect that `settings` name.
#[must_use]
pub fn dialect(settings: &SerialSettings) -> Box<dyn Dialect> {
    let defaults = Defaults {
        priority: settings.priority,
        language: settings.language.clone(),
        voice: settings.voice.clone(),
        manner: settings.manner.clone(),
        encoding: settings.encoding,
    };
    match settings.dialect {
        DialectName::Line => Box::new(line::LineDialect::new(defaults, settings.replies)),
        DialectName::Emic2 => Box::new(emic2::Emic2::new(defaults)),
        DialectName::Syn6288 => Box::new(ChipDialect::<syn6288::Syn6288>::new(defaults)),
        DialectName::Xfs5152 => Box::new(ChipDialect::<xfs5152::Xfs5152>::new(defaults)),
        DialectName::Dectalk => Box::new(dectalk::Dectalk::new(defaults)),
    }
}

/// Serves one port until the hub is closed. A port that is missing, fails or vanishes is opened again when it is there.
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
                // A reply of the old connection would confuse the next one, and a line that is held back would delay
                // the closing.
                port.discard_output().await;
                format!("{} failed: {error}; it is opened again when it is there", settings.device.display())
            }
            Err(error) => error.to_string(),
        };
        // Reported before the pause, so that the status shows the reason while nothing works.
        let wait = status.down(handle, problem).await?;
        tokio::select! {
            () = handle.closed() => return Err(HubClosed),
            paused = conversation.pause(wait) => paused?,
        }
    }
}
