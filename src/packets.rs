//! A channel for event loops.

use crier_system::{Channel, ChannelError, Watched};

use crate::error::CrierError;

/// A channel whose packets are waited for, not polled.
pub(crate) struct Packets(Watched<Channel>);

impl Packets {
    /// Takes the channel into the event loop of this thread.
    pub(crate) fn new(channel: Channel) -> Result<Self, CrierError> {
        Watched::new(channel).map(Self).map_err(watching)
    }

    /// Sends a packet; waits while the other side has no room. A call that is dropped has sent nothing.
    pub(crate) async fn send(&self, packet: &[u8]) -> Result<(), CrierError> {
        loop {
            let mut ready = self.0.writable().await.map_err(watching)?;
            match self.0.get().try_send(packet) {
                Ok(()) => return Ok(()),
                Err(ChannelError::WouldBlock) => ready.clear(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives a packet; `None` when the other side has gone. A call that is dropped has received nothing.
    pub(crate) async fn receive(&self, packet: &mut Vec<u8>) -> Result<Option<usize>, CrierError> {
        loop {
            let mut ready = self.0.readable().await.map_err(watching)?;
            match self.0.get().try_receive(packet) {
                Ok(received) => return Ok(received),
                Err(ChannelError::WouldBlock) => ready.clear(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn watching(source: std::io::Error) -> CrierError {
    CrierError::Start { what: "watch a channel", source }
}
